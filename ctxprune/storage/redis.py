"""Redis, as a place that workers share: connections with deadlines, and errors of ours that never show a password."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, StoreError, UsageError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RedisServer", "checked_name"]

_CONNECT = 2.0  # seconds
_TRIES = 3  # after a lost connection, 0.05 s to 0.2 s apart
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class RedisServer:
    """One Redis. It is connected to when it is first asked, and anew after a connection was lost.

    Safe to share between threads, and with processes that are forked.

    Args:
        url: `redis://[[USER]:PASSWORD@]HOST:PORT/DATABASE`, `rediss://` for TLS, or `unix://[:PASSWORD@]PATH`.
        seconds: How long an answer may take.

    Attributes:
        client: A `redis.Redis`.
        place: Host and port or path of the socket, and database, for messages.

    Raises:
        MissingExtraError: redis is not installed (extra `redis`).
        UsageError: It is no such URL.
    """

    def __init__(self, url: str, *, seconds: float = 5.0) -> None:
        redis = require("redis", "redis")
        backoff, lost = require("redis.backoff", "redis"), redis.exceptions.ConnectionError
        retry = require("redis.retry", "redis").Retry(
            backoff.ExponentialBackoff(cap=0.2, base=0.025), _TRIES, supported_errors=(lost,)
        )
        waiting = {"socket_connect_timeout": _CONNECT, "socket_timeout": seconds}
        try:
            self.client: Any = redis.Redis.from_url(url, **waiting, protocol=2, retry=retry, retry_on_error=[lost])
        except ValueError:  # its text may quote a part of the password
            hint = "write redis://:PASSWORD@HOST:6379/0, rediss://… or unix://…"
            raise UsageError("this is not the URL of a Redis", hint=hint) from None
        settings = self.client.connection_pool.connection_kwargs
        address = settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
        self.place = f"{address}/{settings.get('db') or 0}"
        self._errors = redis.exceptions

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.place}>"

    def check(self) -> None:
        """That it answers.

        Raises:
            StoreError: It does not.
        """
        with self.reported():
            self.client.ping()

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Turns what redis raises in the block into errors of ours.

        Raises:
            StoreError: It cannot be reached, is full, or refuses.
            FormatError: Something else lies under a key of ours.
        """
        try:
            yield
        except (self._errors.ConnectionError, self._errors.TimeoutError) as error:
            raise self._ours(error) from error
        except self._errors.RedisError as error:  # its text may repeat the command that failed, with the password in it
            raise self._ours(error) from None

    def _ours(self, error: Exception) -> StoreError | FormatError:
        errors = self._errors
        if "WRONGTYPE" in str(error):
            return FormatError(
                "a key of ours holds something else", where=self.place, hint="delete it, or use another database"
            )
        known = (  # the narrower ones first
            (errors.AuthenticationError, "Redis refuses the user or the password", "check those of the URL"),
            (errors.NoPermissionError, "Redis does not permit this user what is needed", "see ACL GETUSER"),
            (errors.BusyLoadingError, "Redis is still loading its data", "try again"),
            (errors.OutOfMemoryError, "Redis is full", "raise its maxmemory, or delete what is no longer needed"),
            (errors.ReadOnlyError, "this Redis is a replica, which cannot be written", "name the primary"),
            (errors.TimeoutError, "Redis does not answer in time", "see whether it is overloaded"),
            (
                errors.ConnectionError,
                "Redis cannot be reached",
                "see whether it runs, and check host and port of the URL",
            ),
        )
        for kind, what, hint in known:
            if isinstance(error, kind):
                return StoreError(what, where=self.place, hint=hint)
        return StoreError(f"Redis refuses a command ({type(error).__name__})", where=self.place, hint="see its log")


def checked_name(name: str) -> str:
    """`name`, which becomes part of keys.

    Raises:
        UsageError: It is empty, long, or has other characters than ASCII letters, digits, "_", "." and "-".
    """
    if not _NAME.fullmatch(name):
        raise UsageError("a name has 1 to 100 letters, digits, '_', '.' or '-'", where=name[:100])
    return name

"""URLs of databases on a server, taken apart without showing a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ServerURL"]


@dataclass(frozen=True)
class ServerURL:
    """Where a database is and who asks.

    Attributes:
        kind: As the URL names it, without SQLAlchemy's driver.
        user: "" where the driver decides (environment, configuration file).
        password: None where the driver finds it by its own means.
        host: "" for the driver's default.
        port: None for the kind's usual one.
        name: Of the database.
        options: What followed "?".
    """

    kind: str
    user: str
    password: str | None = field(repr=False)
    host: str
    port: int | None
    name: str
    options: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, options: frozenset[str]) -> ServerURL:
        """Take a URL apart.

        Args:
            text: KIND://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE.
            options: Those allowed; others could name files to read or code to run.

        Raises:
            UsageError: The URL is malformed, names no database or has another option. No message shows the text.
        """
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        hint = "write KIND://USER:PASSWORD@HOST:PORT/NAME, with %40 for @, %2F for / and %3A for : in the password"
        if text.count("@") > 1:  # SQLAlchemy would take what follows the first for the host, and show it
            raise UsageError("the database URL holds more than one @", hint=f"percent-encode the password: {hint}")
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise UsageError("the database URL is malformed", hint=hint) from None  # its text may hold the password
        if not url.database:
            raise UsageError("the database URL names no database", hint=hint)
        for name, value in url.query.items():
            if name not in options or not isinstance(value, str):
                raise UsageError(
                    f"the option {name!r} of a database URL is not allowed", hint=f"allowed: {sorted(options)}"
                )
        kind = url.get_backend_name()
        given = {name: str(value) for name, value in url.query.items()}
        return cls(kind, url.username or "", url.password, url.host or "", url.port, url.database, given)

    def __str__(self) -> str:
        """KIND://USER@HOST:PORT/NAME, and the option that names another host or a socket."""
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        via = "".join(f"?{name}={self.options[name]}" for name in ("host", "unix_socket") if name in self.options)
        return f"{self.kind}://{user}{host}{port}/{self.name}{via}"

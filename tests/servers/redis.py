"""Redis."""

from __future__ import annotations

from .base import Server

__all__ = ["Redis"]


class Redis(Server):
    """The Redis installed; it keeps nothing over a restart, and users other than the default one are made by tests."""

    package = serves = "redis-server"

    def prepare(self) -> None:
        """Nothing."""

    def command(self) -> list[str]:
        """The server on 127.0.0.1 alone."""
        return [
            *(self.server, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)),
            *("--requirepass", self.password, "--save", "", "--appendonly", "no"),
        ]

    def ping(self) -> None:
        """Ask it."""
        from redis import Redis as Client
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        with Client.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
            client.ping()

    @property
    def url(self) -> str:
        """URL of its first database; the password is in it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

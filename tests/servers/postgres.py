"""PostgreSQL."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .base import Database, Server

__all__ = ["Postgres"]

_FAST = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB"}


class Postgres(Server):
    """The newest PostgreSQL installed."""

    package = "postgresql"
    serves = "postgres"
    stop_signal = signal.SIGINT  # "fast": open sessions are ended
    kill_signal = signal.SIGQUIT  # "immediate": as a crash, but no session outlives it

    def prepare(self) -> None:
        """Make the data directory."""
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self.run(
            *(self.program("initdb"), "--pgdata", str(self.folder / "data"), "--username=admin", "--no-sync"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={secret}"),
        )

    def command(self) -> list[str]:
        """The server on 127.0.0.1 alone."""
        settings = {
            **_FAST,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.server, "-D", str(self.folder / "data"), *options]

    def program(self, name: str) -> str:
        """Debian keeps the programs of each version in a folder outside PATH."""
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
        return str(found[-1]) if found else super().program(name)

    def ping(self) -> None:
        """Connect."""
        import psycopg

        psycopg.connect(self.url("postgres"), connect_timeout=2).close()

    def url(self, database: str, user: str = "admin", password: str = "") -> str:
        """URL of a database for a role."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A new database with a role that may only read it; both are gone after the block."""
        import psycopg

        name = f"test_{secrets.token_hex(4)}"
        reader, password = f"{name}_reader", secrets.token_hex(8)
        with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
            admin.execute(f"CREATE ROLE {reader} LOGIN PASSWORD '{password}'")
            admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
            admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {reader}")
        with psycopg.connect(self.url(name), autocommit=True) as admin:
            admin.execute(f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {reader}")
            admin.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader}")
        try:
            yield Database(name, self.url(name), self.url(name, reader, password))
        finally:
            self.start()
            with psycopg.connect(self.url("postgres"), autocommit=True) as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
                admin.execute(f"DROP ROLE {reader}")

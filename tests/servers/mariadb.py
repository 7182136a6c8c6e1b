"""MariaDB."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from .base import Database, Server

__all__ = ["MariaDB"]

_SMALL = (
    "--innodb-buffer-pool-size=64M",
    "--innodb-doublewrite=OFF",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--innodb-log-file-size=16M",
    "--skip-ssl",  # it would make a key pair at each start, for seconds
)


class MariaDB(Server):
    """The MariaDB installed."""

    package = "mariadb-server"
    serves = "mariadbd"

    def prepare(self) -> None:
        """Make the data directory, and a role for tests, which the server makes anew at each start."""
        admin = f"CREATE OR REPLACE USER admin@'127.0.0.1' IDENTIFIED BY '{self.password}';\n"
        (self.folder / "init.sql").write_text(f"{admin}GRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION;\n")
        make = (self.program("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}", "--skip-test-db")
        self.run(*make, "--skip-name-resolve", *_SMALL)

    def command(self) -> list[str]:
        """The server on 127.0.0.1 alone; it resolves no names."""
        return [
            *(self.server, "--no-defaults", f"--datadir={self._data}", f"--tmpdir={self.folder}"),
            *("--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.folder}/socket"),
            *("--skip-name-resolve", "--character-set-server=utf8mb4", f"--init-file={self.folder}/init.sql"),
            *(f"--pid-file={self.folder}/pid", *_SMALL),
        ]

    def ping(self) -> None:
        """Connect."""
        self._admin().close()

    def url(self, database: str, user: str = "admin", password: str = "") -> str:
        """URL of a database for a role."""
        return f"mysql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A new database with a role that may only read it; both are gone after the block."""
        name = f"test_{secrets.token_hex(4)}"
        reader, password = f"{name}_reader", secrets.token_hex(8)
        self._execute(
            f"CREATE DATABASE {name}",
            f"CREATE USER {reader}@'127.0.0.1' IDENTIFIED BY '{password}'",
            f"GRANT SELECT, SHOW VIEW ON {name}.* TO {reader}@'127.0.0.1'",
        )
        try:
            yield Database(name, self.url(name), self.url(name, reader, password))
        finally:
            self.start()
            self._execute(f"DROP DATABASE {name}", f"DROP USER {reader}@'127.0.0.1'")

    def _execute(self, *statements: str) -> None:
        with closing(self._admin()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _admin(self) -> Any:
        import pymysql

        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="admin", password=self.password, connect_timeout=2, autocommit=True
        )

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

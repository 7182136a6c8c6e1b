"""Real servers on loopback for tests and benchmarks: PostgreSQL, MariaDB and Redis, each in a folder of its own.

    from servers import Postgres

    with Postgres() as server, server.database() as database:
        connect(database.reader_url)
        server.restart()

pytest-postgresql does less than this: its pg_ctl refuses to run as root, as CI does, and it knows no other server.
"""

from __future__ import annotations

from .base import Database, MissingServerError, Server
from .mariadb import MariaDB
from .postgres import Postgres
from .redis import Redis

__all__ = ["Database", "MariaDB", "MissingServerError", "Postgres", "Redis", "Server"]

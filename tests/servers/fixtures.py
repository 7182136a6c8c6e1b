"""Fixtures of real servers: each starts when it is first asked for, once per test process, and runs to the end.

Without its Debian package a test skips and names it; where CI is set it fails, since there all of them must be.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TypeVar

import pytest

from . import Database, MariaDB, MissingServerError, Postgres, Redis, Server

Kind = TypeVar("Kind", bound=Server)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from _served(Postgres)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    yield from _served(MariaDB)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    yield from _served(Redis)


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[Database]:
    """A new database, with a role that may only read; the server runs, whatever the test before did to it."""
    postgres.start()
    with postgres.database() as database:
        yield database


@pytest.fixture
def mariadb_database(mariadb: MariaDB) -> Iterator[Database]:
    """A new database, with a role that may only read; the server runs, whatever the test before did to it."""
    mariadb.start()
    with mariadb.database() as database:
        yield database


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """An empty Redis with its usual settings."""
    redis_server.restart()
    return redis_server.url


def _served(kind: type[Kind]) -> Iterator[Kind]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(kind())
        except MissingServerError as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
        yield server

"""A small database of concerts, and what its vocabulary finds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql.database.database import Database
from ctxprune.sql.rewrite import Vocabulary
from ctxprune.sql.values import ValueIndex


@pytest.fixture(scope="session")
def concerts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rewrite") / "concerts.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, country TEXT, age INTEGER, song TEXT);
            CREATE TABLE stadium (stadium_id INTEGER PRIMARY KEY, name TEXT, location TEXT, capacity INTEGER);
            CREATE TABLE concert (concert_id INTEGER PRIMARY KEY, year INTEGER, day DATE, theme TEXT,
                stadium_id INTEGER REFERENCES stadium, singer_id INTEGER REFERENCES singer);
            INSERT INTO singer VALUES (1, 'Joe Sharp', 'Netherlands', 52, 'You'),
                (2, 'Rose White', 'France', 41, 'Sun'), (3, 'Tribal King', 'France', 25, 'Love'),
                (4, 'Aiko Mori', 'Japan', 31, 'Sun');
            INSERT INTO stadium VALUES (1, 'Balmoor', 'Peterhead', 4000), (2, 'Glebe Park', 'Brechin', 3960);
            INSERT INTO concert VALUES (1, 2014, '2014-03-01', 'Free choice', 1, 2),
                (2, 2015, '2015-06-07', 'Party', 2, 1), (3, 2016, '2016-01-02', 'Wide', 1, 4);
            """
        )
    return path


@pytest.fixture(scope="session")
def vocabulary(concerts: Path) -> Iterator[Vocabulary]:
    with Database(concerts) as database:
        yield Vocabulary(database.schema(), ValueIndex.build(database).lookup)

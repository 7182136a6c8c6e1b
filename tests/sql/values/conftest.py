"""Small databases for the value index."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from ctxprune.sql.database.database import Database
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.index_arrays import IndexArrays
from ctxprune.sql.values.redis_index import RedisIndex


def make(path, script, rows=()):
    """A SQLite file from a script and (statement, rows) pairs."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
        for statement, values in rows:
            connection.executemany(statement, values)
        connection.commit()
    return path


@pytest.fixture
def database(tmp_path):
    """Call with a script and rows; gives an open `Database` that is closed after the test."""
    opened = []

    def new(script, *rows, name="db"):
        opened.append(Database(make(tmp_path / f"{name}.sqlite", script, rows), isolated=False))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


@pytest.fixture
def index(database):
    """Call with a script and rows; gives a built `ValueIndex`."""
    return lambda script, *rows: ValueIndex.build(database(script, *rows))


@pytest.fixture(scope="session")
def towns(tmp_path_factory):
    """An index over a few tables of places, people and codes, made once: an index never changes."""
    script = """
        CREATE TABLE town (name VARCHAR(40) PRIMARY KEY, country TEXT, grade CHAR(2), zip TEXT);
        INSERT INTO town VALUES ('São Paulo', 'Brazil', 'A+', '01310'), ('Springfield', 'USA', 'B', '94107'),
            ('Łódź', 'Poland', 'A', '90001'), ('New York City', 'USA', 'C', '10001'),
            ('東京', 'Japan', 'B', '100-0001');
        CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, sex CHAR(1), born DATE, job, active TEXT, dept TEXT);
        INSERT INTO person VALUES (1, 'Anna O''Neill', 'F', '1970-01-31', 'engineer', 'yes', 'Comp. Sci.'),
            (2, 'Bob Stone', 'M', '1981-05-02', 'doctor', 'no', 'Physics'),
            (3, 'name', 'M', '1990-11-20', 7, 'no', 'the');
        CREATE TABLE "pay ment" ("the currency" NVARCHAR(3), amount REAL);
        INSERT INTO "pay ment" VALUES ('EUR', 1.5), ('CZK', 2), ('USD', 7);
        """
    with Database(make(tmp_path_factory.mktemp("towns") / "towns.sqlite", script), isolated=False) as source:
        return ValueIndex.build(source)


def same_arrays(one, other):
    """Whether two indexes hold the same arrays, element by element."""
    return all(
        np.array_equal(getattr(one._store.part, name), getattr(other._store.part, name)) for name in IndexArrays.names()
    )


@pytest.fixture
def shared(redis_url):
    """A value index in an empty Redis, of which nothing is published yet."""
    return RedisIndex(redis_url, "shop")


@pytest.fixture(scope="session")
def crowd(tmp_path_factory):
    """An index of 10,000 values, so that each array has many blocks."""
    rng = random.Random(7)
    syllables = ["ka", "lo", "mi", "ren", "tar", "vos", "ber", "quin", "zel", "dor", "san", "port"]
    names = sorted({" ".join("".join(rng.choices(syllables, k=3)) for _ in range(2)) for _ in range(5_000)})
    path = tmp_path_factory.mktemp("crowd") / "crowd.sqlite"
    rows = [(name, f"{name[:5]}-{k:05}") for k, name in enumerate(names)]
    make(path, "CREATE TABLE t (name TEXT, code TEXT)", [("INSERT INTO t VALUES (?, ?)", rows)])
    with Database(path, isolated=False) as source:
        return ValueIndex.build(source)


def asked_of(index, n, seed=3):
    """Questions that name stored values, whole, in part and misspelt."""
    rng = random.Random(seed)
    values = [value for _ref, value in index]
    found = []
    for _ in range(n):
        whole, part, wrong = rng.choices(values, k=3)
        cut = rng.randrange(len(wrong))
        found.append(f"Who sold {whole} to {part.split()[0]} or {wrong[:cut]}{wrong[cut + 1 :]}?")
    return found

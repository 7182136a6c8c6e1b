"""Two small databases, a company and a hotel, shared by all tests of accounts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql import Database, Schema, ValueIndex
from ctxprune.sql.account import Accountant, Prepared
from ctxprune.sql.values.column_samples import column_samples

_HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Schema, ValueIndex]]:
    path = tmp_path_factory.mktemp("company") / "company.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((_HERE / "company.sql").read_text(encoding="utf-8"))
    connection.close()
    with Database(path, isolated=False) as database:
        yield database.schema(), ValueIndex.build(database)


@pytest.fixture(scope="session")
def hotel(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Accountant]:
    """Builds the accountant of a question about the hotel, which knows stored values."""
    path = tmp_path_factory.mktemp("hotel") / "hotel.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((_HERE / "hotel.sql").read_text(encoding="utf-8"))
    with Database(path, isolated=False) as database:
        schema, index = database.schema(), ValueIndex.build(database)
        samples = column_samples(database, schema)
    prepared = Prepared.of(schema)
    return lambda question: Accountant(
        question, prepared, index.lookup(question), index.ranges(question), samples=samples
    )


@pytest.fixture(scope="session")
def accountant(company: tuple[Schema, ValueIndex]) -> Callable[..., Accountant]:
    schema, index = company
    prepared = Prepared.of(schema)

    def build(question: str, evidence: str = "") -> Accountant:
        hits, ranges = index.lookup(question, evidence), index.ranges(question, evidence)
        return Accountant(question, prepared, hits, ranges, evidence)

    return build

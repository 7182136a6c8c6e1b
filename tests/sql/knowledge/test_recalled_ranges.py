"""Numbers in the meaning of a recalled term are conditions, as they are in the evidence of a question."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ctxprune.sql import Database, Pipeline
from ctxprune.sql.knowledge import Knowledge, Term

QUESTION = "How many big cities are in Brazil?"
RIGHT = "SELECT COUNT(*) FROM city WHERE city.population > 1000000 AND city.country = 'Brazil'"


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    path = tmp_path / "cities.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript("""
            CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT, population INTEGER);
            INSERT INTO city VALUES ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000),
                ('Łódź', 'Poland', 670000), ('Olinda', 'Brazil', 300000), ('Ouro Preto', 'Brazil', 70000);
        """)
    database.close()
    return path


def test_a_term_is_read_as_evidence_is(cities: Path) -> None:
    with Database(cities) as database:
        taught = Knowledge((Term("big city", "population over 1000000"),))
        known = Pipeline(database, knowledge=taught).ask(QUESTION)
        told = Pipeline(database).ask(QUESTION, "big city: population over 1000000")
    assert RIGHT in [candidate.sql for candidate in known.trace.candidates]
    assert [candidate.sql for candidate in known.trace.candidates] == [c.sql for c in told.trace.candidates]


def test_a_query_that_passes_over_a_taught_term_is_not_sure(cities: Path) -> None:
    with Database(cities) as database:
        answer = Pipeline(database, knowledge=Knowledge((Term("big city", "population over 1000000"),))).ask(QUESTION)
    assert answer.rows == ((1,),) or answer.outcome != "answered"

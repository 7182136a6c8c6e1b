"""Which literals of gold SQL count."""

from __future__ import annotations

import pytest

from ctxprune.errors import InputError
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.values import ValueRecall, gold_literals, stored
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueHit

CITY, COUNTRY = ColumnRef("city", "name"), ColumnRef("city", "country")
CURRENCY = ColumnRef("order items", "currency")

CASES = [
    ("SELECT 1 FROM city WHERE name = 'Paris'", {(CITY, "Paris")}),
    ("SELECT 1 FROM city WHERE 'Paris' = NAME", {(CITY, "Paris")}),
    ('SELECT 1 FROM city WHERE name = "Paris"', {(CITY, "Paris")}),
    ("SELECT 1 FROM city WHERE name <> 'Paris' AND country IN ('USA', 'France')",
     {(CITY, "Paris"), (COUNTRY, "USA"), (COUNTRY, "France")}),
    ("SELECT 1 FROM city AS c JOIN \"order items\" AS o ON c.name = o.city_name WHERE o.currency = 'EUR'",
     {(CURRENCY, "EUR")}),
    ("SELECT 1 FROM (SELECT name AS n FROM city) AS t WHERE t.n = 'Paris'", {(CITY, "Paris")}),
    ("WITH t AS (SELECT name FROM city) SELECT 1 FROM t WHERE name = 'Paris'", {(CITY, "Paris")}),
    ("SELECT 1 FROM city WHERE EXISTS (SELECT 1 FROM \"order items\" WHERE country = 'USA')", {(COUNTRY, "USA")}),
    ("SELECT 1 FROM city WHERE name = 'A' UNION SELECT 1 FROM city WHERE name = 'B'", {(CITY, "A"), (CITY, "B")}),
    ("SELECT 1 FROM city WHERE name LIKE 'Par%' OR population = 3 OR lower(name) = 'x' OR name > 'M'", set()),
    ("SELECT name = country FROM city", set()),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "wanted"), CASES, ids=[sql[:70] for sql, _ in CASES])
def test_literals(shop, sql, wanted):
    with Database(shop, isolated=False) as database:
        assert gold_literals(sql, database.schema()) == wanted


def test_what_cannot_be_parsed_is_an_error(shop):
    with Database(shop, isolated=False) as database, pytest.raises(InputError):
        gold_literals("SELECT FROM WHERE", database.schema())


def test_stored_means_equal_text(shop):
    asked = {(CITY, "Paris"), (CITY, "paris"), (CITY, "O'Hare"), (ColumnRef("city", "population"), "670000")}
    with Database(shop, isolated=False) as database:
        assert stored(database, asked) == {(CITY, "Paris")}


def test_recall_counts_distinct_triples():
    counts = ValueRecall()
    hit = ValueHit(CITY, "Paris", (0, 5), 1.0, "exact")
    missed = counts.add(
        frozenset({(CITY, "Paris"), (CITY, "Lyon")}), 1, [hit, hit, ValueHit(COUNTRY, "x", (0, 1), 1, "exact")]
    )
    assert missed == {(CITY, "Lyon")}
    assert counts.to_dict() == {
        "recall": 50.0, "values_per_question": 2.0, "stored": 2, "found": 1, "not_stored": 1, "questions": 1,
    }  # fmt: skip
    assert ValueRecall().to_dict()["recall"] == 0

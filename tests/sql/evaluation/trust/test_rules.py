"""When rows are right by the rule of sql-eval."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.errors import DatabaseError
from ctxprune.sql import Database
from ctxprune.sql.evaluation.equality import contains_columns
from ctxprune.sql.evaluation.trust.rules import AnyReference, Match, SpiderRows

WRONG, LENIENT, RIGHT = Match(), Match(lenient=True), Match(right=True, lenient=True)
RULE = AnyReference()


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ("SELECT name, population FROM city", RIGHT),
        ("SELECT population, name FROM city ORDER BY name DESC", RIGHT),  # columns and rows in any order
        ("SELECT name, population + 0.00001 FROM city", RIGHT),  # 4 decimals
        ("SELECT name, population + 0.001 FROM city", WRONG),
        ("SELECT name, country, population FROM city", LENIENT),
        ("SELECT name FROM city", WRONG),  # a column is missing
        ("SELECT name, population FROM city UNION ALL SELECT 'Paris', 2100000", WRONG),  # a row too many
        ("SELECT name, population FROM city WHERE name <> 'Paris'", WRONG),
        ("SELECT name, name FROM city", WRONG),
        ("SELECT nothing FROM city", WRONG),
    ],
)
def test_multiset_of_rows(shop: Path, predicted: str, expected: Match):
    with Database(shop) as database:
        assert RULE.judge(database, ["SELECT name, population FROM city"], [predicted]) == [expected]


def test_any_of_several_references_is_enough(shop: Path):
    golds = ["SELECT name FROM city", "SELECT country FROM city", "SELECT broken FROM city"]
    with Database(shop) as database:
        found = RULE.judge(database, golds, ["SELECT country FROM city", "SELECT name FROM city", "SELECT 1"])
    assert found == [RIGHT, RIGHT, WRONG]


def test_empty_results_are_equal_and_duplicates_count(shop: Path):
    with Database(shop) as database:
        empty = "SELECT name FROM city WHERE 0"
        assert RULE.judge(database, [empty], ["SELECT name, country FROM city WHERE 0", "SELECT 1"]) == [RIGHT, WRONG]
        twice = 'SELECT city_name FROM "order items"'
        assert RULE.judge(database, [twice], [twice.replace("SELECT", "SELECT DISTINCT"), twice]) == [WRONG, RIGHT]


def test_whole_numbers_equal_their_floats(shop: Path):
    with Database(shop) as database:
        assert RULE.judge(
            database, ["SELECT 2, 'a' UNION SELECT 3, 'b'"], ["SELECT 'a', 2.0 UNION SELECT 'b', 3.0"]
        ) == [RIGHT]


def test_a_question_whose_references_all_fail_is_an_error(shop: Path):
    with Database(shop) as database:
        with pytest.raises(DatabaseError, match="nowhere"):
            RULE.judge(database, ["SELECT 1 FROM nowhere"], ["SELECT 1"])
        with pytest.raises(DatabaseError, match="no reference"):
            RULE.judge(database, [], ["SELECT 1"])


def test_spider_removes_distinct(shop: Path):
    with Database(shop) as database:
        golds = ['SELECT DISTINCT city_name FROM "order items"']
        assert SpiderRows().judge(database, golds, ['SELECT city_name FROM "order items"', "SELECT 1"]) == [
            RIGHT,
            WRONG,
        ]


def test_further_columns_must_agree_row_by_row():
    gold = [(1, "a"), (2, "b")]
    assert contains_columns(gold, [("a", 9, 1), ("b", 8, 2)])
    assert not contains_columns(gold, [("b", 9, 1), ("a", 8, 2)])  # both columns are there, in other pairs
    assert not contains_columns(gold, [("a",), ("b",)])
    assert not contains_columns(gold, [])
    assert contains_columns([], [])

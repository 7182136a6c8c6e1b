"""Queries with one change, and questions with one more condition."""

from __future__ import annotations

import random

import pytest
import sqlglot

from ctxprune.sql.evaluation.cross_encoder_training.additions import add_condition
from ctxprune.sql.evaluation.cross_encoder_training.groups import Group, left_out, read_groups, write_groups
from ctxprune.sql.evaluation.cross_encoder_training.mutations import MUTATIONS, Pool, mutate
from ctxprune.sql.trust.cross_encoder.words import describe_query

POOL = {"city": ["name", "country", "population", "founded_date"], "trip": ["city_name", "day", "price"]}
QUERIES = [
    "SELECT name FROM city WHERE country = 'Spain' AND population > 1000 ORDER BY population DESC LIMIT 5",
    "SELECT country, COUNT(*) FROM city GROUP BY country HAVING COUNT(*) > 2 ORDER BY COUNT(*)",
    "SELECT AVG(T2.price) FROM city AS T1 JOIN trip AS T2 ON T1.name = T2.city_name WHERE T1.country = 'France'",
    "SELECT name FROM city WHERE country = 'Spain' UNION SELECT name FROM city WHERE founded_date > '1900-01-01'",
    "SELECT name FROM city WHERE name NOT IN (SELECT city_name FROM trip WHERE price > 5 OR day = 'Monday')",
]


def _pool() -> Pool:
    pool = Pool(POOL)
    for sql in QUERIES:
        pool.learn(sqlglot.parse_one(sql, read="sqlite"))
    return pool


@pytest.mark.parametrize("sql", QUERIES)
def test_a_mutated_query_differs_and_the_right_one_stays(sql: str) -> None:
    tree = sqlglot.parse_one(sql, read="sqlite")
    before, said = tree.sql(), describe_query(tree)
    found = mutate(tree, _pool(), random.Random(0), 8)
    assert len(found) >= 6
    assert tree.sql() == before
    for one in found:
        assert describe_query(one) != said
        sqlglot.parse_one(one.sql(dialect="sqlite"), read="sqlite")


def test_every_kind_of_change_has_a_query_that_it_changes() -> None:
    pool = _pool()
    for change in MUTATIONS:
        made = []
        for sql in QUERIES:
            holder = sqlglot.exp.Paren(this=sqlglot.parse_one(sql, read="sqlite"))
            before = holder.sql()
            made.append(change(holder, random.Random(1), pool) and holder.sql() != before)
        assert any(made), change.__name__


def test_the_same_seed_gives_the_same_changes() -> None:
    tree = sqlglot.parse_one(QUERIES[0], read="sqlite")
    first, second = ([one.sql() for one in mutate(tree, _pool(), random.Random(3), 8)] for _ in range(2))
    assert first == second


def test_an_added_condition_is_in_the_question_and_in_the_right_query_alone() -> None:
    tree = sqlglot.parse_one(QUERIES[0], read="sqlite")
    for seed in range(60):
        added = add_condition("Which cities in Spain are largest?", tree, POOL["city"], random.Random(seed))
        assert added is not None
        assert len(added.question) > len("Which cities in Spain are largest?")
        assert added.question.endswith("?")
        said = describe_query(added.right)
        assert said not in {describe_query(one) for one in added.wrong}
        assert describe_query(tree) in {describe_query(one) for one in added.wrong}


def test_no_condition_is_added_to_a_join() -> None:
    tree = sqlglot.parse_one(QUERIES[2], read="sqlite")
    assert add_condition("What?", tree, POOL["city"], random.Random(0)) is None


def test_groups_are_read_as_they_were_written(tmp_path) -> None:  # type: ignore[no-untyped-def]
    group = Group("spider", "shop", "How many é?", ("a", "b"), (True, False), ("gold", "mutated"), (0.0, 0.5))
    write_groups([group], tmp_path / "groups.jsonl")
    assert read_groups(tmp_path / "groups.jsonl") == [group]


def test_one_database_in_five_is_left_out() -> None:
    assert 150 < sum(left_out(f"database_{n}") for n in range(1000)) < 250

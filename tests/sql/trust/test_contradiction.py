"""Conditions that exclude each other."""

from __future__ import annotations

import pytest

from ctxprune.sql.trust.contradiction import contradicts_itself


@pytest.mark.parametrize(
    "where",
    [
        "day >= '2030-01-01' AND day < '2021-01-01'",
        "day BETWEEN '2030' AND '2020'",
        "city = 'Rome' AND NOT city = 'Rome'",
        "city = 'Rome' AND city <> 'Rome' AND age > 3",
        "city = 'Rome' AND city = 'Oslo'",
        "age > 5 AND 3 > age",
        "age > 5 AND age < 5",
        "age >= -1 AND age <= -2",
        "age = 7 AND age > 8",
    ],
)
def test_no_row_can_satisfy_them(where: str) -> None:
    assert contradicts_itself(f"SELECT * FROM person WHERE {where}", "sqlite")
    assert not contradicts_itself(f"SELECT * FROM person WHERE {where.replace(' AND ', ' OR ')}", "sqlite") or (
        "BETWEEN" in where
    )


@pytest.mark.parametrize(
    "where",
    [
        "day >= '2020-01-01' AND day < '2021-01-01'",
        "city = 'Rome' AND NOT name = 'Rome'",
        "city = 'Rome' AND city <> 'Oslo'",
        "age >= 5 AND age <= 5",
        "age > 5 AND name < 'B'",
        "a.age > 5 AND b.age < 3",
        "age > (SELECT 3) AND age < 2",
        "city = 'Rome' OR city = 'Oslo'",
    ],
)
def test_rows_may_satisfy_them(where: str) -> None:
    assert not contradicts_itself(f"SELECT * FROM person AS a, person AS b WHERE {where}", "sqlite")


def test_what_cannot_be_parsed_is_no_contradiction() -> None:
    assert not contradicts_itself("SELECT FROM WHERE", "sqlite")

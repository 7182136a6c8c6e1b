"""Attacks and ordinary queries over four dialects, one JSON line each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import GuardError
from ctxprune.sql.guard import Guard, check

CASES = Path(__file__).parent / "guard_cases"


def cases(name: str) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["dialect"], row["sql"]) for row in rows]


@pytest.mark.parametrize(("dialect", "sql"), cases("attacks"))
def test_an_attack_is_refused_with_a_reason(dialect: str, sql: str):
    verdict = check(sql, dialect=dialect)
    assert not verdict.allowed
    assert verdict.reason
    assert verdict.sql == ""
    with pytest.raises(GuardError):
        Guard(dialect).require(sql)


@pytest.mark.parametrize(("dialect", "sql"), cases("ordinary"))
def test_an_ordinary_query_runs_as_a_text_that_is_a_fixed_point(dialect: str, sql: str):
    verdict = check(sql, dialect=dialect)
    assert verdict.allowed, verdict.reason
    assert check(verdict.sql, dialect=dialect).sql == verdict.sql

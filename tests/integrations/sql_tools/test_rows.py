"""Rows of any shape are cut to the budget of a reply, and those that the question needs stay."""

from __future__ import annotations

from typing import Any

import pytest

from ctxprune.integrations.mcp.budget import ReplyBudget
from ctxprune.integrations.sql_tools.budget import ContentBudget
from ctxprune.integrations.sql_tools.rows import fit_rows
from ctxprune.policies import TableBudget
from ctxprune.scorers.base import score_batch
from ctxprune.sql.database.result_set import ResultSet

BUDGETS = (600, 2_000, 8_000)


@pytest.mark.parametrize("kind", [ContentBudget, ReplyBudget])
@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize(
    "rows",
    [
        [("a" * 1_000_000,)],
        [("漢" * 10_000, "字" * 10_000)] * 5,
        [(b"\x00\xff" * 50_000, None, 1.5)] * 3,
        [('"\\\n' * 5_000,)] * 50,
        [(number, f"name {number}", "x" * (number % 90)) for number in range(5_000)],
        [tuple(range(1_500))] * 200,
        [()] * 10,
        [],
        [(float("inf"), float("nan"), 10**4000)],
        [("\ud800lone",)] * 1_000,
    ],
    ids=["cell", "han", "bytes", "escapes", "long", "wide", "nothing", "empty", "numbers", "surrogates"],
)
@pytest.mark.parametrize("question", ["", "name 17"])
def test_rows_of_any_shape(kind: type[ContentBudget], rows: list, budget: int, question: str) -> None:
    width = len(rows[0]) if rows else 3
    result = ResultSet(tuple(f"column {number}" for number in range(width)), tuple(rows), truncated=True)
    replies = kind(budget)
    fitted = fit_rows(result, question, {"sql": "SELECT 1", "recall": "x" * 22}, replies)
    assert replies.count(fitted.content) <= budget
    assert fitted.content["row_count"] == len(rows)
    assert "more rows" in fitted.content["note"]
    if rows and width:
        assert fitted.content["rows"]
        assert len(fitted.content["rows"][0]) == len(fitted.content["columns"]) > 0


def test_names_of_columns_that_are_as_long_as_a_book() -> None:
    result = ResultSet(tuple("n" * 10_000 + str(number) for number in range(100)), ((1,) * 100,) * 100)
    fitted = fit_rows(result, "", {}, ContentBudget(600))
    assert 0 < len(fitted.content["columns"]) < 100


def test_the_rows_that_the_question_needs_stay() -> None:
    rows = tuple((number, f"customer {number}", "some words about the customer " * 4) for number in range(900))
    content = fit_rows(
        ResultSet(("id", "name", "about"), rows), "What about customer 777?", {}, ContentBudget(8_000)
    ).content
    assert 777 in [row[0] for row in content["rows"]]
    assert "of 900 rows are shown" in content["note"]
    assert "compared" not in content["note"]


def test_rows_that_were_not_compared_with_the_question_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are scored once, however many rounds it takes to fit them."""
    scored, rooms = [], []

    def limit(room: int) -> TableBudget:
        rooms.append(room)
        return TableBudget(room)

    def score(*arguments: Any) -> Any:
        scored.append(arguments)
        return score_batch(*arguments)

    monkeypatch.setattr("ctxprune.integrations.sql_tools.rows.score_batch", score)
    monkeypatch.setattr("ctxprune.integrations.sql_tools.rows.TableBudget", limit)
    monkeypatch.setattr("ctxprune.integrations.sql_tools.rows._Fitting._first_rows", None)  # is not needed
    rows = tuple((number, f"customer {number}" + '\n"\\' * 4, None) for number in range(11_000))
    fitted = fit_rows(ResultSet(("id", "name", "gone"), rows), "What about customer 777?", {}, ContentBudget(2_000))
    assert 777 in [row[0] for row in fitted.content["rows"]]
    told = "of 11000 rows are shown; only the first 10000 rows were compared with the question"
    assert told in fitted.content["note"]
    assert len(scored) == 1 < len(rooms)
    monkeypatch.undo()
    without = fit_rows(ResultSet(("id", "name", "gone"), rows), "", {}, ContentBudget(2_000))
    assert "compared" not in without.content["note"]

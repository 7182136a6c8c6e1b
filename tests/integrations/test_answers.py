from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune import Pruner, TableBudget
from ctxprune.errors import UsageError
from ctxprune.integrations.answers import prune_answer
from ctxprune.sql import Database, Pipeline
from ctxprune.sql.database.result_set import ResultSet


def test_rows_of_an_answer_are_pruned_for_its_question(shop: Path) -> None:
    answer = Pipeline(Database(shop)).ask("How many cities are in Poland?")
    whole = prune_answer(answer)
    assert whole.output == answer.result
    assert whole.note == ""


def test_many_rows_become_few(shop: Path) -> None:
    answer = Pipeline(Database(shop)).ask("How many cities are in Poland?")
    rows = tuple((f"town {number}", number, "inland") for number in range(500))
    object.__setattr__(answer, "result", ResultSet(("town", "people", "place"), rows, truncated=True))
    object.__setattr__(answer, "question", "people of town 417")
    result = prune_answer(answer, pruner=Pruner("lexical", TableBudget(60)))
    assert ("town 417", 417) in [row[:2] for row in result.output.rows]
    assert result.output.truncated
    assert result.note.startswith(f"(kept {len(result.output.rows)} of 500 rows")
    assert result.tokens_after <= 60


def test_a_refused_answer_is_told(shop: Path) -> None:
    answer = Pipeline(Database(shop)).ask("Delete all cities")
    object.__setattr__(answer, "result", None)
    with pytest.raises(UsageError, match="the answer is refused"):
        prune_answer(answer)

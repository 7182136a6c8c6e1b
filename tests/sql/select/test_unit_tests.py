"""Unit tests in words: who passes most of them wins, and a model that fails changes nothing."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import ModelError, UsageError
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.select.base import SELECTORS, Executed
from ctxprune.sql.select.unit_tests import UnitTestSelector
from ctxprune.sql.select.vote import VoteSelector

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "generate" / "chat_fakes.py")))


def _ran(value: object) -> Executed:
    sql = f"SELECT {value!r}"
    return Executed(Candidate(sql, "chat.v1"), sql, ResultSet(("a",), ((value,),)))


def _judging(answer: str):
    return fakes.FakeModel(lambda prompt, *_: answer if "\nTest: " in prompt else "1. one row\n- a number")


THREE = [_ran(1), _ran(1), _ran(2), _ran(3)]


def test_it_is_registered() -> None:
    assert SELECTORS.get("tests") is UnitTestSelector


@pytest.mark.parametrize(
    ("answer", "index"), [("2", 2), ("2 and 3", 2), ("3", 3), ("1", 0), ("1, 2, 3", 0), ("none", 0), ("", 0), ("77", 0)]
)
def test_the_group_that_passes_most_wins(answer: str, index: int) -> None:
    chosen = UnitTestSelector(_judging(answer), VoteSelector()).select("q", THREE)
    assert chosen.index == index
    assert index in chosen.groups[0]
    assert sorted(place for group in chosen.groups for place in group) == [0, 1, 2, 3]


def test_a_model_that_fails_leaves_the_choice() -> None:
    model = fakes.raising(ModelError("gone"))
    found = UnitTestSelector(model, VoteSelector()).select("q", THREE)
    assert found.index == 0
    assert found.reason == "2 of 4 working candidates gave this result; not tested, the model failed"


def test_one_group_is_not_tested() -> None:
    model = fakes.saying("2")
    selector = UnitTestSelector(model, VoteSelector())
    assert selector.select("q", [_ran(1), _ran(1)]).index == 0
    assert selector.select("q", []).index is None
    assert model.prompts == []


def test_only_the_first_groups_are_tested() -> None:
    chosen = UnitTestSelector(_judging("3"), VoteSelector(), groups=2).select("q", THREE)
    assert chosen.index == 0


@pytest.mark.parametrize("change", [{"tests": 0}, {"groups": 1}, {"rows": -1}])
def test_numbers_are_checked(change: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(change))):
        UnitTestSelector(fakes.saying("1"), VoteSelector(), **change)

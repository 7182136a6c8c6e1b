"""The trained ranker: what it may see, what it gives back, and what it does with bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import FormatError, UsageError
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.schema.schema import Column, Schema, Table
from ctxprune.sql.select.base import SELECTORS, Executed
from ctxprune.sql.select.expected import Expectations, extract_phrases, read_words
from ctxprune.sql.select.features import FEATURES, Case, Evidence, case_features
from ctxprune.sql.select.forms import HEADS
from ctxprune.sql.select.grouping import read_table
from ctxprune.sql.select.names import SchemaNames
from ctxprune.sql.select.ranked import RankedSelector, RankingWeights, load_weights

BAKERY = Schema("bakery", (Table("loaf", (Column("id", "INTEGER", primary_key=True), Column("kind", "TEXT"))),))
COUNT, NAMES = "SELECT count(*) FROM loaf", "SELECT kind FROM loaf"


def _ran(sql: str, *rows: tuple[object, ...], generator: str = "chat.v1", score: float = 0.0) -> Executed:
    width = len(rows[0]) if rows else 1
    return Executed(Candidate(sql, generator, score=score), sql, ResultSet(tuple("abcd"[:width]), rows))


def _failed() -> Executed:
    return Executed(Candidate("SELECT x", "chat.v1"), "", error="no such column: x")


MIXED = [_ran(COUNT, (3,)), _ran(NAMES, ("rye",), ("oat",)), _failed(), _ran(COUNT, (3,)), _ran("SELECT 7", (7,))]


def test_it_is_registered() -> None:
    assert SELECTORS.get("ranked") is RankedSelector


def test_nothing_to_choose() -> None:
    assert RankedSelector().select("q", []).index is None
    chosen = RankedSelector().select("q", [_failed(), _failed()])
    assert (chosen.index, chosen.confidence, chosen.groups) == (None, 0.0, ())


def test_at_equal_support_a_number_answers_how_many() -> None:
    pair = [_ran(NAMES, ("rye",), ("oat",)), _ran(COUNT, (2,))]
    assert RankedSelector().select("How many loaves are there?", pair).index == 1
    assert RankedSelector().select("List the kinds of all loaves.", pair).index == 0


def test_confidence_is_a_probability_and_groups_hold_all_that_ran() -> None:
    chosen = RankedSelector().select("How many loaves are there?", MIXED)
    assert 0 < chosen.confidence <= 1
    assert sorted(index for group in chosen.groups for index in group) == [0, 1, 3, 4]
    assert chosen.index in chosen.groups[0]


def test_below_the_least_confidence_nothing_is_chosen() -> None:
    sure = RankedSelector().select("How many loaves are there?", MIXED).confidence
    assert (
        RankedSelector(min_confidence=min(sure + 1e-3, 1.0)).select("How many loaves are there?", MIXED).index is None
    )
    assert RankedSelector(min_confidence=sure / 2).select("How many loaves are there?", MIXED).index is not None


def test_the_name_of_a_column_does_not_matter() -> None:
    """Without a schema nothing is read into names: other names of the same length change nothing."""
    renamed = [
        replace(one, sql=one.sql.replace("loaf", "cake").replace("kind", "sort")) if one.sql else one for one in MIXED
    ]
    first, second = (RankedSelector().select("How many loaves are there?", some) for some in (MIXED, renamed))
    assert first.groups == second.groups
    assert second.confidence == pytest.approx(first.confidence)


def test_a_tie_is_broken_by_what_was_asked_not_by_place() -> None:
    pair = [_ran(COUNT, (2,)), _ran(NAMES, ("rye",), ("oat",))]
    for some in (pair, pair[::-1]):
        chosen = RankedSelector().select("How many loaves are there?", some)
        assert chosen.index is not None
        assert some[chosen.index].sql == COUNT


def test_a_misspelt_value_loses_against_the_stored_one() -> None:
    hits = [("Rye", 0.9, "loaf", "kind")]
    known = Evidence({}, {}, hits, names=SchemaNames(BAKERY))
    texts = ["SELECT id FROM loaf WHERE kind = 'rye'", "SELECT id FROM loaf WHERE kind = 'Rye'"]
    pair = [_ran(texts[0]), _ran(texts[1], (4,))]
    chosen = RankedSelector().rank("Which id has the rye loaf?", pair, known=known)
    assert chosen.index == 1


def test_a_majority_stands_unless_another_group_exceeds_it_by_the_margin() -> None:
    some = [*[_ran("SELECT id FROM loaf", (1,), (2,))] * 2, _ran("SELECT id FROM loaf WHERE kind = 'rye'", (2,))]
    own = [(read_table(some[2].result), 0.9)]
    known = Evidence(hits=[("rye", 0.9, "loaf", "kind")], own=own, names=SchemaNames(BAKERY))
    shipped = load_weights()
    stubborn = replace(shipped, margins=tuple(20.0 for _ in shipped.margins))
    ready = replace(shipped, margins=tuple(0.0 for _ in shipped.margins))
    question = "Give the id of loaves of kind 'rye'"
    held, taken = (RankedSelector(weights=one).rank(question, some, known=known) for one in (stubborn, ready))
    assert held.groups == ((0, 1), (2,))
    assert (taken.index, taken.groups) == (2, ((2,), (0, 1)))
    assert held.confidence < taken.confidence


def test_the_margin_favours_no_empty_result_and_none_of_equal_size() -> None:
    shipped = load_weights()
    stubborn = RankedSelector(weights=replace(shipped, margins=tuple(20.0 for _ in shipped.margins)))
    empty = [*[_ran(NAMES)] * 2, _ran(NAMES, ("rye",))]
    assert stubborn.select("List the kinds of all loaves.", empty).index == 2
    pair = [_ran(NAMES, ("rye",), ("oat",)), _ran(COUNT, (2,))]
    assert stubborn.select("How many loaves are there?", pair).index == 1


def test_a_condition_that_is_left_out_speaks_against_a_candidate() -> None:
    known = Evidence(names=SchemaNames(BAKERY))
    texts = ["SELECT id FROM loaf", "SELECT id FROM loaf WHERE kind = 'rye'"]
    pair = [_ran(texts[0], (1,), (2,)), _ran(texts[1], (2,))]
    assert RankedSelector().rank("Give the id of loaves of kind 'rye'", pair, known=known).index == 1


def test_a_known_database_is_left_to_the_networks_that_did_not_see_it() -> None:
    weights = load_weights()
    assert weights.learned
    for name in sorted(weights.learned):
        blind = weights.blind_to(name)
        assert 0 < len(blind.networks) < len(weights.networks)
        assert all(name in names for names in blind.unseen)
    assert weights.blind_to("no such database") is weights


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_confidence_is_in_0_to_1(value: float) -> None:
    with pytest.raises(UsageError, match="min_confidence"):
        RankedSelector(min_confidence=value)


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(len(MIXED))))
def test_neither_place_nor_author_matters(order) -> None:
    names = ["a", "sketch.v1", "c", "d", "e"]
    moved = [MIXED[place] for place in order]
    signed = [
        replace(one, candidate=replace(one.candidate, generator=name, score=number / 9))
        for number, (one, name) in enumerate(zip(moved, names, strict=True))
    ]
    first = RankedSelector().select("How many loaves are there?", MIXED)
    second = RankedSelector().select("How many loaves are there?", signed)
    assert second.confidence == pytest.approx(first.confidence)
    assert {order[index] for index in second.groups[0]} == set(first.groups[0])


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 60), st.integers(1, 8))
def test_any_number_of_candidates(size: int, kinds: int) -> None:
    many = [_ran(f"SELECT {place % kinds}", (place % kinds,)) for place in range(size)]
    chosen = RankedSelector().select("which?", many)
    assert chosen.index is not None
    assert len(chosen.groups) == min(size, kinds)


def test_features_are_finite_whatever_is_known() -> None:
    tables = {0: read_table(ResultSet(("a",), ((None,),))), 1: read_table(ResultSet(("a",), ()))}
    expected = load_weights().expectations("", "")
    columns, hits = {("loaf", "kind"): 0.0, ("loaf", "id"): 1.0}, [("rye", 0.9, "loaf", "kind")]
    known = Evidence(columns, {"loaf": 1.0}, hits, [(tables[0], 0.5)])
    for evidence in (Evidence(), known, replace(known, names=SchemaNames(BAKERY))):
        groups, rows = case_features(Case("", ["SELECT kind FROM loaf", "no SQL"], tables, expected, evidence))
        assert rows.shape == (len(groups), len(FEATURES))
        assert np.isfinite(rows).all()


def test_expectations_are_distributions() -> None:
    found = load_weights().expectations("How many loaves cost more than 3?", "cost means price")
    assert set(found) == set(HEADS)
    for name, size in HEADS.items():
        assert found[name].shape == (size,)
        assert np.exp(found[name]).sum() == pytest.approx(1)
    assert found["rows_counted"][1] > found["rows_counted"][0]


def test_words_of_the_database_are_blanks() -> None:
    assert read_words("How many 'rye' loaves cost 3?") == ["how", "many", "'", "loaves", "cost", "#", "?"]
    assert "how many _ cost" in extract_phrases(["how", "many", "big", "loaves", "cost"], {"how", "many", "cost"})


def test_weights_survive_writing() -> None:
    weights = load_weights()
    again = RankingWeights.from_dict(weights.to_dict())
    before, after = (RankedSelector(weights=one).select("How many?", MIXED) for one in (weights, again))
    assert after.confidence == pytest.approx(before.confidence, abs=1e-3)
    assert isinstance(again.expectations, Expectations)
    assert (again.unseen, again.margins) == (weights.unseen, weights.margins)


@pytest.mark.parametrize("margin", [-0.1, float("nan"), float("inf"), "wide", None])
def test_a_margin_that_is_none_is_refused(margin: object) -> None:
    data = load_weights().to_dict()
    with pytest.raises(FormatError):
        RankingWeights.from_dict(data | {"networks": [one | {"margin": margin} for one in data["networks"]]})


@pytest.mark.parametrize(
    "change",
    [{"format": "x"}, {"version": 9}, {"features": []}, {"networks": [{}]}, {"networks": [{"unseen": []}]}],
)
def test_foreign_or_damaged_weights_are_refused(change: dict) -> None:
    with pytest.raises(FormatError):
        RankingWeights.from_dict(load_weights().to_dict() | change)

"""Every registered scorer: shapes, ranges, missing evidence; and a few that only one of them can tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.match.base import MATCH_SCORERS, Pairs
from ctxprune.sql.match.candidates import choose_pairs
from ctxprune.sql.match.features import (
    CONTEXT_FEATURES,
    FEATURES,
    SCORERS,
    context_features,
    pair_features,
    rival_gap,
    score_all,
)
from ctxprune.sql.match.profile import ColumnProfile, profile_schema
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

EMPTY = np.empty(0, dtype=np.int64)
VALUES = {
    "name": ["Ann", "Ben", "Cem", "Dora"], "phone": ["+43-1-22", "+43-1-33", None, "+49-2-11"], "age": [31, 44, 5, 60],
    "blob": [b"x"] * 4, "empty": [None] * 4, "größe": [1.5, 2.5, float("nan"), 4.0],
}  # fmt: skip


def side(values: dict[str, list[object]], table: str = "person") -> tuple[ColumnProfile, ...]:
    schema = Schema("s", (Table(table, tuple(Column(name) for name in values)),))
    return profile_schema(schema, {ColumnRef(table, name): cells for name, cells in values.items()})


def score(name: str, one: dict[str, list[object]], two: dict[str, list[object]]) -> float:
    zero = np.zeros(1, dtype=np.int64)
    return float(MATCH_SCORERS.get(name)().score(Pairs(side(one), side(two), zero, zero))[0])


def test_the_registry_holds_all_that_are_weighed() -> None:
    assert set(SCORERS) == set(MATCH_SCORERS.names())


@pytest.mark.parametrize("name", SCORERS)
def test_scores_are_in_range_and_symmetric(name: str) -> None:
    scorer = MATCH_SCORERS.get(name)()
    one, two = side(VALUES), side({**VALUES, "other": ["x", "y"]}, "people")
    found = scorer.score(choose_pairs(one, two)).reshape(len(one), len(two))
    known = found[~np.isnan(found)]
    assert ((known >= 0) & (known <= 1 + 1e-6)).all()
    assert len(known) or name == "description.v1"  # of which these columns have none
    np.testing.assert_allclose(found.T, scorer.score(choose_pairs(two, one)).reshape(len(two), len(one)), atol=1e-6)


@pytest.mark.parametrize("name", SCORERS)
def test_no_pairs_and_no_values(name: str) -> None:
    scorer = MATCH_SCORERS.get(name)()
    assert scorer.score(Pairs(side(VALUES), side(VALUES), EMPTY, EMPTY)).shape == (0,)
    bare = profile_schema(Schema("s", (Table("t", (Column("a"), Column("b"))),)))
    found = scorer.score(choose_pairs(bare, bare))
    assert found.shape == (4,)
    assert np.isnan(found).all() == (name.startswith(("value", "number", "distinct", "filled", "description")))


@pytest.mark.parametrize(
    ("one", "two", "least"),
    [("dept_name", "departmentName", 0.9), ("qty", "quantity", 0.9), ("cust_addr", "customer address", 0.9),
     ("dprtmnt", "department", 0.8), ("nation", "country", 0.7), ("salary", "wage", 0.7)],
)  # fmt: skip
def test_names_that_people_know_for_the_same(one: str, two: str, least: float) -> None:
    assert score("name_words.v1", {one: []}, {two: []}) >= least
    assert score("name_words.v1", {one: []}, {"latitude": []}) < 0.45


def test_each_kind_of_evidence() -> None:
    names = {"a": ["Ann", "Ben", "Cem"]}
    assert score("value_jaccard.v1", names, {"b": ["ben", "ANN", "Zoe"]}) == pytest.approx(0.5)
    assert score("value_containment.v1", names, {"b": ["Ann"]}) == 1.0
    assert score("value_tokens.v1", {"a": ["Ann Abel"]}, {"b": ["Abel, Ann", "Cem"]}) == pytest.approx(0.5)
    assert score("value_letters.v1", {"a": ["Steyrergasse"]}, {"b": ["Steyrergase"]}) > 0.9
    assert score("value_forms.v1", {"a": ["AB-12", "CD-999"]}, {"b": ["XY-7"]}) == pytest.approx(1.0)
    assert score("number_quantiles.v1", {"a": [1, 2, 3]}, {"b": [1, 2, 3]}) == pytest.approx(1.0)
    assert score("number_quantiles.v1", {"a": [1, 2, 3]}, {"b": [900, 950]}) < 0.1
    assert score("number_range.v1", {"a": [1, 2, 3]}, {"b": [900, 950]}) == 0.0
    assert score("value_length.v1", {"a": ["xx"]}, {"b": ["yyyy"]}) == pytest.approx(0.5)
    assert score("name_characters.v1", {"CustomerID": []}, {"customer_id": []}) == 1.0


def test_features_are_finite_and_named() -> None:
    pairs = choose_pairs(side(VALUES), side(VALUES, "people"))
    scores = score_all(pairs)
    alone = pair_features(pairs, scores)
    among = context_features(pairs, scores, np.linspace(-60, 60, len(pairs)))
    assert alone.shape == (len(pairs), len(FEATURES))
    assert among.shape == (len(pairs), len(CONTEXT_FEATURES))
    assert np.isfinite(alone).all()
    assert np.isfinite(among).all()


GROUPED = st.lists(st.tuples(st.integers(0, 4).map(lambda n: n / 4), st.integers(0, 3)), max_size=12)


@given(rows=GROUPED)
def test_the_gap_to_rivals_is_that_of_a_slow_search(rows: list[tuple[float, int]]) -> None:
    values, group = np.array([v for v, _ in rows]), np.array([g for _, g in rows], dtype=np.int64)
    expected = [
        value - max((v for at, (v, g) in enumerate(rows) if g == mine and at != place), default=0.0)
        for place, (value, mine) in enumerate(rows)
    ]
    assert rival_gap(values, group).tolist() == pytest.approx(expected)


def test_the_gap_to_rivals() -> None:
    values, group = np.array([0.9, 0.5, 0.9, 0.4]), np.array([0, 0, 1, 2])
    assert rival_gap(values, group).tolist() == pytest.approx([0.4, -0.4, 0.9, 0.4])
    assert rival_gap(np.array([0.7, 0.7]), np.array([0, 0])).tolist() == [0.0, 0.0]
    assert rival_gap(np.empty(0), EMPTY).tolist() == []

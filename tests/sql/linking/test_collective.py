"""The greedy cover of CRUSH4SQL, by hand-computed examples, and the linker on it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.linking.base import LINKERS
from ctxprune.sql.linking.collective import (
    CollectiveLinker,
    CollectiveSchemaScorer,
    Places,
    content_phrases,
    greedy_cover,
    invented_elements,
)
from ctxprune.sql.schema.schema import ColumnRef, Schema, Table
from ctxprune.sql.values.base import ValueHit

GOLDEN = json.loads((Path(__file__).parent / "collective.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_hand_computed_examples(case: dict):
    places = case.get("places")
    if places:
        places = Places(np.array(places.pop("tables")), np.array(places.pop("databases")), **places)
    picks = greedy_cover(np.array(case["cosines"]), case["budget"], places=places, **case.get("options", {}))
    assert [list(pick[:2]) for pick in picks] == [row[:2] for row in case["picks"]]
    assert [pick.gain for pick in picks] == pytest.approx([row[2] for row in case["picks"]], abs=5e-4)


def slow(cosines: np.ndarray, budget: int, candidates: int) -> list[tuple[int, int]]:
    """The formulas word for word."""
    n, size = cosines.shape
    kept = sorted(range(size), key=lambda d: -max(cosines[s][d] for s in range(n)))[:candidates]
    q = [[(cosines[s][d] + 1) / 2 for d in kept] for s in range(n)]
    entropy = [-sum(x / sum(row) * math.log(x / sum(row)) for x in row if x) for row in q]
    weights = [1 / (1 + math.exp(-(sum(entropy) / n - h))) for h in entropy]
    chosen: list[tuple[int, int]] = []
    covered: set[int] = set()
    while len(chosen) < min(budget, len(kept)):
        taken = {kept.index(d) for d, _ in chosen}
        gains = {
            (s, d): weights[s] * q[s][d]
            for s in range(n) if s not in covered
            for d in range(len(kept)) if d not in taken
        }  # fmt: skip
        s, d = max(gains, key=lambda pair: (gains[pair], -pair[0], -pair[1]))
        chosen.append((kept[d], s))
        covered = covered | {s} if len(covered) + 1 < n else set()
    return chosen


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 12), st.integers(1, 12), st.integers(0, 10**6))
def test_it_is_the_slow_reference(segments: int, elements: int, budget: int, candidates: int, seed: int):
    cosines = np.random.default_rng(seed).uniform(-0.9, 1, (segments, elements))
    picks = greedy_cover(cosines, budget, candidates=candidates)
    assert [pick[:2] for pick in picks] == slow(cosines, budget, candidates)
    assert picks == greedy_cover(cosines, budget + 3, candidates=candidates)[: len(picks)]


def test_more_budget_than_candidates_ends():
    picks = greedy_cover(np.zeros((2, 3)), 1000)
    assert [pick.element for pick in picks] == [0, 1, 2]


def test_nothing_to_choose():
    assert (
        greedy_cover(np.zeros((0, 4)), 3) == greedy_cover(np.zeros((2, 0)), 3) == greedy_cover(np.ones((1, 1)), 0) == []
    )


@pytest.mark.parametrize(
    ("cosines", "budget", "options", "words"),
    [
        (np.zeros(3), 1, {}, "1 axes"),
        (np.zeros((1, 1)), -1, {}, "budget is -1"),
        (np.zeros((1, 1)), 1, {"candidates": 0}, "candidates is 0"),
    ],
)
def test_wrong_arguments_are_named(cosines: np.ndarray, budget: int, options: dict, words: str):
    with pytest.raises(UsageError, match=words):
        greedy_cover(cosines, budget, **options)


def test_content_phrases():
    assert content_phrases("What are the titles of the long-running shows, and who directed them?") == [
        "titles", "long running shows", "directed",
    ]  # fmt: skip
    assert content_phrases("cheap schools", "cheap refers to `Fee (per Year)` < 10") == [
        "cheap schools", "Fee (per Year)", "cheap refers", "10",
    ]  # fmt: skip
    assert content_phrases("of the", "") == []
    assert content_phrases("red green blue white black") == ["red green blue white", "black"]


def test_invented_elements():
    assert invented_elements(["Schools(school_id, county)", "plain text", "x()", "Schools(county)"]) == [
        "schools school id", "schools county", "plain text", "x",
    ]  # fmt: skip


def test_it_is_registered():
    assert LINKERS.get("collective") is CollectiveLinker


def test_every_part_of_the_question_gets_its_column(library: Schema):
    scorer = CollectiveSchemaScorer(budget=3)
    linked = CollectiveLinker(scorer=scorer).link("book titles, rain, and the fee", library)
    assert {ColumnRef("book", "title"), ColumnRef("weather", "rain_mm"), ColumnRef("loan", "fee")} <= linked.kept
    assert linked.schema.n_columns < library.n_columns
    scores = sorted(linked.scores.values(), reverse=True)
    assert scores[:4] == pytest.approx([1, 2 / 3, 1 / 3, 0])


def test_segments_can_be_invented_elsewhere(library: Schema):
    invented = {"Whose?": ["person(birth country)"]}
    scorer = CollectiveSchemaScorer(lambda question, _: invented_elements(invented[question]), budget=1)
    assert CollectiveLinker(scorer=scorer).link("Whose?", library).scores[ColumnRef("author", "birthCountry")] == 1.0


def test_similarity_can_be_an_embedding(library: Schema):
    def same_length(segments, texts):
        return -np.abs(np.subtract.outer([len(s) for s in segments], [len(t) for t in texts])) / 1000

    scorer = CollectiveSchemaScorer(similarity=same_length, budget=1)
    linked = CollectiveLinker(scorer=scorer).link("a" * 200, library)
    (best,) = [ref for ref, score in linked.scores.items() if score == 1.0]
    assert best == ColumnRef("member", "dob")
    with pytest.raises(UsageError, match="shape"):
        CollectiveLinker(scorer=CollectiveSchemaScorer(similarity=lambda s, t: np.zeros((1, 1)))).link("x y", library)


def test_a_value_hit_lifts_its_column(library: Schema):
    hit = ValueHit(ColumnRef("weather", "zip_code"), "8001", (0, 4), 0.9, "exact")
    linked = CollectiveLinker(scorer=CollectiveSchemaScorer(budget=1)).link("titles of books", library, hits=[hit])
    assert linked.scores[hit.ref] == pytest.approx(0.9)


def test_only_a_schema_can_be_scored(library: Schema):
    class Plain:
        units = ()

    with pytest.raises(UsageError, match="is not a schema"):
        CollectiveSchemaScorer().score("x", Plain())
    assert CollectiveLinker().link("of the", library).kept
    assert CollectiveLinker().link("x", Schema("bare", (Table("t", ()),))).schema.tables

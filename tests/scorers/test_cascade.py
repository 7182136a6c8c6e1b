"""The cascade: what is read, where the rest stands, and that the cost is bounded."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Adaptive, LexicalScorer, Pruner, TokenBudget, Unit, prune
from ctxprune.errors import UsageError
from ctxprune.rag import PassagePruner, Passages
from ctxprune.scorers.combined.cascade import CascadeScorer, _step_down


class Reading:
    """Scores by a table, and remembers what it read."""

    def __init__(self, values=None) -> None:
        self.values, self.read = values or {}, []

    def score(self, query, context):
        self.read.append([unit.text for unit in context.units])
        return np.asarray([self.values.get(unit.text, 0.0) for unit in context.units], dtype=np.float32)


class Row:
    def __init__(self, texts, sources=None) -> None:
        self.units = tuple(Unit(text, parent=None if i == 0 else i - 1) for i, text in enumerate(texts))
        if sources is not None:
            self.sources = sources

    def render(self, kept):
        return tuple(kept)


def test_the_best_windows_are_read_and_the_rest_stands_below_in_order() -> None:
    texts = ["a", "b", "c", "d", "e", "f"]
    cheap = Reading({"a": 1, "b": 5, "c": 2, "d": 0, "e": 4, "f": 3})
    better = Reading({"a": 0.2, "b": 0.1, "e": 0.9, "f": 0.1})
    scores = CascadeScorer(cheap, better, windows=2, window=2).score("q", Row(texts))
    assert better.read == [["a", "b", "e", "f"]]
    assert scores[[0, 1, 4, 5]] == pytest.approx([0.2, 0.1, 0.9, 0.1])
    assert 0.09 < scores[3] < scores[2] < 0.1


def test_little_is_read_by_the_better_scorer_alone() -> None:
    cheap, better = Reading(), Reading({"a": 1})
    row = Row(["a", "b"])
    assert CascadeScorer(cheap, better, windows=2, window=1).score("q", row).tolist() == [1, 0]
    assert cheap.read == []
    assert CascadeScorer(cheap, better).score("q", Row([])).shape == (0,)


def test_a_cascade_that_is_limited_reads_fewer_characters_in_short_windows() -> None:
    texts = [f"{number:03} " + "x" * 96 for number in range(100)]
    cheap, better = Reading({texts[number]: number for number in (7, 50, 99)}), Reading()
    cascade = CascadeScorer(cheap, better, windows=8, window=1000)
    cascade.limited_to(600).score("q", Row(texts))
    (read,) = better.read
    assert sum(map(len, read)) <= 600
    assert {texts[50], texts[99]} <= set(read)
    assert cascade.limited_to(8_000) is cascade
    assert cascade.limited_to(1).windows == 1
    with pytest.raises(UsageError, match="characters"):
        cascade.limited_to(0)


def test_titles_and_kind_reach_the_better_scorer() -> None:
    seen = []

    class Seeing(Reading):
        def score(self, query, context):
            seen.append((context.titles, context.kind, context.sources))
            return super().score(query, context)

    row = Row(["a", "b", "c"], (0, 1, 2))
    row.titles, row.kind = ("A", "B", "C"), "table"
    CascadeScorer(Reading({"c": 1}), Seeing(), windows=1, window=1).score("q", row)
    assert seen == [(("A", "B", "C"), "table", (2,))]


def test_windows_end_at_documents() -> None:
    better = Reading()
    CascadeScorer(Reading({"c": 1}), better, windows=1, window=10).score("q", Row(["a", "b", "c", "d"], (0, 0, 1, 1)))
    assert better.read == [["c", "d"]]


def test_documents_that_were_not_read_stand_below() -> None:
    row = Row(["a", "b", "c", "d"], (0, 0, 1, 2))
    cheap, better = Reading({"a": 9, "b": 8, "c": 1, "d": 2}), Reading({"a": 0.1, "b": 0.3})
    scores, documents = CascadeScorer(cheap, better, windows=1, window=2).score_documents("q", row)
    assert better.read == [["a", "b"]]
    assert documents[0] == pytest.approx(0.2)
    assert documents[1] < documents[2] < documents[0]
    assert scores[2] < scores[3] < 0.1
    few = CascadeScorer(cheap, better, windows=9).score_documents("q", row)
    assert few[1].shape == (3,)
    ranked = PassagePruner(Pruner(CascadeScorer(windows=3))).rank("tower", ["A pear."] * 9 + ["A tower."])
    first, *rest = [entry["corpus_id"] for entry in ranked]
    assert first == 9
    assert set(rest[:2]) == {0, 1}  # the others that were read; of equals the model may like either more


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.floats(-9, 9, width=32), st.floats(-3, 3, width=32), st.integers(1, 9)), max_size=30),
    st.integers(1, 5),
    st.integers(1, 20),
)
def test_order_and_bound(rows, windows: int, window: int) -> None:
    texts = [f"{index:02}" + "x" * (size - 1) for index, (_, _, size) in enumerate(rows)]
    cheap = Reading({text: row[0] for text, row in zip(texts, rows, strict=True)})
    better = Reading({text: row[1] for text, row in zip(texts, rows, strict=True)})
    scorer = CascadeScorer(cheap, better, windows=windows, window=window)
    scores = scorer.score("q", Row(texts))
    read = set(better.read[0])
    assert sum(map(len, better.read[0])) <= windows * max(window, 10)
    rest = [index for index, text in enumerate(texts) if text not in read]
    for index, text in enumerate(texts):
        if text in read:
            assert scores[index] == np.float32(rows[index][1])
            assert all(scores[other] < scores[index] for other in rest)
    for one in rest:
        for other in rest:
            assert (scores[one] < scores[other]) == (np.float32(rows[one][0]) < np.float32(rows[other][0]))
    batch = scorer.score_batch(["q", "q"], [Row(texts), Row(texts)])
    assert all(np.array_equal(found, scores) for found in batch)


@pytest.mark.parametrize("start", [0.5, 0.0, 1e-30, -0.001, -4.0, 1e-45])
def test_each_step_is_the_next_float(start: float) -> None:
    value = np.float32(start)
    expected = [value]
    for _ in range(4):
        expected.append(np.nextafter(expected[-1], np.float32(-np.inf)))
    assert _step_down(value, np.arange(5)).tolist() == [float(x) for x in expected]


def test_it_prunes_and_has_a_name() -> None:
    texts = [f"Sentence {i} speaks of number {i * 7}. Another one." for i in range(400)]
    result = prune("which speaks of number 693?", Passages(texts), scorer="cascade", policy=TokenBudget(40))
    assert result.scorer == "cascade.v1"
    assert result.output[99].startswith("Sentence 99")
    adaptive = Pruner(CascadeScorer(windows=2), Adaptive()).prune("number 693", Passages(texts))
    assert len(adaptive.kept) < 30


def test_the_cost_of_the_better_scorer_does_not_grow_with_the_length() -> None:
    better = Reading()
    scorer = CascadeScorer(LexicalScorer(), better, windows=4, window=500)
    for size in (100, 5000):
        start = time.process_time()
        scorer.score("word 7", Passages([f"The word {i} is here. And there." for i in range(size)]))
        assert time.process_time() - start < 10
    assert all(sum(map(len, read)) <= 2000 for read in better.read)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"windows": 0}, "windows is 0"),
        ({"window": True}, "window is True"),
        ({"cheap": "lexical"}, "cheap is 'lexical'"),
        ({"scorer": LexicalScorer}, "scorer is"),
    ],
)
def test_arguments_are_checked(arguments, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CascadeScorer(**arguments)

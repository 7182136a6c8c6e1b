"""The figures of `bench passages`, against values worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError, UsageError
from ctxprune.rag.evaluation.passages import SHARES, measure, select_within
from ctxprune.train.sentence_sets import Document, Item

TEN = ("a" * 10, "b" * 10, "c" * 10, "d" * 10)


class Fixed:
    """Scores by text: the later in the alphabet the better, titles best of all."""

    def score(self, query, context):
        return np.asarray([ord(unit.text[0]) for unit in context.units], dtype=np.float32)


def item(labels, *, answers=(), title="zz", texts=TEN):
    return Item("i", "q", (Document(title, texts, tuple(map(bool, labels))),), answers)


def test_figures_by_hand():
    report = measure([item([1, 0, 0, 1]), item([0, 1, 1, 0])], Fixed()).to_dict()
    # Of 40 characters a budget of 4 and one of 8 keep the first sentence all the same, 12 keep one, 20 two.
    assert report["evidence_recall"] == {"10": 25, "20": 25, "30": 25, "50": 50}
    assert report["all_evidence"] == {"10": 0, "20": 0, "30": 0, "50": 0}
    assert report["f2"]["10"] == pytest.approx(100 * (5 / 9 + 0) / 2, abs=0.01)
    assert report["f2"]["50"] == pytest.approx(100 * (5 / 10 + 5 / 10) / 2, abs=0.01)
    assert (report["items"], report["answered"]) == (2, 0)
    assert report["answer_retention"] == dict.fromkeys(map(str, SHARES))
    assert report["ms_per_passage"] >= 0


def test_answers_count_where_they_were_there_and_are_no_yes_or_no():
    items = [
        item([1, 0, 0, 0], answers=("AAAA",)),
        item([0, 0, 0, 1], answers=("Dddd", "other")),
        item([1, 0, 0, 0], answers=("yes",)),
        item([1, 0, 0, 0], answers=("absent",)),
    ]
    report = measure(items, Fixed())
    assert report.answered == 2
    assert report.answer_retention == {"10": 50, "20": 50, "30": 50, "50": 50}


def test_ties_go_to_the_earlier_sentence_and_the_first_that_does_not_fit_ends_it():
    assert select_within([10, 10, 10], [1, 1, 1], 20) == [0, 1]
    assert select_within([30, 10, 10], [3, 2, 1], 20) == [0]
    assert select_within([10, 30, 10], [3, 2, 1], 20) == [0]
    assert select_within([], [], 20) == []


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), min_size=1, max_size=12), st.floats(0, 200))
def test_the_budget_holds_beyond_the_first(pairs, budget):
    sizes, scores = zip(*pairs, strict=True)
    kept = select_within(sizes, scores, budget)
    assert len(kept) == 1 or sum(sizes[index] for index in kept) <= budget
    assert all(scores[a] > scores[b] or (scores[a] == scores[b] and a < b) for a, b in pairwise(kept))


def test_items_of_one_kind_do_not_count():
    assert measure([item([1, 1, 1, 1]), item([0, 0, 0, 0]), item([1, 0, 0, 0])], Fixed()).items == 1
    with pytest.raises(InputError, match="no question has both"):
        measure([item([1, 1, 1, 1])], Fixed())


def test_scores_are_checked():
    class Bad:
        def score(self, query, context):
            return np.zeros(1, dtype=np.float32)

    with pytest.raises(UsageError, match="shape"):
        measure([item([1, 0, 0, 0])], Bad())

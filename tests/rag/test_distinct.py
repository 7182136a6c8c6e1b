"""Near-duplicates: found exactly, the best one stays, the others say whose copies they are."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Adaptive, Threshold, TokenBudget, Unit, prune
from ctxprune.errors import UsageError
from ctxprune.rag import Distinct, Neighbours, PassageOptions, Passages, near_duplicates
from ctxprune.text import words

LONG = "the quick brown fox jumps over one lazy dog and runs away from all the bears"


def test_folded_words_decide_and_the_first_is_named() -> None:
    texts = ["São Paulo is large.", "Pears.", "SAO PAULO, is large", LONG, LONG + " today", "", "...", "", "Pears!"]
    assert near_duplicates(texts) == [None, None, 0, None, 3, None, None, None, 1]
    assert near_duplicates(texts, similarity=1) == [None, None, 0, None, None, None, None, None, 1]
    assert near_duplicates([]) == []


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join), max_size=15),
    st.sampled_from([0.51, 0.6, 0.75, 0.8, 0.9, 1.0]),
)
def test_prefix_filtering_misses_nothing(texts: list[str], similarity: float) -> None:
    sets = [set(words(text)) for text in texts]
    expected: list[int | None] = []
    for index, found in enumerate(sets):
        leaders = [
            other
            for other in range(index)
            if expected[other] is None
            and found
            and len(found & sets[other]) >= similarity * len(found | sets[other]) - 1e-9
        ]
        expected.append(leaders[0] if leaders else None)
    actual = near_duplicates(texts, similarity=similarity)
    assert [item is None for item in actual] == [item is None for item in expected]
    for index, leader in enumerate(actual):
        if leader is not None and sets[index] not in (sets[other] for other in range(index)):
            assert leader == expected[index]


def test_the_best_copy_stays_and_the_account_says_why() -> None:
    passages = Passages(["The tower is tall. Bananas.", "THE TOWER IS TALL! More on towers.", "The tower: is tall."])
    result = prune("tower tall", passages, policy=Distinct(Threshold(0.1)), scorer="lexical.v1")
    assert result.output == ["The tower is tall.", "More on towers.", ""]
    assert [unit.reason for unit in result.units] == [
        "selected", "score", "duplicate of unit 0", "selected", "duplicate of unit 0"
    ]  # fmt: skip
    assert result.policy == "threshold.v1 + distinct"


def test_pinned_copies_and_units_that_others_need_stay() -> None:
    class Tree:
        units = (Unit("a b"), Unit("a b", pinned=True), Unit("c d"), Unit("c d", parent=2), Unit("a b"))

        def render(self, kept):
            return tuple(kept)

    scores = np.asarray([9, 0, 1, 2, 9], dtype=np.float32)
    selection = Distinct(Threshold(0)).select(scores, Tree(), np.ones(5, dtype=np.int64))
    assert selection.kept.tolist() == [False, True, True, True, False]
    assert selection.reasons[0] == selection.reasons[4] == "duplicate of unit 1"


def test_the_budget_is_spent_on_other_sentences_instead() -> None:
    text = "The tower is tall. "
    passages = Passages([text + "Towers are old.", text + "A tower fell.", text])
    plain = prune("tower tall", passages, policy=TokenBudget(16))
    distinct = prune("tower tall", passages, policy=Distinct(TokenBudget(16)))
    assert sum(text.strip() in part for part in plain.output) > 1
    assert sum(text.strip() in part for part in distinct.output) == 1
    assert distinct.tokens_after <= 16
    both = prune("tower tall", passages, policy=Distinct(Neighbours(TokenBudget(16))))
    assert both.policy == "token_budget.v1 + neighbours + distinct"


def test_nothing_chosen_still_keeps_the_best() -> None:
    result = prune("zebra", Passages(["One.", "One.", "Two."]), policy=Distinct(Adaptive()), scorer="lexical.v1")
    assert result.output == ["One.", "", "Two."]


def test_headings_that_recur_stay_with_what_is_under_them() -> None:
    passages = Passages(["# Notes\nThe tower.", "# Notes\nA pear."], options=PassageOptions(headings=True))
    result = prune("pear tower", passages, policy=Distinct(Threshold(0.1)), scorer="lexical.v1")
    assert result.output == list(passages.texts)


def test_twenty_thousand_sentences_take_seconds() -> None:
    rng = random.Random(0)
    pool = ["".join(rng.choices("abcdefghijkl", k=6)) for _ in range(3000)]
    texts = [" ".join(rng.choices(pool, k=15)) for _ in range(10_000)]
    start = time.process_time()
    found = near_duplicates(texts + texts)
    assert time.process_time() - start < 10
    assert all(leader is not None for leader in found[10_000:])


@pytest.mark.parametrize("similarity", [0.5, 1.1, float("nan"), "x"])
def test_the_similarity_is_checked(similarity) -> None:
    with pytest.raises(UsageError, match="similarity is"):
        near_duplicates(["a"], similarity=similarity)
    with pytest.raises(UsageError, match="similarity is"):
        Distinct(Threshold(), similarity)

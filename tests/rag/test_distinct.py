"""Near-duplicates: the best one stays, the others say whose copies they are."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune import Adaptive, Threshold, TokenBudget, Unit, prune
from ctxprune.errors import UsageError
from ctxprune.policies import Request
from ctxprune.rag import Distinct, Neighbours, PassageOptions, Passages


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
    selection = Distinct(Threshold(0)).select(Request("q", Tree(), scores, np.ones(5, dtype=np.int64)))
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


@pytest.mark.parametrize("similarity", [0, 1.1, float("nan"), "x", None])
def test_the_similarity_is_checked(similarity) -> None:
    with pytest.raises(UsageError, match="similarity is"):
        Distinct(Threshold(), similarity)

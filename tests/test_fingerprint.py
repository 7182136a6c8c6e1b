"""Objects that differ in anything that matters have different fingerprints; caches do not matter."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import POLICIES, SCORERS, LexicalScorer, ReciprocalRankFusion, Threshold, WeightedFusion
from ctxprune.errors import UsageError
from ctxprune.rag import Passage
from ctxprune.utils.fingerprint import fingerprint, identity

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True)
class Weighted:
    weights: np.ndarray
    cache: dict = field(default_factory=dict, compare=False)


class Loaded:
    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.session = print


@settings(max_examples=40, deadline=None)
@given(first=PLAIN, second=PLAIN)
def test_equal_fingerprints_mean_equal_values(first, second) -> None:
    assert (fingerprint(first) == fingerprint(second)) == (repr(first) == repr(second))


def test_weights_count_and_caches_do_not() -> None:
    one = Weighted(np.arange(3.0), {"a": 1})
    assert fingerprint(one) == fingerprint(Weighted(np.arange(3.0)))
    others = [np.arange(4.0), np.arange(3), np.arange(3.0).astype(np.float32), np.arange(3.0)[:, None], -np.arange(3.0)]
    assert len({fingerprint(Weighted(array)) for array in [one.weights, *others]}) == 6


def test_using_a_scorer_does_not_change_it() -> None:
    scorer = LexicalScorer()
    before = identity(scorer)
    scorer.score("what?", Passage("This. That."))
    assert identity(scorer) == before == identity(LexicalScorer())
    assert str(before).startswith("ctxprune.scorers.lexical:LexicalScorer (")


def test_parameters_and_members_count() -> None:
    values = [Threshold(0.1), Threshold(0.2), ReciprocalRankFusion(), WeightedFusion(), WeightedFusion(weights=(1, 2))]
    assert len({fingerprint(value) for value in values}) == len(values)


def test_the_order_of_sets_and_dicts_does_not_count() -> None:
    assert fingerprint({"a", "b"}) == fingerprint({"b", "a"})
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_it_is_the_same_in_another_process() -> None:
    code = (
        "from ctxprune.utils.fingerprint import fingerprint; from ctxprune import LexicalScorer;"
        "print(fingerprint([LexicalScorer(), {'x', 'yy', 'zzz'}]), end='')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == fingerprint([LexicalScorer(), {"x", "yy", "zzz"}])


def test_an_object_may_answer_for_itself() -> None:
    assert fingerprint(Loaded("a")) == fingerprint(Loaded("a")) != fingerprint(Loaded("b"))


@pytest.mark.parametrize("value", [print, int, object(), lambda: 1, np.array([object()]), iter([])])
def test_what_cannot_be_read_is_refused(value) -> None:
    with pytest.raises(UsageError, match="cannot be fingerprinted"):
        fingerprint([value])


def test_a_cycle_is_refused() -> None:
    loop: list = []
    loop.append(loop)
    with pytest.raises(UsageError, match="too deeply"):
        fingerprint(loop)


def test_functions_of_a_module_are_told_by_name() -> None:
    assert fingerprint(fingerprint) == fingerprint(fingerprint) != fingerprint(identity)
    with pytest.raises(UsageError, match="a function cannot be fingerprinted"):
        fingerprint(lambda: 1)


# What calibrations of earlier releases hold. A class that moves to another module must keep its fingerprint; only new
# weights or defaults are a reason to change one here.
STORED = {
    (POLICIES, "adaptive.v1"): "4f6ca8741daba7d9",
    (POLICIES, "cell_share.v1"): "63ebd9f798269299",
    (POLICIES, "largest_gap.v1"): "ce2b5be033512071",
    (POLICIES, "table_budget.v1"): "844e64f3ebe3dc56",
    (POLICIES, "threshold.v1"): "a1c59b816c45a90f",
    (POLICIES, "token_budget.v1"): "c84da11e8acbd696",
    (POLICIES, "top_k.v1"): "8d2c47ce45774b41",
    (SCORERS, "chargram.v1"): "98ea646ae9c8c3b8",
    (SCORERS, "documents.v1"): "fba784856b9c90bf",
    (SCORERS, "fusion.v1"): "1de0dd158241d2cc",
    (SCORERS, "lexical.v1"): "66d2f3df8cccb18c",
    (SCORERS, "log.v1"): "ce4906f3050954b3",
    (SCORERS, "names.v1"): "b387ee42d980b59e",
    (SCORERS, "titled.v1"): "dbe26efd678688f6",
    (SCORERS, "weighted.v1"): "036093e97e935b09",
}


@pytest.mark.parametrize(("registry", "name"), STORED)
def test_classes_that_moved_keep_the_fingerprints_that_were_stored(registry, name: str) -> None:
    assert fingerprint(registry.get(name)()) == STORED[registry, name]

"""Each policy's own rule, the closure paid from the same budget, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.context import Unit
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies import (
    POLICIES,
    Adaptive,
    LargestGap,
    Policy,
    Request,
    Threshold,
    TokenBudget,
    TopK,
    as_policy,
)
from ctxprune.policies.selection import Chooser
from ctxprune.pruning.pruner import prune
from ctxprune.rag import Passage


class Units:
    def __init__(self, *units: Unit) -> None:
        self.units = units

    def render(self, kept):
        raise AssertionError("a policy has no business rendering")


def flat(size: int) -> Units:
    return Units(*(Unit("x") for _ in range(size)))


def select(policy: Policy, scores, context: Units | None = None, tokens=None):
    context = context or flat(len(scores))
    counts = np.asarray([1] * len(scores) if tokens is None else tokens)
    chosen = policy.select(Request("q", context, np.asarray(scores, dtype=np.float32), counts))
    return [int(index) for index in np.flatnonzero(chosen.kept)], list(chosen.reasons)


def test_names() -> None:
    plain = ["adaptive.v1", "largest_gap.v1", "threshold.v1", "token_budget.v1", "top_k.v1"]
    assert POLICIES.names() == sorted([*plain, "cell_share.v1", "table_budget.v1"])
    assert POLICIES.get("top_k") is TopK


def test_threshold_keeps_what_reaches_it() -> None:
    assert select(Threshold(0.5), [0.4, 0.5, 0.9]) == ([1, 2], ["score", "selected", "selected"])
    assert select(Threshold(0.1), [0.1]) == ([0], ["selected"])


def test_top_k_takes_the_best_and_ties_in_source_order() -> None:
    assert select(TopK(2), [1, 3, 3, 3]) == ([1, 2], ["rank", "selected", "selected", "rank"])
    assert select(TopK(9), [1, 2])[0] == [0, 1]


def test_top_k_counts_what_the_best_require() -> None:
    context = Units(Unit("table"), Unit("a", parent=0), Unit("b", parent=0), Unit("free"))
    assert select(TopK(2), [0, 9, 8, 7], context) == ([0, 1], ["required", "selected", "rank", "rank"])
    assert select(TopK(1), [0, 9, 8, 7], context) == ([3], ["rank", "rank", "rank", "selected"])


def test_token_budget_fills_greedily_and_passes_over_what_does_not_fit() -> None:
    kept, reasons = select(TokenBudget(10), [9, 8, 7, 6], tokens=[6, 5, 4, 1])
    assert kept == [0, 2]
    assert reasons == ["selected", "budget", "selected", "budget"]


def test_token_budget_pays_for_the_closure() -> None:
    context = Units(Unit("table"), Unit("a", parent=0), Unit("b", parent=0), Unit("free"))
    kept, reasons = select(TokenBudget(10), [0, 9, 8, 1], context, [5, 4, 2, 1])
    assert kept == [0, 1, 3]
    assert reasons == ["required", "selected", "budget", "selected"]
    kept, _ = select(TokenBudget(8), [0, 9, 8, 1], context, [5, 4, 2, 1])
    assert kept == [0, 2, 3]


def test_token_budget_with_a_minimum_leaves_room_unused() -> None:
    assert select(TokenBudget(10, minimum=5), [9, 4, 6]) == ([0, 2], ["selected", "score", "selected"])


def test_pins_come_first_and_are_paid_for() -> None:
    context = Units(Unit("title", pinned=True, requires=(1,)), Unit("needed"), Unit("a"), Unit("b"))
    kept, reasons = select(TokenBudget(7), [0, 0, 9, 8], context, [2, 2, 4, 3])
    assert kept == [0, 1, 3]
    assert reasons == ["pinned", "required", "budget", "selected"]


def test_a_unit_that_was_required_before_it_was_tried_says_so() -> None:
    context = Units(Unit("table"), Unit("a", parent=0))
    assert select(TopK(2), [1, 2], context)[1] == ["required", "selected"]
    assert select(TopK(2), [2, 1], context)[1] == ["selected", "selected"]


@pytest.mark.parametrize(("policy", "noun"), [(TokenBudget(3), "3 tokens"), (TopK(1), "1 units")])
def test_pins_over_the_limit_are_an_error(policy: Policy, noun: str) -> None:
    context = Units(Unit("a", pinned=True, requires=(1,)), Unit("b"))
    with pytest.raises(BudgetError, match=noun):
        select(policy, [1, 1], context, [2, 2])


def test_cycles_are_bought_whole_or_not_at_all() -> None:
    context = Units(Unit("a", requires=(1,)), Unit("b", requires=(0,)), Unit("c"))
    assert select(TokenBudget(4), [9, 1, 5], context, [2, 2, 2])[0] == [0, 1]
    assert select(TokenBudget(3), [9, 1, 5], context, [2, 2, 2])[0] == [2]


def test_adaptive_keeps_what_comes_near_the_best_on_any_scale() -> None:
    assert select(Adaptive(0.5), [0, 4, 6, 10])[0] == [2, 3]
    assert select(Adaptive(0.5), [-10, -6, -4, 0])[0] == [2, 3]
    assert select(Adaptive(1.0), [0, 4, 10, 10])[0] == [2, 3]
    assert select(Adaptive(0.0), [0, 4])[0] == [0, 1]
    assert select(Adaptive(0.5), [3, 3, 3])[0] == [0, 1, 2]


def test_adaptive_chooses_nothing_where_nothing_speaks_for_any_unit() -> None:
    for score in (0, -2):
        assert select(Adaptive(), [score] * 3) == ([], ["score"] * 3)
        best = Adaptive().select_fallback(
            Request("q", flat(3), np.full(3, score, dtype=np.float32), np.ones(3, dtype=np.int64))
        )
        assert (best.kept.tolist(), best.reasons) == ([True] * 3, ("fallback",) * 3)
    assert select(Adaptive(), [-3, -1])[0] == [1]


def test_adaptive_always_keeps_the_best_in_spite_of_rounding() -> None:
    scores = np.asarray([0.1, 0.3], dtype=np.float32)
    assert 1 in select(Adaptive(1.0), scores)[0]


def test_largest_gap_cuts_at_the_widest_step() -> None:
    assert select(LargestGap(), [9, 1, 8, 2])[0] == [0, 2]
    assert select(LargestGap(), [1, 1, 1])[0] == [0, 1, 2]
    assert select(LargestGap(), [5])[0] == [0]


def test_best_ignores_the_minimum_but_not_the_room() -> None:
    context, tokens = flat(3), np.asarray([9, 2, 2])
    request = Request("q", context, np.asarray([3, 1, 2], dtype=np.float32), tokens)
    best = TokenBudget(4, minimum=99).select_fallback(request)
    assert np.flatnonzero(best.kept).tolist() == [2]
    assert best.reasons == ("budget", "score", "fallback")
    nothing = TokenBudget(1).select_fallback(request)
    assert not nothing.kept.any()


@pytest.mark.parametrize("policy", [POLICIES.get(name)() for name in POLICIES.names()])
def test_no_units_keep_nothing(policy: Policy) -> None:
    assert select(policy, []) == ([], [])


@pytest.mark.parametrize(
    ("scores", "tokens", "message"),
    [
        ([1.0], [1, 1], r"scores have shape \(1,\), not \(2,\)"),
        ([[1.0, 2.0]], [1, 1], "shape"),
        ([1.0, float("nan")], [1, 1], "score of unit 1 is nan"),
        ([float("inf"), 1.0], [1, 1], "score of unit 0 is inf"),
        (["a", "b"], [1, 1], "not an array of numbers"),
        ([1.0, 1.0], [1], "give 2 whole numbers"),
        ([1.0, 1.0], [1.5, 1.0], "give 2 whole numbers"),
        ([1.0, 1.0], [1, -1], "negative"),
    ],
)
def test_bad_arrays_are_refused(scores, tokens, message: str) -> None:
    for name in POLICIES.names():
        with pytest.raises(UsageError, match=message):
            POLICIES.get(name)().select(Request("q", flat(2), scores, np.asarray(tokens)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TopK(0), "k is 0: give a whole number from 1 up"),
        (lambda: TopK(True), "k is True"),
        (lambda: TopK(1.5), "k is 1.5"),
        (lambda: TokenBudget(-1), "budget is -1"),
        (lambda: TokenBudget(5, minimum=float("nan")), "minimum is nan"),
        (lambda: Threshold(float("inf")), "minimum is inf"),
        (lambda: Adaptive(1.1), "relative is 1.1"),
        (lambda: Adaptive(float("nan")), "relative is nan"),
    ],
)
def test_parameters_are_checked_when_given(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_another_budget_never_goes_under_zero() -> None:
    assert TokenBudget(10, minimum=2).with_budget(7) == TokenBudget(7, minimum=2)
    assert TokenBudget(2).with_budget(-7) == TokenBudget(0)
    threshold = Threshold()
    assert threshold.with_budget(5) is threshold


@pytest.mark.parametrize("seed", range(20))
def test_filling_stops_early_with_the_same_choice_and_reasons(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 40))
    units = [Unit("x", parent=int(rng.integers(0, size)) if rng.random() < 0.3 else None) for _ in range(size)]
    context, scores = Units(*units), rng.random(size).astype(np.float32)
    tokens = rng.integers(0, 6, size)
    policy = TokenBudget(int(rng.integers(0, 30)))
    order, chooser = policy.start(Request("q", context, scores, tokens))
    for index in order.tolist():
        chooser.add(index, "selected", "budget")
    expected = chooser.selection()
    assert select(policy, scores, context, tokens) == (
        np.flatnonzero(expected.kept).tolist(),
        list(expected.reasons),
    )


def test_nothing_is_tried_once_nothing_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    add = Chooser.add
    monkeypatch.setattr(Chooser, "add", lambda self, index, *words: tried.append(index) or add(self, index, *words))
    kept, reasons = select(TokenBudget(3), np.linspace(1, 0, 1000))
    assert kept == [0, 1, 2]
    assert reasons == ["selected"] * 3 + ["budget"] * 997
    assert len(tried) == 3


class Earlier:
    """A policy of an earlier release: three arguments, `select_best` and `tightened`."""

    def __init__(self, budget: int = 9) -> None:
        self.budget = budget
        self.seen: list[object] = []

    def select(self, scores, context, tokens):
        self.seen.append(context)
        return scores > 2

    def select_best(self, scores, context, tokens):
        return scores == scores.max()

    def tightened(self, by):
        return Earlier(self.budget - by)


def test_a_policy_with_three_arguments_still_works_and_warns() -> None:
    given, context = Earlier(), flat(3)
    with pytest.warns(
        DeprecationWarning, match="Earlier.select takes .scores, context, tokens.: let it take one Request"
    ):
        policy = as_policy(given)
    request = Request("q", context, np.asarray([1, 3, 2], dtype=np.float32), np.ones(3, dtype=np.int64))
    assert policy.select(request).kept.tolist() == [False, True, False]
    assert policy.select(request).reasons == ("score", "selected", "score")
    assert policy.select_fallback(request).kept.tolist() == [False, True, False]
    assert given.seen == [context] * 2  # the object that the user gave
    assert (policy.budget, policy.with_budget(4).budget) == (9, 4)
    assert policy.name == policy.class_name == "Earlier"
    with pytest.warns(DeprecationWarning, match="Earlier"):
        assert prune("x", Passage("An x. A y."), policy=Earlier(), scorer="lexical.v1").policy == "Earlier"


def test_a_policy_with_one_argument_needs_no_base_class() -> None:
    class Own:
        name = "own"

        def select(self, request, *, strict=False):
            return request.scores >= 2

        def check_scorer(self, scorer):
            if not scorer:
                raise UsageError("other scorer")

    policy = as_policy(Own())
    request = Request("q", flat(2), np.asarray([1, 2], dtype=np.float32), np.ones(2, dtype=np.int64))
    assert policy.select(request).kept.tolist() == [False, True]
    assert policy.select_fallback(request).reasons == ("score", "fallback")
    assert (policy.name, policy.budget) == ("own", None)
    assert policy.with_budget(3) is policy
    own = Own()
    assert as_policy(own) == as_policy(own) != as_policy(Own())
    assert hash(as_policy(own)) == hash(as_policy(own))
    with pytest.raises(UsageError, match="other scorer"):
        policy.check_scorer(None)


def test_optional_members_of_a_policy_have_defaults() -> None:
    class Own(Policy):
        def select(self, request):
            return Threshold(0.5).select(request)

    policy = Own()
    assert as_policy(policy) is policy
    assert (policy.budget, policy.class_name) == (None, "Own")
    assert policy.name.endswith("Own")
    assert policy.with_budget(3) is policy
    policy.check_scorer(object())
    assert select(policy, [0.4, 0.6])[0] == [1]


@pytest.mark.parametrize(("value", "lacks"), [(3, "it has no `select`"), (TopK, "it is a class")])
def test_what_is_no_policy_is_refused_by_what_it_lacks(value, lacks: str) -> None:
    with pytest.raises(UsageError, match=f"policy is .*{lacks}"):
        as_policy(value)


def test_a_request_takes_contexts_alone() -> None:
    with pytest.raises(UsageError, match="a str is not a context"):
        Request("q", "text", np.zeros(1, np.float32), np.zeros(1, np.int64))


def test_required_units_come_first() -> None:
    required = np.asarray([False, False, True])
    scores, tokens = np.asarray([3, 2, 1], dtype=np.float32), np.asarray([2, 2, 2])
    found = TokenBudget(4).select(Request("q", flat(3), scores, tokens, required))
    assert found.reasons == ("selected", "budget", "demanded")
    assert TokenBudget(1).select(Request("q", flat(3), scores, tokens, required)).reasons[2] == "demanded"

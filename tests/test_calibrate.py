"""Calibrated keep sets: nested, as small as the risk allows, and within it on new data."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import (
    Calibration,
    CalibrationExample,
    CalibrationPool,
    KeepSets,
    Pruner,
    Threshold,
    TokenBudget,
    TopK,
    Unit,
)
from ctxprune.calibration.conformal import calibrate
from ctxprune.calibration.keep_sets import CalibratedPolicy
from ctxprune.calibration.measures import MEASURES
from ctxprune.context.scores import Scores
from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.policies import Selection
from ctxprune.rag import Passage


class Scored:
    """Units with the scores that `Given` reads off; renders as the indices it was given."""

    def __init__(self, values, units=None) -> None:
        self.values = np.asarray(values, dtype=np.float32)
        self.units = tuple(units or (Unit(f"u{index}") for index in range(len(self.values))))

    def render(self, kept):
        return tuple(sorted(kept))


@dataclass(frozen=True)
class Given:
    factor: float = 1.0

    def score(self, query: str, context: Scored) -> Scores:
        return context.values * np.float32(self.factor)


@dataclass(frozen=True)
class Lucky:
    """A closure that connects by luck: with one chosen unit it also keeps unit 0."""

    def close(self, chosen, request) -> Selection:
        kept = chosen.copy()
        if chosen.sum() == 1:
            kept[0] = True
        return Selection(kept, tuple("selected" if keep else "score" for keep in kept))

    def select(self, request) -> Selection:
        raise NotImplementedError


def example(values, needed, group="", units=None) -> CalibrationExample:
    return CalibrationExample("what?", Scored(values, units), needed, group)


@st.composite
def samples(draw: st.DrawFn, least: int = 9) -> list[CalibrationExample]:
    """Examples with few different scores, so that there are ties, and trees for contexts."""
    found = []
    for _ in range(draw(st.integers(least, 20))):
        size = draw(st.integers(1, 5))
        index = st.integers(0, size - 1)
        units = [
            Unit("x", parent=draw(st.none() | index), requires=tuple(draw(st.lists(index, max_size=1))),
                 pinned=draw(st.integers(0, 9)) == 0)
            for _ in range(size)
        ]  # fmt: skip
        values = draw(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0]), min_size=size, max_size=size))
        group = f"g{draw(st.integers(0, 3))}"
        found.append(example(values, draw(st.sets(index, max_size=3)), group, units))
    return found


CLOSURES = st.sampled_from([Threshold(), Lucky()])
SETS = st.builds(KeepSets, st.sampled_from(MEASURES.names()), CLOSURES)
LOSSES = st.sampled_from(["strict", "recall"])


@settings(deadline=None, max_examples=30)
@given(sample=samples(), sets=st.builds(KeepSets, st.sampled_from(MEASURES.names())), data=st.data())
def test_keep_sets_are_nested_and_losses_never_fall(sample, sets, data) -> None:
    pool = CalibrationPool.score(sample, Given(), sets=sets)
    limits = sorted(data.draw(st.lists(st.floats(-3, 6), min_size=2, max_size=5)))
    for item in pool.scored:
        kept = [item.kept(limit) for limit in limits]
        assert all((high <= low).all() for low, high in pairwise(kept))
    for loss in ("strict", "recall"):
        losses = [pool.losses(limit, loss) for limit in limits]
        assert all((low <= high).all() for low, high in pairwise(losses))
        assert not pool.losses(-1e9, loss).any()


def brute_force(pool: CalibrationPool, risk: Fraction, loss: str, by: str) -> tuple[float, float]:
    """The highest limit among all levels whose loss, and that of all lower ones, may be; and that loss."""
    levels = sorted({float(level) for item in pool.scored for level in item.levels})
    groups = np.array(pool.groups)
    worst, best = np.zeros(len(pool)), None
    for limit in [*levels, levels[-1] + 1]:
        worst = np.maximum(worst, pool.losses(limit, loss))
        units = worst if by == "question" else [worst[groups == name].mean() for name in sorted(set(groups))]
        total = Fraction(float(np.sum(units))).limit_denominator(10**6)
        if total + 1 > risk * (len(units) + 1):
            break
        best = limit, float(total)
    assert best is not None
    return best


@settings(deadline=None, max_examples=40)
@given(sample=samples(), sets=SETS, loss=LOSSES, percent=st.integers(10, 60))
def test_the_smallest_keep_set_that_holds(sample, sets, loss, percent) -> None:
    pool = CalibrationPool.score(sample, Given(), sets=sets)
    limit, total = brute_force(pool, Fraction(percent, 100), loss, "question")
    found = pool.calibrate(risk=percent / 100, loss=loss, by="question")
    assert found.seen == pytest.approx(total / len(pool))
    assert found.bound == pytest.approx((total + 1) / (len(pool) + 1))
    assert found.bound <= found.risk + 1e-9
    for item in pool.scored:
        assert (item.kept(found.limit) == item.kept(limit)).all()
    assert found.kept_share == pytest.approx(pool.kept_shares(limit).mean())


@settings(deadline=None, max_examples=25)
@given(sample=samples(least=12), sets=SETS, loss=LOSSES, percent=st.integers(55, 90))
def test_groups_count_alike(sample, sets, loss, percent) -> None:
    pool = CalibrationPool.score(sample, Given(), sets=sets)
    limit, total = brute_force(pool, Fraction(percent, 100), loss, "group")
    found = pool.calibrate(risk=percent / 100, loss=loss, by="group")
    groups = len(set(pool.groups))
    assert (found.groups, found.n) == (groups, len(sample))
    assert found.seen == pytest.approx(total / groups, abs=1e-5)
    assert all((item.kept(found.limit) == item.kept(limit)).all() for item in pool.scored)


def test_a_lucky_connection_does_not_count() -> None:
    """At the middle limit unit 0 is lost; that luck brings it back at the highest one does not count."""
    sample = [example([0.125, 0.5, 0.75], [0]) for _ in range(9)]
    pool = CalibrationPool.score(sample, Given(), sets=KeepSets("score.v1", Lucky()))
    assert pool.losses(0.75).tolist() == [0.0] * 9
    assert pool.losses(0.5).tolist() == [1.0] * 9
    found = pool.calibrate(risk=0.1)
    assert found.limit == pytest.approx(0.125, rel=1e-5)
    assert found.limit < 0.125  # a hair below, for machines that round otherwise
    assert found.kept_share == 1.0


def draw(rng: np.random.Generator, n: int, size: int = 6) -> list[CalibrationExample]:
    """Exchangeable questions: needed units score higher on the whole."""
    found = []
    for _ in range(n):
        needed = rng.random(size) < 0.3
        found.append(example(rng.normal(needed * 1.5, 1), np.flatnonzero(needed).tolist()))
    return found


@pytest.mark.parametrize("loss", ["strict", "recall"])
@pytest.mark.parametrize("risk", [0.05, 0.2])
def test_the_risk_holds_on_new_data_and_is_used_up(loss, risk) -> None:
    """The mean over calibrations is within the risk, give or take three standard errors, and not far below it."""
    sets, seen = KeepSets("score.v1"), []
    pool = CalibrationPool.score(draw(np.random.default_rng(7), 3_000), Given(), sets=sets)
    rng = np.random.default_rng(8)
    for _ in range(60):
        order = rng.permutation(len(pool))
        limit = pool.subset(order[:60]).calibrate(risk=risk, loss=loss).limit
        seen.append(pool.subset(order[60:260]).losses(limit, loss).mean())
    error = np.std(seen) / np.sqrt(len(seen))
    assert np.mean(seen) <= risk + 3 * error
    assert np.mean(seen) >= risk - 1 / 61 - 3 * error  # the bound is this tight where scores have no ties


def test_the_risk_holds_for_new_groups_where_questions_of_a_group_go_wrong_together() -> None:
    rng = np.random.default_rng(5)
    seen: dict[str, list[float]] = {"question": [], "group": []}
    for _ in range(40):
        sample = []
        for number in range(60):
            shift = rng.normal(0, 1)  # of all the scores of needed units in the group
            size = int(rng.integers(1, 9))
            sample += [example([shift + rng.normal(1, 0.2), -9.0], [0], f"{number}") for _ in range(size)]
        pool = CalibrationPool.score(sample, Given(), sets=KeepSets("score.v1"))
        known = [index for index, name in enumerate(pool.groups) if int(name) < 30]
        new = pool.subset(index for index, name in enumerate(pool.groups) if int(name) >= 30)
        for by, means in seen.items():
            losses = new.losses(pool.subset(known).calibrate(risk=0.1, by=by).limit)
            groups = np.array(new.groups)
            means.append(float(np.mean([losses[groups == name].mean() for name in set(groups)])))
    assert np.mean(seen["group"]) <= 0.1 + 3 * np.std(seen["group"]) / np.sqrt(40)
    assert np.mean(seen["question"]) > np.mean(seen["group"])


def test_with_confidence_few_calibrations_exceed_the_risk() -> None:
    pool = CalibrationPool.score(draw(np.random.default_rng(3), 1_000), Given(), sets=KeepSets("score.v1"))
    rng, over = np.random.default_rng(4), {None: 0, 0.9: 0}
    for _ in range(40):
        order = rng.permutation(len(pool))
        for confidence in over:
            found = pool.subset(order[:200]).calibrate(risk=0.1, confidence=confidence)
            over[confidence] += pool.subset(order[200:600]).losses(found.limit).mean() > 0.1
    assert over[0.9] <= 40 * 0.1 + 3 * np.sqrt(40 * 0.1 * 0.9)
    assert over[None] > over[0.9]


def test_left_out_groups_show_what_the_mean_hides() -> None:
    """Every group loses at its own score; the limit of the others fails the worst one wholly."""
    sample = [example([float(number), -9.0], [0], f"{number}") for number in range(20) for _ in range(5)]
    found = CalibrationPool.score(sample, Given(), sets=KeepSets("score.v1")).calibrate(risk=0.02, by="question")
    assert found.seen == 0.0
    assert found.left_out == pytest.approx(5 / 100)
    assert calibrate([example([1.0], [0]) for _ in range(49)], Given()).left_out is None


@settings(deadline=None, max_examples=25)
@given(sample=samples(least=16), loss=LOSSES, percent=st.integers(25, 60))
def test_left_out_groups_only_ever_lower_the_limit(sample, loss, percent) -> None:
    pool = CalibrationPool.score(sample, Given(), sets=KeepSets("score.v1"))
    plain = pool.calibrate(risk=percent / 100, loss=loss, by="question")
    careful = pool.calibrate(risk=percent / 100, loss=loss)
    assert careful.limit <= plain.limit
    assert careful.bound <= plain.bound
    assert careful.left_out is None or plain.left_out is None or careful.left_out <= plain.left_out
    if plain.left_out is not None and plain.left_out <= plain.risk * plain.groups / (plain.groups + 1):
        assert careful.limit == plain.limit


def test_left_out_groups_hold_the_risk_where_they_can() -> None:
    rng = np.random.default_rng(2)
    sample = [
        example([shift + rng.normal(2, 1), -9.0], [0], f"{number}")
        for number, shift in enumerate(rng.normal(0, 0.5, 30))
        for _ in range(20)
    ]
    pool = CalibrationPool.score(sample, Given(), sets=KeepSets("score.v1"))
    plain, careful = pool.calibrate(risk=0.05, by="question"), pool.calibrate(risk=0.05)
    assert plain.left_out > 0.05 >= careful.left_out > 0.035
    assert careful.by == "left_out"


def test_questions_that_need_nothing_lose_nothing() -> None:
    found = calibrate([example([0.1, 0.9], []) for _ in range(60)], Given())
    assert (found.seen, found.kept_share) == (0.0, 0.0)
    assert found.bound == pytest.approx(1 / 61)


def test_contexts_without_units() -> None:
    found = calibrate([example([], []) for _ in range(60)], Given())
    assert (found.seen, found.kept_share, found.n, found.groups) == (0.0, 1.0, 60, 0)


def test_leaves_are_what_is_counted() -> None:
    units = [Unit("table"), Unit("a", parent=0), Unit("b", parent=0)]
    found = calibrate([example([0.9, 0.5, 0.1], [1], units=units) for _ in range(60)], Given())
    assert found.kept_share == 0.5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"risk": 0.0}, "risk is 0.0"),
        ({"risk": 1}, "risk is 1"),
        ({"risk": float("nan")}, "risk is nan"),
        ({"risk": "2 %"}, "risk is '2 %'"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"loss": "f1"}, "loss is 'f1'"),
        ({"by": "database"}, "by is 'database'"),
        ({"by": "group"}, "a question has no group"),
        ({"risk": 0.01}, "cannot be promised from 60 questions.*at least 99"),
        ({"confidence": 0.95}, "at least 149"),
    ],
)
def test_what_is_refused(words, message) -> None:
    with pytest.raises(UsageError, match=message):
        calibrate([example([1.0], [0]) for _ in range(60)], Given(), **words)


def test_too_few_groups() -> None:
    sample = [example([1.0], [0], f"{number % 9}") for number in range(900)]
    with pytest.raises(UsageError, match="cannot be promised from 9 groups: give at least 49"):
        calibrate(sample, Given(), by="group")
    assert calibrate(sample, Given(), by="group", risk=0.1).groups == 9


def test_no_examples() -> None:
    with pytest.raises(UsageError, match="from 0 questions"):
        calibrate([], Given(), risk=0.9)


@pytest.mark.parametrize("needed", [[2], [-1], [True], ["0"], [0.0]])
def test_needed_units_that_do_not_exist(needed) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        calibrate([example([0.5, 0.5], needed)], Given())


@pytest.mark.parametrize("closure", [TokenBudget(9), TopK(3), Threshold, object()])
def test_closures_that_cannot_hold_a_promise(closure) -> None:
    with pytest.raises(UsageError, match=r"budget|closure is"):
        KeepSets("score.v1", closure)


def test_names_of_measures() -> None:
    assert KeepSets("tail").measure == "tail.v1"  # what is saved never changes its meaning
    with pytest.raises(UnknownNameError, match="known: relative"):
        KeepSets("luck.v1")


def test_a_closure_that_drops_what_was_chosen() -> None:
    class Dropping(Lucky):
        def close(self, chosen, request) -> Selection:
            return Selection(np.zeros_like(chosen), ("score",) * len(chosen))

    with pytest.raises(UsageError, match="dropped a unit that was chosen"):
        calibrate([example([0.5, 0.6], [0]) for _ in range(60)], Given(), sets=KeepSets("score.v1", Dropping()))


def test_the_policy_keeps_what_the_calibration_counted() -> None:
    sample = draw(np.random.default_rng(1), 200)
    for sets in (KeepSets(), KeepSets("tail.v1", Threshold(0.5))):
        pool = CalibrationPool.score(sample, Given(), sets=sets)
        found = pool.calibrate(risk=0.2)
        pruner = Pruner(Given(), found.policy(sets.closure), on_empty="drop")
        outputs = [pruner.prune("what?", item.context).output for item in sample]
        assert outputs == [tuple(np.flatnonzero(item.kept(found.limit))) for item in pool.scored]
        lost = [not set(item.needed) <= set(output) for item, output in zip(sample, outputs, strict=True)]
        assert np.mean(lost) == pytest.approx(found.seen)


def test_where_nothing_reaches_the_limit_the_best_is_kept() -> None:
    found = calibrate([example([1.0, 2.0], [1]) for _ in range(60)], Given())
    result = Pruner(Given(), found.policy()).prune("what?", Scored([0.2, 0.5, 0.1]))
    assert result.output == (1,)
    assert [unit.reason for unit in result.units] == ["score", "fallback", "score"]


def test_other_scorers_and_closures_are_refused() -> None:
    found = calibrate([example([1.0], [0]) for _ in range(60)], Given())
    found.check(Given())
    policy = found.policy()
    assert Pruner(Given(), policy).prune("what?", Scored([2.0])).output == (0,)
    with pytest.raises(UsageError, match="calibrate anew for the scorer of other parameters") as refusal:
        Pruner(Given(2.0), policy)
    assert refusal.value.what.startswith("the calibration was made for the scorer ")
    for check in (found.check, policy.check_scorer, lambda scorer: Pruner(scorer, policy)):
        with pytest.raises(UsageError, match="calibrate anew for the other scorer"):
            check(Pruner().scorer)
    with pytest.raises(UsageError, match="made for the closure"):
        found.policy(Lucky())


def test_a_limit_that_is_no_number() -> None:
    found = calibrate([example([1.0], [0]) for _ in range(60)], Given())
    with pytest.raises(UsageError, match="limit is nan"):
        CalibratedPolicy(float("nan"), KeepSets(), found.scorer)


def test_the_data_fingerprint() -> None:
    def sample(query="what?", needed=(0,), group="a", text="x", n=60):
        return [CalibrationExample(query, Scored([1.0], [Unit(text)]), needed, group) for _ in range(n)]

    variants = [{}, {"query": "who?"}, {"needed": ()}, {"group": "b"}, {"text": "y"}, {"n": 61}]
    assert len({calibrate(sample(**words), Given()).data for words in variants}) == len(variants)
    assert calibrate(sample(), Given()).data == calibrate(sample(), Given()).data


def test_passages_with_a_registered_scorer() -> None:
    texts = [f"The tower of {name} is old. It rains. The river is long." for name in ("Paris", "Rome", "Łódź")]
    sample = [CalibrationExample("How old is the tower?", Passage(text), [0], text[13:17]) for text in texts * 20]
    scorer = Pruner().scorer
    found = calibrate(sample, scorer, sets=KeepSets("relative.v1"))
    assert found.kept_share == pytest.approx(1 / 3)
    assert Pruner(scorer, found.policy()).prune("How old is the tower?", Passage(texts[0])).output == texts[0][:26]
    assert isinstance(found, Calibration)

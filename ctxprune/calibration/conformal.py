"""Keep sets with a guarantee: name a risk, get the smallest nested keep set that holds it on exchangeable data.

    calibration = calibrate(examples, scorer, risk=0.02)
    calibration.save("calibration.json")
    Pruner(scorer, Calibration.load("calibration.json").policy())

What is chosen is one limit for `KeepSets`: as high as the losses of the examples allow (`ctxprune.calibration.risk`
names the papers). Closures that add connecting units can make the loss non-monotone in the limit; the loss at a limit
is therefore the maximum over this and all lower limits.

The promise is about examples exchangeable with those given. With `by="question"` these are further questions of the
same mix of groups (databases, documents); with `by="group"` they are questions of groups not seen before, which takes
many groups. Between them stands `by="left_out"`: the promise of "question", and the limit is lowered until groups left
out one at a time, at the limits that the others give, lose no more than the risk either. For new groups that is an
estimate and no bound.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.calibration.keep_sets import KeepSets
from ctxprune.calibration.loss_steps import By, Goal, Loss, LossSteps
from ctxprune.calibration.risk import count_fewest, prove_risk
from ctxprune.calibration.stored import Calibration
from ctxprune.errors import UsageError
from ctxprune.policies.selection import Request
from ctxprune.scorers.base import score_batch
from ctxprune.utils.fingerprint import identity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer
    from ctxprune.utils.fingerprint import Identity

__all__ = ["Calibration", "CalibrationExample", "CalibrationPool", "calibrate"]


@dataclass(frozen=True)
class CalibrationExample:
    """A question with a context and the units that it needs.

    Attributes:
        query: The question.
        context: What is pruned.
        needed: Indices of the units that must not be lost; none for a question that needs nothing.
        group: What the question shares with others (its database, its document); "" if groups play no part.
    """

    query: str
    context: Context[Any]
    needed: Collection[int]
    group: str = ""


def calibrate(
    examples: Iterable[CalibrationExample],
    scorer: Scorer,
    *,
    risk: float = 0.02,
    loss: Loss = "strict",
    by: By = "left_out",
    confidence: float | None = None,
    sets: KeepSets | None = None,
) -> Calibration:
    """The smallest keep set that holds `risk`; to try several risks, score once with `CalibrationPool`.

    Args:
        examples: Labelled questions that neither the scorer nor anything else was fitted to.
        scorer: Gives the scores that the keep sets are made of.
        risk: Highest expected loss, over 0 and under 1.
        loss: "strict": 1 where any needed unit is dropped, else 0; "recall": the share of the needed units dropped.
        by: "question": every question counts alike; "left_out": the same, with regard to groups not seen before as far
            as the data allow; "group": every group counts alike, whatever its questions.
        confidence: None for a bound on the mean over calibrations, else the chance that this one holds the risk.
        sets: How a limit becomes a keep set; default `KeepSets()`, for schemas KeepSets(closure=JoinablePolicy()).

    Raises:
        UsageError: An argument out of its range, too few examples (or groups) for the risk, needed units that do not
            exist, a scorer that cannot be fingerprinted or breaks its contract.
    """
    pool = CalibrationPool.score(examples, scorer, sets=sets)
    return pool.calibrate(risk=risk, loss=loss, by=by, confidence=confidence)


@dataclass(frozen=True, eq=False)
class _Scored:
    """An example with its scores, and the steps of its loss."""

    example: CalibrationExample
    scores: Scores
    levels: NDArray[np.float64]
    sets: KeepSets
    needed: NDArray[np.intp]
    _steps: dict[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    _shares: dict[int, tuple[float, float]] = field(default_factory=dict)

    def kept(self, limit: float) -> NDArray[np.bool_]:
        """bool (n_units,)."""
        # Closures have no budget (`KeepSets` sees to that), so that no unit needs a price.
        tokens = np.zeros(len(self.levels), dtype=np.int64)
        request = Request(self.example.query, self.example.context, self.scores, tokens)
        return self.sets.close(self.levels >= limit, request).kept

    def _shares_at(self, limit: float) -> tuple[float, float]:
        """Shares of the needed units and of the leaves that are kept; remembered by the number of chosen units, which
        says which ones they are."""
        count = int((self.levels >= limit).sum())
        if count not in self._shares:
            kept = self.kept(limit)
            self._shares[count] = _mean_or_one(kept[self.needed]), _mean_or_one(kept[self.leaves])
        return self._shares[count]

    def loss_of(self, limit: float, loss: Loss) -> float:
        if not self.needed.size:
            return 0.0
        lost = 1.0 - self._shares_at(limit)[0]
        return float(lost > 0) if loss == "strict" else lost

    def steps(self, loss: Loss) -> tuple[tuple[float, float], ...]:
        """(limit, growth) pairs from low limits to high: above the limit, the worst loss so far is greater by that."""
        if loss not in self._steps:
            self._steps[loss] = tuple(self._find_steps(loss))
        return self._steps[loss]

    def _find_steps(self, loss: Loss) -> list[tuple[float, float]]:
        if not self.needed.size:
            return []
        lowest = float(self.levels[self.needed].min())  # up to here every needed unit is chosen by itself
        limits = [lowest, *np.unique(self.levels[self.levels > lowest]).tolist(), np.inf]
        steps, worst = [], 0.0
        for limit, above in pairwise(limits):
            # The loss between two levels is that of the upper one, since limits in between choose the same units.
            now = self.loss_of(above, loss)
            # The worst so far, not the loss itself: closures may make it fall again, and the proof needs it to rise
            # only.
            if now > worst:
                steps.append((limit, now - worst))
                worst = now
            if worst >= 1.0:
                break
        return steps

    def kept_share(self, limit: float) -> float:
        """Share of the leaves (units that no other hangs from) that are kept: columns of a schema, sentences."""
        return self._shares_at(limit)[1]

    @cached_property
    def leaves(self) -> NDArray[np.intp]:
        parents = {unit.parent for unit in self.example.context.units}
        return np.array([index for index in range(len(self.levels)) if index not in parents], dtype=np.intp)

    @cached_property
    def digest(self) -> bytes:
        example = self.example
        texts = [unit.text for unit in example.context.units]
        # Scores are left out: the digest says which examples were used, whatever scored them.
        data = json.dumps([example.query, example.group, texts, self.needed.tolist()])
        return hashlib.sha256(data.encode()).digest()


@dataclass(frozen=True, eq=False)
class CalibrationPool:
    """Scored examples, to be calibrated on for any number of risks; make it with `score`."""

    scored: tuple[_Scored, ...]
    sets: KeepSets
    scorer: Identity

    @classmethod
    def score(
        cls, examples: Iterable[CalibrationExample], scorer: Scorer, *, sets: KeepSets | None = None
    ) -> CalibrationPool:
        """Score every example; arguments and errors as in `calibrate`."""
        sets = KeepSets() if sets is None else sets
        who = identity(scorer)
        found = tuple(examples)
        lists = score_batch(scorer, [item.query for item in found], [item.context for item in found])
        return cls(
            tuple(
                _Scored(item, scores, sets.levels(scores), sets, _check_needed(item))
                for item, scores in zip(found, lists, strict=True)
            ),
            sets,
            who,
        )

    def __len__(self) -> int:
        return len(self.scored)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of each example."""
        return tuple(item.example.group for item in self.scored)

    @property
    def fingerprint(self) -> str:
        """sha256 (first 16 hex digits) over questions, groups, units and labels, in order."""
        digest = hashlib.sha256()
        for item in self.scored:
            digest.update(item.digest)
        return digest.hexdigest()[:16]

    def subset(self, indices: Iterable[int]) -> CalibrationPool:
        """The same pool with only these examples."""
        return CalibrationPool(tuple(self.scored[index] for index in indices), self.sets, self.scorer)

    def measured(self, measure: str) -> CalibrationPool:
        """The same scores under another measure.

        Raises:
            UnknownNameError: No measure has that name.
        """
        sets = KeepSets(measure, self.sets.closure)
        return CalibrationPool(
            tuple(_Scored(one.example, one.scores, sets.levels(one.scores), sets, one.needed) for one in self.scored),
            sets,
            self.scorer,
        )

    def losses(self, limit: float, loss: Loss = "strict") -> NDArray[np.float64]:
        """float64 (n_examples,): what each example loses at a limit."""
        return np.array([item.loss_of(limit, loss) for item in self.scored], dtype=np.float64)

    def kept_shares(self, limit: float) -> NDArray[np.float64]:
        """float64 (n_examples,): share of the leaves of each context that is kept at a limit."""
        return np.array([item.kept_share(limit) for item in self.scored], dtype=np.float64)

    def calibrate(
        self, *, risk: float = 0.02, loss: Loss = "strict", by: By = "left_out", confidence: float | None = None
    ) -> Calibration:
        """See the function `calibrate`."""
        goal = Goal(risk, loss, by, confidence)
        self._check(goal)
        steps, ceiling = (
            LossSteps.read(self.groups, [item.steps(loss) for item in self.scored], goal),
            self._find_ceiling(),
        )
        n, groups = steps.count(by), set(self.groups) - {""}
        # With a single group nothing can be left out; the plain promise is all that there is.
        inner = steps.careful(goal, ceiling) if by == "left_out" and len(groups) > 1 else goal
        limit, total = steps.highest(inner, n, ceiling)
        return Calibration(
            limit=limit,
            risk=risk,
            bound=prove_risk(total, n, confidence, whole=goal.whole),
            loss=loss,
            by=by,
            confidence=confidence,
            seen=total / n,
            left_out=steps.left_out(inner, ceiling) if len(groups) > 1 else None,
            n=len(self),
            groups=len(groups),
            kept_share=float(self.kept_shares(limit).mean()),
            measure=self.sets.measure,
            scorer=self.scorer,
            closure=identity(self.sets.closure),
            data=self.fingerprint,
        )

    def _check(self, goal: Goal) -> None:
        """Raise UsageError where the pool cannot hold the risk, however little it loses."""
        for item in self.scored if goal.by == "group" else ():
            if not item.example.group:
                raise UsageError(
                    "a question has no group", where=item.example.query[:80], hint="name the group of each"
                )
        n, noun = (len(set(self.groups)), "groups") if goal.by == "group" else (len(self), "questions")
        least = count_fewest(goal.risk, goal.confidence)
        if n < max(least, 1):
            raise UsageError(
                f"a risk of {goal.risk:g} cannot be promised from {n} {noun}",
                hint=f"give at least {max(least, 1)}, or allow more risk",
            )

    def _find_ceiling(self) -> float:
        """Above the level of every unit: nothing is chosen."""
        tops = [float(item.levels.max()) for item in self.scored if item.levels.size]
        return float(np.nextafter(max(tops, default=0.0), np.inf))


def _mean_or_one(kept: NDArray[np.bool_]) -> float:
    return float(kept.mean()) if kept.size else 1.0


def _check_needed(example: CalibrationExample) -> NDArray[np.intp]:
    size = len(example.context.units)
    for index in example.needed:
        if not isinstance(index, (int, np.integer)) or isinstance(index, bool) or not 0 <= index < size:
            raise UsageError(
                f"the needed unit {index!r} does not exist",
                where=example.query[:80],
                hint=f"give indices from 0 to {size - 1}",
            )
    return np.array(sorted(set(example.needed)), dtype=np.intp)

"""Making the scores of different scorers comparable: from scores to numbers between 0 and 1.

`RankScale` needs nothing and compares by place; `LogisticScale` gives probabilities and is fitted on labelled examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.base import score_batch
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ctxprune.calibration.conformal import CalibrationExample
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer

__all__ = ["IdentityScale", "LogisticScale", "RankScale", "Scale", "fit_scale"]

_STEPS = 100
_SMALL = 1e-9


@runtime_checkable
class Scale(Protocol):
    """Maps the scores of one context to what can be compared with those of another."""

    def __call__(self, scores: Scores) -> NDArray[np.float64]:
        """float64 (n_units,), 0 to 1, from float32 (n_units,); a higher score never gives less."""
        ...


@dataclass(frozen=True)
class RankScale:
    """(lower + 1) / (n + 1), `lower` being the units of the context that score less; over 0 and under 1.

    Units that score alike share the worst of their places, so that a scorer that says nothing of a context lifts none
    of it. How relevant a context is as a whole is not seen: the best unit of each comes near 1.

    Examples:
        ```python
        from ctxprune import BudgetPart, ContextBudget, Passages, RankScale

        part = BudgetPart(
            Passages(["It opened in 1933."]), scorer="lexical", scale=RankScale()
        )
        print(ContextBudget(20).prune("When did it open?", {"texts": part}).outputs)
        ```
    """

    def __call__(self, scores: Scores) -> NDArray[np.float64]:
        """See `Scale`."""
        lower = np.searchsorted(np.sort(scores), scores, side="left")
        return np.asarray((lower + 1) / (len(scores) + 1), dtype=np.float64)


@dataclass(frozen=True)
class IdentityScale:
    """The scores themselves, cut to 0..1; for scorers that give probabilities.

    Examples:
        ```python
        import numpy as np

        from ctxprune import IdentityScale

        print(IdentityScale()(np.asarray([-0.2, 0.5, 1.3], dtype=np.float32)))
        # [0.  0.5 1. ]
        ```
    """

    def __call__(self, scores: Scores) -> NDArray[np.float64]:
        """See `Scale`."""
        return np.clip(scores.astype(np.float64), 0.0, 1.0)


@dataclass(frozen=True)
class LogisticScale:
    """Chance that a unit is needed: 1 / (1 + exp(-(slope * score + offset))). Made by `fit_scale`.

    Attributes:
        slope: Over 0.
        offset: Any finite number.

    Raises:
        UsageError: An argument is out of its range.
    """

    slope: float
    offset: float

    def __post_init__(self) -> None:
        if not is_number(self.slope) or self.slope <= 0:
            raise UsageError(f"slope is {self.slope!r}", hint="give a number over 0")
        if not is_number(self.offset):
            raise UsageError(f"offset is {self.offset!r}", hint="give a finite number")

    def __call__(self, scores: Scores) -> NDArray[np.float64]:
        """See `Scale`."""
        return _sigmoid(self.slope * scores.astype(np.float64) + self.offset)


def fit_scale(examples: Iterable[CalibrationExample], scorer: Scorer) -> LogisticScale:
    """The probabilities that `scorer`'s scores stand for, from labelled examples.

    Maximum likelihood with Platt's smoothed targets (Platt 1999; Newton's method as Lin, Lin and Weng 2007).

    Raises:
        UsageError: No needed unit or no other one among the examples, or scores that do not rise with the need.

    Examples:
        ```python
        from ctxprune import (
            CalibrationExample,
            LexicalScorer,
            LogisticScale,
            Passage,
            fit_scale,
        )

        text = Passage("The bridge did open in 1933. Cats sleep. The ferry is old.")
        examples = [CalibrationExample("When did the bridge open?", text, needed=[0])]
        scale = fit_scale(examples, LexicalScorer())
        print(isinstance(scale, LogisticScale), scale.slope > 0)  # True True
        ```
    """
    found = list(examples)
    lists = score_batch(scorer, [item.query for item in found], [item.context for item in found])
    labels = [np.isin(np.arange(len(s)), list(item.needed)) for s, item in zip(lists, found, strict=True)]
    scores = np.concatenate([np.zeros(0), *lists]).astype(np.float64)
    needed = np.concatenate([np.zeros(0, dtype=np.bool_), *labels])
    positive, negative = int(needed.sum()), int((~needed).sum())
    if not positive or not negative:
        raise UsageError(f"{positive} needed and {negative} other units are no examples", hint="give some of each")
    # Platt's smoothing: labels of 0 and 1 would drive the slope to infinity on separable examples.
    targets = np.where(needed, (positive + 1) / (positive + 2), 1 / (negative + 2))
    slope, offset = _fit_logistic(scores, targets)
    if slope <= 0:
        raise UsageError("the scores do not rise with the need for a unit", where=type(scorer).__name__)
    return LogisticScale(slope, offset)


def _fit_logistic(scores: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset of least cross-entropy; scores are standardised meanwhile, so that steps are well scaled."""
    mean, spread = float(scores.mean()), float(scores.std()) or 1.0
    inputs = np.stack([(scores - mean) / spread, np.ones_like(scores)])
    rate = float(targets.mean())
    weights = np.array([0.0, np.log(rate / (1 - rate))])
    loss = _cross_entropy(weights, inputs, targets)
    for _ in range(_STEPS):
        chances = _sigmoid(weights @ inputs)
        gradient = inputs @ (chances - targets)
        # A ridge of 1e-9 keeps the system solvable where all chances are 0 or 1.
        curvature = (inputs * (chances * (1 - chances))) @ inputs.T + _SMALL * np.eye(2)
        step, share = np.linalg.solve(curvature, gradient), 1.0
        # Newton's full step overshoots far from the optimum; halved until it gains.
        while (lower := _cross_entropy(weights - share * step, inputs, targets)) > loss and share > _SMALL:
            share /= 2
        if loss - lower < _SMALL:
            break
        weights, loss = weights - share * step, lower
    slope = float(weights[0] / spread)
    return slope, float(weights[1] - slope * mean)


def _cross_entropy(weights: NDArray[np.float64], inputs: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    values = weights @ inputs
    return float((np.logaddexp(0, values) - targets * values).sum())


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    chances: NDArray[np.float64] = np.exp(-np.logaddexp(0, -values))
    return chances

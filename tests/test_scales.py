"""Scales: from scores to what can be compared."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import CalibrationExample, IdentityScale, LogisticScale, RankScale, Unit, fit_scale
from ctxprune.errors import UsageError

SCORES = st.lists(st.floats(-100, 100, width=32), max_size=20).map(lambda found: np.asarray(found, dtype=np.float32))


class Row:
    def __init__(self, values) -> None:
        self.units = tuple(Unit(str(value)) for value in values)

    def render(self, kept):
        return tuple(kept)


class Reading:
    """Scores a unit by the number it holds."""

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def score(self, query, context):
        return np.asarray([self.sign * float(unit.text) for unit in context.units], dtype=np.float32)


@pytest.mark.parametrize("scale", [RankScale(), IdentityScale(), LogisticScale(2.0, -1.0)])
@given(scores=SCORES)
def test_values_are_from_0_to_1_and_never_fall_with_the_score(scale, scores) -> None:
    values = scale(scores)
    assert values.shape == scores.shape
    assert values.dtype == np.float64
    assert ((values >= 0) & (values <= 1)).all()
    ordered = values[np.argsort(scores, kind="stable")]
    assert (np.diff(ordered) >= 0).all()


def test_units_that_score_alike_share_the_worst_place() -> None:
    assert RankScale()(np.asarray([3, 1, 1, 2], dtype=np.float32)).tolist() == [0.8, 0.2, 0.2, 0.6]
    assert RankScale()(np.zeros(3, dtype=np.float32)).tolist() == [0.25] * 3
    assert RankScale()(np.zeros(1, dtype=np.float32)).tolist() == [0.5]
    assert RankScale()(np.zeros(0, dtype=np.float32)).tolist() == []


def examples(rng: random.Random, count: int, slope: float, offset: float) -> list[CalibrationExample]:
    found = []
    for _ in range(count):
        values = [round(rng.uniform(-3, 3), 3) for _ in range(20)]
        needed = [i for i, value in enumerate(values) if rng.random() < 1 / (1 + np.exp(-(slope * value + offset)))]
        found.append(CalibrationExample("q", Row(values), needed))
    return found


def test_a_fitted_scale_gives_the_chances_that_made_the_labels() -> None:
    rng = random.Random(0)
    scale = fit_scale(examples(rng, 1000, 1.7, -2.0), Reading())
    assert scale.slope == pytest.approx(1.7, abs=0.15)
    assert scale.offset == pytest.approx(-2.0, abs=0.15)
    fresh = examples(rng, 1000, 1.7, -2.0)
    chances = np.concatenate([scale(Reading().score("q", item.context)) for item in fresh])
    labels = np.concatenate([np.isin(np.arange(20), item.needed) for item in fresh])
    bins = np.digitize(chances, np.linspace(0, 1, 11))
    gaps = [abs(chances[bins == b].mean() - labels[bins == b].mean()) * (bins == b).mean() for b in set(bins)]
    assert sum(gaps) < 0.02


def test_separable_examples_and_large_scores_still_fit() -> None:
    scale = fit_scale([CalibrationExample("q", Row([1000, 1001, 1002, 1003]), [2, 3])], Reading())
    values = scale(np.asarray([1000, 1003], dtype=np.float32))
    assert values[0] < 0.5 < values[1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogisticScale(0, 1), "slope is 0"),
        (lambda: LogisticScale(1, float("nan")), "offset is nan"),
        (lambda: fit_scale([], Reading()), "0 needed and 0 other units"),
        (lambda: fit_scale([CalibrationExample("q", Row([1]), [0])], Reading()), "1 needed and 0 other"),
        (lambda: fit_scale([CalibrationExample("q", Row([1, 2]), [1])], Reading(-1)), "do not rise"),
        (lambda: fit_scale([CalibrationExample("q", Row([1, 1]), [1])], Reading()), "do not rise"),
    ],
)
def test_arguments_are_checked(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()

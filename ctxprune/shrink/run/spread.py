"""How much the quality after a recipe depends on which calibration data it happened to get.

Williams and Aletras, How Does Calibration Data Affect the Post-training Pruning and Quantization of Large Language
Models?, ACL 2024: samples of one source differ, too, so that one run is no comparison; report several.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.shrink.run.trial import run_trial
from ctxprune.shrink.select.base import group_numbers, rebatch
from ctxprune.shrink.select.random import Random

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.shrink.model.cost import Target
    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch
    from ctxprune.shrink.recipes.recipe import Recipe
    from ctxprune.shrink.run.trial import Effort

__all__ = ["check_samples", "measure_spread"]

_SHARE = 0.5  # of the questions in a sample: two samples then differ by half of what they hold


def check_samples(subject: Subject, samples: int, *, vocabulary: int | None = None) -> None:
    """Refuse, before hours of work, what no spread can be measured of.

    Raises:
        UsageError: There are fewer than two samples, rows of the data cannot go one by one, or a vocabulary is cut,
            which is chosen on all of the data.
    """
    if vocabulary is not None:
        raise UsageError("samples are of a model with its whole vocabulary", hint="cut the vocabulary in a run before")
    if samples < 2:
        raise UsageError(f"samples is {samples}", hint="give 2 or more, better 5")
    group_numbers(subject)


def measure_spread(
    subject: Subject, recipe: Recipe, target: Target, reported: Sequence[Batch], *, samples: int, effort: Effort
) -> dict[str, Any]:
    """The qualities on `reported` after the recipe on random halves of the calibration data, each with its own seed.

    Gives plain values: `qualities`, their `mean`, standard `deviation`, and the `share` of the questions in a sample.
    """
    found = []
    for number in range(1, samples + 1):
        part = replace(subject, seed=subject.seed + number)
        part = replace(part, calibration=rebatch(subject.calibration, Random()(part, _SHARE)))
        found.append(run_trial(part, recipe, target, reported, effort=effort).figures.quality)
    return {"qualities": found, "mean": fmean(found), "deviation": stdev(found), "share": _SHARE}

"""How much the quality after a recipe depends on which calibration data it happened to get.

Williams and Aletras, How Does Calibration Data Affect the Post-training Pruning and Quantization of Large Language
Models?, ACL 2024: samples of one source differ, too, so that one run is no comparison; report several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.run.estimate import OutOfTimeError, stop_after
from ctxprune.shrink.run.trial import Trial
from ctxprune.shrink.select.base import group_numbers, rebatch
from ctxprune.shrink.select.random import Random

_SHARE = 0.5  # of the questions in a sample: two samples then differ by half of what they hold


def check_samples(subject: Subject, samples: int, *, vocabulary: int | None = None) -> None:
    """Refuse, before hours of work, what no spread can be measured of.

    A vocabulary is chosen on all of the data; and rows of the data have to go one by one.
    """
    if vocabulary is not None:
        raise UsageError("samples are of a model with its whole vocabulary", hint="cut the vocabulary in a run before")
    if samples < 2:
        raise UsageError(f"samples is {samples}", hint="give 2 or more, better 5")
    group_numbers(subject)


def measure_spread(
    subject: Subject, run: Callable[[Subject], Trial], *, samples: int, seconds: float | None = None
) -> dict[str, Any]:
    """The qualities of trials on random halves of the calibration data, each with its own seed.

    Gives plain values: `qualities`, as many of the `asked` ones as were done within the limit of `seconds` for all, of
    which one that is cut does not count; of two or more their `mean` and standard `deviation`; and the `share` of the
    questions in a sample.
    """
    found: list[float] = []
    try:
        with stop_after(seconds):
            for number in range(1, samples + 1):
                part = replace(subject, seed=subject.seed + number)
                part = replace(part, calibration=rebatch(subject.calibration, Random()(part, _SHARE)))
                found.append(run(part).figures.quality)
    except OutOfTimeError:
        pass  # the caller sees how many were done
    middle = {"mean": fmean(found), "deviation": stdev(found)} if len(found) > 1 else {}
    return {"qualities": found, "asked": samples, **middle, "share": _SHARE}

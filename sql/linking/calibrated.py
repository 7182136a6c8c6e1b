"""Linkers with a calibrated policy in place of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.calibration.keep_sets import Closing, KeepSets
from ctxprune.errors import CtxpruneError, UsageError
from ctxprune.utils.fingerprint import class_name

from .base import LINKERS
from .scored import ScoredLinker

if TYPE_CHECKING:
    from ctxprune.calibration.stored import Calibration

    from .base import Linker

__all__ = ["calibrated", "calibrated_linker", "keep_sets"]


def keep_sets(linker: Linker, *, measure: str = KeepSets.measure) -> KeepSets:
    """The nested keep sets that a linker's closure makes.

    Raises:
        UsageError: The linker has no scorer, or its policy cannot close.
        UnknownNameError: No measure has that name.
    """
    return KeepSets(measure, _closure(_scored(linker)))


def calibrated(linker: Linker, calibration: Calibration) -> ScoredLinker:
    """`linker` with the keep sets of `calibration`.

    Raises:
        UsageError: The calibration was made for another scorer, other weights, or another closure; or as `keep_sets`.
    """
    scored = _scored(linker)
    calibration.check(scored.scorer)
    return replace(scored, policy=calibration.policy(_closure(scored)))


def calibrated_linker(calibration: Calibration) -> ScoredLinker:
    """The registered linker that the calibration was made for.

    Raises:
        UsageError: There is none, or it has other weights by now.
    """
    for name in LINKERS.names():
        try:
            linker = LINKERS.get(name)()
        except (CtxpruneError, TypeError):  # needs an extra, or more than its name
            continue
        if isinstance(linker, ScoredLinker) and class_name(linker.scorer) == calibration.scorer.name:
            return calibrated(linker, calibration)
    raise UsageError(
        f"the calibration was made for {calibration.scorer}, which no registered linker uses",
        hint=f"linkers: {', '.join(LINKERS.names())}",
    )


def _scored(linker: Linker) -> ScoredLinker:
    if not isinstance(linker, ScoredLinker):
        raise _unfit(linker)
    return linker


def _closure(linker: ScoredLinker) -> Closing:
    if not isinstance(linker.policy, Closing):
        raise _unfit(linker)
    return linker.policy


def _unfit(linker: Linker) -> UsageError:
    hint = "name a linker made of a scorer and a policy, such as ranked"
    return UsageError(f"a {type(linker).__name__} cannot be calibrated", hint=hint)

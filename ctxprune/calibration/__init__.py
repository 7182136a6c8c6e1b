"""Calibration: keep sets with a guarantee, scales that make scores comparable, and how both are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.calibration.conformal import CalibrationExample, CalibrationPool, calibrate
    from ctxprune.calibration.keep_sets import CalibratedPolicy, KeepSets
    from ctxprune.calibration.measures import MEASURES
    from ctxprune.calibration.scales import IdentityScale, LogisticScale, RankScale, Scale, fit_scale
    from ctxprune.calibration.stored import Calibration

__all__ = [
    "MEASURES",
    "CalibratedPolicy",
    "Calibration",
    "CalibrationExample",
    "CalibrationPool",
    "IdentityScale",
    "KeepSets",
    "LogisticScale",
    "RankScale",
    "Scale",
    "calibrate",
    "fit_scale",
]

_HOMES = {
    "MEASURES": "measures",
    "CalibratedPolicy": "keep_sets",
    "Calibration": "stored",
    "CalibrationExample": "conformal",
    "CalibrationPool": "conformal",
    "IdentityScale": "scales",
    "KeepSets": "keep_sets",
    "LogisticScale": "scales",
    "RankScale": "scales",
    "Scale": "scales",
    "calibrate": "conformal",
    "fit_scale": "scales",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)

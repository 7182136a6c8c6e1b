"""One entry for every press and wrapper, with options that make small contexts interesting."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ctxprune.kv import QFilter, QFilters, Thresholds
from ctxprune.kv.gates.gates import Gates
from ctxprune.kv.presses.registry import PRESSES, WRAPPERS


@dataclass(frozen=True)
class AnyFilters(QFilter):
    """Q-Filters with random filters of whatever model it meets: the matrix builds presses before there is a model."""

    def score(self, view):
        shape = (view.layers, view.kv_heads, view.head_dim)
        filters = QFilters(torch.randn(shape, generator=torch.Generator().manual_seed(5)))
        return super(AnyFilters, replace(self, filters=filters)).score(view)


def any_thresholds() -> Thresholds:
    """Thresholds that fit every tiny decoder, calibrated on made-up margins of attention."""
    made = Thresholds(range(3))
    made.calibrate([torch.linspace(-4.6, 1.5, 512)])
    return made


STAND_INS = {"qfilter.v1": AnyFilters}
OPTIONS = {
    "kvzip.v1": {"chunk": 25, "lead": 3, "prompt": (5, 6)},
    "lagkv.v1": {"lag": 12},
    "learned_drop.v1": {"gates": Gates(range(3), 48, bias=0.5)},  # random gates that fit every tiny decoder
    "pyramidkv.v1": {"window": 8},
    "simlayerkv.v1": {"threshold": 0.27, "last": 4},
    "snapkv.v1": {"window": 8},
}
WRAPPER_OPTIONS = {
    "byte_budget.v1": lambda ratio: {"nbytes": int(34_000 * (1 - ratio)) + 8_000},
    "learned_threshold.v1": lambda _: {"thresholds": any_thresholds()},
    "per_layer.v1": lambda ratio: {"ratios": (ratio * 0.5, (1 + ratio) / 2)},
    "think.v1": lambda _: {"window": 8},
    "token_budget.v1": lambda ratio: {"tokens": int(60 * (1 - ratio))},
}


def presses(ratio: float):
    """Every registered press at a ratio, by name."""
    return {
        name: STAND_INS.get(name, PRESSES.get(name))(ratio=ratio, **OPTIONS.get(name, {})) for name in PRESSES.names()
    }


def wrapped(ratio: float):
    """Every registered wrapper around SnapKV at a ratio, by name; Composed puts key norms behind it."""
    inner = presses(ratio)["snapkv.v1"]
    made = {}
    for name in WRAPPERS.names():
        kind = WRAPPERS.get(name)
        if name == "composed.v1":
            made[name] = kind((inner, presses(ratio / 2)["knorm.v1"]))
        else:
            made[name] = kind(inner, **WRAPPER_OPTIONS.get(name, lambda _: {})(ratio))
    return made


NAMES = [*PRESSES.names(), *WRAPPERS.names()]


def every(ratio: float):
    """Presses and wrapped presses by name."""
    return {**presses(ratio), **wrapped(ratio)}

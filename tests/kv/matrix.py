"""One entry for every press and wrapper, with options that make small contexts interesting."""

from __future__ import annotations

from ctxprune.kv.names import PRESSES, WRAPPERS

OPTIONS = {
    "snapkv.v1": {"window": 8},
}


def presses(ratio: float):
    """Every registered press at a ratio, by name."""
    return {name: PRESSES.get(name)(ratio=ratio, **OPTIONS.get(name, {})) for name in PRESSES.names()}


def wrapped(ratio: float):
    """Every registered wrapper around a press it can wrap, at a ratio, by name."""
    made = {}
    for name in WRAPPERS.names():
        kind = WRAPPERS.get(name)
        made[name] = kind.example(ratio) if hasattr(kind, "example") else kind(presses(ratio)["snapkv.v1"])
    return made


NAMES = [*PRESSES.names(), *WRAPPERS.names()]


def every(ratio: float):
    """Presses and wrapped presses by name."""
    return {**presses(ratio), **wrapped(ratio)}

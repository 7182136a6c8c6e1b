"""Targets as people write them: "latency=0.5", "latency=40ms", "bytes=20MB"; nothing here imports torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ctxprune.errors import UsageError

MEASURES: Mapping[str, str] = {
    "bytes": "bytes of the weights",
    "deltas": "weights of the layers' matrices that differ from the base model's",
    "flops": "multiply-adds of the layers for 128 tokens",
    "latency": "measured time of 10 pairs of 200 tokens, one thread",
    "parameters": "parameters, embeddings included",
    "values": "different values in the layers' matrices",
    "weights": "weights of the layers' matrices that are not zero",
}
"""What can be wanted less of."""

_UNITS: Mapping[str, Mapping[str, float]] = {
    "bytes": {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30},
    "latency": {"ms": 1, "s": 1e3},
}
_COUNTS: Mapping[str, float] = {"k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9}
_LEAST = 1000  # no model is so small or fast that an amount without a unit is meant
_VALUE = re.compile(r"([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-z]*|%)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RequestedTarget:
    """A target as the user gave it.

    Attributes:
        measure: One of `MEASURES`.
        value: A share of what the model has now, or so many milliseconds, bytes, parameters.
        absolute: Which of the two.
    """

    measure: str
    value: float
    absolute: bool = False

    def share(self, now: float) -> float:
        """As a share of what the model has now, above 0 and under 1; refused where the model meets it as it is."""
        share = self.value / now if self.absolute else self.value
        if share >= 1:
            raise UsageError(
                f"the model meets the target as it is: it has {now:,.4g} {self.unit} and {self.value:,.4g} are wanted",
                hint="ask for less",
            )
        return share

    @property
    def unit(self) -> str:
        """What absolute values are counted in."""
        return {"latency": "ms", "bytes": "bytes"}.get(self.measure, self.measure)


def read_target(text: str) -> RequestedTarget:
    """A target from "measure=value": a share such as 0.25 or 25%, or a number with a unit.

    Units are ms and s of latency, B, KB, MB, GB of bytes, k, M, G of what is counted. A number without a unit
    is a share under 1, or absolute from 1,000 up.

    Raises:
        UsageError: It is none; the message says what is wrong.
    """
    measure, sign, rest = text.partition("=")
    measure = measure.strip().lower()
    if measure not in MEASURES or not sign:
        raise UsageError(f"the target is {text!r}", hint=f"give MEASURE=VALUE, with one of {', '.join(MEASURES)}")
    found = _VALUE.fullmatch(rest.strip())
    units = _UNITS.get(measure, _COUNTS)
    unit = found[2].lower() if found else ""
    what = f"the target's value is {rest!r}"
    if not found or (unit and unit != "%" and unit not in units):
        raise UsageError(what, hint=f"a share such as 0.5, or a number in {', '.join(units)}")
    value = float(found[1]) * (0.01 if unit == "%" else units.get(unit, 1))
    absolute = unit != "%" and (unit != "" or value >= 1)
    if not unit and 1 <= value < _LEAST:
        raise UsageError(what, hint=f"a share is under 1, an amount has a unit: {', '.join(units)}")
    if value <= 0 or (not absolute and value >= 1):
        raise UsageError(what, hint="above 0, and under 1 if it is a share")
    return RequestedTarget(measure, value, absolute)

"""Two runs over the same items: who is better, and is it more than chance."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.storage.sealed import parse_json
from ctxprune.utils.metrics import bootstrap_means

from .bird import reward
from .journal import read_log
from .outcome import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["Comparison", "MetricComparison", "compare", "mcnemar", "read_results"]

_METRICS: dict[str, Callable[[Result], float | None]] = {
    "ex": lambda one: float(one.right),
    "soft_f1": lambda one: one.soft_f1,
    "exact_match": lambda one: None if one.exact is None else float(one.exact),
    "r_ves": lambda one: None if one.ratio is None else math.sqrt(reward(one.ratio)),
}


@dataclass(frozen=True)
class MetricComparison:
    """One metric of two runs, in percent of the common items.

    Attributes:
        name: "ex", "soft_f1", "exact_match" or "r_ves".
        a, b: The two means.
        difference: b - a.
        low, high: Interval of the difference: percentiles of the paired bootstrap (items drawn with replacement).
    """

    name: str
    a: float
    b: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two runs over their common items.

    Attributes:
        items: Number of common items.
        left_out: Items that only one of them has.
        metrics: One for each metric that both have; "ex" first.
        both, only_a, only_b, neither: Items by who is right.
        p_value: McNemar's exact two-sided test of `only_a` against `only_b`.
        confidence: Of the intervals, between 0 and 1.
        levels: EX in percent and number of items by level: {level: (items, a, b)}.
        differing: Index, database and predictions of the items on which one is right and the other is not.
    """

    items: int
    left_out: int
    metrics: tuple[MetricComparison, ...]
    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float
    confidence: float
    levels: dict[str, tuple[int, float, float]]
    differing: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe; percentages rounded to two places."""
        return {
            "items": self.items,
            "left_out": self.left_out,
            "confidence": self.confidence,
            "metrics": {
                one.name: {name: round(value, 2) for name, value in asdict(one).items() if name != "name"}
                for one in self.metrics
            },
            "mcnemar": {
                "both": self.both, "only_a": self.only_a, "only_b": self.only_b, "neither": self.neither,
                "p_value": self.p_value,
            },
            "levels": {
                name: {"items": n, "a": round(a, 2), "b": round(b, 2)} for name, (n, a, b) in self.levels.items()
            },
            "differing": list(self.differing),
        }  # fmt: skip


def read_results(path: Path) -> tuple[Result, ...]:
    """Results out of a log, or out of a result document that was written with its items ("verdicts").

    Raises:
        InputError: The file cannot be read, or holds no results of items.
        FormatError: It is a damaged log.
    """
    try:
        document = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the results cannot be read ({error.strerror})", where=str(path)) from error
    except ValueError:
        return read_log(path)[1]
    rows = document.get("verdicts") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        if isinstance(document, dict) and "format" in document:
            return read_log(path)[1]
        raise InputError("no results of items", where=str(path), hint="write them with --json --items, or use the log")
    return tuple(Result.load(row, where=str(path)) for row in rows)


def compare(a: Sequence[Result], b: Sequence[Result], *, confidence: float = 0.95, seed: int = 0) -> Comparison:
    """Compare two runs, item by item.

    Args:
        a, b: Results of two runs over the same set.
        confidence: Of the intervals.
        seed: Of the bootstrap (10,000 draws).

    Raises:
        UsageError: `confidence` is not between 0 and 1, or the runs have no item in common.
    """
    if not 0 < confidence < 1:
        raise UsageError(f"confidence={confidence!r} is not between 0 and 1")
    left, right = {one.index: one for one in a}, {one.index: one for one in b}
    common = [(left[index], right[index]) for index in sorted(left.keys() & right.keys())]
    if not common:
        raise UsageError("the two runs have no item in common")
    # the same index on another database means that two different sets are compared
    wrong = next((one.index for one, other in common if one.db_id != other.db_id), None)
    if wrong is not None:
        raise UsageError(f"item {wrong} is on another database in the other run: these are runs over other sets")
    counts = {(x, y): sum((one.right, other.right) == (x, y) for one, other in common)
              for x in (True, False) for y in (True, False)}  # fmt: skip
    return Comparison(
        items=len(common),
        left_out=len(left.keys() ^ right.keys()),
        metrics=_metrics(common, confidence, seed),
        both=counts[True, True],
        only_a=counts[True, False],
        only_b=counts[False, True],
        neither=counts[False, False],
        p_value=mcnemar(counts[True, False], counts[False, True]),
        confidence=confidence,
        levels=_levels(common),
        differing=tuple(
            {"index": one.index, "db_id": one.db_id, "right": "a" if one.right else "b", "a": one.sql, "b": other.sql}
            for one, other in common
            if one.right != other.right
        ),
    )


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value that two systems are equally often alone in being right; 1.0 where neither ever is."""
    n, least = only_a + only_b, min(only_a, only_b)
    # integers are exact for any number of items; floats would overflow or lose the tail
    tail = ways = 1  # binomial coefficients, each from the one before
    for k in range(least):
        ways = ways * (n - k) // (k + 1)
        tail += ways
    return min(1.0, 2 * tail / (1 << n))


def _metrics(common: Sequence[tuple[Result, Result]], confidence: float, seed: int) -> tuple[MetricComparison, ...]:
    import numpy as np

    found = []
    for name, value in _METRICS.items():
        pairs = [(value(one), value(other)) for one, other in common]
        if all(one is None for one, _ in pairs) or all(other is None for _, other in pairs):
            continue
        # an item without the metric counts 0, as in the report of a run
        table = 100 * np.array([(one or 0.0, other or 0.0) for one, other in pairs], dtype=float)
        gain = table[:, 1] - table[:, 0]
        draws = bootstrap_means(gain, seed)
        low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
        a, b = table.mean(axis=0)
        found.append(MetricComparison(name, float(a), float(b), float(gain.mean()), float(low), float(high)))
    return tuple(found)


def _levels(common: Sequence[tuple[Result, Result]]) -> dict[str, tuple[int, float, float]]:
    from .report import LEVELS

    names = [*LEVELS, *{one.level for one, _ in common if one.level not in LEVELS}]
    found = {}
    for name in names:
        group = [(one, other) for one, other in common if one.level == name]
        if group:
            share = 100 / len(group)
            found[name or "unknown"] = (
                len(group), share * sum(one.right for one, _ in group), share * sum(other.right for _, other in group)
            )  # fmt: skip
    return found

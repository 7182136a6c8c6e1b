"""Figures of a run: the official ones, and what stands beside them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.utils.percent import percent_or_none

from .bird import r_ves, reward
from .exact_match import PARTS
from .hardness import HARDNESS
from .outcome import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LEVELS", "Evaluation"]

LEVELS = ("simple", "moderate", "challenging", *HARDNESS)


@dataclass(frozen=True)
class Evaluation:
    """Results of a run, in the items' order.

    Attributes:
        results: One for each item that was scored.
        counts: `skipped` (items whose database is absent), `unpredicted`, `extra_predictions`.
        run: What the results depend on: set, data, predictions, mode, rule.
    """

    results: tuple[Result, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self, *, items: bool = False) -> dict[str, Any]:
        """All figures, JSON-safe, without times: two runs over the same files give the same bytes.

        `ex`, `soft_f1`, `r_ves` and `exact_match` are in percent of `items`, None where they were not measured;
        `partial` has Spider's accuracy, recall and F1 of each part in percent. `clean` leaves out the items whose
        reference fails. `by_difficulty` (BIRD) or `by_hardness` (Spider) has the same figures by level. `changed`
        lists items whose prediction changes its database: the official script would go on with the changed one.
        `stops` lists items on which it would end; they have a verdict here all the same. With `items`, each result.
        """
        results = self.results
        clean = [one for one in results if not one.gold_error]
        rule = self.run.get("rule", {})
        measured = _Measured.of(results, self.run)
        figures: dict[str, Any] = {
            "set": self.run.get("set", ""),
            "mode": self.run.get("mode", ""),
            "rule": rule.get("name", ""),
            "data": self.run.get("data", ""),
            "predictions": self.run.get("predictions", ""),
            **_figures(results, measured),
            "skipped": self.counts.get("skipped", 0),
            "unpredicted": self.counts.get("unpredicted", 0),
            "extra_predictions": self.counts.get("extra_predictions", 0),
            self._by: {name: _figures(found, measured) for name, found in _by_level(results).items()},
            "clean": {**_figures(clean, measured), "left_out": [one.index for one in results if one.gold_error]},
            "errors": dict(sorted(Counter(one.error for one in results if one.error).items())),
            "changed": [one.index for one in results if one.changed],
            "stops": [one.index for one in results if one.stop],
        }
        return figures | ({"verdicts": [one.document() for one in results]} if items else {})

    @property
    def _by(self) -> str:
        spider = self.run.get("rule", {}).get("name") == "spider"
        return "by_hardness" if spider else "by_difficulty"

    @property
    def seconds(self) -> float:
        """Sum of the items' times."""
        return sum(one.seconds for one in self.results)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Which metrics the run has at all, so that a level on which every item failed has 0 and not nothing."""

    soft: bool
    timed: bool
    matched: bool

    @classmethod
    def of(cls, results: Sequence[Result], run: Mapping[str, Any]) -> _Measured:
        spider = any(one.exact is not None for one in results)
        bird = not run.get("rule", {}).get("bag", spider)
        return cls(bird, any(one.ratio is not None for one in results), spider)


def _figures(results: Sequence[Result], measured: _Measured) -> dict[str, Any]:
    ves = r_ves(reward(one.ratio or 0.0) for one in results) if measured.timed else None
    return {
        "ex": percent_or_none(float(one.right) for one in results),
        "items": len(results),
        "soft_f1": percent_or_none(one.soft_f1 or 0.0 for one in results) if measured.soft else None,
        "r_ves": None if ves is None else round(ves, 2),
        "exact_match": percent_or_none(float(bool(one.exact)) for one in results) if measured.matched else None,
        "partial": {name: _partial(results, name) for name in PARTS} if measured.matched else None,
    }


def _partial(results: Sequence[Result], name: str) -> dict[str, float]:
    """Accuracy over the items whose prediction has the part, recall over those whose reference has it, and their F1.

    As in the official script both are 0 where no item has the part, and F1 is 1 where both are 0.
    """
    parts = [one.parts[name] for one in results if name in one.parts]
    accuracy = _mean([agrees for agrees, predicted, _ in parts if predicted])
    recall = _mean([agrees for agrees, _, gold in parts if gold])
    f1 = 2.0 * accuracy * recall / (recall + accuracy) if accuracy or recall else 1.0
    return {"acc": round(100 * accuracy, 2), "rec": round(100 * recall, 2), "f1": round(100 * f1, 2)}


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _by_level(results: Sequence[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {name: [] for name in LEVELS}
    for one in results:
        found.setdefault(one.level or "unknown", []).append(one)
    return {name: group for name, group in found.items() if group}

"""Confidence against the truth: calibration error, reliability bins and the risk-coverage curve."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BINS", "calibration_error", "coverage_at", "reliability_bins", "risk_coverage"]

BINS = 10


@dataclass(frozen=True, slots=True)
class _Bin:
    """Answers whose confidence lies between `low` and `high`; `confidence` and `right` are means."""

    low: float
    high: float
    items: int
    confidence: float
    right: float


def calibration_error(confidences: Sequence[float], flags: Sequence[bool]) -> float | None:
    """Expected calibration error (ECE), 0..1: the mean distance of confidence and share right over ten equal bins.

    Args:
        confidences: 0..1.
        flags: Whether the answer with that confidence is right.

    Returns:
        None without answers.
    """
    if not flags:
        return None
    bins: dict[int, list[float]] = {}
    for sure, flag in zip(confidences, flags, strict=True):
        bins.setdefault(_bin_of(sure), []).append(flag - sure)
    return sum(abs(sum(gaps)) for gaps in bins.values()) / len(flags)


def reliability_bins(confidences: Sequence[float], flags: Sequence[bool]) -> list[dict[str, Any]]:
    """Number of answers, mean confidence and share right of each bin that has answers; lowest first."""
    rows: dict[int, list[tuple[float, bool]]] = {}
    for pair in zip(confidences, flags, strict=True):
        rows.setdefault(_bin_of(pair[0]), []).append(pair)
    return [
        asdict(
            _Bin(
                place / BINS,
                (place + 1) / BINS,
                len(pairs),
                round(sum(sure for sure, _ in pairs) / len(pairs), 4),
                round(sum(flag for _, flag in pairs) / len(pairs), 4),
            )
        )
        for place, pairs in sorted(rows.items())
    ]


def risk_coverage(confidences: Sequence[float], flags: Sequence[bool], *, questions: int) -> list[dict[str, float]]:
    """The share of questions answered, and the share right among them, for every bar on the confidence.

    Args:
        confidences: Of the questions that have an answer.
        flags: Whether each of these is right.
        questions: All questions, those without an answer too.

    Returns:
        One point a distinct confidence, the highest first: `confidence` (answers at it or above are given), `coverage`
        and `right` in percent.
    """
    ranked = sorted(zip(confidences, flags, strict=True), key=lambda pair: -pair[0])
    points, right = [], 0
    for place, (sure, flag) in enumerate(ranked, start=1):
        right += flag
        # Answers with equal confidence are given together, so a point stands only behind the last of them.
        if place == len(ranked) or ranked[place][0] < sure:
            share = {"coverage": round(100 * place / questions, 2), "right": round(100 * right / place, 2)}
            points.append({"confidence": round(sure, 4), **share})
    return points


def coverage_at(points: Sequence[dict[str, float]], right: float) -> float:
    """The largest coverage of a curve at which at least `right` percent of the answers are right; 0 where none is."""
    return max((point["coverage"] for point in points if point["right"] >= right), default=0.0)


def _bin_of(confidence: float) -> int:
    return min(int(BINS * confidence), BINS - 1)

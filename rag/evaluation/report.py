"""The shape that the reports of all evaluations of this package share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Report", "mean_milliseconds"]


@dataclass(frozen=True, slots=True)
class Report:
    """Base of the reports: frozen dataclasses of plain numbers, and of dicts of them."""

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, in order, ready for JSON."""
        return asdict(self)


def mean_milliseconds(seconds: Sequence[float], digits: int = 3) -> float:
    """Mean of one duration or more, in seconds, as milliseconds."""
    return round(1000 * fmean(seconds), digits)

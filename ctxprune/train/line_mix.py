"""How many lines of each source a mix of given proportions takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.utils.validation import check_range

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["mix_counts", "parse_mix"]

_LONGEST_NAME = 100  # characters of a source in a message


def parse_mix(text: str) -> dict[str, float]:
    """The weights of `NAME=WEIGHT,NAME=WEIGHT`; a name may be empty, for lines without a source, and may hold "=".

    Raises:
        UsageError: A part is none of these, a name comes twice, a weight is negative or not finite, or all are 0.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        name = name.strip()
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not equals or not math.isfinite(weight) or weight < 0:
            hint = "give NAME=WEIGHT,NAME=WEIGHT with weights from 0 up, as wiki=2,web=1"
            raise UsageError(f"mix has {part[:_LONGEST_NAME]!r}", where="--mix", hint=hint)
        if name in found:
            raise UsageError(f"mix names {name[:_LONGEST_NAME]!r} twice", where="--mix")
        found[name] = weight
    if not any(found.values()):
        raise UsageError("all weights of the mix are 0", where="--mix", hint="give one above 0")
    return found


def mix_counts(weights: Mapping[str, float], lines: Mapping[str, int], share: float | None) -> dict[str, int]:
    """Lines to take of each source of the mix, in proportion to the weights by largest remainders.

    Args:
        weights: By source, from 0 up, one above 0.
        lines: How many each source has.
        share: Of all lines, rounded down, 1 at least; None for as many lines as the mix allows.

    Raises:
        UnknownNameError: There is no such source.
        UsageError: A source has too few lines for its part of the share, or the share is out of its range.
    """
    for name in weights:
        if name not in lines:
            raise UnknownNameError("source of the lines", name, [known[:_LONGEST_NAME] for known in lines])
    top = max(weights.values())  # weights of 1e308 have no finite sum
    weights = {name: weight / top for name, weight in weights.items()}
    largest = _largest(weights, lines)
    if share is None:
        if largest == 0:
            raise UsageError("no lines can be mixed like this", where="--mix", hint="a source of the mix has no lines")
        return _divide(weights, largest)
    check_range("share", share, open_low=True)
    every = sum(lines.values())
    counts = _divide(weights, max(int(share * every + 1e-9), 1))
    for name, count in counts.items():
        if count > lines[name]:
            most = math.floor(largest / every * 1e4) / 1e4
            hint = f"give --share {most:g} or less, or none for the largest mix" if most else "change the weights"
            what = f"{name[:_LONGEST_NAME]!r} has {lines[name]:,} lines, and its part of this share is {count:,}"
            raise UsageError(what, where="--mix", hint=hint)
    return counts


def _largest(weights: Mapping[str, float], lines: Mapping[str, int]) -> int:
    """The largest number of lines whose division no source is too small for."""
    whole = math.fsum(weights.values())
    most = min(lines[name] * (whole / weight) for name, weight in weights.items() if weight)
    total = math.floor(min(most, sum(lines.values())) + 1e-6)
    # rounding up may ask a source for one line more than it has
    while total and any(count > lines[name] for name, count in _divide(weights, total).items()):
        total -= 1
    return total


def _divide(weights: Mapping[str, float], total: int) -> dict[str, int]:
    """`total` in whole parts by the weights; what rounding down leaves goes to the largest remainders."""
    whole = math.fsum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    counts = {name: math.floor(part + 1e-9) for name, part in exact.items()}
    left = total - sum(counts.values())
    for name in sorted((name for name in exact if weights[name]), key=lambda name: counts[name] - exact[name])[:left]:
        counts[name] += 1
    return counts

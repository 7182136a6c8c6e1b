"""The first groups of a selection, of which a chat model may prefer a later one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Executed, Selection

__all__ = ["finalists", "promoted"]


def finalists(first: Selection, executed: Sequence[Executed], most: int) -> list[int]:
    """A candidate of each of the first `most` groups: the chosen one, and of the others the one of the shortest SQL."""
    if first.index is None:
        return []
    rivals = [min(group, key=lambda index: (len(executed[index].sql), index)) for group in first.groups[1:]]
    return [first.index, *rivals][:most]


def promoted(first: Selection, index: int, place: int, reason: str) -> Selection:
    """`first` with its group at `place`, of which candidate `index` is one, as the choice.

    No later group has more support than the first, so its confidence is the first's times the share of their sizes, 1
    at most.
    """
    groups = list(first.groups)
    chosen = groups.pop(place)
    share = min(len(chosen) / len(first.groups[0]), 1.0)
    return replace(first, index=index, groups=(chosen, *groups), confidence=first.confidence * share, reason=reason)

"""What must be kept together: the ancestors and the requirements of a unit, and theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.context.base import Unit

__all__ = ["Closure", "check_links"]


class Closure:
    """The keep-together graph of one sequence of units. Cycles are allowed: their members stand or fall together.

    Args:
        units: The units of a context.

    Raises:
        UsageError: A parent or requirement is not the index of a unit.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self._links = _all_links(units)
        self.pinned = tuple(index for index, unit in enumerate(units) if unit.pinned)

    def __len__(self) -> int:
        return len(self._links)

    def missing(self, index: int, kept: NDArray[np.bool_]) -> list[int]:
        """The units that keeping `index` would add to `kept` (n_units,), itself first; [] if it is kept already.

        `kept` must be closed, as it is when it was only grown by what this method returned.
        """
        if kept[index]:
            return []
        if not self._links[index]:  # most units of most contexts
            return [index]
        found, stack, seen = [], [index], {index}
        while stack:
            current = stack.pop()
            found.append(current)
            for link in self._links[current]:
                if link not in seen and not kept[link]:
                    seen.add(link)
                    stack.append(link)
        return found

    def gaps(self, kept: NDArray[np.bool_]) -> list[int]:
        """Units that `kept` (n_units,) lacks: pinned ones, and what some kept unit needs; [] where it is closed."""
        needed = {link for index in kept.nonzero()[0].tolist() for link in self._links[index]}
        return sorted(index for index in needed.union(self.pinned) if not kept[index])


def check_links(units: Sequence[Unit]) -> None:
    """Refuse units that are bound to what is not there.

    Raises:
        UsageError: A parent or requirement is not the index of a unit.
    """
    _all_links(units)


def _all_links(units: Sequence[Unit]) -> list[tuple[int, ...]]:
    """What each unit is bound to. A budget takes several rounds over all units, so that each costs as little as can be:
    most are bound to nothing, or, as the rows of a table, to the same as the one before."""
    found: list[tuple[int, ...]] = []
    parent: int | None = None
    requires: tuple[int, ...] = ()
    links: tuple[int, ...] = ()
    for index, unit in enumerate(units):
        if unit.parent is not parent or unit.requires is not requires:
            parent, requires, links = unit.parent, unit.requires, _links(index, unit, len(units))
        found.append(links)
    return found


def _links(index: int, unit: Unit, size: int) -> tuple[int, ...]:
    if unit.parent is None and not unit.requires:
        return ()
    links = unit.requires if unit.parent is None else (unit.parent, *unit.requires)
    for link in links:
        if not isinstance(link, int) or not 0 <= link < size:
            raise UsageError(
                f"unit {index} is bound to unit {link!r}, which does not exist",
                hint=f"parent and requires hold indices from 0 to {size - 1}",
            )
    return links

"""What must be kept together: a unit with its ancestors and requirements, and theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Unit

__all__ = ["Closure", "check_links"]


class Closure:
    """The links between the units of one sequence. Cycles are allowed: their members are kept or dropped together.

    Args:
        units: The units of a context.

    Raises:
        UsageError: A parent or requirement is not the index of a unit.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        check_links(units)
        # Two lists of what the units hold: a tuple of links for each would be hundreds of thousands of new objects.
        self._parents = [unit.parent for unit in units]
        self._requires = [unit.requires for unit in units]
        self.pinned = tuple(index for index, unit in enumerate(units) if unit.pinned)

    def __len__(self) -> int:
        return len(self._parents)

    def missing(self, index: int, kept: NDArray[np.bool_]) -> list[int]:
        """The units that keeping `index` would add to `kept` (n_units,), itself first; [] if it is kept already.

        `kept` must be closed, as it is when it was only grown by what this method returned.
        """
        if kept[index]:
            return []
        if self._parents[index] is None and not self._requires[index]:  # most units of most contexts
            return [index]
        # Depth first with a set of what was seen: links may form cycles, and a chain may be longer than the recursion
        # limit.
        found, stack, seen = [], [index], {index}
        while stack:
            current = stack.pop()
            found.append(current)
            for link in self._links(current):
                if link not in seen and not kept[link]:
                    seen.add(link)
                    stack.append(link)
        return found

    def needed(self, index: int) -> NDArray[np.intp]:
        """The unit with all that it needs and what is pinned, rising."""
        wanted = np.zeros(len(self), dtype=np.bool_)
        for other in (*self.pinned, index):
            wanted[self.missing(other, wanted)] = True
        return np.flatnonzero(wanted)

    def gaps(self, kept: NDArray[np.bool_]) -> list[int]:
        """Units that `kept` (n_units,) lacks: pinned ones, and what some kept unit needs; [] where it is closed."""
        needed = {link for index in kept.nonzero()[0].tolist() for link in self._links(index)}
        return sorted(index for index in needed.union(self.pinned) if not kept[index])

    def _links(self, index: int) -> tuple[int, ...]:
        parent, requires = self._parents[index], self._requires[index]
        return requires if parent is None else (parent, *requires)


def check_links(units: Sequence[Unit]) -> None:
    """Refuse links to units that do not exist.

    Raises:
        UsageError: A parent or requirement is not the index of a unit.
    """
    links: list[object] = [unit.parent for unit in units if unit.parent is not None]
    links += [link for unit in units if unit.requires for link in unit.requires]
    # All at once, which takes a tenth of the time; the loop is for what is wrong, to name the first unit.
    if set(map(type, links)) <= {int} and min(links, default=0) >= 0 and max(links, default=-1) < len(units):  # type: ignore[type-var, operator]
        return
    for index, unit in enumerate(units):
        _check_unit(index, unit, len(units))


def _check_unit(index: int, unit: Unit, size: int) -> None:
    for link in unit.requires if unit.parent is None else (unit.parent, *unit.requires):
        if not isinstance(link, int) or not 0 <= link < size:
            raise UsageError(
                f"unit {index} is bound to unit {link!r}, which does not exist",
                hint=f"parent and requires hold indices from 0 to {size - 1}",
            )

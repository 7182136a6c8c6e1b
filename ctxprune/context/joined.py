"""Several contexts as one: one budget, one scale of scores, one account."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.context.grid import Grid, grids_of
from ctxprune.context.part import moved
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.context.base import Context, Unit

__all__ = ["Joined"]


@dataclass(frozen=True)
class Joined:
    """Contexts one after the other: pages of a site, tables of a report. Renders as a list of what each renders as.

    Units run through all contexts in order; `sources[i]` says in which context the span of unit i is. A context that
    holds several sources itself (`Passages`) counts as one. `grids` are those of all, `titles` one a context, and
    `kind` is theirs where all are of one kind.

    Attributes:
        contexts: Any sequence of contexts; stored as a tuple.

    Raises:
        UsageError: Something in it is no context.
    """

    contexts: Sequence[Context[Any]]
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    sources: tuple[int, ...] = field(init=False, repr=False, compare=False)
    grids: tuple[Grid, ...] = field(init=False, repr=False, compare=False)
    titles: tuple[str, ...] = field(init=False, repr=False, compare=False)
    kind: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.contexts, Iterable):
            raise UsageError(f"contexts is a {type(self.contexts).__name__}", hint="give a list of contexts")
        contexts = tuple(self.contexts)
        for context in contexts:
            if not hasattr(context, "units") or not hasattr(context, "render"):
                raise UsageError(f"a {type(context).__name__} is among the contexts", hint="give contexts only")
        units: list[Unit] = []
        sources: list[int] = []
        grids: list[Grid] = []
        for number, context in enumerate(contexts):
            first = len(units)
            units += [moved(unit, first) for unit in context.units]
            sources += [number] * len(context.units)
            grids += [_moved(grid, first) for grid in grids_of(context)]
        kinds = {getattr(context, "kind", "passage") for context in contexts}
        object.__setattr__(self, "contexts", contexts)
        object.__setattr__(self, "units", tuple(units))
        object.__setattr__(self, "sources", tuple(sources))
        object.__setattr__(self, "grids", tuple(grids))
        object.__setattr__(self, "titles", tuple(map(_title, contexts)))
        object.__setattr__(self, "kind", kinds.pop() if len(kinds) == 1 else "passage")

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each unit; "" in contexts whose units have none."""
        return tuple(
            name for context in self.contexts for name in getattr(context, "names", None) or [""] * len(context.units)
        )

    @property
    def written(self) -> tuple[str, ...]:
        """What each unit adds to what is written: its text where its context says nothing else."""
        return tuple(
            text
            for context in self.contexts
            for text in getattr(context, "written", None) or [unit.text for unit in context.units]
        )

    def render(self, kept: Collection[int]) -> list[Any]:
        """What each context renders as with its units in `kept`; as many as came in, in their order."""
        return [context.render(own) for context, own in self._shared(kept)]

    def as_text(self, kept: Collection[int]) -> list[Any]:
        """What of each context enters a prompt: what its `as_text` writes if it has one, else what it renders as."""
        return [getattr(context, "as_text", context.render)(own) for context, own in self._shared(kept)]

    def note(self, kept: Collection[int]) -> str:
        """What the contexts' notes say about what was left out, one a line; "" where nothing was."""
        notes = (context.note(own) for context, own in self._shared(kept) if hasattr(context, "note"))
        return "\n".join(filter(None, notes))

    def demanding(self, demanded: NDArray[np.bool_]) -> Joined:
        """The same contexts, told which of their units are `demanded`, bool (n_units,), as far as they note it."""
        contexts, first = [], 0
        for context in self.contexts:
            own = demanded[first : first + len(context.units)]
            contexts.append(context.demanding(own) if hasattr(context, "demanding") else context)
            first += len(own)
        return self._with(contexts)

    def noting(self, *, note: bool) -> Joined:
        """The same contexts, rendered with notes or without, where they can be."""
        return self._with([each.noting(note=note) if hasattr(each, "noting") else each for each in self.contexts])

    def _with(self, contexts: Sequence[Context[Any]]) -> Joined:
        joined = copy(self)
        object.__setattr__(joined, "contexts", tuple(contexts))
        return joined

    def _shared(self, kept: Collection[int]) -> Iterator[tuple[Any, list[int]]]:
        """Each context with those of its own units that are kept, in order."""
        chosen = sorted(set(kept))
        first, place = 0, 0
        for context in self.contexts:
            end = first + len(context.units)
            start = place
            while place < len(chosen) and chosen[place] < end:
                place += 1
            yield context, [index - first for index in chosen[start:place]]
            first = end


def _moved(grid: Grid, first: int) -> Grid:
    if not first:
        return grid
    rows = tuple(index + first for index in grid.row_units)
    return replace(grid, row_units=rows, column_units=tuple(index + first for index in grid.column_units))


def _title(context: Context[Any]) -> str:
    titles = tuple(getattr(context, "titles", None) or ())
    return str(titles[0]) if len(titles) == 1 else ""

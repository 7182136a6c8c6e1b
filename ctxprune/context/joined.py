"""Several contexts as one: one budget, one scale of scores, one account."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.context.base import Context, as_context, shift_unit
from ctxprune.context.grid import Grid, shift_grid
from ctxprune.context.split import SplitContext
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.context.base import Unit

__all__ = ["Joined", "JoinedContext"]


@dataclass(frozen=True)
class JoinedContext(Context[list[Any]]):
    """Contexts one after the other: pages of a site, tables of a report. Renders as a list of what each renders as.

    Units run through all contexts in order; `sources[i]` says in which context the span of unit i is. A context that
    holds several sources itself (`Passages`) counts as one. `grids` are those of all, `titles` one a context, and
    `kind` is theirs where all are of one kind.

    Attributes:
        contexts: Any sequence of contexts; stored as a tuple.

    Raises:
        UsageError: Something in it is not a context.
    """

    counts_text: ClassVar[bool] = True  # for the members whose tokens are those of their text

    contexts: Sequence[Context[Any]]
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    sources: tuple[int, ...] = field(init=False, repr=False, compare=False)
    grids: tuple[Grid, ...] = field(init=False, repr=False, compare=False)
    titles: tuple[str, ...] = field(init=False, repr=False, compare=False)
    kind: str = field(init=False, repr=False, compare=False)
    _members: tuple[Context[Any], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.contexts, Iterable):
            raise UsageError(f"contexts is a {type(self.contexts).__name__}", hint="give a list of contexts")
        contexts = tuple(self.contexts)
        members = tuple(as_context(context, where="contexts", hint="give contexts only") for context in contexts)
        units: list[Unit] = []
        sources: list[int] = []
        grids: list[Grid] = []
        for number, context in enumerate(members):
            first = len(units)
            units += [shift_unit(unit, first) for unit in context.units]
            sources += [number] * len(context.units)
            grids += [shift_grid(grid, first) for grid in context.grids]
        kinds = {context.kind for context in members}
        object.__setattr__(self, "contexts", contexts)
        object.__setattr__(self, "_members", members)
        object.__setattr__(self, "units", tuple(units))
        object.__setattr__(self, "sources", tuple(sources))
        object.__setattr__(self, "grids", tuple(grids))
        # A context of several documents has no single title; it is one document here.
        titles = tuple(str(member.titles[0]) if len(member.titles) == 1 else "" for member in members)
        object.__setattr__(self, "titles", titles)
        object.__setattr__(self, "kind", kinds.pop() if len(kinds) == 1 else "passage")

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each unit; "" in contexts whose units have none."""
        return tuple(name for context in self._members for name in context.names or [""] * len(context.units))

    @property
    def details(self) -> tuple[str, ...]:
        """What else is said of each unit; "" in contexts whose units have nothing more."""
        return tuple(more for context in self._members for more in context.details or [""] * len(context.units))

    @property
    def targets(self) -> tuple[int, ...]:
        """The unit that each unit points at; -1 in contexts whose units point at nothing."""
        found: list[int] = []
        for context in self._members:
            first = len(found)
            found += [first + at if at >= 0 else -1 for at in context.targets or [-1] * len(context.units)]
        return tuple(found)

    @property
    def around(self) -> tuple[bool, ...]:
        """For each unit whether it stands around the text; False in contexts that do not say."""
        return tuple(one for context in self._members for one in context.around or [False] * len(context.units))

    @property
    def enclosing(self) -> tuple[int, ...]:
        """Units that only say what others are, in each of the contexts."""
        found: list[int] = []
        first = 0
        for context in self._members:
            found += [first + index for index in context.enclosing]
            first += len(context.units)
        return tuple(found)

    def cost_texts(self) -> tuple[str, ...]:
        """What each unit adds to the rendered contexts, as each of them says."""
        return tuple(text for context in self._members for text in context.cost_texts())

    def render(self, kept: Collection[int]) -> list[Any]:
        """What each context renders as with its units in `kept`; as many as came in, in their order."""
        return [context.render(own) for context, own in self._split(kept)]

    def to_text(self, kept: Collection[int]) -> list[str] | None:
        """What of each context enters a prompt, one text each; None where one of them is not counted by a text."""
        texts = []
        for context, own in self._split(kept):
            text = context.to_text(own) if context.counts_text else context.render(own)
            if not isinstance(text, str):
                return None
            texts.append(text)
        return texts

    def omission_note(self, kept: Collection[int]) -> str:
        """The contexts' notes about what was left out, one a line; "" where nothing was."""
        return "\n".join(filter(None, (context.omission_note(own) for context, own in self._split(kept))))

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """Each context with those of its own units in `sizes` cut, where it has borders to cut at."""
        members: list[Context[Any]] = []
        origins: list[int] = []
        first = 0
        for context, own in self._split(sizes):
            split = context.split_units({index: sizes[first + index] for index in own}) if own else None
            members.append(context if split is None else split.context)
            own_origins = range(len(context.units)) if split is None else split.origins
            origins += [first + origin for origin in own_origins]
            first += len(context.units)
        return SplitContext(JoinedContext(members), origins) if len(origins) > first else None

    def with_note(self, *, note: bool) -> JoinedContext:
        """The same contexts, rendered with notes or without, where they can be."""
        return self._with([context.with_note(note=note) for context in self._members])

    def with_required(self, required: NDArray[np.bool_]) -> JoinedContext:
        """The same contexts, each told which of its units are `required`, bool (n_units,)."""
        contexts, first = [], 0
        for context in self._members:
            own = required[first : first + len(context.units)]
            contexts.append(context.with_required(own))
            first += len(own)
        return self._with(contexts)

    def _with(self, members: Sequence[Context[Any]]) -> JoinedContext:
        # The units stay as they are, so that caches which compare them by identity still hold.
        joined = copy(self)
        object.__setattr__(joined, "contexts", tuple(members))
        object.__setattr__(joined, "_members", tuple(members))
        return joined

    def _split(self, kept: Collection[int]) -> Iterator[tuple[Context[Any], list[int]]]:
        """Each context with those of its own units that are kept, in order."""
        # One walk over the sorted indices, since members may have hundreds of thousands of units between them.
        chosen = sorted(set(kept))
        first, place = 0, 0
        for context in self._members:
            end = first + len(context.units)
            start = place
            while place < len(chosen) and chosen[place] < end:
                place += 1
            yield context, [index - first for index in chosen[start:place]]
            first = end


Joined = JoinedContext
"""The earlier name."""

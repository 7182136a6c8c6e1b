"""What is pruned: a context is a sequence of units, each with its text, its parent and what it requires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Context", "Unit"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing that is kept or dropped.

    Attributes:
        text: What a scorer reads and what is counted in tokens.
        parent: Index of the unit that must be kept with this one (a table for its column); None at the top.
        requires: Indices of further units that must be kept with this one (the key a foreign key points at).
        pinned: Never dropped (a title, a header row, a primary key).
        span: Characters [start, end) in the source text; None where there is no source text.
    """

    text: str
    parent: int | None = None
    requires: tuple[int, ...] = ()
    pinned: bool = False
    span: tuple[int, int] | None = None


@runtime_checkable
class Context(Protocol[T_co]):
    """Anything that can be pruned. `render` gives back the type that came in."""

    @property
    def units(self) -> Sequence[Unit]:
        """The units in source order; indices into this sequence are the units' names."""
        ...

    def render(self, kept: Collection[int]) -> T_co:
        """The same context with only the units in `kept`, in source order, each byte for byte as it came in."""
        ...

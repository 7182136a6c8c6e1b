"""What a question cannot be answered without: rows and columns that a scorer of tables asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context, Unit

__all__ = ["Demanded", "Demanding", "demanded_units", "with_demand"]


@runtime_checkable
class Demanding(Protocol):
    """A scorer that knows what a question needs of tables: all rows for a total, the column of a condition."""

    def unit_demand(self, query: str, context: Context[Any]) -> NDArray[np.bool_]:
        """bool (n_units,); nothing True where nothing is needed for sure."""
        ...


class Demanded:
    """`context`, of which the units `demanded`, bool (n_units,), are wanted before any other, and the rows among them
    all together.

    Policies with room keep them if they all fit, with the reason "demanded"; if they do not, the best of them come
    first, and those that are dropped have this reason. A context with `demanding` is told, so that its note says what
    is missing. Everything else about the context is as it was.
    """

    def __init__(self, context: Context[Any], demanded: NDArray[np.bool_]) -> None:
        self.context = context.demanding(demanded) if hasattr(context, "demanding") else context
        self.demanded = demanded

    def __getattr__(self, name: str) -> Any:
        if name == "context" or name.startswith("__"):  # looked for in a copy that is not filled yet
            raise AttributeError(name)
        return getattr(self.context, name)

    @property
    def units(self) -> Sequence[Unit]:
        """Those of the context."""
        return self.context.units

    def render(self, kept: Collection[int]) -> Any:
        """What the context renders."""
        return self.context.render(kept)


def with_demand(scorer: Any, query: str, context: Context[Any]) -> Context[Any]:
    """`context`, if it is a table, as `Demanded` where the scorer demands something of it.

    Tables within other kinds of context are not asked for: which of them a question is about is not known.

    Raises:
        UsageError: The scorer gave something else than bool (n_units,).
    """
    if not isinstance(scorer, Demanding) or getattr(context, "kind", "") != "table":
        return context
    given = scorer.unit_demand(query, context)
    if given.shape != (len(context.units),) or given.dtype != np.bool_:
        raise UsageError(f"the demand is {given.dtype} of shape {given.shape}", where=type(scorer).__name__)
    demanded = given.copy()
    demanded[demanded_units(context)] = True
    return Demanded(context, demanded) if demanded.any() else context


def demanded_units(context: Context[Any]) -> list[int]:
    """Indices of the units that are demanded, rising."""
    demanded = getattr(context, "demanded", None)
    return [] if demanded is None else [int(index) for index in np.flatnonzero(demanded)]

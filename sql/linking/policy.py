"""From scores to a schema that can be queried: the likely columns, the keys of their tables and the tables between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.policies import Selection

from .context import SchemaContext

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context import Context
    from ctxprune.scorers.base import Scores

__all__ = ["JoinablePolicy"]

_POWER = 0.65  # 1 would weigh each share of a schema alike, 0 each column; set on training folds
_BRIDGED = 12  # kept tables that are joined over further ones; less likely ones are not worth more tables


@dataclass(frozen=True)
class JoinablePolicy:
    """Keeps what scores well and what is needed to join it; scores are probabilities.

    Attributes:
        columns: A column is kept when its score times the number of columns to the power 0.65 reaches this: in a
            larger schema a column costs a smaller share of the prompt, so less likely ones are kept. Lower keeps more;
            0 keeps all that `most` allows.
        tables: A table is kept, even without a column, when its score reaches this.
        most: Of the columns, and of the tables, at most so many are chosen, the best; what joins them comes on top.
        longest: Keys on the longest path that is searched between kept tables; 0 adds no tables.

    Raises:
        UsageError: A negative or infinite number.
    """

    columns: float = 0.32
    tables: float = 0.2
    most: int = 150
    longest: int = 3

    def __post_init__(self) -> None:
        for name in ("columns", "tables", "most", "longest"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0:
                raise UsageError(f"{name} is {value!r}", hint="give a finite number from 0 up")

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:  # noqa: ARG002
        """Likely columns and tables ("selected"), then tables between them, primary keys and join keys ("required").
        A table that would have no column gets its best one.

        Where nothing reaches the limits, the best column is kept ("fallback").

        Raises:
            UsageError: The context is no schema.
        """
        if not isinstance(context, SchemaContext):
            raise UsageError(f"a {type(context).__name__} is not a schema", hint="wrap it in SchemaContext")
        columns, tables = np.array(context.column_units, np.intp), np.array(context.table_units, np.intp)
        likely = columns[scores[columns] * len(columns) ** _POWER >= self.columns]
        chosen = np.concatenate([self._best(likely, scores), self._best(tables[scores[tables] >= self.tables], scores)])
        word = "selected"
        if not chosen.size and len(scores):
            pool = columns if columns.size else tables
            chosen, word = pool[[int(np.argmax(scores[pool]))]], "fallback"
        return self._joined(chosen, word, scores, context)

    def close(
        self,
        chosen: NDArray[np.bool_],
        scores: Scores,
        context: Context[Any],
        tokens: NDArray[np.int64],  # noqa: ARG002
    ) -> Selection:
        """As `select`, with `chosen`, bool (n_units,), in place of what reaches the limits; nothing if it is empty."""
        if not isinstance(context, SchemaContext):
            raise UsageError(f"a {type(context).__name__} is not a schema", hint="wrap it in SchemaContext")
        return self._joined(np.flatnonzero(chosen), "selected", scores, context)

    def _joined(self, chosen: NDArray[np.intp], word: str, scores: Scores, context: SchemaContext) -> Selection:
        kept = np.zeros(len(context.units), dtype=np.bool_)
        reasons = ["score"] * len(kept)
        for index in chosen:
            kept[index], reasons[index] = True, word
        for index in _required(context, kept, scores, self.longest):
            kept[index], reasons[index] = True, "required" if reasons[index] == "score" else reasons[index]
        return Selection(kept, tuple(reasons))

    def _best(self, units: NDArray[np.intp], scores: Scores) -> NDArray[np.intp]:
        order = np.argsort(-scores[units], kind="stable")[: self.most]
        return np.sort(units[order])


def _required(context: SchemaContext, kept: NDArray[np.bool_], scores: Scores, longest: int) -> list[int]:
    """Units that the kept ones need: their tables, tables between these, primary keys, keys that join them."""
    units, schema, graph = context.units, context.schema, context.statistics.graph
    chosen = [int(index) for index in np.flatnonzero(kept)]
    owners = {index if (parent := units[index].parent) is None else parent for index in chosen}
    unit_of = dict(zip((table.name.casefold() for table in schema.tables), context.table_units, strict=True))
    name_of = {unit: name for name, unit in unit_of.items()}
    ranked = sorted(owners, key=lambda owner: (-scores[owner], owner))
    names = [name_of[owner] for owner in ranked]
    if longest:
        names += graph.bridges(names[:_BRIDGED], longest=longest)
    needed = [unit_of[name] for name in names]
    needed += [key for unit in needed for key in units[unit].requires]
    place = {ref: index for index, ref in enumerate(context.refs) if ref is not None}
    needed += [place[ref] for key in graph.between(names) for ref in graph.ends(key)]
    filled = {units[index].parent for index in (*chosen, *needed)}
    needed += [_best_column(context, unit_of[name], scores) for name in names if unit_of[name] not in filled]
    return [*ranked, *needed]


def _best_column(context: SchemaContext, table: int, scores: Scores) -> int:
    """The best column of a table that would otherwise have none; the table itself where it has no columns."""
    columns = [index for index, unit in enumerate(context.units) if unit.parent == table]
    return max(columns, key=lambda index: scores[index], default=table)

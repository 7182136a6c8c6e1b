"""From scores to a schema that can be queried: the likely columns, the keys of their tables and the tables between."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.context.base import original_context
from ctxprune.errors import UsageError
from ctxprune.policies.base import Policy, Selection

from .context import SchemaContext

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Request

__all__ = ["JoinablePolicy", "JoiningPolicy", "TopTablesPolicy"]

_POWER = 0.65  # 1 would weigh each share of a schema alike, 0 each column; set on training folds
_BRIDGED = 12  # kept tables that are joined over further ones; less likely ones are not worth more tables


class JoiningPolicy(Policy):
    """Chooses units of a schema, and adds what it takes to query them: a subclass only chooses.

    Attributes:
        longest: Keys on the longest path that is searched between kept tables; 0 adds no tables.
    """

    longest: int

    @abstractmethod
    def choose(self, scores: Scores, context: SchemaContext) -> NDArray[np.intp]:
        """Indices of the wanted units, each once; none where nothing is likely enough."""

    def select(self, request: Request) -> Selection:
        """Chosen columns and tables ("selected"), then tables between them, primary keys and join keys ("required").
        A table that would have no column gets its best one.

        Where nothing is chosen, the best column is kept ("fallback").

        Raises:
            UsageError: The context is no schema.
        """
        context, scores = _schema_of(request), request.scores
        chosen, word = self.choose(scores, context), "selected"
        if not chosen.size and len(scores):
            pool = np.array(context.column_units or context.table_units, np.intp)
            chosen, word = pool[[int(np.argmax(scores[pool]))]], "fallback"
        return self._joined(chosen, word, scores, context)

    def close(self, chosen: NDArray[np.bool_], request: Request) -> Selection:
        """As `select`, with `chosen`, bool (n_units,), in place of what it would choose; nothing if that is empty."""
        return self._joined(np.flatnonzero(chosen), "selected", request.scores, _schema_of(request))

    def _joined(self, chosen: NDArray[np.intp], word: str, scores: Scores, context: SchemaContext) -> Selection:
        kept = np.zeros(len(context.units), dtype=np.bool_)
        reasons = ["score"] * len(kept)
        for index in chosen:
            kept[index], reasons[index] = True, word
        for index in _required(context, kept, scores, self.longest):
            kept[index], reasons[index] = True, "required" if reasons[index] == "score" else reasons[index]
        return Selection(kept, tuple(reasons))

    @staticmethod
    def _check(**limits: float) -> None:
        for name, value in limits.items():
            if not math.isfinite(value) or value < 0:
                raise UsageError(f"{name} is {value!r}", hint="give a finite number from 0 up")


@dataclass(frozen=True)
class JoinablePolicy(JoiningPolicy):
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
        self._check(columns=self.columns, tables=self.tables, most=self.most, longest=self.longest)

    def choose(self, scores: Scores, context: SchemaContext) -> NDArray[np.intp]:
        """Columns and tables that reach their limits, the best `most` of each."""
        columns, tables = np.array(context.column_units, np.intp), np.array(context.table_units, np.intp)
        likely = columns[scores[columns] * len(columns) ** _POWER >= self.columns]
        return np.concatenate(
            [_best(likely, scores, self.most), _best(tables[scores[tables] >= self.tables], scores, self.most)]
        )


@dataclass(frozen=True)
class TopTablesPolicy(JoiningPolicy):
    """The best tables and the best columns of each, whatever they score; RESDSQL's (arXiv 2302.05965).

    Its ranking: scores of tables count to four digits, those of columns to two, and equal ones stay in schema order.
    Unlike there, primary keys and the keys between the kept tables are kept beside the counted columns, so that those
    of a wide table are not lost.

    Attributes:
        tables: Tables kept, 1 or more.
        columns: Columns kept of each, 1 or more.
        longest: Keys on the longest path that is searched between kept tables; 0 adds no tables.

    Raises:
        UsageError: A number out of its range.
    """

    tables: int = 4
    columns: int = 5
    longest: int = 0

    def __post_init__(self) -> None:
        self._check(tables=self.tables, columns=self.columns, longest=self.longest)
        if not self.tables or not self.columns:
            raise UsageError("tables and columns are at least 1", where=f"{self.tables} and {self.columns}")

    def choose(self, scores: Scores, context: SchemaContext) -> NDArray[np.intp]:
        """The units of the best tables and of their best columns."""
        places = np.array(context.table_units, np.intp)
        # rounded as in RESDSQL, since ties decide on the order
        tables = _best(places, np.round(scores, 4), self.tables)
        columns = np.array(context.column_units, np.intp)
        owner = places[context.statistics.table_of]
        best = [_best(columns[owner == table], np.round(scores, 2), self.columns) for table in tables]
        return np.concatenate([tables, *best])


def _schema_of(request: Request) -> SchemaContext:
    if not isinstance(request.context, SchemaContext):
        name = type(original_context(request.context)).__name__
        raise UsageError(f"a {name} is not a schema", hint="wrap it in SchemaContext")
    return request.context


def _best(units: NDArray[np.intp], scores: Scores, most: int) -> NDArray[np.intp]:
    """The `most` best of `units` in schema order; of equal ones the first."""
    order = np.argsort(-scores[units], kind="stable")[:most]
    return np.sort(units[order])


def _required(context: SchemaContext, kept: NDArray[np.bool_], scores: Scores, longest: int) -> list[int]:
    """Units that the kept ones need: their tables, tables between these, primary keys, keys that join them."""
    units, schema, graph = context.units, context.schema, context.statistics.graph
    chosen = [int(index) for index in np.flatnonzero(kept)]
    owners = {index if (parent := units[index].parent) is None else parent for index in chosen}
    name_of = {unit: table.name.casefold() for table, unit in zip(schema.tables, context.table_units, strict=True)}
    unit_of = {name: unit for unit, name in reversed(name_of.items())}  # the first of tables that differ in case only
    ranked = sorted(owners, key=lambda owner: (-scores[owner], owner))
    names = [name_of[owner] for owner in ranked]
    # bridges start at the likeliest table, so that unlikely ones do not decide on the paths
    bridges = graph.bridges(names[:_BRIDGED], longest=longest) if longest else []
    names += bridges
    tables = [*ranked, *(unit_of[name] for name in bridges)]
    needed = [*tables, *(key for unit in tables for key in units[unit].requires)]
    place = {ref: index for index, ref in enumerate(context.refs) if ref is not None}
    needed += [place[ref] for key in graph.between(names) for ref in graph.ends(key)]
    # a kept table without any column cannot be queried
    filled = {units[index].parent for index in (*chosen, *needed)}
    return [*needed, *(_best_column(context, table, scores) for table in tables if table not in filled)]


def _best_column(context: SchemaContext, table: int, scores: Scores) -> int:
    """The best column of a table that would otherwise have none; the table itself where it has no columns."""
    columns = [index for index, unit in enumerate(context.units) if unit.parent == table]
    return max(columns, key=lambda index: scores[index], default=table)

"""Value retrieval against gold SQL: which text literals does a correct query compare with a column, and are they found?

A literal counts where `=`, `<>` or `IN` compares it with a column that can be traced to a table, and it is "stored"
where a text cell of that column equals it exactly. Literals whose case or spelling differs from the data are counted
apart: no retrieval of stored values can return them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from ctxprune.errors import InputError

from ..database.database import Database
from ..database.drivers.samples import quote_name
from ..schema.schema import ColumnRef
from ..values.index import ValueIndex
from .datasets import no_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..schema.schema import Schema
    from ..values.base import ValueHit
    from .datasets import Benchmark, Item

__all__ = ["Literal", "Missed", "ValueRecall", "ValueReport", "gold_literals", "measure", "stored"]

Literal = tuple[ColumnRef, str]


@dataclass
class ValueRecall:
    """Counts over questions.

    Attributes:
        questions: Questions counted.
        stored: Distinct (table, column, string) per question that the gold query needs and the database stores.
        found: How many of them were returned.
        returned: Distinct (table, column, string) returned.
        not_stored: Literals that no cell equals; not part of `stored`.
    """

    questions: int = 0
    stored: int = 0
    found: int = 0
    returned: int = 0
    not_stored: int = 0

    def add(self, stored: frozenset[Literal], not_stored: int, hits: Iterable[ValueHit]) -> frozenset[Literal]:
        """Count one question; returns the stored literals that were missed."""
        got = {(hit.ref, hit.value) for hit in hits}
        self.questions += 1
        self.stored += len(stored)
        self.found += len(stored & got)
        self.returned += len(got)
        self.not_stored += not_stored
        return stored - got

    def to_dict(self) -> dict[str, float | int]:
        """`recall` in percent, `values_per_question`, `stored`, `found`, `not_stored`, `questions`."""
        return {
            "recall": round(100 * self.found / max(self.stored, 1), 2),
            "values_per_question": round(self.returned / max(self.questions, 1), 3),
            "stored": self.stored,
            "found": self.found,
            "not_stored": self.not_stored,
            "questions": self.questions,
        }


@dataclass(frozen=True, slots=True)
class Missed:
    """Stored literals of one question that were not returned."""

    item: Item
    literals: frozenset[Literal]


@dataclass
class ValueReport:
    """A run of the value index over a benchmark.

    Attributes:
        recall: The counts.
        skipped: Items whose database is absent.
        unreadable_gold: Items whose gold query cannot be parsed; they count nowhere else.
        databases: Databases that were indexed.
        indexed_values: Values in their indexes.
        build_seconds: Time to build these.
        times: Milliseconds of each look-up.
        missed: Where stored literals were not returned.
    """

    recall: ValueRecall = field(default_factory=ValueRecall)
    skipped: int = 0
    unreadable_gold: int = 0
    databases: int = 0
    indexed_values: int = 0
    build_seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)

    def to_dict(self) -> dict[str, float | int]:
        """The counts of `ValueRecall.to_dict`, median and 99th percentile (nearest rank) of the times, and the rest."""
        times = sorted(self.times) or [0.0]
        return self.recall.to_dict() | {
            "ms_per_question": round(median(times), 3),
            "ms_p99": round(times[math.ceil(0.99 * len(times)) - 1], 3),
            "skipped": self.skipped,
            "unreadable_gold": self.unreadable_gold,
            "databases": self.databases,
            "indexed_values": self.indexed_values,
            "build_seconds": round(self.build_seconds, 3),
        }


def measure(
    benchmark: Benchmark,
    *,
    evidence: bool = True,
    look_up: Callable[[ValueIndex, str, str], Iterable[ValueHit]] = ValueIndex.lookup,
    items: Iterable[Item] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ValueReport:
    """Look every question up whose database is present, one database at a time, and compare with its gold query.

    Args:
        benchmark: The loaded set.
        evidence: Also look in an item's evidence, where it has some.
        look_up: What is measured, called as look_up(index, question, evidence).
        items: Which items; default: all of the benchmark.
        progress: Told (done, total) after each item.

    Raises:
        UsageError: No item has a database.
    """
    chosen = benchmark.items if items is None else tuple(items)
    present = sorted((item for item in chosen if item.db_id in benchmark.databases), key=lambda item: item.db_id)
    if not present:
        raise no_database(benchmark)
    report = ValueReport(skipped=len(chosen) - len(present))
    done = 0
    for name, mine in groupby(present, key=lambda item: item.db_id):
        with Database(benchmark.databases[name], name=name, isolated=False) as database:
            index = ValueIndex.build(database)
            report.databases += 1
            report.indexed_values += len(index)
            report.build_seconds += index.seconds
            for item in mine:
                _measure_one(report, database, index, item, (item.evidence if evidence else "", look_up))
                done += 1
                if progress is not None:
                    progress(done, len(present))
    report.missed.sort(key=lambda missed: missed.item.index)
    return report


def _measure_one(
    report: ValueReport,
    database: Database,
    index: ValueIndex,
    item: Item,
    asked: tuple[str, Callable[[ValueIndex, str, str], Iterable[ValueHit]]],
) -> None:
    evidence, look_up = asked
    try:
        literals = gold_literals(item.gold, database.schema())
    except InputError:
        report.unreadable_gold += 1
        return
    kept = stored(database, literals)
    start = perf_counter()
    hits = list(look_up(index, item.question, evidence))
    report.times.append(1e3 * (perf_counter() - start))
    missed = report.recall.add(kept, len(literals) - len(kept), hits)
    if missed:
        report.missed.append(Missed(item, missed))


def gold_literals(sql: str, schema: Schema) -> frozenset[Literal]:
    """The text literals that a query compares with columns, in the schema's spelling of the columns.

    Double-quoted names that are neither column nor alias are text, as SQLite reads them. Literals in another case on
    purpose, such as `lower(name) = 'x'`, are not comparisons with the stored text and do not count.

    Raises:
        InputError: The query cannot be parsed.
    """
    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
        _text_in_double_quotes(tree, schema)
        found = set()
        for scope in traverse_scope(tree):
            for column, text in _comparisons(scope):
                ref = _trace(column, scope, schema)
                if ref is not None:
                    found.add((ref, text))
        return frozenset(found)
    except (SqlglotError, RecursionError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"the query cannot be read: {reason}", where=sql[:200]) from error


def stored(database: Database, literals: Iterable[Literal]) -> frozenset[Literal]:
    """Those literals that some text cell of their column equals exactly."""
    kept = set()
    for ref, text in literals:
        name, quoted = quote_name(ref.column), text.replace("'", "''")
        sql = f"SELECT 1 FROM {quote_name(ref.table)} WHERE typeof({name}) = 'text' AND {name} = '{quoted}' LIMIT 1"  # noqa: S608
        if database.execute(sql).rows:
            kept.add((ref, text))
    return frozenset(kept)


def _text_in_double_quotes(tree: exp.Expr, schema: Schema) -> None:
    known = {column.name.casefold() for table in schema.tables for column in table.columns}
    known |= {alias.alias.casefold() for alias in tree.find_all(exp.Alias, exp.TableAlias) if alias.alias}
    for column in list(tree.find_all(exp.Column)):
        name = column.this
        if isinstance(name, exp.Identifier) and name.quoted and not column.table and name.name.casefold() not in known:
            column.replace(exp.Literal.string(name.name))


def _comparisons(scope: Scope) -> Iterator[tuple[exp.Column, str]]:
    for node in scope.walk():
        pairs: list[tuple[exp.Expr, exp.Expr]] = []
        if isinstance(node, (exp.EQ, exp.NEQ)):
            pairs = [(node.left, node.right), (node.right, node.left)]
        elif isinstance(node, exp.In):
            pairs = [(node.this, text) for text in node.expressions]
        for one, other in pairs:
            column = one.unnest()
            if isinstance(column, exp.Column) and isinstance(other, exp.Literal) and other.is_string:
                yield column, other.this


def _trace(column: exp.Column, scope: Scope | None, schema: Schema) -> ColumnRef | None:
    """The stored column behind a name: in this scope, its derived tables, or the scopes around it."""
    while scope is not None:
        for name, source in scope.sources.items():
            if column.table and name.casefold() != column.table.casefold():
                continue
            ref = _in_source(column, source, schema)
            if ref is not None:
                return ref
        scope = scope.parent
    return None


def _in_source(column: exp.Column, source: exp.Table | Scope, schema: Schema) -> ColumnRef | None:
    if isinstance(source, exp.Table):
        if source.name in schema and column.name in schema.table(source.name):
            table = schema.table(source.name)
            return ColumnRef(table.name, table.column(column.name).name)
        return None
    query = source.expression
    for selected in query.selects if isinstance(query, exp.Query) else ():
        inner = selected.unalias()
        if selected.alias_or_name.casefold() == column.name.casefold() and isinstance(inner, exp.Column):
            return _trace(inner, source, schema)
    return None

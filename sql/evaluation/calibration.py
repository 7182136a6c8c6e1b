"""Labelled questions of a benchmark as examples to calibrate a linker on (`ctxprune.calibrate`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.calibrate import CalibrationExample
from ctxprune.errors import CtxpruneError

from ..database import Database
from ..linking.context import SchemaContext
from ..linking.gold import gold_links
from ..linking.statistics import StatisticsCache
from ..values.index import ValueIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..linking.gold import GoldLinks
    from .datasets import Benchmark, Item

__all__ = ["LinkingExamples", "linking_examples", "needed_units"]


@dataclass(frozen=True)
class LinkingExamples:
    """Questions with what they need.

    Attributes:
        examples: One a labelled question, in the order of the items; the group is the database.
        unlabelled: Questions left out, since their gold query cannot be resolved against the schema.
        with_values: Questions whose database is there, so that value hits were looked up.
    """

    examples: tuple[CalibrationExample, ...]
    unlabelled: int
    with_values: int


def linking_examples(
    benchmark: Benchmark,
    *,
    items: Iterable[Item] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LinkingExamples:
    """Label questions by their gold query, with the value hits of databases that are present, as a linker sees them.

    Args:
        benchmark: A loaded set.
        items: Some of its items; default: all.
        progress: Called with questions done and questions in all.

    Raises:
        DatabaseError: A database that is there cannot be read.
    """
    chosen = benchmark.items if items is None else tuple(items)
    found: dict[int, CalibrationExample] = {}
    cache, with_values, done = StatisticsCache(), 0, 0
    for name in dict.fromkeys(item.db_id for item in chosen):
        index = _index(benchmark, name)
        for place, item in enumerate(chosen):
            if item.db_id != name:
                continue
            example = _example(benchmark, item, index, cache)
            if example is not None:
                found[place] = example
                with_values += index is not None
            done += 1
            if progress is not None:
                progress(done, len(chosen))
    examples = tuple(found[place] for place in sorted(found))
    return LinkingExamples(examples, len(chosen) - len(examples), with_values)


def needed_units(context: SchemaContext, gold: GoldLinks) -> list[int]:
    """Units that must not be lost: the gold columns, and the gold tables of which no column is among them."""
    owners = {ref.table for ref in gold.columns}
    columns: list[int] = [index for index, ref in enumerate(context.refs) if ref in gold.columns]
    tables = zip(context.schema.tables, context.table_units, strict=True)
    return columns + [unit for table, unit in tables if table.name in gold.tables and table.name not in owners]


def _index(benchmark: Benchmark, name: str) -> ValueIndex | None:
    path = benchmark.databases.get(name)
    if path is None:
        return None
    with Database(path) as database:
        return ValueIndex.build(database)


def _example(
    benchmark: Benchmark, item: Item, index: ValueIndex | None, cache: StatisticsCache
) -> CalibrationExample | None:
    schema = benchmark.schemas.get(item.db_id)
    asked, told = (item.question, item.evidence) if item.question.strip() else (item.evidence, "")
    if schema is None or not asked.strip():
        return None
    try:
        gold = gold_links(item.gold, schema)
    except CtxpruneError:
        return None
    hits = index.lookup(item.question, item.evidence) if index is not None else ()
    context = SchemaContext(schema, hits=hits, evidence=told, statistics=cache.get(schema))
    return CalibrationExample(asked, context, needed_units(context, gold), item.db_id)

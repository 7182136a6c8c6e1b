"""Scores of schema linking: how much of what is needed was kept, and how little else."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import groupby
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, UsageError

from ..database.database import Database
from ..linking.gold import gold_links
from ..values.index import ValueIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..linking.base import Linked, Linker
    from ..linking.gold import GoldLinks
    from ..schema.schema import Schema
    from ..values.base import ValueHit
    from .datasets import Benchmark, Item

__all__ = [
    "LinkingCase",
    "LinkingCases",
    "LinkingReport",
    "LinkingScores",
    "linking_cases",
    "linking_scores",
    "measure",
]


@dataclass(frozen=True, slots=True)
class LinkingScores:
    """Means over questions; shares are 0..1. Strict recall only means something beside `kept_share`.

    Attributes:
        items: Questions.
        items_with_columns: Those whose gold query names a column; the others (COUNT(*) alone) count for tables, for
            strict recall and for what is kept, not for column recall, precision and false-positive rate.
        strict_recall: Share of questions with every gold table and column kept.
        column_recall: Mean share of the gold columns that were kept.
        table_recall: Mean share of the gold tables that were kept.
        strict_table_recall: Share of questions with every gold table kept.
        precision: Mean share of gold columns among the kept ones.
        false_positive_rate: Mean share of other columns among the kept ones.
        kept_share: Mean share of the schema's columns that were kept, keys of the closure included.
        tokens_before, tokens_after: Mean tokens of the schema as linked from and to.
        tokenizer: Whose tokens.
    """

    items: int
    items_with_columns: int
    strict_recall: float
    column_recall: float
    table_recall: float
    strict_table_recall: float
    precision: float
    false_positive_rate: float
    kept_share: float
    tokens_before: float
    tokens_after: float
    tokenizer: str


def linking_scores(pairs: Iterable[tuple[Linked, GoldLinks]]) -> LinkingScores:
    """Score linked schemas against gold labels.

    Args:
        pairs: What a linker kept for a question, and what its gold query uses.

    Raises:
        UsageError: No pair, or token counts of different tokenizers.
    """
    rows = [_row(linked, gold) for linked, gold in pairs]
    tokenizers = {row.tokenizer for row in rows}
    if len(tokenizers) != 1:
        text = ", ".join(sorted(tokenizers)) or "no questions"
        raise UsageError(f"linking cannot be scored over {text}", hint="score the questions of one linker")
    with_columns = [row for row in rows if row.gold]
    return LinkingScores(
        items=len(rows),
        items_with_columns=len(with_columns),
        strict_recall=_mean(row.hit == row.gold and row.table_hit == row.tables for row in rows),
        column_recall=_mean(row.hit / row.gold for row in with_columns),
        table_recall=_mean(row.table_hit / row.tables for row in rows if row.tables),
        strict_table_recall=_mean(row.table_hit == row.tables for row in rows),
        precision=_mean(row.hit / row.kept for row in with_columns if row.kept),
        false_positive_rate=_mean((row.kept - row.hit) / row.kept for row in with_columns if row.kept),
        kept_share=_mean(row.kept / row.columns for row in rows if row.columns),
        tokens_before=_mean(row.tokens_before for row in rows),
        tokens_after=_mean(row.tokens_after for row in rows),
        tokenizer=tokenizers.pop(),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    gold: int
    hit: int
    tables: int
    table_hit: int
    kept: int
    columns: int
    tokens_before: int
    tokens_after: int
    tokenizer: str


def _row(linked: Linked, gold: GoldLinks) -> _Row:
    kept, tables = linked.kept, {table.name for table in linked.schema.tables}
    return _Row(
        gold=len(gold.columns),
        hit=len(gold.columns & kept),
        tables=len(gold.tables),
        table_hit=len(gold.tables & tables),
        kept=len(kept),
        columns=linked.full.n_columns,
        tokens_before=linked.tokens_before,
        tokens_after=linked.tokens_after,
        tokenizer=linked.tokenizer,
    )


def _mean(values: Iterable[float]) -> float:
    numbers = [float(value) for value in values]
    return sum(numbers) / len(numbers) if numbers else 0.0


@dataclass(frozen=True, slots=True)
class LinkingCase:
    """One question, ready to be linked.

    Attributes:
        item: Where it comes from.
        schema: As the set documents it.
        gold: What its gold query uses.
        evidence: What the linker is told beside the question.
        hits: Stored values; () where the database is absent.
        ms: Milliseconds of their look-up; 0 where the database is absent.
    """

    item: Item
    schema: Schema
    gold: GoldLinks
    evidence: str = ""
    hits: Sequence[ValueHit] = ()
    ms: float = 0.0

    def link(self, linker: Linker) -> Linked:
        """What `linker` keeps for it."""
        return linker.link(self.item.question, self.schema, hits=self.hits, evidence=self.evidence)


@dataclass(frozen=True)
class LinkingCases:
    """The questions of a set that can be scored.

    Attributes:
        cases: In the order of their items.
        unlabelled: Items whose gold query cannot be labelled, or whose schema is absent.
        databases: Databases that were there to look values up in.
    """

    cases: tuple[LinkingCase, ...]
    unlabelled: int
    databases: int


@dataclass(frozen=True)
class LinkingReport:
    """A linker's figures over the cases of a set.

    Attributes:
        scores: Recall and size.
        times: Milliseconds of each call of the linker; looking values up is not part of it.
        cases: What was linked.
    """

    scores: LinkingScores
    times: tuple[float, ...]
    cases: LinkingCases

    def to_dict(self) -> dict[str, Any]:
        """Shares in percent, mean tokens, times in milliseconds: the median, and the 99th percentile (nearest rank).

        `ms_values` is the median look-up of values, where there is a database; it is not part of `ms_per_question`.
        """
        shares = ("strict_recall", "column_recall", "table_recall", "strict_table_recall", "precision", "kept_share")
        scores = asdict(self.scores)
        figures: dict[str, Any] = {name: round(100 * scores[name], 2) for name in shares}
        figures |= {name: round(scores[name], 1) for name in ("tokens_before", "tokens_after")}
        times, cases = sorted(self.times), self.cases.cases
        return figures | {
            "tokenizer": self.scores.tokenizer,
            "ms_per_question": round(median(times), 3),
            "ms_p99": round(times[math.ceil(0.99 * len(times)) - 1], 3),
            "ms_values": round(median([case.ms for case in cases if case.ms] or [0.0]), 3),
            "items": self.scores.items,
            "items_with_columns": self.scores.items_with_columns,
            "unlabelled": self.cases.unlabelled,
            "databases": self.cases.databases,
            "with_value_hits": sum(bool(case.hits) for case in cases),
        }


def linking_cases(
    benchmark: Benchmark,
    *,
    evidence: bool = True,
    items: Iterable[Item] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LinkingCases:
    """Label the gold queries and look values up in the databases that are there, one database at a time.

    The schema of a database that no schema file documents is read from the database itself.

    Args:
        benchmark: The loaded set.
        evidence: Use an item's evidence, where it has some.
        items: Which items; default: all of the benchmark.
        progress: Told (done, total) after each item.
    """
    chosen = sorted(benchmark.items if items is None else items, key=lambda item: item.db_id)
    cases: list[LinkingCase] = []
    databases = done = 0
    for name, mine in groupby(chosen, key=lambda item: item.db_id):
        schema, index = _open(benchmark, name)
        databases += index is not None
        for item in mine:
            case = _case(item, schema, index, item.evidence if evidence else "")
            cases += [case] if case is not None else []
            done += 1
            if progress is not None:
                progress(done, len(chosen))
    cases.sort(key=lambda case: case.item.index)
    return LinkingCases(tuple(cases), len(chosen) - len(cases), databases)


def measure(
    link: Callable[[LinkingCase], Linked], cases: LinkingCases, *, progress: Callable[[int, int], None] | None = None
) -> LinkingReport:
    """Link every case and score what was kept.

    Args:
        link: What is measured; for a linker, `lambda case: case.link(linker)`.
        cases: From `linking_cases`.
        progress: Told (done, total) after each case.

    Raises:
        UsageError: There is no case.
    """
    pairs, times = [], []
    for case in cases.cases:
        start = perf_counter()
        linked = link(case)
        times.append(1e3 * (perf_counter() - start))
        pairs.append((linked, case.gold))
        if progress is not None:
            progress(len(times), len(cases.cases))
    return LinkingReport(linking_scores(pairs), tuple(times), cases)


def _open(benchmark: Benchmark, name: str) -> tuple[Schema | None, ValueIndex | None]:
    """The schema and the values of a database; None for what is not there."""
    documented = benchmark.schemas.get(name)
    if name not in benchmark.databases:
        return documented, None
    with Database(benchmark.databases[name], name=name, isolated=False) as database:
        return database.schema() if documented is None else documented, ValueIndex.build(database)


def _case(item: Item, schema: Schema | None, index: ValueIndex | None, evidence: str) -> LinkingCase | None:
    if schema is None:
        return None
    try:
        gold = gold_links(item.gold, schema)
    except CtxpruneError:
        return None
    start = perf_counter()
    hits = tuple(index.lookup(item.question, evidence)) if index is not None else ()
    return LinkingCase(item, schema, gold, evidence, hits, 1e3 * (perf_counter() - start) if index is not None else 0.0)

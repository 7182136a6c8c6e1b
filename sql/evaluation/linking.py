"""Scores of schema linking: how much of what is needed was kept, and how little else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..linking.base import Linked
    from ..linking.gold import GoldLinks

__all__ = ["LinkingScores", "linking_scores"]


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

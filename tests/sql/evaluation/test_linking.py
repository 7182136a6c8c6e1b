"""Linking scores against figures worked out by hand."""

from __future__ import annotations

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.evaluation.linking import linking_scores
from ctxprune.sql.linking.base import Linked
from ctxprune.sql.linking.gold import GoldLinks
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

SCHEMA = Schema("s", tuple(Table(name, tuple(Column(column) for column in "wxyz")) for name in ("a", "b")))


def linked(*names: str, tables: tuple[str, ...] = (), tokens: int = 10, tokenizer: str = "t") -> Linked:
    refs = [ColumnRef(*name.split(".")) for name in names]
    return Linked(
        SCHEMA.subset(refs, tables), SCHEMA, {}, {}, tokens_before=40, tokens_after=tokens, tokenizer=tokenizer
    )


def gold(*names: str, tables: tuple[str, ...]) -> GoldLinks:
    return GoldLinks(frozenset(tables), frozenset(ColumnRef(*name.split(".")) for name in names))


def test_figures():
    scores = linking_scores(
        [
            (linked("a.w", "a.x", "b.w"), gold("a.w", "a.x", tables=("a",))),
            (linked("a.w", "a.x", "a.y", "a.z", tokens=20), gold("a.w", "b.w", tables=("a", "b"))),
            (linked("b.w", "b.x", tokens=30), gold("a.w", tables=("a",))),
            (linked("b.w"), gold(tables=("b",))),
        ]
    )
    assert (scores.items, scores.items_with_columns) == (4, 3)
    assert scores.strict_recall == pytest.approx(2 / 4)
    assert scores.column_recall == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert scores.table_recall == pytest.approx((1 + 1 / 2 + 0 + 1) / 4)
    assert scores.strict_table_recall == pytest.approx(2 / 4)
    assert scores.precision == pytest.approx((2 / 3 + 1 / 4 + 0) / 3)
    assert scores.false_positive_rate == pytest.approx((1 / 3 + 3 / 4 + 1) / 3)
    assert scores.kept_share == pytest.approx((3 + 4 + 2 + 1) / 8 / 4)
    assert (scores.tokens_before, scores.tokens_after, scores.tokenizer) == (40, 17.5, "t")


def test_a_lost_table_is_a_strict_miss_even_without_columns():
    scores = linking_scores([(linked("a.w"), gold(tables=("b",)))])
    assert (scores.strict_recall, scores.column_recall, scores.items_with_columns) == (0, 0, 0)


def test_a_table_kept_without_columns_counts_as_kept():
    assert linking_scores([(linked("a.w", tables=("b",)), gold(tables=("b",)))]).strict_recall == 1


def test_nothing_and_mixed_tokenizers_cannot_be_scored():
    with pytest.raises(UsageError, match="no questions"):
        linking_scores([])
    pairs = [(linked("a.w", tokenizer=name), gold("a.w", tables=("a",))) for name in "tu"]
    with pytest.raises(UsageError, match="t, u"):
        linking_scores(pairs)

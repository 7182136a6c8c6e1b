"""The lexical linker: n-grams, hits, keys."""

from __future__ import annotations

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.linking.base import LINKERS
from ctxprune.sql.linking.lexical import LexicalLinker, LexicalSchemaScorer
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.values.base import ValueHit


def test_it_is_registered():
    assert LINKERS.get("lexical") is LexicalLinker


def test_it_keeps_what_reads_like_the_question_and_its_keys(library):
    linked = LexicalLinker().link("titles of books and the names of their authors", library)
    kept = {(ref.table, ref.column) for ref in linked.kept}
    assert {("book", "title"), ("author", "name"), ("wrote", "author_id"), ("wrote", "book_id")} <= kept
    assert linked.schema.n_columns < library.n_columns


def test_a_value_hit_lifts_its_column():
    schema = Schema("shop", (Table("item", (Column("kind", "TEXT"), Column("price", "REAL"))),))
    hit = ValueHit(ColumnRef("item", "kind"), "tea", (0, 3), 0.9, "exact")
    linked = LexicalLinker().link("how much is tea", schema, hits=[hit])
    assert linked.scores[ColumnRef("item", "kind")] == pytest.approx(0.9)
    assert ColumnRef("item", "kind") in linked.kept


def test_only_a_schema_can_be_scored():
    class Plain:
        units = ()

    with pytest.raises(UsageError, match="is not a schema"):
        LexicalSchemaScorer().score("x", Plain())

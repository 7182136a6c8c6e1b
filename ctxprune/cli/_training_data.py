"""Schemas as training examples: what the core cannot make, since it knows no SQL."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ctxprune.errors import CtxpruneError
from ctxprune.train.examples import Example
from ctxprune.train.sentence_sets import Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SCHEMA_SOURCES", "schemas"]

SCHEMA_SOURCES = {
    "nl2sql/spider/train_spider": "CC BY-SA 4.0 (Spider)",
    "nl2sql/bird_train_mini/mini_train": "CC BY-SA 4.0 (BIRD)",
}
_FOLDERS = {"spider": "spider", "bird": "bird_train_mini"}


def schemas(data: Path) -> Iterator[Example]:
    """Questions over schemas: a document a table, a unit a column, evidence what the gold SQL uses.

    Raises:
        InputError: A file is missing or damaged.
    """
    from ctxprune.sql.evaluation.datasets import load
    from ctxprune.sql.linking.context import SchemaContext
    from ctxprune.sql.linking.gold import gold_links

    for source, folder in _FOLDERS.items():
        bench = load(data / "nl2sql" / folder, split="train")
        contexts = {name: SchemaContext(schema) for name, schema in bench.schemas.items()}
        for item in bench.items:
            context = contexts.get(item.db_id)
            if context is None or not item.gold:
                continue
            with suppress(CtxpruneError):
                gold = gold_links(item.gold, context.schema)
                documents = tuple(
                    Document(
                        context.units[table].text,
                        tuple(context.units[unit].text for unit in _columns(context, table)),
                        tuple(context.refs[unit] in gold.columns for unit in _columns(context, table)),
                    )
                    for table in context.table_units
                )
                tables = [table.name for table in context.schema.tables]
                question = " ".join(part for part in (item.question, item.evidence) if part)
                relevant = tuple(name in gold.tables for name in tables)
                yield Example(source, "schema", question, documents, relevant)


def _columns(context: object, table: int) -> list[int]:
    units = context.units  # type: ignore[attr-defined]
    return [index for index, unit in enumerate(units) if unit.parent == table]

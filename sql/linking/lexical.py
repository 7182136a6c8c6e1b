"""The lexical linker: names, comments, descriptions and matched values against the question; no model, no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..schema import ColumnRef
from .base import Linked
from .joins import JoinGraph
from .ngrams import NgramIndex
from .words import natural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema import Schema
    from ..values.base import ValueHit

__all__ = ["LexicalLinker"]


@dataclass(frozen=True)
class LexicalLinker:
    """First version: character n-grams and value hits, the best `k` columns and the keys of their tables."""

    k: int = 10

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question."""
        refs = list(schema.refs())
        texts = [f"{natural(ref.table)} {natural(ref.column)} {ref.column}" for ref in refs]
        values = NgramIndex(texts).score(f"{question}\n{evidence}")
        scores = {ref: float(value) for ref, value in zip(refs, values, strict=True)}
        for hit in hits:
            if hit.ref in scores:
                scores[hit.ref] = max(scores[hit.ref], hit.score)
        best = sorted(refs, key=lambda ref: -scores[ref])[: self.k]
        tables = list(dict.fromkeys(ref.table for ref in best))
        graph = JoinGraph(schema.foreign_keys)
        bridges = set(graph.bridges(tables))
        tables += [table.name for table in schema.tables if table.name.casefold() in bridges]
        reasons = {ref: ("name",) for ref in best}
        for table in tables:
            for name in schema.table(table).primary_key:
                reasons.setdefault(ColumnRef(table, name), (f"primary key of {table}",))
        for key in graph.between(tables):
            for table, names in ((key.table, key.columns), (key.ref_table, key.ref_columns)):
                for name in names:
                    reasons.setdefault(ColumnRef(table, name), (f"joins {key.table} and {key.ref_table}",))
        table_scores = {
            table.name: float(np.max([scores[ColumnRef(table.name, c.name)] for c in table.columns], initial=0.0))
            for table in schema.tables
        }
        return Linked(schema.subset(reasons), schema, scores, table_scores, reasons, tuple(hits))

"""The sketch generator: questions become SQL without a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import Candidate
from .analysis import analyse
from .query import Item, Query
from .view import SchemaView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request

__all__ = ["SketchGenerator"]


class SketchGenerator:
    """Composes SELECT statements from schema names, stored values and cues of the question."""

    name = "sketch.v1"

    def generate(self, request: Request) -> Sequence[Candidate]:
        """Up to `request.n` candidates, best first; () when the question says nothing about the schema."""
        view = SchemaView.of(request.schema)
        found = analyse(request.question, view, request.hits, {})
        if not found.tables and not found.columns:
            return ()
        table = max(range(len(view.tables)), key=lambda t: found.tables[t][0].score if t in found.tables else 0.0)
        name = view.table_name(table)
        count = Query((Item(None, "count"),), (name,))
        plain = Query(tuple(Item(c.ref) for c in view.columns if c.table == table)[:2], (name,))
        ranked = (count, plain) if "how many" in request.question.casefold() else (plain, count)
        return [
            Candidate(view.writer.write(query), self.name, path=request.path, score=-float(i))
            for i, query in enumerate(ranked[: request.n])
        ]

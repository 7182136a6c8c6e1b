"""Shapes of context that could cost more than their size: 40 of each of nine kinds, made at any length.

`SHAPES[kind][name](size)` is a text of about `size` characters of that kind (a name of `ctxprune.rag.kinds.KINDS`).
Sound inputs stand beside hostile ones: one line, one column, nothing but delimiters, marks that are never closed, marks
that point at each other, deep nesting, characters of other scripts, and line ends of every kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .making import QUESTION
from .markup import HTML, MARKDOWN
from .prose import LOG, TEXT
from .schemas import SCHEMA, TOOLS
from .tables import CSV, TABLE
from .trees import JSON

if TYPE_CHECKING:
    from .making import Shape

__all__ = ["QUESTION", "SHAPES"]

SHAPES: dict[str, dict[str, Shape]] = {
    "csv": CSV,
    "html": HTML,
    "json": JSON,
    "log": LOG,
    "markdown": MARKDOWN,
    "schema": SCHEMA,
    "table": TABLE,
    "text": TEXT,
    "tools": TOOLS,
}
"""By kind (`tsv` is read as `csv` is, with another delimiter) and by name."""

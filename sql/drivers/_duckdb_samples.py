"""DuckDB's SQL that looks at stored data."""

from __future__ import annotations

from typing import ClassVar

from .typed import TypedSamples

__all__ = ["DuckdbSamples"]


class DuckdbSamples(TypedSamples):
    """Of DuckDB's types, INTERVAL would look like a whole number, and text in JSON or a nested type is none."""

    texts_match: ClassVar[str] = r"varchar|enum"
    days_match: ClassVar[str] = r"date|time"
    wholes_match: ClassVar[str] = r"u?(tiny|small|big|huge)?int(eger)?\b"
    numbers_match: ClassVar[str] = r"decimal|float|double"
    text_type: ClassVar[str] = "VARCHAR"

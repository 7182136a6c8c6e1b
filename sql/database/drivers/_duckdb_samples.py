"""DuckDB's SQL that looks at stored data."""

from __future__ import annotations

from typing import ClassVar

from .typed import TypedSamples

__all__ = ["DuckdbSamples"]


class DuckdbSamples(TypedSamples):
    """Text in JSON or a nested type is none. Days and times have names such as TIMESTAMP_NS."""

    texts_match: ClassVar[str] = r"varchar|enum"
    days_match: ClassVar[str] = r"date|time"
    text_type: ClassVar[str] = "VARCHAR"

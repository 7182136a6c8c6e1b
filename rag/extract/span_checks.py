"""Checks of records that were read without a model: by the schema, and for other values that the text says beside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.errors import InputError, MissingExtraError

from .validation import RecordChecker
from .values import find_typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .records import ExtractedValue, Record
    from .schema import RecordSchema

__all__ = ["SpanChecker"]

_REACH = 40  # characters behind a value in which another one is looked for
# "900 or 950", "3-4", "900 EUR or 950 EUR"; no commas, tabs or line ends, which part cells and fields.
_OR = re.compile(r" ?(?:[^\W\d_]{1,4}|[%$€£¥₹])? ?(?:(?<![^\W_])(?:or|and|to)(?![^\W_])|[-–—/]) ?[$€£¥₹]?", re.I)


class SpanChecker:
    """Tells what is wrong with a record. Safe to share between threads.

    Args:
        schema: The full schema.
    """

    def __init__(self, schema: RecordSchema) -> None:
        self._schema = schema
        self._checker: RecordChecker | None = None
        self._note = ""
        try:
            self._checker = RecordChecker(schema)
        except (InputError, MissingExtraError) as error:
            # Reading needs no validator; a record that nobody checked says so.
            self._note = f"/: not checked against the schema ({error.what})"

    def list_problems(self, text: str, record: Record) -> tuple[str, ...]:
        """What breaks the schema, then values beside which the text says another one; () for nothing."""
        broken = self._checker.list_errors(record.data) if self._checker else (self._note,)
        return (*broken, *self._list_rivals(text, record.values))

    def _list_rivals(self, text: str, values: Sequence[ExtractedValue]) -> list[str]:
        taken = {value.span for value in values}
        problems: list[str] = []
        for value in values:
            field = self._schema.find_field(value.path)
            if field is None or value.span is None or field.kind in ("string", "object"):
                continue
            end = value.span[1]
            for other in find_typed(text, end, end + _REACH, field)[:1]:
                between = text[end : other.start]
                linked = _OR.fullmatch(between) or (not between and text[end] in "-–—")
                if linked and other.value != value.value and (other.start, other.end) not in taken:
                    problems.append(f"{value.path}: the text also says {text[other.start : other.end].strip(' -–—')!r}")
        return problems

"""What a renderer is: it writes a schema as prompt text."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Protocol

from ctxprune.registry import Registry

from ._text import datum, name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
    from ..values.base import ValueHit

__all__ = ["RENDERERS", "Renderer", "column_label", "hit_values", "key_label", "render", "shown_values", "table_label"]

_SHOWN = 3
_DATED = ("DATE", "TIME")
_LONG, _TOO_LONG = 20, 50
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://", re.IGNORECASE)


class Renderer(Protocol):
    """Writes a schema as text. Safe to share between threads."""

    def render(self, schema: Schema, *, hits: Sequence[ValueHit] = ()) -> str:
        """The text; stored values that the question mentions (`hits`) stand before other examples."""
        ...


RENDERERS: Registry[type[Renderer]] = Registry(
    "renderer",
    {
        "compact.v1": "ctxprune.sql.render.compact:Compact",
        "ddl.v1": "ctxprune.sql.render.ddl:DDL",
        "mschema.v1": "ctxprune.sql.render.mschema:MSchema",
    },
)


def render(schema: Schema, form: str = "mschema", *, hits: Sequence[ValueHit] = ()) -> str:
    """Write `schema` in a registered form with that form's defaults.

    Args:
        schema: What to write; an empty one gives the form's empty frame.
        form: "mschema", "ddl", "compact", or another registered name.
        hits: Stored values that the question mentions, best first; those of columns outside `schema` are ignored.

    Raises:
        UnknownNameError: No such form.
    """
    return RENDERERS.get(form)().render(schema, hits=hits)


def table_label(table: Table) -> str:
    """The table's name on one line, quoted where it must be, with its namespace in front exactly once."""
    return f"{name(table.namespace)}.{name(table.bare)}" if table.namespace else name(table.name)


def key_label(schema: Schema, key: ForeignKey) -> str:
    """`table.column=table.column`; a composite key is one entry `table.(a, b)=table.(c, d)`."""
    return f"{_end(schema, key.table, key.columns)}={_end(schema, key.ref_table, key.ref_columns)}"


def _end(schema: Schema, table: str, columns: tuple[str, ...]) -> str:
    label = table_label(schema.table(table)) if table in schema else name(table)
    names = ", ".join(name(column) for column in columns)
    return f"{label}.{names}" if len(columns) == 1 else f"{label}.({names})"


def column_label(ref: ColumnRef) -> str:
    """`table.column` on one line, each name quoted where it must be."""
    return f"{name(ref.table)}.{name(ref.column)}"


def hit_values(hits: Iterable[ValueHit]) -> dict[ColumnRef, list[str]]:
    """Matched values by column (names folded), in the order given, without repetition."""
    by_column: dict[ColumnRef, list[str]] = {}
    for hit in hits:
        key = hit.ref._replace(table=hit.ref.table.casefold(), column=hit.ref.column.casefold())
        values = by_column.setdefault(key, [])
        if hit.value not in values:
            values.append(hit.value)
    return by_column


def shown_values(column: Column, matched: Sequence[str] = ()) -> list[str]:
    """The example values of one column as prompt text: matched ones first, then samples, three together at most.

    Of the samples (nulls and empty ones dropped) the first three count; only the first for date and time types or when
    the longest exceeds 20 characters; none when the longest exceeds 50 or one is an e-mail or web address.
    """
    shown = [datum(value) for value in matched[:_SHOWN]]
    for text in _samples(column):
        if len(shown) >= _SHOWN:
            break
        if text not in shown:
            shown.append(text)
    return shown


def _samples(column: Column) -> list[str]:
    usable = [_plain(value) for value in column.examples if not _is_empty(value)]
    texts = [str(value) for value in usable]
    longest = max(map(len, texts), default=0)
    if longest > _TOO_LONG or any(_EMAIL.search(text) or _URL.search(text) for text in texts):
        return []
    single = column.type.strip().upper().startswith(_DATED) or longest > _LONG
    return [datum(value) for value in usable[: 1 if single else _SHOWN]]


def _is_empty(value: object) -> bool:
    return value is None or isinstance(value, (bytes, bytearray, memoryview)) or not str(value).strip()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value

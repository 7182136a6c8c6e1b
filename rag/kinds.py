"""Kinds of text that are pruned in their own form: one name, its file endings, and the context that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UnknownNameError

from .sniff import sniffed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.context.base import Context

__all__ = ["KINDS", "TABLES", "Kind", "read_context"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of text.

    Attributes:
        units: What its units are called, in the plural.
        endings: Ends of the names of its files, small letters, with the dot.
        read: Makes the context of a text (HTML: or of bytes); it renders as a text of the same kind.
    """

    units: str
    endings: tuple[str, ...]
    read: Callable[[Any], Context[str]]


def _text(text: str) -> Context[str]:
    from .passages.passages import Passage

    return Passage(text)


def _markdown(text: str) -> Context[str]:
    from .passages.options import PassageOptions
    from .passages.passages import Passage

    return Passage(text, options=PassageOptions(markdown=True, headings=True))


def _html(text: str | bytes) -> Context[str]:
    from .html import HtmlPage

    return HtmlPage(text)


def _csv(text: str) -> Context[str]:
    from .tables import Table, TableOptions

    return Table(text, TableOptions("csv"))


def _tsv(text: str) -> Context[str]:
    from .tables import Table, TableOptions

    return Table(text, TableOptions("csv", "\t"))


def _table(text: str) -> Context[str]:
    from .tables import Table, TableOptions

    return Table(text, TableOptions("markdown"))


def _json(text: str) -> Context[str]:
    from .jsondocument import JsonDocument

    return JsonDocument(text)


def _schema(text: str) -> Context[str]:
    from .jsonschema import JsonSchema

    return JsonSchema(text)


def _tools(text: str) -> Context[str]:
    from .jsonschema import Tools

    return Tools(text)


def _log(text: str) -> Context[str]:
    from .logs import Log

    return Log(text)


KINDS: dict[str, Kind] = {
    "csv": Kind("rows and columns", (".csv",), _csv),
    "html": Kind("blocks", (".htm", ".html", ".xhtml"), _html),
    "json": Kind("values", (".json",), _json),
    "log": Kind("records", (".log",), _log),
    "markdown": Kind("sentences", (".markdown", ".md", ".mdown", ".mkd"), _markdown),
    "schema": Kind("properties", (".schema.json",), _schema),
    "table": Kind("rows and columns", (), _table),
    "text": Kind("sentences", (".txt",), _text),
    "tools": Kind("tools and parameters", (".tools.json",), _tools),
    "tsv": Kind("rows and columns", (".tab", ".tsv"), _tsv),
}
"""By name; "table" is a table in Markdown, "schema" and "tools" are JSON texts."""

TABLES = frozenset({"csv", "table", "tsv"})
"""Kinds of which rows and columns are kept together."""


def read_context(text: str, kind: str = "auto") -> Context[str]:
    """The context of `text`, which renders as a text of its kind.

    Args:
        text: Any length.
        kind: A name of `KINDS`; "auto" goes by the looks of the text (`ctxprune.rag.sniff`).

    Raises:
        UnknownNameError: There is no such kind.
        InputError: The text is not of that kind.
        MissingExtraError: The kind needs a package that is not installed.
    """
    if kind == "auto":
        kind = sniffed(text)
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, ["auto", *KINDS])
    return KINDS[kind].read(text)

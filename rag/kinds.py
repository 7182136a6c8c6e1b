"""Kinds of text that can be pruned: for each name its file extensions, and the context that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UnknownNameError

from .sniff import sniff_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.context.base import Context

__all__ = ["KINDS", "TABLES", "Kind", "guess_kind", "read_context"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of text.

    Attributes:
        units: Noun for its units, in the plural.
        endings: Extensions of its files, in lower case, with the dot.
        read: Builds the context of a text (for HTML also of bytes), which renders as a text of the same kind.
    """

    units: str
    endings: tuple[str, ...]
    read: Callable[[Any], Context[str]]


# Imported when read: most callers need one kind, and each room loads packages of its own.
def _read_text(text: str) -> Context[str]:
    from .passages.passages import Passage

    return Passage(text)


def _read_markdown(text: str) -> Context[str]:
    from .passages.options import PassageOptions
    from .passages.passages import Passage

    return Passage(text, options=PassageOptions(markdown=True, headings=True))


def _read_html(text: str | bytes) -> Context[str]:
    from .html import HtmlPage

    return HtmlPage(text)


def _read_csv(text: str) -> Context[str]:
    from .tables import Table, TableOptions

    return Table(text, TableOptions("csv"))


def _read_tsv(text: str) -> Context[str]:
    from .tables import Table, TableOptions

    return Table(text, TableOptions("csv", "\t"))


def _read_table(text: str) -> Context[str]:
    from .tables import Table, TableOptions

    return Table(text, TableOptions("markdown"))


def _read_json(text: str) -> Context[str]:
    from .jsondocument import JsonDocument

    return JsonDocument(text)


def _read_schema(text: str) -> Context[str]:
    from .jsonschema import JsonSchema

    return JsonSchema(text)


def _read_tools(text: str) -> Context[str]:
    from .jsonschema import Tools

    return Tools(text)


def _read_triples(text: str) -> Context[str]:
    from .graph import Triples

    return Triples(text)


def _read_log(text: str) -> Context[str]:
    from .logs import Log

    return Log(text)


KINDS: dict[str, Kind] = {
    "csv": Kind("rows and columns", (".csv",), _read_csv),
    "html": Kind("blocks", (".htm", ".html", ".xhtml"), _read_html),
    "json": Kind("values", (".json",), _read_json),
    "log": Kind("records", (".log",), _read_log),
    "markdown": Kind("sentences", (".markdown", ".md", ".mdown", ".mkd"), _read_markdown),
    "schema": Kind("properties", (".schema.json",), _read_schema),
    "table": Kind("rows and columns", (), _read_table),
    "text": Kind("sentences", (".txt",), _read_text),
    "tools": Kind("tools and parameters", (".tools.json",), _read_tools),
    "triples": Kind("entities and edges", (".nq", ".nt", ".triples"), _read_triples),
    "tsv": Kind("rows and columns", (".tab", ".tsv"), _read_tsv),
}
"""By name; "table" is a table in Markdown, "schema" and "tools" are JSON texts, "triples" a graph."""

TABLES = frozenset({"csv", "table", "tsv"})
"""Kinds of which rows and columns are selected together."""


def guess_kind(name: str, read_head: Callable[[], str]) -> str:
    """Guess the kind of a file by the extension of its name, else by its beginning.

    What only looks like Markdown is "text", since many plain texts do.

    Args:
        name: The file's name, in any case.
        read_head: Gives the first characters; called only where the extension says nothing.
    """
    ends = [(len(end), kind) for kind, entry in KINDS.items() for end in entry.endings if name.lower().endswith(end)]
    if ends:  # the longest wins, since one may end with another
        return max(ends)[1]
    kind = sniff_kind(read_head())
    return "text" if kind == "markdown" else kind


def read_context(text: str, kind: str = "auto") -> Context[str]:
    """Build the context of `text`, which renders as a text of its kind.

    Args:
        text: A text of any length.
        kind: A name of `KINDS`; "auto" guesses it (`ctxprune.rag.sniff`). A text that cannot be read as what it looks
            like, as JSON that was cut off, is then plain text, a `FallbackPassage`, and the note of the result says so.

    Raises:
        UnknownNameError: There is no such kind.
        InputError: The text cannot be read as the kind that was named.
        MissingExtraError: The kind needs a package that is not installed.
    """
    if kind == "auto":
        return _read_guessed(text)
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, ["auto", *KINDS])
    return KINDS[kind].read(text)


def _read_guessed(text: str) -> Context[str]:
    """The text as what it looks like; as plain text where it cannot be read so."""
    kind = sniff_kind(text)
    try:
        return KINDS[kind].read(text)
    except InputError as error:
        from .passages.fallback import FallbackPassage

        place = f" ({error.where})" if error.where else ""
        return FallbackPassage(text, reason=f"read as plain text: it looks like {kind}, but {error.what}{place}")

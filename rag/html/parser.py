"""The HTML tokenizer behind one function, so that the rest of the package knows no parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctxprune.errors import UsageError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["END", "START", "TEXT", "Token", "tokenized"]

TEXT, START, END = 0, 1, 2


class Token(Protocol):
    """A text, a start tag, an end tag, or something without text and tag, such as a comment."""

    @property
    def type(self) -> int:
        """`TEXT`, `START`, `END`; other numbers for what is not shown."""

    @property
    def tag(self) -> str | None:
        """The name in lower case; None where there is none."""

    @property
    def data(self) -> str | None:
        """The text, character references resolved."""

    @property
    def col(self) -> int:
        """Offset in the source at which the token starts, in characters from 0."""

    def attr(self, name: str, default: str | None = None, /) -> str | None:
        """The value of an attribute, character references resolved; `default` where there is none."""


def tokenized(source: str, parser: str | None = None) -> tuple[str, Iterator[Token]]:
    """The source, and its tokens as the HTML standard cuts them, with offsets into it and form feeds for line ends.

    Args:
        source: Any characters.
        parser: None or "turbohtml", the only tokenizer.

    Raises:
        MissingExtraError: turbohtml is not installed (extra `html`).
        UsageError: Another parser is asked for.
    """
    if parser not in (None, "turbohtml"):
        raise UsageError(f"parser is {parser!r}", hint="give 'turbohtml' or None")
    return source, require("turbohtml", "html").tokenize(_flatten_lines(source))


def _flatten_lines(source: str) -> str:
    """Replace line ends and NUL by form feeds, one for one."""
    # A token has a line and a column: where all is one line, the column is the offset. NUL becomes a form feed too,
    # since the standard drops it in some places and replaces it in others.
    for char in "\n\r\x00":
        source = source.replace(char, "\x0c")
    return source

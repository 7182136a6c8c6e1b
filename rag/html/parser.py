"""The HTML tokenizers behind one function, so that the rest of the package knows no parser."""

from __future__ import annotations

import re
from html import unescape
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ctxprune.utils.extras import require

from .attributes import resolved

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["END", "START", "TEXT", "Token", "tokenized"]

TEXT, START, END = 0, 1, 2
_SURROGATE = re.compile("[\ud800-\udfff]")
# What lexbor writes: attribute values are quoted, and hold neither quotation marks nor angle brackets.
_MARKUP = re.compile(r"<!--.*?-->|<!doctype[^>]*>|<\?[^>]*>|<(/?)([^\s>/]+)([^>]*)>", re.DOTALL | re.IGNORECASE)
_ATTRIBUTE = re.compile(r'([^\s="]+)(?:="([^"]*)")?')
_RAW = frozenset({"iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "xmp"})


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
        """Character of the source at which the token starts, from 0."""

    def attr(self, name: str, default: str | None = None, /) -> str | None:
        """The value of an attribute, character references resolved; `default` where there is none."""


def tokenized(source: str, parser: str | None = None) -> tuple[str, Iterator[Token]]:
    """The text that the tokens' places are in, and the tokens as the HTML standard cuts them, line ends as form feeds.

    Args:
        source: Any characters.
        parser: "turbohtml", of which the tokens point into `source`; "selectolax", of which they point into the
            serialised tree; None for the first of the two that is installed.

    Raises:
        MissingExtraError: The parser is not installed.
    """
    if parser == "selectolax" or (parser is None and not find_spec("turbohtml") and find_spec("selectolax")):
        text = _serialised(source)
        return text, _canonical_tokens(text)
    return source, require("turbohtml", "html").tokenize(_flat(source))


def _flat(source: str) -> str:
    """The source with form feeds for line ends, so that all is one line and the column of a token its offset.

    For NUL, too, which the standard drops in some places and replaces in others.
    """
    for char in "\n\r\x00":
        source = source.replace(char, "\x0c")
    return source


class _CanonicalToken(NamedTuple):
    type: int
    tag: str | None
    data: str | None
    col: int
    written: str  # the attributes as they stand in the tag

    def attr(self, name: str, default: str | None = None, /) -> str | None:
        for found, value in _ATTRIBUTE.findall(self.written):
            if found == name:
                return resolved(_flat(value))
        return default


def _serialised(source: str) -> str:
    parsed = require("selectolax.lexbor", "html").LexborHTMLParser(
        _SURROGATE.sub("\ufffd", source.replace("\x00", " "))
    )
    return (parsed.html or "").replace("\r", "\n")


def _canonical_tokens(text: str) -> Iterator[Token]:
    """Tokens of a serialised tree."""
    place = 0
    while place < len(text):
        match = _MARKUP.search(text, place)
        end = match.start() if match else len(text)
        if end > place:
            yield _text(text, place, end)
        if match is None:
            return
        place = match.end()
        tag = match.group(2)
        kind = 3 if tag is None else END if match.group(1) else START
        yield _CanonicalToken(kind, tag and tag.lower(), None, match.start(), match.group(3) or "")
        if kind == START and tag in _RAW:
            end = text.find(f"</{tag}>", place) if tag != "plaintext" else -1
            end = end if end >= 0 else len(text)
            if end > place:
                yield _CanonicalToken(TEXT, None, _flat(text[place:end]), place, "")
            place = end


def _text(text: str, start: int, end: int) -> Token:
    return _CanonicalToken(TEXT, None, unescape(_flat(text[start:end])), start, "")

"""Options for reading and rendering a page."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_whole

__all__ = ["DEFAULTS", "HtmlOptions", "HtmlOutput"]

HtmlOutput = Literal["html", "markdown", "text"]
_OUTPUTS = ("html", "markdown", "text")


@dataclass(frozen=True, slots=True)
class HtmlOptions:
    """How an `HtmlPage` reads its source and renders it.

    Attributes:
        output: What `render` gives: "html" (bare tags; models read tables and lists best so), "markdown" or "text".
        max_tokens: A longer block becomes several units; counted as 4 UTF-8 bytes a token, at least 8.
        min_tokens: Shorter neighbours in the same container (items of one list, lines of one div) become one unit, up
            to this size. 0 leaves each block to itself.
        columns: Make each column of a table of data a unit, too, behind all others; a cell is then kept if both its row
            and a column of it are. For policies that choose both, such as `TableBudget`.
        links: Keep the targets of links, except those that run code.
        ids: Keep `id` attributes of what is kept.
        attributes: Names of further attributes to keep, in lower case.
        encoding: Encoding of bytes that the transport names (the charset of a Content-Type header); "" for none.
        parser: Deprecated, without effect: None, or "turbohtml", the only parser.

    Raises:
        UsageError: A value is of the wrong kind or out of range.
    """

    output: HtmlOutput = "html"
    max_tokens: int = 160
    min_tokens: int = 24
    columns: bool = False
    links: bool = False
    ids: bool = False
    attributes: tuple[str, ...] = ()
    encoding: str = ""
    parser: Literal["turbohtml"] | None = None

    def __post_init__(self) -> None:
        if self.output not in _OUTPUTS:
            raise UsageError(f"output is {self.output!r}", hint="give 'html', 'markdown' or 'text'")
        # A block is cut at 8 tokens at the least, so that a unit still says something to a scorer.
        check_whole("max_tokens", self.max_tokens, minimum=8)
        check_whole("min_tokens", self.min_tokens, minimum=0)
        names: object = self.attributes
        if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
            raise UsageError(f"attributes is {self.attributes!r}", hint="give a tuple of names")
        if self.parser not in (None, "turbohtml"):
            raise UsageError(f"parser is {self.parser!r}", hint="leave it out: turbohtml is the only parser")
        if self.parser is not None:
            warnings.warn("HtmlOptions.parser has no effect and will be removed", DeprecationWarning, stacklevel=3)
        if not isinstance(self.encoding, str):
            raise UsageError(f"encoding is {self.encoding!r}", hint="give the name of an encoding, or ''")
        object.__setattr__(self, "attributes", tuple(dict.fromkeys(name.lower() for name in self.attributes)))

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names of all attributes to keep, without link targets."""
        return ("id", *self.attributes) if self.ids and "id" not in self.attributes else self.attributes


DEFAULTS = HtmlOptions()

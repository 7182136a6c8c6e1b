"""Whether the text written from a tree still says what was read: no name, string or number may get lost.

sqlglot knows many dialects, and now and then it takes a construct of one for that of another and drops a part of it
(DuckDB: `list(a)[1]` used to become `LIST(1)`). Such a query is refused rather than answered wrongly.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlglot import TokenType

from ._refusal import Refusal, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlglot import Token

__all__ = ["compare"]

_KEPT = frozenset((
    *(TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.NATIONAL_STRING),
    *(TokenType.BYTE_STRING, TokenType.RAW_STRING, TokenType.HEREDOC_STRING, TokenType.UNICODE_STRING),
))  # fmt: skip
_SYNTAX = frozenset((
    *("BOTH", "CONVERT", "FIRST", "IF", "LAST", "LEADING", "LOCATE", "MOD", "NULLS", "POSITION", "SOUNDS", "SUBSTR"),
    *("TRAILING", "TRIM", "VARYING", "ZONE"),
    *(f"{unit}{end}" for unit in ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR") for end in ("", "S")),
))  # fmt: skip
"""Words that are written in another way with the same meaning."""


def compare(read: list[Token], written: Iterable[Token]) -> None:
    """Check that all names, strings and numbers of `read` are in `written`, as often.

    Raises:
        Refusal: One is missing.
    """
    missing = Counter(_kept(read))
    missing.subtract(_text(token) for token in written)
    for text, count in missing.items():
        if count > 0:
            raise Refusal(f"the statement cannot be written back: {shown(text)} would be lost")


def _kept(words: list[Token]) -> Iterator[str]:
    before = earlier = None
    for token in words:
        kind = token.token_type
        # After INTERVAL a string is split into number and unit, and a sign moves into the string; after a dot stands
        # the rest of a number or name.
        split = (
            (kind is TokenType.STRING and before is TokenType.INTERVAL)
            or (kind is TokenType.NUMBER and before is TokenType.DASH and earlier is TokenType.INTERVAL)
            or (kind is TokenType.NUMBER and before is TokenType.DOT)
        )
        if kind in _KEPT and not split and not (kind is TokenType.VAR and token.text.upper() in _SYNTAX):
            yield _text(token)
        earlier, before = before, kind


def _text(token: Token) -> str:
    text = token.text
    if text[:1].isdigit() or text[:1] in "+-.":
        try:
            return repr(float(text.replace("_", "")))
        except ValueError:
            pass
    return text.lower()

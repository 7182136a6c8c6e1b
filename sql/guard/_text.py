"""First gate: the text and its tokens, before any tree."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from sqlglot import TokenType
from sqlglot.errors import TokenError

from ._refusal import Refusal, shown

if TYPE_CHECKING:
    from sqlglot import Token
    from sqlglot.dialects.dialect import Dialect

__all__ = ["MAX_CHARACTERS", "tokens"]

MAX_CHARACTERS = 100_000
MAX_TOKENS = 20_000
MAX_DEPTH = 50
MAX_BRACES = 6
MAX_CHAIN = 100

_BAD = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_SETTING = re.compile(r"\b(?:set|set_var|max_execution_time|resource_group)\s*\(", re.IGNORECASE)
_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_LINKS = {TokenType.DOT, TokenType.L_BRACKET}
_NAMES = {TokenType.VAR, TokenType.IDENTIFIER}
_START = {TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.VALUES}
_START_DUCKDB = _START | {TokenType.FROM, TokenType.PIVOT, TokenType.UNPIVOT}


def tokens(sql: object, dialect: Dialect, *, from_first: bool = False, alias_texts: bool = False) -> list[Token]:
    """The tokens of the one statement in `sql`, without comments and closing semicolons.

    Args:
        sql: The text.
        dialect: How it is read.
        from_first: A statement may begin with FROM.
        alias_texts: A text behind a text is its alias, where sqlglot would join them.

    Raises:
        Refusal: Not text, too long, unreadable, empty, several statements, too deep, an executable comment.
    """
    if not isinstance(sql, str):
        raise Refusal("the statement is not text")
    if len(sql) > MAX_CHARACTERS:
        raise Refusal(f"the statement is longer than {MAX_CHARACTERS} characters")
    if bad := _BAD.search(sql):
        raise Refusal(f"the statement holds the control character U+{ord(bad.group()):04X}")
    try:
        found = dialect.tokenize(sql)
    except TokenError:
        raise Refusal("the statement cannot be read: a quote or comment is not closed") from None
    for token in found:
        _comments(token)
    words = [token for token in found if token.token_type is not TokenType.HINT]
    for before, after in pairwise(words):
        if before.token_type is after.token_type is TokenType.STRING and alias_texts:
            raise Refusal(f"the texts {shown(before.text)} and {shown(after.text)} stand side by side")
        if before.token_type is TokenType.NUMBER and before.end + 1 == after.start and after.token_type in _NAMES:
            raise Refusal(f"the number {shown(before.text)} runs into {shown(after.text)}")
    return _one_statement(words, _START_DUCKDB if from_first else _START)


def _comments(token: Token) -> None:
    for comment in token.comments:
        start = comment.lstrip()
        if comment.startswith("!") or comment[:2] in ("M!", "m!"):
            raise Refusal("an executable comment is not allowed")
        if "/*" in comment:
            raise Refusal("a comment inside a comment is not allowed")
        if (start.startswith("+") or token.token_type is TokenType.HINT) and _SETTING.search(start):
            raise Refusal("a hint that changes settings is not allowed")
    token.comments.clear()


def _one_statement(found: list[Token], starts: set[TokenType]) -> list[Token]:
    while found and found[-1].token_type is TokenType.SEMICOLON:
        found.pop()
    if not found:
        raise Refusal("the statement is empty")
    if any(token.token_type is TokenType.SEMICOLON for token in found):
        raise Refusal("only one statement may run")
    if len(found) > MAX_TOKENS:
        raise Refusal(f"the statement has more than {MAX_TOKENS} words")
    if found[0].token_type not in starts:
        raise Refusal(f"only a SELECT query may run, not {shown(found[0].text.upper())}")
    _depth(found)
    _chain(found)
    return found


def _depth(found: list[Token]) -> None:
    """sqlglot parses what stands in braces twice, so each level doubles the time; nothing ordinary is so deep."""
    depth = braces = 0
    for token in found:
        kind = token.token_type
        depth = max(depth + (kind in _OPEN) - (kind in _CLOSE), 0)
        braces += (kind is TokenType.L_BRACE) - (kind is TokenType.R_BRACE)
        if depth > MAX_DEPTH or braces > MAX_BRACES:
            raise Refusal("the statement is nested too deeply")


def _chain(found: list[Token]) -> None:
    """sqlglot copies what stands before each method call or subscript, so a[1][2]... takes quadratic time."""
    lengths = [0]
    for before, after in pairwise(found):
        kind, then = before.token_type, after.token_type
        if kind in _OPEN:
            lengths.append(0)
        elif kind in _CLOSE and len(lengths) > 1:
            lengths.pop()
        elif kind is TokenType.COMMA:
            lengths[-1] = 0
        lengths[-1] += kind in _CLOSE and then in _LINKS
        if lengths[-1] > MAX_CHAIN:
            raise Refusal(f"more than {MAX_CHAIN} calls or subscripts in a row are not allowed")

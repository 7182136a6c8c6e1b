"""Tokens of an SQL text as the Spider script's tokenizer (the package sqlparse) cuts them.

Only what its use there can show is kept: where a token begins and ends, which tokens are white space or string values,
and where the first statement ends. Checked against sqlparse 0.6.1 on generated texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Token", "first_statement", "tokens"]

_LETTER = "A-ZÀ-Ü"
_RULES = (
    ("comment", r"(?:--|\#[ ]).*?(?:\r\n|\r|\n|$)"),
    ("block", r"/\*[\s\S]*?\*/"),
    ("newline", r"\r\n|\r|\n"),
    ("space", r"\s"),
    ("other", r":=|::|\*"),
    ("name", r"`(?:``|[^`])*`|´(?:´´|[^´])*´"),
    ("other", rf"(?P<tag>(?<![\w\"$])\$(?:[_{_LETTER}]\w*)?\$)[\s\S]*?(?P=tag)"),
    ("other", r"\?|%(?:\(\w+\))?s|(?<!\w)[$:?]\w+|\\\w+"),
    ("word", r"(?:CASE|IN|VALUES|USING|FROM|AS)\b"),
    ("name", rf"(?:@|\#\#|\#)[{_LETTER}]\w+|[{_LETTER}]\w*(?=\s*\.(?!\d))|(?<=\.)[{_LETTER}]\w*|[{_LETTER}]\w*(?=\()"),
    ("number", r"-?0x[\dA-F]+|-?\d+(?:\.\d+)?E-?\d+"),
    ("number", rf"(?![_{_LETTER}])-?(?:\d+\.\d*|\.\d+)(?![_{_LETTER}])|(?![_{_LETTER}])-?\d+(?![_{_LETTER}])"),
    ("string", r"'(?:''|\\'|[^'])*'|\"(?:\"\"|\\\"|[^\"])*\"|\"\"|\".*?[^\\]\""),
    ("name", r"(?<![\w\])])\[[^\]\[]+\]"),
    ("word", r"(?:(?:LEFT|RIGHT|FULL)\s+)?(?:(?:INNER|OUTER|STRAIGHT)\s+)?JOIN\b|(?:CROSS|NATURAL)\s+JOIN\b"),
    ("word", r"END(?:\s+(?:IF|LOOP|WHILE|FOR|CASE))?\b|IF\s+(?:NOT\s+)?EXISTS\b|NOT\s+NULL\b"),
    ("word", r"(?:ASC|DESC)(?:\s+NULLS\s+(?:FIRST|LAST))?\b|NULLS\s+(?:FIRST|LAST)\b|UNION\s+ALL\b"),
    ("word", r"CREATE(?:\s+OR\s+REPLACE)?\b|DOUBLE\s+PRECISION\b|(?:GROUP|ORDER)\s+BY\b|PRIMARY\s+KEY\b"),
    ("word", r"HANDLER\s+FOR\b|GO\s\d+\b|(?:NOT\s+)?(?:LIKE|ILIKE|RLIKE)\b|(?:NOT\s+)?REGEXP(?:\s+BINARY)?\b"),
    ("word", r"\w[$\#\w]*"),
    ("punctuation", r"[;:()\[\],.]"),
    ("other", r"->>?|\#>>?|@>|<@|\?\|?|\?&|-|\#-|[<>=~!]+|[+/@\#%^&|-]+"),
    ("error", r"[\s\S]"),
)
_KINDS = tuple(kind for kind, _ in _RULES)
# A group that holds others closes last, so that `lastgroup` is the rule and not a group inside it.
_ANY = re.compile("|".join(f"(?P<r{i}>{pattern})" for i, (_, pattern) in enumerate(_RULES)), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of text.

    Attributes:
        kind: "space", "newline", "comment", "block" (a comment too), "string", "name" (quoted, or a name by its place),
            "number", "word", "punctuation", "other" or "error".
        text: As it stands; all texts joined give the whole again.
    """

    kind: str
    text: str


def tokens(sql: str) -> Iterator[Token]:
    """All tokens of `sql`, in order."""
    for match in _ANY.finditer(sql):
        yield Token(_KINDS[int((match.lastgroup or "r0")[1:])], match.group())


def first_statement(sql: str) -> list[Token]:
    """The tokens up to the semicolon that ends the first statement, that semicolon and white space after it included.

    Semicolons inside parentheses or inside the BEGIN ... END of a CREATE do not count; END closes one level whatever it
    belongs to, so that a CASE leaves the level below zero, where semicolons count as well.
    """
    found: list[Token] = []
    level, creates, ended = 0, False, False
    for token in tokens(sql):
        if ended and token.kind not in {"space", "comment"}:
            break
        found.append(token)
        word = token.text.upper() if token.kind == "word" else ""
        creates = creates or word.startswith("CREATE")
        level += _step(token, word, creates)
        ended = ended or (token.text == ";" and level <= 0) or (bool(word) and token.text.split()[0] == "GO")
    return found


def _step(token: Token, word: str, creates: bool) -> int:
    if token.kind == "punctuation":
        return {"(": 1, ")": -1}.get(token.text, 0)
    if word == "BEGIN" and creates:
        return 1
    return -1 if word == "END" else 0

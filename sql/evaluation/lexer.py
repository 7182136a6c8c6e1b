"""The two tokenizers of Spider's scripts: sqlparse for the texts that run, NLTK for the parser of exact match.

Of sqlparse only what its use there can show is kept: where a token begins and ends, which tokens are white space or
string values, and where the first statement ends. Checked against sqlparse 0.6.1 on generated texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Token", "first_statement", "parser_words", "tokens"]

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

_QUOTED = re.compile(r'"([^"]*)"')
_BACKTICKS = re.compile(r"``|`")
_APART = re.compile(r"[«“‘„»”’\u2012-\u2015;@#$%&?!*\[\](){}<>]|\.{2,}|--")
_COMMA = re.compile(r"([:,])(\D)")
_LAST_COMMA = re.compile(r"[:,]$")
_LAST_PERIOD = re.compile(r"([^.])\.([\])}>»”’ ]*)\s*$")
_PERIOD_INSIDE = re.compile(r"(?<=[^\s.])\.(?=\s+\S|[?!);}\]*:@({\[])")
_NUMBER = re.compile(r"[-+]?\d[\d.,]*$")
_INITIAL = re.compile(r"(?:.*\W)?[^\W\d_]$", re.DOTALL)
_SLANG = re.compile(
    r"\b(can)(not)\b|\b(gim)(me)\b|\b(gon)(na)\b|\b(got)(ta)\b|\b(lem)(me)\b|\b(wan)(na)(?=\s)", re.IGNORECASE
)
_CLOSED_UP = ("!", ">", "<")


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


def parser_words(sql: str) -> list[str]:
    """The words of `sql` in lower case; a string value is one word with double quotes around it, in its own case.

    The official parser cuts SQL with NLTK's `word_tokenize`, so a comma before a digit, `=` between letters or digits
    and the like stay inside a word. Those are the rules for text without quotes, which is left once string values are
    out.

    Raises:
        InputError: The number of quotes is odd.
    """
    # the official parser does the same, so that a quotation mark inside a text leaves a quote open
    text = sql.replace("'", '"')
    if text.count('"') % 2:
        raise InputError("a quote is left open")
    values: dict[str, str] = {}

    def hide(match: re.Match[str]) -> str:
        key = f"__val_{match.start()}_{match.end() - 1}__"
        values[key] = match.group()
        return key

    found = [word.lower() for word in _cut_words(_QUOTED.sub(hide, text))]
    return _join_comparisons([values.get(word, word) for word in found])


def _cut_words(text: str) -> list[str]:
    text = _PERIOD_INSIDE.sub(lambda match: _ends_sentence(text, match), text)
    text = _BACKTICKS.sub(lambda match: f" {match.group()} ", text)
    text = _LAST_PERIOD.sub(r"\1 . \2 ", text)
    text = _LAST_COMMA.sub(r" \g<0> ", _COMMA.sub(r" \1 \2", text))
    text = _APART.sub(r" \g<0> ", text)
    text = _SLANG.sub(lambda match: " ".join(("", *filter(None, match.groups()), "")), text + " ")
    return text.split()


def _ends_sentence(text: str, match: re.Match[str]) -> str:
    """A period behind a word ends a sentence and stands alone, but not behind an initial or between `5` and `and`."""
    word = text[: match.start()].rsplit(maxsplit=1)[-1]
    following = text[match.end() :].lstrip()
    number = _NUMBER.fullmatch(word) is not None and following[:1].islower()
    return "." if number or _INITIAL.fullmatch(word) else " . "


def _join_comparisons(found: list[str]) -> list[str]:
    """`!` `=` as one word, likewise `>` `=` and `<` `=`."""
    joined: list[str] = []
    for word in found:
        if word == "=" and joined and joined[-1] in _CLOSED_UP:
            joined[-1] += "="
        else:
            joined.append(word)
    return joined

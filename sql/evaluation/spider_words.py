"""Words of a query as Spider's parser reads them: string values whole, the rest cut as a tokenizer of English does.

The official parser cuts SQL with NLTK's `word_tokenize`, so a comma before a digit, `=` between letters or digits and
the like stay inside a word. Those are the rules for text without quotes, which is left once string values are out.
"""

from __future__ import annotations

import re

from ctxprune.errors import InputError

__all__ = ["words"]

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


def words(sql: str) -> list[str]:
    """The words of `sql` in lower case; a string value is one word with double quotes around it, in its own case.

    Raises:
        InputError: The number of quotes is odd.
    """
    text = sql.replace("'", '"')
    if text.count('"') % 2:
        raise InputError("a quote is left open")
    values: dict[str, str] = {}

    def place(match: re.Match[str]) -> str:
        key = f"__val_{match.start()}_{match.end() - 1}__"
        values[key] = match.group()
        return key

    found = [word.lower() for word in _cut(_QUOTED.sub(place, text))]
    return _with_comparisons([values.get(word, word) for word in found])


def _cut(text: str) -> list[str]:
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


def _with_comparisons(found: list[str]) -> list[str]:
    """`!` `=` as one word, likewise `>` `=` and `<` `=`."""
    joined: list[str] = []
    for word in found:
        if word == "=" and joined and joined[-1] in _CLOSED_UP:
            joined[-1] += "="
        else:
            joined.append(word)
    return joined

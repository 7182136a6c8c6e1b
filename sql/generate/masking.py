"""The question with schema names and values replaced by placeholders, so that questions on different databases compare.

"How many singers are from France?" and "How many airports are in Goroka?" both become "how many <name> are from/in
<value>". The idea is that of PET-SQL (Li et al., 2024, arXiv:2403.09732) and XiYan-SQL (arXiv:2411.08599).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, fold, split_identifier, stem, word_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..schema.hits import ValueHit
    from ..schema.schema import Schema

__all__ = ["mask_question", "mask_question_by_sql", "read_sql_names"]

_NAME, _VALUE = "<name>", "<value>"
_QUOTED = re.compile(r"\"[^\"]+\"|“[^”]+”|(?<!\w)'[^']+'(?!\w)|\d[\d.,:/-]*")
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/"
    r"|'(?P<text>(?:[^']|'')*)'|\"(?P<quoted>(?:[^\"]|\"\")*)\"|`(?P<tick>[^`]*)`|\[(?P<bracket>[^\]]*)\]"
    r"|(?P<number>(?<![\w.])\d[\d.]*)|(?P<word>[^\W\d]\w*)(?P<after>\s*[.(])?",
    re.DOTALL,
)
_WORDS = (
    "all and as asc avg between by case cast count cross date desc distinct else end except exists false from full "
    "group having in inner integer intersect is join left like limit max min natural not null nulls offset on or order "
    "outer over partition real right select strftime substr sum text then true union using when where with"
)
_KEYWORDS = frozenset(_WORDS.split())
# Words of names that say how to count or order rather than what: to mask them would mask the question's form.
_FORM = frozenset({"number", "count", "total", "average", "date", "year", "maximum", "minimum", "order", "type"})


def mask_question(question: str, schema: Schema, hits: Sequence[ValueHit] = ()) -> str:
    """The folded question with names of `schema` as <name> and values as <value>, on one line.

    Values are what `hits` matched (their spans), quoted text and numbers. The linked schema masks better than the whole
    one, which takes more words for names. A masked question that is masked again by an empty schema stays as it is.
    """
    names = (name for table in schema.tables for name in (table.name, *(column.name for column in table.columns)))
    spans = [hit.span for hit in hits if hit.span[1] <= len(question)]
    return _masked(question, _stems(names), spans)


def mask_question_by_sql(question: str, sql: str) -> str:
    """The same for a question of which the answer is known: its names and values are those of `sql`."""
    names, values = read_sql_names(sql)
    folded = fold(question)
    spans: list[tuple[int, int]] = []
    if len(folded) == len(question):  # else positions differ; quoted text and numbers are masked all the same
        for value in values:
            plain = re.escape(fold(value).strip("% "))
            spans += (match.span() for match in re.finditer(rf"(?<!\w){plain}(?!\w)", folded) if plain)
    return _masked(question, _stems(names), spans)


def read_sql_names(sql: str) -> tuple[frozenset[str], frozenset[str]]:
    """Folded names of tables and columns in a statement, and the values it holds; read by a scanner, not a parser.

    Aliases and functions are neither; a double-quoted text, which SQLite takes for either, is both.
    """
    names: set[str] = set()
    values: set[str] = set()
    aliases: set[str] = set()
    before = ""
    for token in _TOKEN.finditer(sql):
        word = (token["word"] or "").lower()
        if token["text"] is not None or token["number"]:
            values.add((token["text"] or token["number"] or "").replace("''", "'"))
        # SQLite reads a double-quoted text as a name or, where there is none, as a value.
        elif token["quoted"] is not None:
            values.add(token["quoted"])
            names.add(fold(token["quoted"]))
        elif token["tick"] or token["bracket"]:
            names.add(fold(token["tick"] or token["bracket"]))
        elif word and before == "as":
            aliases.add(word)
        elif word and word not in _KEYWORDS and not (token["after"] or "").endswith("("):
            names.add(fold(word))
        before = word
    return frozenset(names - aliases - {""}), frozenset(values - {""})


def _stems(names: Iterable[str]) -> frozenset[str]:
    found = {word for name in names for word in split_identifier(name)}
    return frozenset(stem(word) for word in found if word not in STOP_WORDS and word not in _FORM and len(word) > 1)


def _masked(question: str, names: frozenset[str], spans: Sequence[tuple[int, int]]) -> str:
    # Values come before names: "2019" or a quoted text stays a value even where a table is called so.
    valued = [*spans, *(match.span() for match in _QUOTED.finditer(question))]
    out: list[str] = []
    for start, end in word_spans(question):
        if any(low < end and start < high for low, high in valued):
            mark = _VALUE
        elif any(stem(word) in names for word in split_identifier(question[start:end])):
            mark = _NAME
        else:
            mark = fold(question[start:end])
        # Neighbouring marks are one: the number of words in a name says nothing about the form of a question.
        if mark not in (_NAME, _VALUE) or out[-1:] != [mark]:
            out.append(mark)
    return " ".join(out)

"""Comparisons with an average, largest or smallest value: "whose salary is above the average"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .conditions import Clause, Option
from .scan import phrase_at

if TYPE_CHECKING:
    from .term import Term, Topic
    from .terms import Terms

__all__ = ["ADJECTIVES", "read_averages"]

_MORE = (
    "above|over|higher than|greater than|more than|larger than|bigger than|longer than|older than|heavier than|"
    "taller than|more expensive than|better than|faster than|exceeding|exceeds|exceed"
)
_LESS = "below|under|lower than|less than|smaller than|shorter than|younger than|cheaper than|fewer than|lighter than"
_COMPARED = re.compile(
    rf"\b(?:(?:is|are|was|were|that|who)\s+)*(?:({_MORE})|({_LESS}))\s+(?:or equal to\s+)?(?:the\s+|its\s+|their\s+)?"
    r"(?:(?P<times>twice|double|half|\d{1,3}\s+times)\s+(?:the\s+|that\s+of\s+the\s+)?)?"
    r"(?:overall\s+|general\s+)?(average|mean|maximum|minimum)\b\s*(?:of\s+)?(?:the\s+)?"
)
_BEFORE = re.compile(
    r"\b(?:whose|with|have|has|having|had|where)\s+(?:an?\s+|the\s+|their\s+|its\s+)?((?:[^\W_][\w-]*\s+){1,4})$"
)
_OWN = re.compile(
    r"\s*(?:(?:for|in|of|within|among|across)\s+)?(?:their|its|his|her|the\s+same|that)\s+(?:own\s+|respective\s+)?([^\W\d_]+(?:\s+type)?)\b"
)
_ALIAS = "X1"
_VERB = re.compile(r"([^\W\d_]{3,})\s+$")
_LIMIT = re.compile(
    rf"\b(?:average|mean)\s+((?:[^\W\d_][\w-]*\s+){{1,4}}?)(?:that\s+is\s+|is\s+|of\s+|was\s+)?(?:({_MORE})|({_LESS}))\s+"
    r"\$?(\d[\d,.]{0,15})"
)
ADJECTIVES = {
    "older": "age", "younger": "age", "expensive": "price", "cheaper": "price", "heavier": "weight",
    "lighter": "weight", "taller": "height", "shorter": "height", "longer": "length", "faster": "speed",
    "larger": "size", "bigger": "size", "smaller": "size",
}  # fmt: skip
_FUNCTIONS: dict[str, Any] = {"average": exp.Avg, "mean": exp.Avg, "maximum": exp.Max, "minimum": exp.Min}
_MOST = 3


def read_averages(text: str, terms: Terms, topic: Topic) -> list[Clause]:
    """The comparisons of a question in lower case, with the columns that may be compared."""
    found = []
    for match in _COMPARED.finditer(text):
        own = _OWN.match(text, match.end()) or _OWN.match(text, match.end() - 1)
        phrase, end = ("", match.end()) if own is not None else phrase_at(text, match.end())
        before = _BEFORE.search(text[: match.start()])
        adjective = next((noun for word, noun in ADJECTIVES.items() if word in match[0]), "")
        named = _numbers(before[1], terms, topic) if before else []
        if not named and not phrase and (verb := _VERB.search(text[: match.start()])):
            named = _numbers(verb[1], terms, topic)  # "doctors who earn more than the average"
        terms_found = (_numbers(phrase, terms, topic) if phrase else []) or named or _numbers(adjective, terms, topic)
        if not terms_found:
            continue
        start = before.start() if before and named else match.start()
        kind = exp.GT if match[1] else exp.LT
        options = tuple(_option(term, kind, _FUNCTIONS[match[4]]) for term in terms_found[:_MOST])
        if match["times"]:
            options = tuple(_times(one, match["times"]) for one in options)
        if own is not None:
            options = tuple(made for one in options for made in _within(one, own[1], terms, topic))
            end = own.end()
        if options:
            found.append(Clause(start, max(end, match.end()), options))
    return found + _limits(text, terms, topic)


def _limits(text: str, terms: Terms, topic: Topic) -> list[Clause]:
    """Averages compared with numbers: "an average price below 50"; the reader of the question makes groups of them."""
    found = []
    for match in _LIMIT.finditer(text):
        columns = _numbers(match[1], terms, topic)
        value = exp.Literal.number(match[4].rstrip(".,").replace(",", ""))
        kind: Any = exp.GT if match[2] else exp.LT
        options = tuple(
            Option(
                term.score, kind(this=term.expressions[0].copy(), expression=value.copy()), (term.table,), "comparison"
            )
            for term in columns[:_MOST]
        )
        if options:
            found.append(Clause(match.start(), match.end(), options))
    return found


def _numbers(phrase: str, terms: Terms, topic: Topic) -> list[Term]:
    """Columns of numbers that a phrase may name."""
    found = [term for term in terms.read(phrase, topic, most=6) if term.kind == "column" and len(term.expressions) == 1]
    known = [(term, terms.facts(term.expressions[0])) for term in found]
    return [term for term, facts in known if facts is not None and facts.kind == "number"]


def _times(option: Option, words: str) -> Option:
    """The same test against a multiple: "more than twice the average"."""
    factor = {"twice": "2", "double": "2", "half": "0.5"}.get(words) or words.split(maxsplit=1)[0]
    test: Any = option.test.copy()
    test.set("expression", exp.Mul(this=exp.Literal.number(factor), expression=test.expression))
    return Option(option.score, test, option.tables, option.kind)


def _within(option: Option, phrase: str, terms: Terms, topic: Topic) -> list[Option]:
    """The same test against rows alike in one column: "above the average of their department"."""
    found = []
    table = option.tables[0]
    for term in terms.read(phrase, topic, most=6):
        key = term.expressions[0] if term.kind == "column" and len(term.expressions) == 1 else None
        if term.kind == "thing":
            key = _reference(table, term.table, terms)
        if not isinstance(key, exp.Column) or key.table != table:
            continue
        test = option.test.copy()
        inner: Any = test.find(exp.Select)
        for node in inner.find_all(exp.Column):
            node.set("table", exp.to_identifier(_ALIAS))
        source: Any = inner.find(exp.Table)
        source.set("alias", exp.TableAlias(this=exp.to_identifier(_ALIAS)))
        same = exp.EQ(this=exp.column(key.name, table=_ALIAS), expression=key.copy())
        inner.where(same, copy=False)
        found.append(Option(option.score, test, option.tables, option.kind))
    return found[:1]


def _reference(table: str, other: str, terms: Terms) -> exp.Column | None:
    """The column of a table that refers to another table."""
    keys = terms.lexicon.view.schema.foreign_keys
    names = [key.columns[0] for key in keys if key.table == table and key.ref_table == other and len(key.columns) == 1]
    return exp.column(names[0], table=table) if names else None


def _option(term: Term, kind: Any, function: Any) -> Option:
    column = term.expressions[0]
    inner = exp.select(function(this=column.copy())).from_(exp.Table(this=exp.to_identifier(term.table)))
    test = kind(this=column.copy(), expression=exp.Subquery(this=inner))
    return Option(term.score, test, (term.table,), "comparison")

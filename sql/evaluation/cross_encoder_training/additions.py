"""Questions with one more condition than they had, and the condition: dates, missing values and large numbers.

Spider's questions hardly name days, quarters or missing values; questions of business do. A phrase goes to the end of
a question, or before it, and its condition into the query; what is wrong then is the query without the condition, with
another one, or with the same on another column.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.text.words import split_identifier

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

__all__ = ["Addition", "add_condition"]

_DATE = re.compile(r"date|time|day|_at$|_on$|year|month|since|until", re.IGNORECASE)
_KEY = re.compile(r"id$|code$|key$|number$", re.IGNORECASE)
_BOUNDS = (
    *((word, ">") for word in ("over", "more than", "above", "exceeding", "greater than")),
    *((word, "<") for word in ("under", "below", "less than", "fewer than")),
    *((word, ">=") for word in ("at least", "no less than")),
    *((word, "<=") for word in ("at most", "no more than", "up to")),
)
_QUARTERS = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Addition:
    """A question with one more condition.

    Attributes:
        question: With the phrase in it.
        right: The query with the condition.
        wrong: Queries that leave it out or say something else.
    """

    question: str
    right: exp.Select
    wrong: tuple[exp.Select, ...]


def add_condition(question: str, tree: exp.Expr, columns: Sequence[str], rng: random.Random) -> Addition | None:
    """The question and its query with one more condition on its only table; None where that cannot be.

    Args:
        tree: The right query; it has to read one table, and no sub-query.
        columns: Names of that table's columns.
    """
    if not isinstance(tree, exp.Select) or tree.args.get("joins") or len(list(tree.find_all(exp.Query))) > 1:
        return None
    dates = [name for name in columns if _DATE.search(name)]
    others = [name for name in columns if not _DATE.search(name) and not _KEY.search(name)]
    makers: list[Callable[[], tuple[str, str, list[str]]]] = []
    if dates:
        makers += [lambda: _period(rng.choice(dates), rng)] * 3
    if others:
        makers += [lambda: _missing(rng.choice(others), rng), lambda: _magnitude(rng.choice(others), rng)]
    if not makers:
        return None
    phrase, condition, wrong = rng.choice(makers)()
    swapped = [condition.replace(name, rng.choice(others)) for name in dates if name in condition and others][:1]
    queries = [tree.copy(), *(_with(tree, one) for one in (*wrong, *swapped))]
    return Addition(_placed(question, phrase, rng), _with(tree, condition), tuple(queries))


def _with(tree: exp.Select, condition: str) -> exp.Select:
    return tree.copy().where(exp.condition(condition, dialect="sqlite"), copy=False)


def _placed(question: str, phrase: str, rng: random.Random) -> str:
    body, mark = (question[:-1], question[-1]) if question[-1:] in "?." else (question, "")
    if rng.random() < 0.25 and not phrase.startswith(("with", "that", "whose")):
        return f"{phrase[:1].upper()}{phrase[1:]}, {body[:1].lower()}{body[1:].rstrip()}{mark}"
    return f"{body.rstrip()} {phrase}{mark}"


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect="sqlite")


def _words(name: str) -> str:
    return " ".join(split_identifier(name))


def _range(column: str, first: tuple[int, int], last: tuple[int, int]) -> str:
    """From the first month to the last one, both within."""
    year, month = (last[0], last[1] + 1) if last[1] < 12 else (last[0] + 1, 1)
    start, end = f"{first[0]}-{first[1]:02d}-01", f"{year}-{month:02d}-01"
    return f"{_quoted(column)} >= '{start}' AND {_quoted(column)} < '{end}'"


def _period(column: str, rng: random.Random) -> tuple[str, str, list[str]]:
    year, month = rng.randint(1995, 2025), rng.randint(1, 12)
    kind = rng.choice(("year", "month", "months", "quarter", "after", "before", "years"))
    if kind in ("after", "before"):
        return _bound(column, (year, month), rng, after=kind == "after")
    last, phrase = (year, month), f"in {calendar.month_name[month]} {year}"
    if kind == "year":
        month, last, phrase = 1, (year, 12), rng.choice((f"in {year}", f"during {year}", f"of {year}"))
    elif kind == "months":
        month, end = sorted(rng.sample(range(1, 13), 2))
        names = calendar.month_name[month], calendar.month_name[end]
        last, phrase = (year, end), rng.choice(("between {} and {} {}", "from {} to {} {}")).format(*names, year)
    elif kind == "quarter":
        quarter = rng.randrange(4)
        month, last = 3 * quarter + 1, (year, 3 * quarter + 3)
        phrase = rng.choice((f"in the {_QUARTERS[quarter]} quarter of {year}", f"in Q{quarter + 1} {year}"))
    elif kind == "years":
        month, last, phrase = 1, (year + 2, 12), f"between {year} and {year + 2}"
    shifted = _range(column, (year - 1, month), (last[0] - 1, last[1]))
    partly = f"{_quoted(column)} >= '{year}-{month:02d}-01'"
    return phrase, _range(column, (year, month), last), [shifted, partly]


def _bound(column: str, at: tuple[int, int], rng: random.Random, *, after: bool) -> tuple[str, str, list[str]]:
    year, month = at
    day, name = f"{year}-{month:02d}-01", _quoted(column)
    said = rng.choice((f"{calendar.month_name[month]} 1, {year}", f"1 {calendar.month_name[month]} {year}", day))
    if after:
        word, sign = rng.choice((("since", ">="), ("on or after", ">="), ("after", ">"), ("from", ">=")))
    else:
        word, sign = rng.choice((("before", "<"), ("until", "<="), ("prior to", "<"), ("earlier than", "<")))
    turned = {">=": "<", ">": "<=", "<": ">=", "<=": ">"}[sign]
    return f"{word} {said}", f"{name} {sign} '{day}'", [f"{name} {turned} '{day}'", f"{name} = '{day}'"]


def _missing(column: str, rng: random.Random) -> tuple[str, str, list[str]]:
    words, name = _words(column), _quoted(column)
    absent = rng.random() < 0.7
    if absent:
        phrase = rng.choice(("without a {}", "with no {}", "whose {} is missing", "that have no {}", "with unknown {}"))
    else:
        phrase = rng.choice(("with a {}", "that have a {}", "whose {} is known", "with some {}"))
    right, other = f"{name} IS NULL", f"NOT {name} IS NULL"
    return phrase.format(words), right if absent else other, [other if absent else right]


def _magnitude(column: str, rng: random.Random) -> tuple[str, str, list[str]]:
    words, name = _words(column), _quoted(column)
    number = rng.choice(
        (2, 3, 5, 12, 20, 25, 50, 75, 100, 150, 300, 1500, 2000, 45_000, 160_000, 1_500_000, 20_000_000)
    )
    said = str(number)
    if number >= 1_000_000:
        said = f"{number / 1e6:g} million"
    elif number >= 1000:
        said = rng.choice((f"{number / 1000:g}k", f"{number:,}", str(number)))
    word, sign = rng.choice(_BOUNDS)
    turned = {">=": "<", ">": "<", "<": ">", "<=": ">"}[sign]
    wrong = [f"{name} {turned} {number}", f"{name} {sign} {number * 10}"]
    return f"with {words} {word} {said}", f"{name} {sign} {number}", wrong

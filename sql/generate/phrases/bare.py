"""Numbers that nothing but a noun is compared with: "invoices over 300", "products under 20 dollars"."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import stem

from .choices import COMPARE
from .conditions import Clause, Option
from .plan import column

if TYPE_CHECKING:
    from .terms import Terms

__all__ = ["read_bare"]

_COMPARED = re.compile(
    r"\b(?P<noun>[^\W\d_]{3,})\s+(?:(?:that|which)\s+)?(?:(?:is|are|was|were|worth|priced|of|for)\s+){0,2}"
    r"(?:(?P<more>over|above|exceeding|more\s+than|greater\s+than)|(?P<least>at\s+least|from)|(?P<less>under|below|less\s+than)|"
    r"(?P<most>at\s+most|up\s+to))\s+(?P<coin>[$€£]\s?)?(?P<number>\d[\d,]{0,12}(?:\.\d{1,4})?)(?P<times>k|m)?"
    r"(?P<unit>\s*(?:dollars|euros|pounds|usd|eur|gbp|chf|francs))?(?=$|[\s,.;?!)])(?!\s+(?:days?|weeks?|months?|years?|hours?|minutes?|%|percent))"
)
_OPS = {"more": ">", "least": ">=", "less": "<", "most": "<="}
_WORTH = tuple(map(stem, ("amount", "total", "price", "cost", "value", "fee", "sum")))
_YEARS = range(1900, 2101)
_CLEAR, _SCORE = 0.8, 0.7
_MOST = 8


def read_bare(text: str, terms: Terms) -> list[Clause]:
    """The comparisons of a question in lower case, with the columns of the noun's table that hold amounts."""
    found = []
    for match in islice(_COMPARED.finditer(text), _MOST):
        thing = next((one for one in terms.things(match["noun"])[:1] if one.score >= _CLEAR), None)
        number = match["number"].replace(",", "")
        money = bool(match["coin"] or match["unit"] or match["times"])
        if thing is None or (number.isdecimal() and int(number) in _YEARS and not money):
            continue
        op = next(_OPS[name] for name in _OPS if match[name])
        options = _options(thing.table, op, _scaled(number, match["times"]), terms)
        if options:
            found.append(Clause(match.end("noun"), match.end(), options))
    return found


def _scaled(number: str, times: str | None) -> str:
    factor = {"k": 1_000, "m": 1_000_000}.get(times or "", 1)
    return number if factor == 1 else f"{float(number) * factor:.0f}"


def _options(table: str, op: str, number: str, terms: Terms) -> tuple[Option, ...]:
    view = terms.lexicon.view
    ranked = []
    for facts in view.columns:
        places = [_WORTH.index(one) for one in facts.name.stems if one in _WORTH]
        if facts.ref.table == table and facts.kind == "number" and places:
            # "paid amount" is a part of the amount.
            ranked.append(
                (len(facts.name.stems) > 1 and stem("paid") in facts.name.stems, min(places), facts.position, facts.ref)
            )
    options = []
    for place, (*_, ref) in enumerate(sorted(ranked)[:3]):
        test: Any = COMPARE[op](this=column(ref), expression=exp.Literal.number(number))
        options.append(Option(_SCORE - 0.1 * place, test, (table,), "comparison"))
    return tuple(options)

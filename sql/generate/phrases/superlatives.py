"""Superlatives whose meaning depends on the columns: the oldest has the earliest birth date, or the largest age."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import stem

from .plan import column
from .term import Term, is_moment

if TYPE_CHECKING:
    from ..sketch.view import ColumnFacts
    from .lexicon import Lexicon

__all__ = ["ADJECTIVES", "is_count_adjective", "superlative"]

_ANY_DATE = "*date"
# For each word: stems of columns by which it ranks, and whether their largest value is meant.
_RANKS: dict[str, tuple[tuple[str, bool], ...]] = {
    "oldest": (("age", True), ("birth", False), ("birthday", False), ("dob", False), ("founded", False),
               ("opened", False), ("built", False), ("year", False), (_ANY_DATE, False)),
    "youngest": (("age", False), ("birth", True), ("birthday", True), ("dob", True), ("founded", True), ("year", True)),
    "newest": (("opened", True), ("created", True), ("joined", True), ("founded", True), ("year", True),
               (_ANY_DATE, True)),
    "latest": ((_ANY_DATE, True), ("year", True)), "most recent": ((_ANY_DATE, True), ("year", True)),
    "most recently": ((_ANY_DATE, True), ("year", True)),
    "earliest": ((_ANY_DATE, False), ("year", False)), "first": ((_ANY_DATE, False), ("year", False)),
    "last": ((_ANY_DATE, True), ("year", True)),
    "longest serving": (("hired", False), ("joined", False), ("started", False), (_ANY_DATE, False)),
    "cheapest": (("price", False), ("cost", False), ("fee", False), ("rate", False)),
    "least expensive": (("price", False), ("cost", False), ("fee", False)),
    "most expensive": (("price", True), ("cost", True), ("fee", True), ("rate", True)),
    "priciest": (("price", True), ("cost", True)),
    "longest": (("length", True), ("duration", True), ("distance", True)),
    "shortest": (("length", False), ("duration", False), ("height", False), ("distance", False)),
    "tallest": (("height", True),), "heaviest": (("weight", True),), "lightest": (("weight", False),),
    "fastest": (("speed", True), ("time", False)), "slowest": (("speed", False), ("time", True)),
    "largest": (("size", True), ("area", True), ("population", True), ("capacity", True), ("amount", True)),
    "biggest": (("size", True), ("area", True), ("population", True), ("capacity", True), ("amount", True)),
    "smallest": (("size", False), ("area", False), ("population", False), ("capacity", False), ("amount", False)),
    "richest": (("net", True), ("income", True), ("balance", True), ("salary", True)),
    "highest rated": (("rating", True), ("score", True), ("stars", True)),
    "lowest rated": (("rating", False), ("score", False), ("stars", False)),
    "best rated": (("rating", True), ("score", True)), "top rated": (("rating", True), ("score", True)),
    "worst rated": (("rating", False), ("score", False)), "best": (("rating", True), ("score", True), ("rank", False)),
    "worst": (("rating", False), ("score", False), ("rank", True)),
    "highest paid": (("salary", True), ("income", True), ("wage", True)),
    "lowest paid": (("salary", False), ("income", False)), "most populous": (("population", True),),
    "most populated": (("population", True),), "least populous": (("population", False),),
    "strongest": (("strength", True), ("power", True)), "deepest": (("depth", True),),
    "highest": (("height", True), ("elevation", True), ("altitude", True)), "busiest": (),
}  # fmt: skip
_COUNTED = re.compile(
    r"most(?: often| frequently)? [a-z]+ed\b"
    r"|most(?: common(?:ly)?| popular| frequent(?:ly)?)(?: used| occurring| ordered| bought| purchased| sold)?|"
    r"least(?: common(?:ly)?| popular| frequent(?:ly)?)(?: used)?|busiest|rarest|commonest"
)
ADJECTIVES = re.compile(
    r"\b(?:the\s+)?("
    + "|".join(sorted((name.replace(" ", r"[\s-]") for name in _RANKS), key=lambda n: -len(n)))
    + r")\s+"
)


def is_count_adjective(text: str) -> re.Match[str] | None:
    """The match of words such as "most common" at the start of a text, which rank by the number of rows."""
    return _COUNTED.match(text)


def superlative(word: str, table: int, lexicon: Lexicon) -> list[tuple[Term, bool]]:
    """Columns of a table by which the word ranks, best first, each with True where the largest value is meant."""
    found: list[tuple[Term, bool]] = []
    own = [facts for facts in lexicon.view.columns if facts.table == table]
    for rank, (name, desc) in enumerate(_RANKS.get(re.sub(r"[\s-]+", " ", word), ())):
        for facts in own:
            if _names(facts, name):
                score = 0.95 * 0.9**rank - 0.02 * facts.position / max(len(own), 1)
                found.append((Term(score, (column(facts.ref),), facts.ref.table), desc))
    return found[:3]


def _names(facts: ColumnFacts, name: str) -> bool:
    if name == _ANY_DATE:
        return is_moment(facts)
    # A column of texts is no measure: "size" may be "XL".
    return stem(name) in facts.name.stems and facts.kind != "id" and (facts.kind != "text" or is_moment(facts))

"""From where and to where: two references to one table, of which one is the origin and the other the destination."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import stem

from .relations import to_role
from .wordset import word_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .conditions import Clause
    from .roles import Role
    from .terms import Terms

__all__ = ["read_directions"]

_ORIGINS = frozenset(map(stem, word_set("origin source departure departing start from sender pickup seller debit")))
_GOALS = frozenset(
    map(stem, word_set("destination dest target arrival arriving end to receiver recipient dropoff buyer credit"))
)
_NOUN = re.compile(r"([^\W\d_]+)\s+$")
_ARTICLES = r"\s+(?:the\s+|an?\s+)?(?:(?:city|airport|station|port|town|country)\s+(?:of\s+)?)?$"
_FROM = re.compile(
    rf"\b(?:from|leav(?:e|es|ing)|left|depart(?:s|ed|ing)?(?:\s+from)?|out\s+of|start(?:s|ing)?\s+in){_ARTICLES}"
)
_TO = re.compile(
    rf"\b(?:to|into|towards?|arriv(?:e|es|ed|ing)\s+(?:in|at)|land(?:s|ed|ing)?\s+(?:in|at)|bound\s+for|reach(?:es|ing)?){_ARTICLES}"
)


def read_directions(text: str, clauses: Sequence[Clause], terms: Terms) -> list[Clause]:
    """The conditions of a question in lower case, those after "from" and "to" on the copy of the table that they mean.

    Args:
        text: The question.
        clauses: Its conditions.
        terms: Reads phrases over a schema with second copies of tables.
    """
    held = [role for role in terms.lexicon.roles.by_name.values() if role.base != role.table]
    starts = [role for role in held if _sense(role) & _ORIGINS]
    goals = [role for role in held if _sense(role) & _GOALS]
    found = []
    for clause in clauses:
        before = text[: clause.start] + _lead(text, clause)
        match = _FROM.search(before) or _TO.search(before)
        sides = [] if match is None else starts if _FROM.search(before) else goals
        noun = _NOUN.search(before[: match.start()]) if match is not None else None
        own = {thing.table for thing in terms.things(noun[1])} if noun is not None else set()
        if any(name in own for option in clause.options for name in option.tables):
            sides = []  # "passengers from Spain" live there
        moved = tuple(
            to_role(option, role) for option in clause.options for role in sides if option.tables == (role.table,)
        )
        found.append(type(clause)(clause.start, clause.end, moved) if moved else clause)
    return found


def _lead(text: str, clause: Clause) -> str:
    """The words of a condition before its value where it begins with a preposition of its own."""
    match = re.match(r"(?:from|to)\s+", text[clause.start : clause.end])
    return match[0] if match is not None else ""


def _sense(role: Role) -> set[str]:
    return {stem(word) for word in role.noun.split()}

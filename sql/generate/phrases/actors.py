"""Who does something, where another table is called after it: "who owns Bella" asks for the row of the table owner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import split_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...schema.schema import Schema
    from .conditions import Clause

__all__ = ["find_actor"]

_NEAR = 40  # characters before a condition in which "who owns" may stand
_WHO = re.compile(r"\bwho\s+(?:has\s+|have\s+|had\s+)?(?:[a-z]+ly\s+)?([a-z]{3,})\s+(?:the\s+)?$")
_DOER = re.compile(r"^([a-z]{3,}?)(?:er|or|r)s?$")
_VERB_ENDING = 3  # letters that a verb has beyond its root: "owns", "writes", "trained"


def find_actor(text: str, clauses: Sequence[Clause], schema: Schema) -> str:
    """The table that a question with "who" asks for by a verb; "" where no table, or more than one, is called after it.

    Args:
        text: The question in lower case.
        clauses: Its conditions.
        schema: Whose tables, and references to them, are looked at.
    """
    for clause in clauses:
        who = _WHO.search(text[max(0, clause.start - _NEAR) : clause.start])
        if who is None or clause.options[0].kind != "value":
            continue
        held = set(clause.options[0].tables)
        doers = _doers(schema, who[1]) - held
        if len(doers) == 1:
            return next(iter(doers))
    return ""


def _doers(schema: Schema, verb: str) -> set[str]:
    """Tables that are called after who does what a verb says, or that a column called so refers to."""
    found = {table.name for table in schema.tables if _names_doer(table.bare, verb)}
    found |= {key.ref_table for key in schema.foreign_keys if any(_names_doer(name, verb) for name in key.columns)}
    return found


def _names_doer(name: str, verb: str) -> bool:
    for part in split_identifier(name):
        match = _DOER.match(part)
        # Longer roots first: the "r" of "writer" belongs to the ending "er" or not.
        for root in {match[1], match[1].removesuffix("e")} if match else ():
            if len(root) >= len("own") and verb.startswith(root) and len(verb) - len(root) <= _VERB_ENDING:
                return True
    return False

"""Which columns hold numbers that are compared by size, and which numbers count the rows of a table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clauses import Option
    from .inputs import Inputs

__all__ = ["best_options", "counted_table", "holds_numbers", "numbers_as_text"]

_MOST_OPTIONS = 5
_WORST = 0.45
_STOPS = frozenset({"is", "are", "was", "were", "of", "with", "at", "has", "have", "in", "or", "and", "to"})


def counted_table(inputs: Inputs, start: int, end: int) -> str:
    """The table that a number at characters [start, end) counts rows of ("more than 3 orders"), "" for none.

    Such a comparison belongs into HAVING. A word that also names a column of numbers ("more than 100 seats") counts
    only where it names a table as well.
    """
    _, last = inputs.covered(start, end)
    words = [token.text for token in inputs.tokens[last : last + 2]]
    last += 2 if words == ["number", "of"] else 0
    for position in range(last, min(last + 3, len(inputs.tokens))):
        token = inputs.tokens[position]
        named = [
            (share, table)
            for table, places in inputs.named_tables.items()
            for place, share in places
            if place == position and (token.text != token.stem or inputs.text[start:end] in ("1", "one"))
        ]
        if named:
            return inputs.view.table_name(max(named)[1])
        if not token.text.isalpha() or token.text in _STOPS:
            break
    return ""


def best_options(options: list[Option]) -> list[Option]:
    """The five likeliest, without those that are much less likely than the first."""
    options = sorted(options, key=lambda option: -option.score)[:_MOST_OPTIONS]
    return [option for option in options if option.score >= _WORST * options[0].score]


def holds_numbers(inputs: Inputs, number: int) -> float:
    """How sure it is that the column holds numbers that are compared by size, 0..1."""
    facts = inputs.facts(number)
    stored = inputs.stored(number)
    if stored and all(isinstance(value, bool) or value in (0, 1) for value in stored) and len(set(stored)) == 2:
        return 0.0  # yes and no
    if stored and all(isinstance(value, (int, float)) for value in stored):
        return 1.0
    if facts.kind == "number" and not stored:
        return 0.95
    return 0.85 if stored and numbers_as_text(stored) else 0.0


def numbers_as_text(stored: tuple[object, ...]) -> bool:
    """Whether stored values are numbers that are written as text."""
    return all(isinstance(value, str) and re.fullmatch(r"\s*-?\d+(?:\.\d+)?\s*", value) for value in stored)

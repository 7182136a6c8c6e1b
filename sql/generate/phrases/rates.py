"""Rates called after an event: "cancellation rate of bookings" is the share of bookings that were cancelled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import stem

from .conditions.events import event_words
from .definitions import Replacement

if TYPE_CHECKING:
    from .terms import Terms

__all__ = ["spell_out_rates"]

_RATE = re.compile(
    r"\b(?P<event>[^\W\d_]{5,})\s+rates?\b(?:\s+(?:of|for|among)\s+(?:all\s+)?(?:the\s+)?(?P<thing>[^\W\d_]{3,}))?",
    re.IGNORECASE,
)
_PAST = re.compile(r"[^\W\d_]{3,}(?:ed|d|en|n|t)")
_CLEAR = 0.7


def spell_out_rates(text: str, terms: Terms) -> list[Replacement]:
    """What stands for the first rate of a question; [] where the schema itself has a rate or no row is meant.

    Args:
        text: The question.
        terms: Reads phrases.
    """
    match = _RATE.search(text)
    if match is None or stem("rate") in terms.lexicon.view.words:
        return []
    words = event_words(match["event"].lower())
    past = next((word for word in words if _PAST.fullmatch(word) and word.endswith("ed")), "")
    noun = match["thing"] or ""
    if not any(thing.score >= _CLEAR for thing in terms.things(noun.lower())):
        noun = _thing_with(words, terms)
    if not past or not noun:
        return []
    pieces: list[tuple[str, int | None]] = [("share of ", None)]
    pieces.append((match["thing"], match.start("thing")) if noun == match["thing"] else (noun, None))
    end = match.end() if noun == match["thing"] else match.start() + len(match["event"]) + 5
    return [Replacement(match.start(), end, [*pieces, (f" that were {past}", None)])]


def _thing_with(words: tuple[str, ...], terms: Terms) -> str:
    """The only table with a column that is called after the event; "" for none or several."""
    view, stems = terms.lexicon.view, set(map(stem, words))
    tables = {facts.ref.table for facts in view.columns if stems & set(facts.name.stems)}
    if len(tables) != 1:
        return ""
    table = view.schema.table(tables.pop())
    return (table.comment or table.name).replace("_", " ")

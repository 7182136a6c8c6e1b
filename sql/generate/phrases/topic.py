"""What a question is about: the tables that it mentions, and the one whose rows it asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .measures import SPENT
from .term import Topic, unit_of

if TYPE_CHECKING:
    from .terms import Terms

__all__ = ["find_topic"]

_WORD = re.compile(r"[^\W_]+")
_CLEAR = 0.7  # a phrase that names a table at least so well is about it
_LONGEST = 3
_SOLD = 0.45


def find_topic(text: str, terms: Terms) -> Topic:
    """The tables that a question in lower case mentions, with the first clear one as the owner of what is asked."""
    words = list(_WORD.finditer(text))[:120]
    focus: dict[int, float] = {}
    owner: int | None = None
    index = terms.lexicon.view.table_index
    place = 0
    while place < len(words):
        step = 1
        for count in range(min(_LONGEST, len(words) - place), 0, -1):
            if count > 1 and terms.lexicon.is_verb(words[place + count - 1][0]):
                continue  # "farms harvested" are farms
            phrase = text[words[place].start() : words[place + count - 1].end()]
            things = [term for term in terms.things(phrase) if term.score >= (_CLEAR if count == 1 else 0.85)]
            for term in things:
                number = index[term.table]
                focus[number] = max(focus.get(number, 0.0), term.score)
            if things:
                owner = index[things[0].table] if owner is None else owner
                step = count
                break
        place += step
    if SPENT.search(text):
        # What is sold has its day and its buyer beside its lines.
        for number in terms.sums.near():
            focus.setdefault(number, _SOLD)
    return Topic(owner, focus, unit=unit_of(text))

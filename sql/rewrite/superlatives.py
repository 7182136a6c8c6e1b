"""Superlatives and aggregates ("oldest", "average"), of which one may replace another."""

from __future__ import annotations

import re

from ctxprune.text.words import words

from ..generate.sketch.cues import cue_class

__all__ = ["find_rank", "swap_ranks"]

_RANKS = frozenset({"MOST", "LEAST", "AVG", "SUM"})
_AGGREGATES = frozenset(words("average avg mean minimum min maximum max total sum highest lowest"))
_WORD = re.compile(r"[^\W\d_]+")


def find_rank(text: str) -> str:
    """What a superlative or aggregate does, by its first word: "MOST", "LEAST", "AVG" or "SUM"; "" for another word."""
    first = _WORD.match(text)
    found = cue_class(first[0].lower()) if first else ""
    return found if found in _RANKS else ""


def swap_ranks(question: str, text: str) -> str:
    """`question` with `text` ("the youngest") in the place of its own superlative or aggregate; "" without one.

    Words behind the superlative must stand behind the other one as well ("the least popular" for "the most popular").
    """
    new = re.sub(r"\A(?:the|an?)\s+", "", text, flags=re.IGNORECASE)
    new = re.sub(r"\s+ones?\Z", "", new, flags=re.IGNORECASE)
    first, _, rest = new.partition(" ")
    if not find_rank(first):
        return ""
    for found in _WORD.finditer(question):
        if _alike(found[0].lower(), first.lower()):
            behind = question[found.end() :].lstrip()
            # "most popular" is replaced by "least popular" only where the question has "popular" behind it.
            if not rest or re.match(rf"{re.escape(rest)}\b", behind, re.IGNORECASE):
                return question[: found.start()] + first + question[found.end() :]
    return ""


def _alike(one: str, other: str) -> bool:
    """Two aggregates, or two superlatives."""
    both = find_rank(one) and find_rank(other) and one != other
    return bool(both) and (one in _AGGREGATES) == (other in _AGGREGATES)

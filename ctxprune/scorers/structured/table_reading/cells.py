"""The words of many cells at once, and which of them may be a number or a date."""

from __future__ import annotations

from functools import lru_cache

from ctxprune.scorers.structured.table_reading.dates import MONTHS
from ctxprune.scorers.structured.table_reading.notation import CODES
from ctxprune.text.words import fold, terms, terms_of_words

__all__ = ["NOTHING", "may_have_value", "places_of_values", "read_words"]

NOTHING = frozenset({"", "-", "--", "n/a", "na", "none", "?", "nan", "null", "tba", "tbd"})
_CACHED = 64  # characters: longer cells are seldom met twice
_LONG = 1000  # characters, from which words are mostly repeated
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
# The first two characters of what begins with a letter and may be read as a number or a date: months, codes and signs
# of currencies ("usd", "us$", "c$"), business years, quarters and halves of them.
_STARTS = frozenset(
    {
        *(name[:2] for name in (*MONTHS, *CODES, "us", "nz", "hk", "fy", "fiscal")),
        *(letter + sign for letter in "car" + "s" for sign in "$€£¥₹"),
        *(part + number for part in "qh" for number in "1234"),
    }
)


def read_words(texts: list[str], *, shared: bool) -> tuple[list[str], list[tuple[str, ...]]]:
    """Of each text what it says, folded, and its terms, each once; "" and () for one that says nothing.

    Texts that are `shared` may come again in other tables.
    """
    if shared or len(folded := fold("\n".join(texts)).split("\n")) != len(texts):
        read = _cached if shared else _read
        pairs = [read(text) if len(text) <= _CACHED else _read(text) for text in texts]
        return [folded for folded, _ in pairs], [found for _, found in pairs]
    if " ".join(folded).split() != folded:  # some hold white space, or are empty
        folded = [" ".join(text.split()) for text in folded]
    if folded == texts:
        folded = texts  # one object for both takes less memory
    found = terms_of_words(texts)
    if found is None:
        found = [_distinct_terms(text) for text in texts]
    if NOTHING.isdisjoint(folded):
        return folded, found
    said = [text not in NOTHING for text in folded]
    return (
        [text if says else "" for text, says in zip(folded, said, strict=True)],
        [terms if says else () for terms, says in zip(found, said, strict=True)],
    )


def may_have_value(text: str, folded: str) -> bool:
    """False for most words, as they are no numbers or dates; True says nothing."""
    if text[0] in _LETTERS:
        return folded[:2] in _STARTS
    first = folded[0]
    return first.isascii() or not first.isalpha() or not text[0].isalpha()


def places_of_values(texts: list[str], folded: list[str], places: list[int]) -> list[int]:
    """Those of `places` for whose text, which says something, `may_have_value` is True."""
    # Most cells are words, for which a call each would take more time than what it finds out.
    return [
        place
        for place in places
        if (
            folded[place][:2] in _STARTS if texts[place][0] in _LETTERS else may_have_value(texts[place], folded[place])
        )
    ]


@lru_cache(maxsize=32768)
def _cached(text: str) -> tuple[str, tuple[str, ...]]:
    return _read(text)


def _read(text: str) -> tuple[str, tuple[str, ...]]:
    folded = " ".join(fold(text).split())
    return ("", ()) if folded in NOTHING else (folded, _distinct_terms(text))


def _distinct_terms(text: str) -> tuple[str, ...]:
    """The terms of a text, each once, in the order in which they first stand there."""
    if len(text) > _LONG and "\u2010" not in text:  # that one joins words over the end of a line
        # A cell of megabytes has few different words, and no word reaches over white space.
        text = " ".join(dict.fromkeys(text.split()))
    return tuple(dict.fromkeys(terms(text)))

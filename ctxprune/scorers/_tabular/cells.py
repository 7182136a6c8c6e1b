"""The words of many cells at once, and which of them may be a number or a date."""

from __future__ import annotations

from functools import lru_cache

from ctxprune.text import fold, terms, word_terms

from .dates import MONTHS
from .notation import CODES

__all__ = ["NOTHING", "may_have_value", "read_words"]

NOTHING = frozenset({"", "-", "--", "n/a", "na", "none", "?", "nan", "null", "tba", "tbd"})
_CACHED = 64  # characters: longer cells are seldom met twice
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
    joined = "\n".join(texts)
    if not shared and "" not in texts and joined.isascii() and joined.replace("\n", "").isalnum():
        lowered = joined.lower()
        # A text that is folded already is the same object as in the table.
        folded = texts if lowered == joined else lowered.split("\n")
        found = [word_terms(text) for text in texts]
        if NOTHING.isdisjoint(folded):
            return folded, found
        said = [text not in NOTHING for text in folded]
        return (
            [text if says else "" for text, says in zip(folded, said, strict=True)],
            [terms if says else () for terms, says in zip(found, said, strict=True)],
        )
    read = _cached if shared else _read
    pairs = [read(text) if len(text) <= _CACHED else _read(text) for text in texts]
    return [folded for folded, _ in pairs], [found for _, found in pairs]


def may_have_value(text: str, folded: str) -> bool:
    """False for most words, as they are no numbers or dates; True says nothing."""
    return text[0] not in _LETTERS or folded[:2] in _STARTS


@lru_cache(maxsize=32768)
def _cached(text: str) -> tuple[str, tuple[str, ...]]:
    return _read(text)


def _read(text: str) -> tuple[str, tuple[str, ...]]:
    folded = " ".join(fold(text).split())
    return ("", ()) if folded in NOTHING else (folded, tuple(dict.fromkeys(terms(text))))

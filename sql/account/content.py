"""Which words of a question must be explained: those that name, count, compare or limit something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS

from .lexicon import GENERIC, is_adverb, is_participle, word_set

if TYPE_CHECKING:
    from .question import Asked

__all__ = ["WEAK_NAMES", "is_content"]

# Names that many tables have; whether they are content depends on the tables of the query.
WEAK_NAMES = word_set("id ids name names type types date dates code codes")
_AUXILIARIES = word_set("do does did don't doesn't didn't can could will would should can't couldn't won't cannot")
_VERB_BEFORE = word_set(
    "in on by at from to for into of as with during under over through between after before a an the any their "
    "its his her your my our more most all each every this that these those"
)

_WEAK_NUMBERS = word_set("one second half once single couple")


def is_content(asked: Asked, position: int) -> bool:
    """Whether the word must be explained: it names something, is stored, counts, or is a word that not all have."""
    word = asked.words[position]
    if word.literal:
        return True
    if word.text in STOP_WORDS or (not position and word.generic):
        return word.stored  # "Show …" asks, even where a table is called so
    if word.stored or word.month or word.day is not None:
        return True
    if word.number is not None and word.text not in _WEAK_NUMBERS:
        return True
    return _is_telling(asked, position) and not _is_verb(asked, position)


def _is_telling(asked: Asked, position: int) -> bool:
    word = asked.words[position]
    if len(word.text) == 1 and word.text.isascii():
        return False
    if _says_still(asked, position):
        return True  # "are still open" is a condition even where the word is a common verb
    if word.text in GENERIC:
        return word.exact and word.text not in WEAK_NAMES
    return word.text[:1].isalnum() and not is_adverb(word.text)


def _says_still(asked: Asked, position: int) -> bool:
    """The adjective or participle of "still open", "not yet closed"."""
    text, before = asked.text(position), asked.text(position - 1)
    return before in {"still", "yet"} and text not in STOP_WORDS and text[:1].isalpha()


def _follows_auxiliary(asked: Asked, position: int) -> bool:
    """The base form of a verb: "did not incur", "can we get"; an exact name may be asked for there ("do orders")."""
    if asked.words[position].exact:
        return False
    for place in range(position - 1, max(position - 4, -1), -1):
        if asked.text(place) in _AUXILIARIES:
            return True
        if asked.text(place) not in {"not", "ever", "we", "you", "they", "also", "never"}:
            return False
    return False


def _is_verb(asked: Asked, position: int) -> bool:
    """A participle or verb that relates two nouns ("students enrolled in courses"), as far as its place tells."""
    text, before, after = asked.text(position), asked.text(position - 1), asked.text(position + 1)
    if _says_still(asked, position):
        return False
    if before in {"who", "they", "we", "you"} or _follows_auxiliary(asked, position):
        return True
    related = before in {"who", "that", "which", "to", "they", "he", "she", "it"}
    if not is_participle(text) and not text.endswith("ing"):
        return related and text.endswith("s")
    if related:
        return True
    # "were returned?" is a condition, "were returned by" relates; before a noun it is an adjective.
    return after in _VERB_BEFORE or (not after and before in {"has", "have", "had", "ever", "never"})

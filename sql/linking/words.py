"""Names as words, and how much a word of a question speaks for a word of a name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ctxprune.text.abbreviations import has_letters_in_order
from ctxprune.text.words import fold, split_identifier, stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Cues", "load_cues", "name_stems", "natural", "similarity"]

_SAME, _ABBREVIATED = 0.7, 0.9


@lru_cache(maxsize=50_000)
def natural(name: str) -> str:
    """The words of a name with blanks between them: "customerID" gives "customer id"; "" for a name without words."""
    return " ".join(split_identifier(name))


def name_stems(name: str) -> tuple[str, ...]:
    """The stemmed words of a name; its folded text where it has no words ("%")."""
    return tuple(stem(word) for word in split_identifier(name)) or (fold(name) or "?",)


@dataclass(frozen=True)
class Cues:
    """The lexicon of `cues.txt`, in stems.

    Attributes:
        columns: Words that put a column into a class, by class.
        questions: Words of a question that hint at a class, by class.
        related: For a word, others that stand for it, with how well (0..1).
    """

    columns: Mapping[str, frozenset[str]]
    questions: Mapping[str, frozenset[str]]
    related: Mapping[str, Mapping[str, float]]


@lru_cache(maxsize=1)
def load_cues() -> Cues:
    """The lexicon, read once."""
    columns: dict[str, frozenset[str]] = {}
    questions: dict[str, frozenset[str]] = {}
    related: dict[str, dict[str, float]] = defaultdict(dict)
    text = files(__package__).joinpath("cues.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "class":
            name, _, words = rest.partition(": ")
            columns[name], questions[name] = map(_stems, words.split(" / "))
        elif kind == "abbr":
            short, _, words = rest.partition(": ")
            _relate(related, {stem(short)}, _stems(words), _ABBREVIATED)
        elif kind == "same:":
            _relate(related, _stems(rest), _stems(rest), _SAME)
    return Cues(columns, questions, dict(related))


def _stems(words: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words.split())


def _relate(related: dict[str, dict[str, float]], some: Iterable[str], others: Iterable[str], value: float) -> None:
    for word in some:
        for other in others:
            if word != other:
                related[word][other] = max(value, related[word].get(other, 0.0))
                related[other][word] = max(value, related[other].get(word, 0.0))


@lru_cache(maxsize=100_000)
def similarity(named: str, asked: str) -> float:
    """How much the stem `asked` of a question speaks for the stem `named` of a name: 0..1, 1 for equal ones.

    Both must begin alike: one a beginning of the other, a long common beginning, an abbreviation by left-out letters,
    or one letter that is wrong, missing or too many.
    """
    if named == asked:
        return 1.0
    if named[:1] != asked[:1] or min(len(named), len(asked)) < 3:
        return 0.0
    if asked.startswith(named) or named.startswith(asked):
        return 0.75 if min(len(named), len(asked)) > 3 else 0.55 if len(named) == 3 else 0.45
    return _inner_similarity(named, asked)


def _inner_similarity(named: str, asked: str) -> float:
    common = _common(named, asked)
    if common >= 4 and common >= 0.6 * max(len(named), len(asked)):
        return 0.7
    rest = min(len(named), len(asked)) - common
    same_end = _common(named[::-1][:rest], asked[::-1][:rest])
    if min(len(named), len(asked)) >= 5 and max(len(named), len(asked)) - common - same_end <= 1:
        return 0.7
    return 0.5 if _shortens(named, asked) else 0.0


def _common(one: str, other: str) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _shortens(short: str, word: str) -> bool:
    """True for "mgr" and "manager": the letters of `short` in order in a clearly longer word."""
    if len(short) > 5 or len(word) < len(short) + 3 or (len(short) == 5 and short[-1] != word[-1]):
        return False
    return has_letters_in_order(short, word)

"""Cuts questions and stored values into words in the same way, and proposes the spans that may name a value.

No model is needed: every run of up to `MAX_WORDS` words is a span, and so is every quoted string. Words are
alphanumeric runs of the folded text; a possessive "'s" is dropped on both sides; scripts written without spaces give
one word per character, so that a place name inside a Japanese sentence is a span like any other.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, fold, fold_with_offsets, stem, word_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["COMMON_WORDS", "MAX_WORDS", "Question", "Word", "key_words", "stems"]

MAX_WORDS = 8
_MAX_WORDS_READ = 2000
_MAX_CHARACTERS = 20_000
_MOST_OF_A_CHUNK = 300
_PUNCTUATION = "\"'`“”„‘’«»,;:.?!()[]{}"
_SINGLE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]|[^\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_QUOTED = re.compile(
    r"""(?<!\w)(?:"([^"\n]{1,200})"|'([^\n]{1,200}?)'(?!\w)|`([^`\n]{1,200})`)|[“„«]([^”“»\n]{1,200})[”“»]|‘([^’\n]{1,200})’"""
)

# Words that ask, count, compare or order. Alone they are rarely meant as a value, so a hit on them needs better proof.
_COMMON = """also always amount average avg between both count current date different distinct each either ever every
    except find first following former get give given greater group have having higher highest how i id ids include
    including info information kind last least less like list lower lowest many maximum me mean minimum more most much
    name named names never new number numbers old one only order ordered other part people person per please provide
    record records return same second show side sort state status tell than their there three time times top total
    two type types under us use used uses using value values whether whose without year years"""
COMMON_WORDS = STOP_WORDS | frozenset(_COMMON.split())


@dataclass(frozen=True, slots=True)
class Word:
    """One folded word of a question.

    Attributes:
        text: The word, folded.
        start, end: Characters [start, end) of the question.
        common: Says little: it asks, counts, compares or orders. Capitals make a name of it ("US").
    """

    text: str
    start: int
    end: int
    common: bool


@dataclass(frozen=True)
class Question:
    """A question cut into words.

    Attributes:
        text: The question, then the evidence, joined by one newline where there is one.
        words: The first 2,000 words within 20,000 characters of the question, then as many of the evidence.
        quoted: (first, last + 1) word positions of every quoted string.
        breaks: Positions of words that start a new part (evidence), which no span crosses.
    """

    text: str
    words: tuple[Word, ...]
    quoted: frozenset[tuple[int, int]]
    breaks: frozenset[int]

    @classmethod
    def parse(cls, question: str, evidence: str = "") -> Question:
        """Cuts `question` and `evidence`; ValueHit spans refer to both joined by a newline."""
        text = f"{question}\n{evidence}" if evidence else question
        words = list(islice(_words_with_places(question[:_MAX_CHARACTERS], 0), _MAX_WORDS_READ))
        breaks = frozenset({len(words)})
        words += islice(_words_with_places(evidence[:_MAX_CHARACTERS], len(question) + 1), _MAX_WORDS_READ)
        return cls(text, tuple(words), _quoted(text, words), breaks)

    def spans(self, longest: int = MAX_WORDS) -> Iterator[tuple[int, int]]:
        """Word positions [i, j) of every span, longer quoted strings included, in order of i then j."""
        n = len(self.words)
        for i in range(n):
            for j in range(i + 1, min(i + longest, n) + 1):
                if j - 1 in self.breaks and j - 1 > i:
                    break
                yield i, j
        yield from sorted(span for span in self.quoted if span[1] - span[0] > longest)

    def place(self, i: int, j: int) -> tuple[int, int]:
        """Characters [start, end) of the words [i, j)."""
        return self.words[i].start, self.words[j - 1].end

    def surface(self, i: int, j: int) -> str:
        """The words [i, j) as they stand in the question."""
        start, end = self.place(i, j)
        return self.text[start:end]

    def chunk(self, i: int, j: int) -> str:
        """The words [i, j) with the symbols that touch them ("C++"), quotes and sentence marks at its ends left off."""
        start, end = self.place(i, j)
        while start and _touches(self.text[start - 1]):
            start -= 1
        while end < len(self.text) and _touches(self.text[end]):
            end += 1
        return self.text[start:end][:_MOST_OF_A_CHUNK].strip(_PUNCTUATION)


def _touches(char: str) -> bool:
    return not char.isspace() and not char.isalnum()


def key_words(value: str) -> list[str]:
    """The folded words of a stored value; [] for one of nothing but symbols."""
    folded = fold(value)
    return [piece for start, end in _without_possessive(folded) for piece in _pieces(folded[start:end])]


def stems(words: list[str]) -> list[str]:
    """Each word without its commonest ending."""
    return [stem(word) for word in words]


def _words_with_places(text: str, offset: int) -> Iterator[Word]:
    folded = fold_with_offsets(text)
    starts, shouted = folded.starts, text.isupper()
    for start, end in _without_possessive(folded.text):
        at = start
        for piece in _pieces(folded.text[start:end]):
            first, last = starts[at], at + len(piece)
            while last < len(starts) - 1 and starts[last] == starts[last - 1]:
                last += 1  # a ligature folds to several characters
            named = not shouted and at + 1 < end and text[first : starts[last]].isupper()
            yield Word(piece, offset + first, offset + starts[last], piece in COMMON_WORDS and not named)
            at += len(piece)


def _without_possessive(folded: str) -> list[tuple[int, int]]:
    spans = word_spans(folded)
    if "'s" not in folded:
        return spans
    return [
        (a, b)
        for a, b in spans
        if not (b - a == 1 and folded[a] == "s" and a > 1 and folded[a - 1] == "'" and folded[a - 2].isalnum())
    ]


def _pieces(word: str) -> list[str]:
    return [word] if word.isascii() else _SINGLE.findall(word)


def _quoted(text: str, words: Sequence[Word]) -> frozenset[tuple[int, int]]:
    starts = [word.start for word in words]
    found = set()
    for match in islice(_QUOTED.finditer(text), _MAX_WORDS_READ):
        start, end = match.span(match.lastindex or 0)
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        if first < last:
            found.add((first, last))
    return frozenset(found)

"""What the surface of a passage says about its quality, without a question: fourteen numbers a text."""

from __future__ import annotations

import re
from collections import Counter
from math import log1p
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["FEATURES", "LONGEST", "describe_passages"]

LONGEST = 10_000
"""Characters of a passage that are read: the rest changes no feature by much, and a broken file may be one text."""

FEATURES = (
    "length",
    "stop words",
    "punctuation",
    "digits",
    "repetition",
    "most frequent word",
    "capitals",
    "word length",
    "sentence length",
    "short lines",
    "links",
    "sentence end",
    "letters",
    "distinct words",
)
"""Names of the columns, in order; the reasons of `prune_corpus` use them."""

_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"[.!?…。！？](?=\s|$)")
_LINK = re.compile(r"https?://|www\.|\]\(|<a\s|\[edit\]|[»›•·↑▶→]", re.IGNORECASE)
_ENDS = tuple(".!?…。！？\"'”’)")
_MENU_WORDS = 4  # a line of fewer words is no sentence: a heading, a menu entry, a cell
_EMPTY = (0.0,) * len(FEATURES)


def describe_passages(texts: Iterable[str]) -> NDArray[np.float64]:
    """float64 (n_texts, 14), a column for each of `FEATURES`; zeros for a text without words.

    Shares are 0 to 1; lengths and counts are ln(1 + n); the word and the sentence length are means, of characters and
    ln(1 + words). The same text gives the same row whatever stands beside it.
    """
    rows = [_describe(text) for text in texts]
    return np.asarray(rows, dtype=np.float64).reshape(len(rows), len(FEATURES))


def _describe(text: str) -> tuple[float, ...]:
    text = text[:LONGEST]
    words = _WORD.findall(text)
    if not words:
        return _EMPTY
    count = len(words)
    folded = Counter(word.lower() for word in words)
    inside = sum(map(len, words))
    solid = inside + sum(not (char.isspace() or char.isalnum()) for char in text)
    digits = sum(map(str.isdigit, text)) if any(map(str.isdecimal, text)) else 0
    stops = sum(number for word, number in folded.items() if word in STOP_WORDS)
    # Stop words are the most frequent ones of any prose: only a frequent word that says something is a list or spam.
    most = max((number for word, number in folded.items() if word not in STOP_WORDS), default=0)
    lines = [line for line in text.splitlines() if line.strip()]
    short = sum(len(line.split(None, _MENU_WORDS)) < _MENU_WORDS for line in lines)
    return (
        log1p(count),
        stops / count,
        1 - inside / solid,
        digits / solid,
        1 - len(folded) / count,
        most / count,
        sum(word[0].isupper() for word in words) / count,
        inside / count,
        log1p(count / max(1, len(_SENTENCE.findall(text)))),
        short / max(1, len(lines)),
        len(_LINK.findall(text)) / count,
        float(text.rstrip().endswith(_ENDS)),
        (inside - digits) / solid,
        log1p(len(folded)),
    )

"""The keys under which a value is filed. One sorted array of 64-bit hashes holds all kinds; a hit is always verified.

stem     all words, each without its ending: equality after folding, plural and inflection
prefix   the first letters of each word: "comp sci" meets "computer science", "fog" meets "foggy"
acronym  initials: "la" meets "los angeles"
part     one word of several: "gatwick" meets "london gatwick"
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text import STOP_WORDS, fold

from .spans import MAX_WORDS, stems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["acronym_key", "hashes", "joined_key", "part_key", "prefix_key", "stem_key", "symbol_key", "value_keys"]

_MOST_KEY_WORDS = 40
_PREFIX_WORDS = 5


def value_keys(value: str, words: list[str]) -> list[str]:
    """All keys of one stored value whose folded words are `words`."""
    if not words:
        return [symbol_key(value)]
    if len(words) > _MOST_KEY_WORDS:
        return []
    keys = [stem_key(words)]
    if len(words) <= _PREFIX_WORDS and (len(words) > 1 or len(words[0]) > 2):
        keys.append(prefix_key(words))
    if 1 < len(words) <= MAX_WORDS:
        keys += {part_key(word) for word in words if len(word) > 1 and word not in STOP_WORDS}
        keys += {acronym_key("".join(word[0] for word in some)) for some in (words, _content(words)) if len(some) > 1}
    return keys


def stem_key(words: list[str]) -> str:
    """Key of the whole value, endings off."""
    return joined_key(stems(words))


def joined_key(roots: list[str]) -> str:
    """`stem_key` of words that are stemmed already."""
    return "s" + " ".join(roots)


def symbol_key(value: str) -> str:
    """Key of a value that has no letter or digit, such as "+" or "—"."""
    return "y" + fold(value.strip())[:50]


def prefix_key(words: list[str], letters: int = 0) -> str:
    """Key of the first letters of each word: four of a single word, three of several, or `letters`."""
    cut = letters or (4 if len(words) == 1 else 3)
    return "x" + " ".join(word[:cut] for word in words)


def acronym_key(initials: str) -> str:
    """Key of the initials of a value."""
    return "a" + initials


def part_key(word: str) -> str:
    """Key of one word of a value of several."""
    (root,) = stems([word])
    return "p" + root


def hashes(keys: Iterable[str]) -> NDArray[np.uint64]:
    """64-bit hashes of keys, uint64 (n_keys,); the same on every machine."""
    digest = hashlib.blake2b
    joined = b"".join([digest(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys])
    return np.frombuffer(joined, dtype="<u8")


def _content(words: list[str]) -> list[str]:
    return [word for word in words if word not in STOP_WORDS]

"""The keys under which a value is filed: 32-bit hashes of its words, the same for one span and for a whole batch.

stem     all words, each without its ending: equality after folding, plural and inflection
prefix   the first letters of each word: "comp sci" meets "computer science", "fog" meets "foggy"
acronym  initials: "la" meets "los angeles"
part     one word of several: "gatwick" meets "london gatwick"
symbol   a value without letters and digits, such as "+"

A word's hash is a polynomial over its characters, a key's hash a chain over the hashes of its words; both are computed
for all words of a batch in a few passes of numpy (`value_keys`), and one by one for the spans of a
question. What is found under a key is always verified, so that collisions never show.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS, fold, stem

from .spans import MAX_WORDS, stems
from .words import WordTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Key",
    "acronym_key",
    "extended",
    "finished",
    "part_key",
    "prefix_key",
    "started",
    "stem_key",
    "symbol_key",
    "value_keys",
]

Key = int
"""32 bits."""

_MOST_KEY_WORDS = 40
_PREFIX_WORDS = 5
_LONGEST_SYMBOL = 50
_KINDS = {"stem": 0x9AE16A3B2F90404F, "prefix": 0xC949D7C7509E6557, "acronym": 0xA0761D6478BD642F}
_KINDS |= {"part": 0xE7037ED1A0B428DB, "symbol": 0x8EBC6AF09C88C6E3}
_BASE = 0x9E3779B97F4A7C15
_SPREAD = 0xD6E8FEB86659FD93
_ALL = 2**64 - 1


def started(kind: str) -> int:
    """State of a key of one kind before its first word; `extended` by words, it is `finished` to a key."""
    return _KINDS[kind]


def extended(state: int, word: str) -> int:
    """The state with one more word."""
    state = ((state ^ _spread(word)) * _SPREAD) & _ALL
    return state ^ (state >> 29)


def finished(state: int) -> Key:
    """The key of a state."""
    return state >> 32


def stem_key(words: Sequence[str]) -> Key:
    """Key of the whole value, endings off."""
    return _key("stem", stems(list(words)))


def symbol_key(value: str) -> Key:
    """Key of a value that has no letter or digit, such as "+" or "—"."""
    return _key("symbol", (fold(value.strip())[:_LONGEST_SYMBOL],))


def prefix_key(words: Sequence[str], letters: int = 0) -> Key:
    """Key of the first letters of each word: four of a single word, three of several, or `letters`."""
    cut = letters or (4 if len(words) == 1 else 3)
    return _key("prefix", [word[:cut] for word in words])


def acronym_key(initials: str) -> Key:
    """Key of the initials of a value."""
    return _key("acronym", initials)


def part_key(word: str) -> Key:
    """Key of one word of a value of several."""
    return _key("part", (stem(word),))


def value_keys(values: Sequence[str], table: WordTable) -> NDArray[np.uint64]:
    """All keys of a batch of stored values, uint64 (n_keys,): the key in the upper half, the row in the lower; sorted.

    Args:
        values: The values.
        table: Their words.
    """
    powers = _powers(max(_LONGEST_SYMBOL, int(table.lengths.max(initial=0))))
    whole = _spread_all(table.hash(powers))
    roots = _roots(table, whole, powers)
    counts, first_lengths = table.counts, np.zeros(len(table.counts), dtype=np.int64)
    first_lengths[counts > 0] = table.lengths[table.firsts[counts > 0]]
    several = (counts > 1) & (counts <= MAX_WORDS)
    content = ~np.isin(whole, _stop_words())
    parts = np.flatnonzero(several[table.owner] & content & (table.lengths > 1))
    fours, threes, ones = (_spread_all(table.hash(powers, longest=k)) for k in (4, 3, 1))
    packed = [
        _chained("stem", roots, table.firsts, counts, (counts > 0) & (counts <= _MOST_KEY_WORDS)),
        _chained("prefix", fours, table.firsts, counts, (counts == 1) & (first_lengths > 2)),
        _chained("prefix", threes, table.firsts, counts, (counts > 1) & (counts <= _PREFIX_WORDS)),
        *_acronyms(ones, table, several, content),
        _packed(_extend_all(np.full(len(parts), _KINDS["part"], dtype=np.uint64), roots[parts]), table.owner[parts]),
        _symbols(values, np.flatnonzero(counts == 0)),
    ]
    # a value may give a key twice, as by a repeated word; a row stands once under each of its keys
    joined = np.sort(np.concatenate(packed))
    fresh = np.ones(len(joined), dtype=np.bool_)
    fresh[1:] = joined[1:] != joined[:-1]
    return joined[fresh]


def _acronyms(
    initials: NDArray[np.uint64], table: WordTable, several: NDArray[np.bool_], content: NDArray[np.bool_]
) -> list[NDArray[np.uint64]]:
    """Initials of all words, and of all but the stop words."""
    telling = np.bincount(table.owner[content], minlength=len(table.counts))
    fewer = several & (telling > 1) & (telling < table.counts)
    return [
        _chained("acronym", initials, table.firsts, table.counts, several),
        _chained("acronym", initials[content], np.cumsum(telling) - telling, telling, fewer),
    ]


def _chained(
    kind: str,
    words: NDArray[np.uint64],
    firsts: NDArray[np.int64],
    counts: NDArray[np.int64],
    chosen: NDArray[np.bool_],
) -> NDArray[np.uint64]:
    """Packed keys of all words of each chosen row."""
    rows = np.flatnonzero(chosen)
    state = np.full(len(rows), _KINDS[kind], dtype=np.uint64)
    at, left = firsts[rows], counts[rows]
    for k in range(int(left.max(initial=0))):
        live = np.flatnonzero(left > k)
        state[live] = _extend_all(state[live], words[at[live] + k])
    return _packed(state, rows)


def _packed(state: NDArray[np.uint64], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    return (state & np.uint64(0xFFFFFFFF00000000)) | rows.astype(np.uint64)


def _roots(table: WordTable, whole: NDArray[np.uint64], powers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes of the words without their endings; only words that end in d, e, g or s can have one."""
    # stemming is the slow part and is done in Python, once for each distinct word that may have an ending
    places = np.flatnonzero((table.lengths > 3) & np.isin(table.last_letters, [ord(char) for char in "degs"]))
    _unique, first, inverse = np.unique(whole[places], return_index=True, return_inverse=True)
    words = table.text_of(places[first])
    changed = [stem(word) for word in words]
    out = whole.copy()
    out[places] = _spread_all(WordTable.of_words(changed).hash(powers))[inverse] if changed else out[places]
    return out


def _symbols(values: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    packed = [(symbol_key(values[row]) << 32) | row for row in rows.tolist()]
    return np.array(packed, dtype=np.uint64)


def _key(kind: str, words: Iterable[str]) -> Key:
    state = _KINDS[kind]
    for word in words:
        state = extended(state, word)
    return finished(state)


@lru_cache(maxsize=16384)
def _spread(word: str) -> int:
    total, power = 0, 1
    for char in word:
        total += (ord(char) + 1) * power
        power = (power * _BASE) & _ALL
    total &= _ALL
    total = ((total ^ (total >> 32)) * _SPREAD) & _ALL
    return total ^ (total >> 32)


def _spread_all(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed: NDArray[np.uint64] = (hashes ^ (hashes >> np.uint64(32))) * np.uint64(_SPREAD)
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _extend_all(state: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ words) * np.uint64(_SPREAD)
    state ^= state >> np.uint64(29)
    return state


def _powers(most: int) -> NDArray[np.uint64]:
    powers = np.full(most, _BASE, dtype=np.uint64)
    powers[:1] = 1
    found: NDArray[np.uint64] = np.cumprod(powers, dtype=np.uint64)
    return found


@lru_cache(maxsize=1)
def _stop_words() -> NDArray[np.uint64]:
    return np.array(sorted(_spread(word) for word in STOP_WORDS), dtype=np.uint64)

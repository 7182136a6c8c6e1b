"""The stages of a look-up, cheap ones first; each turns spans of a question into candidate values.

exact    spans whose folded, stemmed words equal those of a value; symbols that stand alone
synonym  spans that the lexicon knows under another name or code
prefix   shared beginnings ("foggy": "Fog", "computer science": "Comp. Sci."), initials, single words of longer values
column   yes and no, in whatever form, of columns that hold nothing else and whose names the question says
lsh      MinHash LSH, then an edit filter: misspellings, for spans around words that nothing else explained

Every candidate is verified against the stored value, so hash collisions never show.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .keys import acronym_key, hashes, joined_key, part_key, prefix_key, stem_key, symbol_key
from .lexicon import synonyms
from .literals import other_spellings
from .minhash import Signer, band_keys
from .named import TRUTH, truth_columns
from .privacy import masked_key
from .spans import key_words, stems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from .build import Arrays
    from .features import ColumnFacts
    from .spans import Question

__all__ = ["Candidate", "Finder"]

_PREFIX_SPAN = 4
_SYNONYM_SPAN = 4
_FUZZY_SPAN = 5
_MOST_ROWS = 200
_MOST_SHARED = 20_000
_MOST_FUZZY_SPANS = 60
_MOST_COMPARED = 5000
_MOST_FUZZY_ROWS = 20
_LEAST_ALIKE = 0.25
_LEAST_EDIT = 0.8
_SURE = 0.9


@dataclass(frozen=True, slots=True)
class Candidate:
    """One stored value that a span may mean.

    Attributes:
        row: Its row of the index.
        first, last: Word positions [first, last) of the span.
        score: Closeness, 0..1.
        stage: "exact", "folded", "synonym", "prefix", "column" or "lsh".
        way: What exactly matched, for the scorer: one of `features.WAYS`.
        rows: How many values of the index the same span led to in the same way.
    """

    row: int
    first: int
    last: int
    score: float
    stage: str
    way: str
    rows: int = 1


class Finder:
    """Runs the stages over one question. Made per look-up; holds no state between questions."""

    def __init__(self, question: Question, arrays: Arrays, signer: Signer, facts: Sequence[ColumnFacts] = ()) -> None:
        self._question, self._arrays, self._signer, self._facts = question, arrays, signer, facts
        self._words: dict[int, list[str]] = {}
        self._asked = [word.text for word in question.words]
        self._stems = stems(self._asked)

    @cached_property
    def covered(self) -> set[int]:
        """Word positions that an exact or synonym candidate explains."""
        return set()

    def find(self) -> list[Candidate]:
        """All candidates, no (row, span) twice."""
        found = [*self._exact(), *self._symbols(), *self._masked()]
        self._cover(found)
        found += self._synonyms()
        found += self._prefixes()
        found += self._parts()
        found += self._truths({int(self._arrays.columns[one.row]) for one in found if one.score >= _SURE})
        self._cover(found)
        found += self._fuzzy()
        best: dict[tuple[int, int, int], Candidate] = {}
        for candidate in found:
            key = (candidate.row, candidate.first, candidate.last)
            if key not in best or candidate.score > best[key].score:
                best[key] = candidate
        return list(best.values())

    def words(self, row: int) -> list[str]:
        """Folded words of a stored value."""
        if row not in self._words:
            self._words[row] = key_words(self._arrays.value(row))
        return self._words[row]

    def _cover(self, found: Iterable[Candidate]) -> None:
        words = self._question.words
        for candidate in found:
            span = range(candidate.first, candidate.last)
            if candidate.score > 0.9 and not all(words[k].common for k in span):
                self.covered.update(span)

    def _rows(self, keys: list[str]) -> list[NDArray[np.uint32]]:
        table = self._arrays.key_hashes
        wanted = hashes(keys)
        left, right = np.searchsorted(table, wanted, "left"), np.searchsorted(table, wanted, "right")
        rows = self._arrays.key_rows
        return [rows[a:b] for a, b in zip(left.tolist(), right.tolist(), strict=True)]

    def _span_words(self, i: int, j: int) -> list[str]:
        return self._asked[i:j]

    def _exact(self) -> Iterator[Candidate]:
        spans = list(self._question.spans())
        for (i, j), rows in zip(spans, self._rows([joined_key(self._stems[i:j]) for i, j in spans]), strict=True):
            if not len(rows):
                continue
            words, surface = self._span_words(i, j), self._question.surface(i, j)
            for row in rows[:_MOST_ROWS].tolist():
                theirs = self.words(row)
                if theirs == words:
                    same = self._arrays.value(row) in (surface, self._question.chunk(i, j))
                    yield Candidate(
                        row, i, j, 1.0, "exact" if same else "folded", "exact" if same else "folded", len(rows)
                    )
                elif stems(theirs) == self._stems[i:j]:
                    yield Candidate(row, i, j, 0.95, "folded", "stem", len(rows))

    def _masked(self) -> Iterator[Candidate]:
        spans = list(self._question.spans()) if any(fact.masked for fact in self._facts) else []
        for (i, j), rows in zip(spans, self._rows([masked_key(self._asked[i:j]) for i, j in spans]), strict=True):
            for row in rows[:_MOST_ROWS].tolist():
                yield Candidate(row, i, j, 1.0, "folded", "folded", len(rows))

    def _truths(self, answered: set[int]) -> Iterator[Candidate]:
        asked = [one for one in truth_columns(self._stems, self._facts) if one.column not in answered]
        keys = [stem_key(key_words(one.value)) for one in asked]
        for one, rows in zip(asked, self._rows(keys), strict=True):
            for row in rows[:_MOST_ROWS].tolist():
                if int(self._arrays.columns[row]) == one.column and self._arrays.value(row) == one.value:
                    yield Candidate(row, one.first, one.last, 0.5, "column", TRUTH)

    def _symbols(self) -> Iterator[Candidate]:
        question = self._question
        chunks = [chunk.strip("'\"`“”‘’,;:") for chunk in question.text.split()[:500]]
        keys = sorted({chunk for chunk in chunks if chunk and not any(char.isalnum() for char in chunk)})
        if not keys or not question.words:
            return
        for chunk, rows in zip(keys, self._rows([symbol_key(chunk) for chunk in keys]), strict=True):
            at = question.text.index(chunk)
            nearest = min(range(len(question.words)), key=lambda k: abs(question.words[k].start - at))
            for row in rows[:_MOST_ROWS].tolist():
                if self._arrays.value(row).strip() == chunk:
                    yield Candidate(row, nearest, nearest + 1, 1.0, "exact", "symbol", len(rows))

    def _synonyms(self) -> Iterator[Candidate]:
        asked: list[tuple[int, int, str, str]] = []
        for i, j in self._question.spans(_SYNONYM_SPAN):
            code = self._question.surface(i, j) if j - i == 1 else ""
            asked += [(i, j, term, "synonym") for term in synonyms(self._asked[i:j], self._stems[i:j], code)]
        asked += other_spellings(self._question)
        keys = [stem_key(term.split()) for _i, _j, term, _way in asked]
        for (i, j, term, way), rows in zip(asked, self._rows(keys), strict=True):
            for row in rows[:_MOST_ROWS].tolist():
                if self.words(row) == term.split() and (way != "initials" or self._is_short_name(row, i, j)):
                    yield Candidate(row, i, j, 0.9, "synonym", way, len(rows))

    def _is_short_name(self, row: int, i: int, j: int) -> bool:
        """A stored value in capitals abbreviates a name; one of two letters only a capitalised one."""
        value = self._arrays.value(row)
        named = all(word[:1].isupper() for word in self._question.surface(i, j).split())
        return value.isupper() and (len(value) > 2 or named)

    def _prefixes(self) -> Iterator[Candidate]:
        asked: list[tuple[int, int, str]] = []
        for i, j in self._question.spans(_PREFIX_SPAN):
            words = self._span_words(i, j)
            if self._question.words[i].common or self._question.words[j - 1].common:
                continue
            if j - i == 1:
                surface = self._question.surface(i, j)
                if len(words[0]) > 3 and words[0].isalpha():
                    asked += [(i, j, prefix_key(words)), (i, j, prefix_key(words, 3))]
                elif surface.isupper() and len(words[0]) > 1:
                    asked.append((i, j, acronym_key(words[0])))
            elif all(len(word) > 2 for word in words):
                asked.append((i, j, prefix_key(words)))
        for (i, j, key), rows in zip(asked, self._rows([key for _i, _j, key in asked]), strict=True):
            if 0 < len(rows) <= _MOST_ROWS:
                way = "acronym" if key[0] == "a" else "prefix"
                yield from self._verify_prefix(i, j, rows.tolist(), way)

    def _verify_prefix(self, i: int, j: int, rows: list[int], way: str) -> Iterator[Candidate]:
        words = self._span_words(i, j)
        for row in rows:
            theirs = self.words(row)
            if way == "acronym":
                yield Candidate(row, i, j, 0.6, "prefix", way, len(rows))
                continue
            if len(theirs) != len(words) or theirs == words:
                continue
            shared = [_shared(a, b) for a, b in zip(words, theirs, strict=True)]
            if min(shared) > 0:
                yield Candidate(row, i, j, min(0.9, sum(shared) / len(shared)), "prefix", way, len(rows))

    def _parts(self) -> Iterator[Candidate]:
        words = self._question.words
        surfaces = [self._question.surface(k, k + 1) for k in range(len(words))]
        places = [
            k
            for k, word in enumerate(words)
            if not word.common and (len(word.text) > 2 or (len(word.text) == 2 and surfaces[k].isupper()))
        ]
        at: dict[int, list[int]] = defaultdict(list)
        found = self._rows([part_key(words[k].text) for k in places])
        for k, rows in zip(places, found, strict=True):
            for row in rows.tolist() if len(rows) <= _MOST_ROWS else ():
                at[row].append(k)
        for (k, rows), (after, others) in pairwise(zip(places, found, strict=True)):
            if after - k <= 2 and all(_MOST_ROWS < len(some) <= _MOST_SHARED for some in (rows, others)):
                both = np.intersect1d(rows, others)  # "Park Road": two words, each of which stands in many values
                for row in both.tolist() if len(both) <= _MOST_ROWS else ():
                    at[row] += [k, after]
        asked = self._stems
        spans = {row: _around(found, stems(self.words(row)), asked) for row, found in at.items()}
        counts = Counter(spans.values())
        for row, (first, last) in spans.items():
            theirs = stems(self.words(row))
            have = sum(len(word) for word in theirs if word in asked[first:last])
            yield Candidate(row, first, last, 0.9 * have / sum(map(len, theirs)), "prefix", "part", counts[first, last])

    def _fuzzy(self) -> Iterator[Candidate]:
        spans = self._left_over()
        if not spans or not len(self._arrays.fuzzy_rows):
            return
        from rapidfuzz import fuzz

        texts = [" ".join(self._span_words(i, j)) for i, j in spans]
        for (i, j), text, places in zip(spans, texts, self._neighbours(texts), strict=True):
            close: list[tuple[int, float]] = []
            for row in self._arrays.fuzzy_rows[places].tolist():
                theirs = " ".join(self.words(row))
                score = fuzz.ratio(text, theirs, score_cutoff=100 * _LEAST_EDIT) / 100
                if score and theirs != text:
                    close.append((row, score))
            yield from (Candidate(row, i, j, score, "lsh", "lsh", len(close)) for row, score in close)

    def _left_over(self) -> list[tuple[int, int]]:
        words, spans = self._question.words, []
        for i, j in self._question.spans(_FUZZY_SPAN):
            mine = self._span_words(i, j)
            if words[i].common or words[j - 1].common or len(" ".join(mine)) < 4:
                continue
            if any(k not in self.covered and words[k].text.isalpha() and not words[k].common for k in range(i, j)):
                spans.append((i, j))
        return spans[:_MOST_FUZZY_SPANS]

    def _neighbours(self, texts: list[str]) -> list[NDArray[np.intp]]:
        """For each text the places in `fuzzy_rows` that share a band with it, the most alike first, at most 20."""
        arrays, n = self._arrays, len(self._arrays.fuzzy_rows)
        signatures = self._signer.sign(texts)
        wanted = band_keys(signatures)
        pairs = zip(arrays.band_keys, wanted, strict=True)
        edges = np.array([(table.searchsorted(key), table.searchsorted(key, "right")) for table, key in pairs])
        sizes = (edges[:, 1] - edges[:, 0]).ravel()
        first = (edges[:, 0] + n * np.arange(len(edges))[:, None]).ravel()
        at = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        owner = np.repeat(np.tile(np.arange(len(texts)), len(edges)), sizes)
        met, bands = np.unique(owner * n + arrays.band_rows.reshape(-1)[at], return_counts=True)
        if len(met) > _MOST_COMPARED:
            met = np.sort(met[np.argsort(-bands, kind="stable")[:_MOST_COMPARED]])
        owner, places = met // n, met % n
        alike = np.count_nonzero(arrays.signatures[places] == signatures[owner], axis=1)
        order = np.lexsort((-alike, owner))
        order = order[alike[order] > _LEAST_ALIKE * signatures.shape[1]]
        cuts = np.searchsorted(owner[order], np.arange(1, len(texts)))
        return [part[:_MOST_FUZZY_ROWS] for part in np.split(places[order], cuts)]


def _shared(asked: str, stored: str) -> float:
    """Share of the longer word that both begin with; 0 where they only begin alike by chance."""
    length = 0
    for a, b in zip(asked, stored, strict=False):
        if a != b:
            break
        length += 1
    whole = length == min(len(asked), len(stored))
    if length < 3 or (not whole and length < max(4, 0.6 * max(len(asked), len(stored)) - 0.5)):
        return 0.0
    return (
        length / max(len(asked), len(stored))
        if not (whole and length == len(stored))
        else max(0.6, length / len(asked))
    )


def _around(found: list[int], theirs: list[str], asked: list[str]) -> tuple[int, int]:
    """The longest run of question words around the found ones that are all words of the value."""
    own = set(theirs)
    best = (found[0], found[0] + 1)
    for k in found:
        first, last = k, k + 1
        while first and asked[first - 1] in own:
            first -= 1
        while last < len(asked) and asked[last] in own:
            last += 1
        if last - first > best[1] - best[0]:
            best = (first, last)
    return best

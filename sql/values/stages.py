"""The stages of a look-up, cheap ones first; each turns spans of a question into candidate values.

exact    spans whose folded, stemmed words equal those of a value; symbols that stand alone
synonym  spans that the lexicon knows under another name or code
prefix   shared beginnings ("foggy": "Fog", "computer science": "Comp. Sci."), initials, single words of longer values
column   yes and no, in whatever form, of columns that hold nothing else and whose names the question says
lsh      MinHash LSH, then an edit filter: misspellings, for spans around words that nothing else explained

Every candidate is verified against the stored value, so hash collisions never show. What is verified is bounded per
question, whatever the size of the index: words and bands that a great many values share are passed over, and of the
rest the values that can be closest, by their length and their bit sketches, come first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS

from .features import Candidate, ColumnFacts
from .keys import acronym_key, extended, finished, part_key, prefix_key, started, stem_key, symbol_key
from .lexicon import synonyms
from .literals import other_spellings
from .minhash import Signer, bits_set
from .neighbours import neighbours, similarities
from .privacy import digest, digest_keys
from .spans import key_words, stems
from .stores import ValueReader
from .truths import TRUTH, find_truth_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from .keys import Key
    from .spans import Question
    from .stores import ValueStore

__all__ = ["Finder"]

_PREFIX_SPAN = 4
_SYNONYM_SPAN = 4
_FUZZY_SPAN = 5
_MOST_ROWS = 200
_MOST_SHARED = 20_000
_MOST_PREFIX_ROWS = 24
_MOST_PART_ROWS = 40
_MOST_FUZZY_SPANS = 60
_LEAST_EDIT = 0.8
_SURE = 0.9


class Finder:
    """Runs the stages over one question. Made per look-up; holds no state between questions.

    Attributes:
        stored: The stored values that were read.
    """

    def __init__(
        self, question: Question, store: ValueStore, signer: Signer, facts: Sequence[ColumnFacts] = ()
    ) -> None:
        self._question, self._store, self._signer, self._facts = question, store, signer, facts
        self.stored = ValueReader(store)
        self._asked = [word.text for word in question.words]
        self._stems = stems(self._asked)

    @cached_property
    def covered(self) -> set[int]:
        """Word positions that an exact or synonym candidate explains."""
        return set()

    def find(self) -> list[Candidate]:
        """All candidates, no (row, span) twice."""
        # the order matters: fuzzy stages look only at words that no exact match covers
        found = [*self._exact(), *self._symbols(), *self._masked()]
        self._cover(found)
        found += self._synonyms()
        found += self._prefixes()
        found += self._parts()
        found += self._truths({self.stored.columns[one.row] for one in found if one.score >= _SURE})
        self._cover(found)
        found += self._fuzzy()
        best: dict[tuple[int, int, int], Candidate] = {}
        for candidate in found:
            key = (candidate.row, candidate.first, candidate.last)
            if key not in best or candidate.score > best[key].score:
                best[key] = candidate
        return list(best.values())

    def _cover(self, found: Iterable[Candidate]) -> None:
        words = self._question.words
        for candidate in found:
            span = range(candidate.first, candidate.last)
            if candidate.score > 0.9 and not all(words[k].common for k in span):
                self.covered.update(span)

    def _rows(self, keys: Sequence[Key]) -> list[NDArray[np.uint32]]:
        return self._store.find(np.array(keys, dtype=np.uint32))

    def _read_first(self, found: Iterable[NDArray[np.uint32]]) -> None:
        """Read the first rows of each list, in one go."""
        self.stored.read(row for rows in found if len(rows) for row in rows[:_MOST_ROWS].tolist())

    def _span_words(self, i: int, j: int) -> list[str]:
        return self._asked[i:j]

    def _exact(self) -> Iterator[Candidate]:
        spans = list(self._question.spans())
        found = [
            (span, rows) for span, rows in zip(spans, self._rows(self._stem_keys(spans)), strict=True) if len(rows)
        ]
        self._read_first(rows for _span, rows in found)
        for (i, j), rows in found:
            words, surface = self._span_words(i, j), self._question.surface(i, j)
            for row in rows[:_MOST_ROWS].tolist():
                theirs = self.stored.words(row)
                if theirs == words:
                    same = self.stored.value(row) in (surface, self._question.chunk(i, j))
                    way = "exact" if same else "folded"
                    yield Candidate(row, i, j, 1.0, way, way, len(rows))
                elif stems(theirs) == self._stems[i:j]:
                    yield Candidate(row, i, j, 0.95, "folded", "stem", len(rows))

    def _stem_keys(self, spans: list[tuple[int, int]]) -> list[Key]:
        """Keys of spans in order: the state of a span goes on from that of the span one word shorter."""
        # hashing each span from its beginning would be quadratic in its length
        states: dict[tuple[int, int], int] = {}
        for i, j in spans:
            state = states.get((i, j - 1))
            if state is None:
                state = started("stem")
                for k in range(i, j - 1):
                    state = extended(state, self._stems[k])
            states[i, j] = extended(state, self._stems[j - 1])
        return [finished(states[span]) for span in spans]

    def _masked(self) -> Iterator[Candidate]:
        spans = list(self._question.spans()) if any(fact.masked for fact in self._facts) else []
        keys, digests = digest_keys([digest(self._asked[i:j]) for i, j in spans])
        for (i, j), rows, mine in zip(spans, self._store.find(keys), digests, strict=True):
            if len(rows):
                # 32-bit keys collide; the digest in the place of the sketch decides
                same = rows[(self._store.sketches(rows) == mine).all(axis=1)]
                self.stored.read(same[:_MOST_ROWS].tolist())
                for row in same[:_MOST_ROWS].tolist():
                    yield Candidate(row, i, j, 1.0, "folded", "folded", len(same))

    def _truths(self, answered: set[int]) -> Iterator[Candidate]:
        asked = [one for one in find_truth_columns(self._stems, self._facts) if one.column not in answered]
        found = self._rows([stem_key(key_words(one.value)) for one in asked])
        self._read_first(found)
        for one, rows in zip(asked, found, strict=True):
            for row in rows[:_MOST_ROWS].tolist():
                if self.stored.columns[row] == one.column and self.stored.value(row) == one.value:
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
                if self.stored.value(row).strip() == chunk:
                    yield Candidate(row, nearest, nearest + 1, 1.0, "exact", "symbol", len(rows))

    def _synonyms(self) -> Iterator[Candidate]:
        asked: list[tuple[int, int, str, str]] = []
        for i, j in self._question.spans(_SYNONYM_SPAN):
            code = self._question.surface(i, j) if j - i == 1 else ""
            asked += [(i, j, term, "synonym") for term in synonyms(self._asked[i:j], self._stems[i:j], code)]
        asked += other_spellings(self._question)
        found = self._rows([stem_key(term.split()) for _i, _j, term, _way in asked])
        self._read_first(found)
        for (i, j, term, way), rows in zip(asked, found, strict=True):
            for row in rows[:_MOST_ROWS].tolist():
                if self.stored.words(row) == term.split() and (way != "initials" or self._is_short_name(row, i, j)):
                    yield Candidate(row, i, j, 0.9, "synonym", way, len(rows))

    def _is_short_name(self, row: int, i: int, j: int) -> bool:
        """A stored value in capitals abbreviates a name; one of two letters only a capitalised one."""
        value = self.stored.value(row)
        named = all(word[:1].isupper() for word in self._question.surface(i, j).split())
        return value.isupper() and (len(value) > 2 or named)

    def _prefixes(self) -> Iterator[Candidate]:
        asked: list[tuple[int, int, str, Key]] = []
        for i, j in self._question.spans(_PREFIX_SPAN):
            words = self._span_words(i, j)
            if self._question.words[i].common or self._question.words[j - 1].common:
                continue
            if j - i == 1:
                surface = self._question.surface(i, j)
                if len(words[0]) > 3 and words[0].isalpha():
                    asked += [(i, j, "prefix", prefix_key(words)), (i, j, "prefix", prefix_key(words, 3))]
                elif surface.isupper() and len(words[0]) > 1:
                    asked.append((i, j, "acronym", acronym_key(words[0])))
            elif all(len(word) > 2 for word in words):
                asked.append((i, j, "prefix", prefix_key(words)))
        found = zip(asked, self._rows([key for _i, _j, _way, key in asked]), strict=True)
        some = [(i, j, way, rows) for (i, j, way, _key), rows in found if 0 < len(rows) <= _MOST_ROWS]
        texts = [" ".join(self._span_words(i, j)) for i, j, _way, _rows in some]
        closest = self._closest(texts, [rows for *_span, rows in some])
        self.stored.read(row for rows in closest for row in rows)
        for (i, j, way, rows), mine in zip(some, closest, strict=True):
            yield from self._verify_prefix((i, j), mine, way, len(rows))

    def _closest(self, texts: list[str], found: list[NDArray[np.uint32]]) -> list[list[int]]:
        """Of each text's rows those whose sketches are most like its own, at most 24, rising."""
        out = [rows.tolist() for rows in found]
        long = [k for k, rows in enumerate(out) if len(rows) > _MOST_PREFIX_ROWS]
        if long:
            mine = self._signer.sign([texts[k] for k in long]).sketches
            for k, sketch in zip(long, mine, strict=True):
                close = similarities(self._store.sketches(found[k]), sketch)
                best = np.argsort(-close, kind="stable")[:_MOST_PREFIX_ROWS]
                out[k] = sorted(found[k][best].tolist())
        return out

    def _verify_prefix(self, span: tuple[int, int], rows: list[int], way: str, n_rows: int) -> Iterator[Candidate]:
        i, j = span
        words = self._span_words(i, j)
        for row in rows:
            theirs = self.stored.words(row)
            if way == "acronym":
                if words[0] in _initials(theirs):
                    yield Candidate(row, i, j, 0.6, "prefix", way, n_rows)
                continue
            if len(theirs) != len(words) or theirs == words:
                continue
            shared = [_shared(a, b) for a, b in zip(words, theirs, strict=True)]
            if min(shared) > 0:
                yield Candidate(row, i, j, min(0.9, sum(shared) / len(shared)), "prefix", way, n_rows)

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
        # words of too many values say nothing alone, but two neighbouring ones do
        for (k, rows), (after, others) in pairwise(zip(places, found, strict=True)):
            if after - k <= 2 and all(_MOST_ROWS < len(some) <= _MOST_SHARED for some in (rows, others)):
                both = _in_both(rows, others)  # "Park Road": two words, each of which stands in many values
                for row in both.tolist() if len(both) <= _MOST_ROWS else ():
                    at[row] += [k, after]
        chosen, counts = self._fullest(at)
        self.stored.read(chosen)
        asked = self._stems
        theirs = {row: stems(self.stored.words(row)) for row in chosen}
        spans = {row: _around(at[row], theirs[row], asked) for row in chosen}
        counts.update(spans.values())
        for row, (first, last) in spans.items():
            have = sum(len(word) for word in theirs[row] if word in asked[first:last])
            if have:
                score = 0.9 * have / sum(map(len, theirs[row]))
                yield Candidate(row, first, last, score, "prefix", "part", counts[first, last])

    def _fullest(self, at: dict[int, list[int]]) -> tuple[list[int], Counter[tuple[int, int]]]:
        """The rows of which the question says most, at most 40, and how many others each single word leads to."""
        rows, counts = list(at), Counter[tuple[int, int]]()
        # sketches tell, without reading the values, of how much of a value the question speaks
        if len(rows) <= _MOST_PART_ROWS:
            return rows, counts
        lengths = np.array([sum(len(self._stems[k]) + 1 for k in set(at[row])) for row in rows])
        share = lengths / np.maximum(bits_set(self._store.sketches(np.array(rows, dtype=np.uint32))), 1)
        order = np.argsort(-share, kind="stable").tolist()
        counts.update((at[rows[k]][0], at[rows[k]][0] + 1) for k in order[_MOST_PART_ROWS:])
        return [rows[k] for k in sorted(order[:_MOST_PART_ROWS])], counts

    def _fuzzy(self) -> Iterator[Candidate]:
        spans = self._unmatched_spans()
        if not spans:
            return
        from rapidfuzz import fuzz

        texts = [" ".join(self._span_words(i, j)) for i, j in spans]
        found = neighbours(texts, self._store, self._signer)
        self.stored.read(row for rows in found for row in rows)
        for (i, j), text, rows in zip(spans, texts, found, strict=True):
            close: list[tuple[int, float]] = []
            for row in rows:
                theirs = " ".join(self.stored.words(row))
                score = fuzz.ratio(text, theirs, score_cutoff=100 * _LEAST_EDIT) / 100
                if score and theirs != text:
                    close.append((row, score))
            yield from (Candidate(row, i, j, score, "lsh", "lsh", len(close)) for row, score in close)

    def _unmatched_spans(self) -> list[tuple[int, int]]:
        words, spans = self._question.words, []
        for i, j in self._question.spans(_FUZZY_SPAN):
            mine = self._span_words(i, j)
            if words[i].common or words[j - 1].common or len(" ".join(mine)) < 4:
                continue
            if any(k not in self.covered and words[k].text.isalpha() and not words[k].common for k in range(i, j)):
                spans.append((i, j))
        return spans[:_MOST_FUZZY_SPANS]


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
    best, first, last = (found[0], found[0] + 1), 0, 0
    for k in found:
        if first <= k < last:  # in the run before; looking at it once more would take the square of the run's length
            continue
        first, last = k, k + 1
        while first and asked[first - 1] in own:
            first -= 1
        while last < len(asked) and asked[last] in own:
            last += 1
        if last - first > best[1] - best[0]:
            best = (first, last)
    return best


def _in_both(rows: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Rows of two rising lists, neither empty."""
    few, many = sorted((rows, others), key=len)
    places = np.minimum(np.searchsorted(many, few), len(many) - 1)
    both: NDArray[np.uint32] = few[many[places] == few]
    return both


def _initials(words: list[str]) -> set[str]:
    telling = [word for word in words if word not in STOP_WORDS]
    return {"".join(word[0] for word in some) for some in (words, telling)}

"""Values that mean what the question says in other words: nearest neighbours of embeddings, by faiss. Optional.

Any function that turns texts into vectors will do. Only columns with few values are embedded, since such values are
names of kinds ("myocardial infarction"); names of people and places are found by their letters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctxprune.errors import UsageError
from ctxprune.utils.extras import require

from .base import RangeHit, ValueHit, ValueLookup, fold_ref
from .spans import Question

if TYPE_CHECKING:
    from ..schema.schema import ColumnRef
    from .index import ValueIndex
    from .visible import VisibleIndex

__all__ = ["Embed", "SemanticLookup"]

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

_SPAN_WORDS = 4
_MOST_SPANS = 100
_NEAR = 5
_WEAK = frozenset({"prefix", "lsh"})


class SemanticLookup(ValueLookup):
    """A value look-up that drops fuzzy hits of another meaning, and adds values that mean what a question says.

    Masked and excluded columns, numbers and dates take no part. Safe to share between threads if `embed` is.

    Args:
        index: Where values are looked up.
        embed: Maps n texts to vectors, float32 (n, d), d the same at each call; they need not be normalised.
        least: Cosine, 0..1, from which a value is close enough to be added.
        least_fuzzy: Cosine below which a hit of the stages "prefix" and "lsh" is dropped; 0 drops none.
        most_values: Columns with more distinct values are not embedded.
        most_hits: Values added for one question at most.

    Raises:
        MissingExtraError: faiss is not installed (extra `ann`).
        UsageError: A cosine is out of its range, or `embed` gives no such array.
    """

    def __init__(
        self,
        index: ValueIndex,
        embed: Embed,
        *,
        least: float = 0.6,
        least_fuzzy: float = 0.2,
        most_values: int = 500,
        most_hits: int = 3,
    ) -> None:
        for name, cosine in (("least", least), ("least_fuzzy", least_fuzzy)):
            if not 0 <= cosine <= 1:
                raise UsageError(f"{name} must lie between 0 and 1, got {cosine}", where=name)
        self.index: ValueIndex | VisibleIndex = index
        self._embed = embed
        self._least, self._least_fuzzy, self._most_hits = least, least_fuzzy, most_hits
        small = [
            column.ref
            for column in index.columns
            if column.values <= most_values and column.numeric < 0.5 and not column.masked
        ]
        self._width = 0
        self._values = [(ref, value) for ref in small for value in index.values_of(ref)]
        self._shown = list(range(len(self._values)))  # the rows that there are for the caller
        self._nearest = _Nearest.of(self._vectors([value for _ref, value in self._values]))

    @property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """As `ValueIndex.hidden`."""
        return self.index.hidden

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """Hits of the index without the fuzzy ones that mean something else, then the added ones (stage "semantic")."""
        parsed = Question.parse(question, evidence)
        hits = self._meant(parsed, self.index.lookup(question, evidence))
        spans = _spans(parsed, hits)
        if not spans or not self._shown:
            return hits
        cosines, rows = self._nearest.find(self._vectors([parsed.surface(i, j) for i, j in spans]))
        known = {(hit.ref, hit.value) for hit in hits}
        found: dict[tuple[ColumnRef, str], ValueHit] = {}
        for (i, j), some, near in zip(spans, cosines.tolist(), rows.tolist(), strict=True):
            for cosine, row in zip(some, near, strict=True):
                if row < 0 or cosine < self._least or self._values[row] in known:
                    continue
                ref, value = self._values[row]
                score = min(1.0, cosine)
                if (ref, value) not in found or score > found[ref, value].score:
                    found[ref, value] = ValueHit(ref, value, parsed.place(i, j), score, "semantic", round(score, 4))
        return hits + sorted(found.values(), key=lambda hit: (-hit.score, hit.ref, hit.value))[: self._most_hits]

    def within(self, columns: Collection[ColumnRef]) -> SemanticLookup:
        """As `ValueIndex.within`; what was embedded is shared."""
        wanted = set(map(fold_ref, columns))
        fewer = copy(self)
        fewer.index = self.index.within(columns)
        fewer._shown = [row for row in self._shown if fold_ref(self._values[row][0]) in wanted]
        fewer._nearest = self._nearest.within(fewer._shown)
        return fewer

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """As `ValueIndex.ranges`."""
        return self.index.ranges(question, evidence)

    def _meant(self, parsed: Question, hits: list[ValueHit]) -> list[ValueHit]:
        # exact hits are never dropped: equal words are better evidence than vectors
        weak = [k for k, hit in enumerate(hits) if hit.stage in _WEAK and not hit.masked]
        if not weak or not self._least_fuzzy:
            return hits
        said = self._vectors([parsed.text[slice(*hits[k].span)] for k in weak])
        stored = self._vectors([hits[k].value for k in weak])
        cosine = dict(zip(weak, np.sum(said * stored, axis=1).tolist(), strict=True))
        kept = [k for k in range(len(hits)) if cosine.get(k, 1.0) >= self._least_fuzzy]
        return [replace(hits[k], likelihood=round(hits[k].likelihood * cosine.get(k, 1.0), 4)) for k in kept]

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors, float32 (n_texts, d)."""
        if not texts:
            return np.zeros((0, 1), dtype=np.float32)
        vectors = np.asarray(self._embed(texts), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            shape = vectors.shape
            raise UsageError(f"embed gave {shape} for {len(texts)} texts", where="embed", hint="return float32 (n, d)")
        if vectors.shape[1] != (self._width or vectors.shape[1]):
            raise UsageError(f"embed gave vectors of {self._width}, then of {vectors.shape[1]} numbers", where="embed")
        self._width = vectors.shape[1]
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.ascontiguousarray(vectors / np.maximum(norms, 1e-12))


@dataclass(frozen=True)
class _Nearest:
    """Finds the nearest of some rows of a table of vectors.

    Attributes:
        table: A faiss index of all rows.
        chosen: `faiss.SearchParameters` that name the rows; None for all of them.
    """

    table: Any
    chosen: Any = None

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> _Nearest:
        """All rows of `vectors`, float32 (n, d)."""
        table = require("faiss", "ann").IndexFlatIP(vectors.shape[1])
        table.add(vectors)
        return cls(table)

    def within(self, rows: list[int]) -> _Nearest:
        """These rows of the same table alone. The set of them is made here, once, and not at each look-up."""
        if len(rows) == self.table.ntotal:
            return _Nearest(self.table)
        faiss = require("faiss", "ann")
        return _Nearest(self.table, faiss.SearchParameters(sel=faiss.IDSelectorBatch(rows)))

    def find(self, asked: NDArray[np.float32]) -> tuple[Any, Any]:
        """Cosines and places of the nearest rows, best first, (n, 5) each; -1 for no row. A row that is left out takes
        none of the five places.
        """
        cosines, places = self.table.search(asked, _NEAR, params=self.chosen)
        return cosines, places


def _spans(question: Question, hits: Sequence[ValueHit]) -> list[tuple[int, int]]:
    """Spans of words that ask for nothing and that no sure hit explains."""
    sure = [hit.span for hit in hits if hit.stage not in _WEAK]
    words = question.words
    found = []
    for i, j in question.spans(_SPAN_WORDS):
        start, end = question.place(i, j)
        if words[i].common or words[j - 1].common or any(a < end and start < b for a, b in sure):
            continue
        if any(word.text.isalpha() and len(word.text) > 2 for word in words[i:j]):
            found.append((i, j))
    return found[:_MOST_SPANS]

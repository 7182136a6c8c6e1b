"""BM25 over names and descriptions, with what their words mean and do: of tools, and of properties of schemas."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.memo import ContextMemo
from ctxprune.scorers.base import Scorer, as_scorer
from ctxprune.scorers.structured.name_index import Asked, NameIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["NamesScorer"]

# Of BM25, meaning, name and verb; near those that benchmarks/training/names_weights.py fits on eight sets of tools.
_WEIGHTS = np.asarray((1.0, 8.5, 18.0, 8.5))
_AROUND = np.asarray((0.65, 0.25, 0.1))  # of a given scorer, the name and the verb
_RECENT = 2  # lists of tools whose index is kept by what they say


class _RecentIndices:
    """The indices of the last contexts by their texts; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: OrderedDict[tuple[tuple[str, ...], ...], NameIndex] = OrderedDict()

    def __reduce__(self) -> tuple[type[_RecentIndices], tuple[()]]:
        return type(self), ()  # a copy in another process starts empty: locks cannot be pickled

    def find(self, context: Context[Any]) -> NameIndex:
        """The index of the context's names, texts and details; built where none of the last ones has the same."""
        texts = tuple(unit.text for unit in context.units)
        none = ("",) * len(texts)
        key = tuple(context.names or none), texts, tuple(context.details or none)
        with self._lock:
            if (index := self._entries.get(key)) is not None:
                self._entries.move_to_end(key)
                return index
        index = NameIndex(*key)
        with self._lock:
            self._entries[key] = index
            while len(self._entries) > _RECENT:
                self._entries.popitem(last=False)
        return index


@dataclass(frozen=True)
class NamesScorer(Scorer):
    """How well a question matches a unit that has a name: float32 (n_units,), 0 to 1, higher = keep.

    The sum of four parts, divided by the most that the question can reach:

    - BM25 over three fields (BM25F): the name, the text, and the `details` of the context (descriptions of a tool's
      parameters). Identifiers are split, and a word that the question repeats counts once.
    - The cosine of the sums of word vectors, in which words that are common in English hardly count, as far as it is
      over 0.3: less says nothing.
    - The share of the name's information (idf) that the question speaks of, in the same word, a word of near meaning,
      an abbreviation ("cust_nm" for "customer name") or a verb that does the same ("remove" for "delete"). Long names
      with one word in common ("describe cluster parameters" for "cluster") lose to short ones that way.
    - Whether the first verb of the question does what that of the name or description does.

    The last two count by how much of the question the unit speaks of: among short requests they tell operations of one
    service apart, and in a long question any short name is covered by chance.

    With `lexical` the scores are the weighted mean of that scorer's, the share and the verb instead, and 0 where
    neither of the first two is over 0. A context says what its units are called by `names` (`ctxprune.rag.Tools`,
    `JsonSchema`). The index is built once a context; those of the last two lists are also found again by their texts,
    so that a list that is made anew for each question is not indexed anew.

    Attributes:
        lexical: Reads the whole text of a unit, scores 0 to 1; None for BM25 over the fields.

    Raises:
        UsageError: `lexical` is not a scorer.
    """

    lexical: Scorer | None = None
    _read: ContextMemo[NameIndex] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)
    _recent: _RecentIndices = field(default_factory=_RecentIndices, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.lexical is not None:
            as_scorer(self.lexical, "lexical")

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says."""
        index, asked = self._index(context), Asked(query)
        if self.lexical is not None:
            return _score_around(as_scorer(self.lexical).score(query, context), index, asked)
        highest = index.weight(asked) + _WEIGHTS[1:3].sum() + _WEIGHTS[3] / 2
        return np.asarray(np.maximum(self.parts(query, context) @ _WEIGHTS / highest, 0), dtype=np.float32)

    def parts(self, query: str, context: Context[Any]) -> NDArray[np.float64]:
        """What `score` adds up without `lexical`: float64 (n_units, 4), BM25, meaning, name and verb."""
        index, asked = self._index(context), Asked(query)
        text, meaning = index.text(asked), index.meaning(asked)
        share, covered = index.share(asked)
        exact = text / max(index.weight(asked), 1e-9)
        # Half by the same words and half by like ones, of which a long question has some for any name.
        answered = (exact + np.maximum(exact, covered)) / 2
        return np.stack([text, meaning, share * answered, (index.action(asked) - 0.5) * answered], axis=1)

    def _index(self, context: Context[Any]) -> NameIndex:
        return self._read.get(context, lambda: self._recent.find(as_context(context)))


def _score_around(scores: Scores, index: NameIndex, asked: Asked) -> Scores:
    parts = np.stack([scores, index.share(asked)[0], index.action(asked)], axis=1)
    found = parts @ _AROUND
    # The verb alone is no evidence: half of all tools read something.
    found[(parts[:, :2] <= 0).all(axis=1)] = 0
    return np.asarray(found, dtype=np.float32)

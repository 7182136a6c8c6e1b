"""BM25 and the names of units: of tools, and of properties of schemas."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.memo import ContextMemo
from ctxprune.models.vectors import load_vectors
from ctxprune.scorers.base import Scorer, as_scorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.text.words import STOP_WORDS, split_identifier, stem, terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["NamesScorer"]

# What tools do, in the words of questions, of names and of descriptions.
_VERBS = {
    "read": "browse check describe display fetch find get inspect list lookup query read retrieve return search see "
    "show view",
    "make": "add allocate build create define generate insert issue make new open provision put register",
    "drop": "clear delete deregister destroy detach discard disassociate drop erase purge release remove revoke "
    "terminate unregister",
    "change": "adjust alter change configure edit modify patch rename replace reset set update",
    "start": "begin execute initiate invoke launch resume run start trigger",
    "stop": "abort cancel end halt pause stop suspend",
    "enable": "activate allow enable",
    "disable": "deactivate deny disable",
    "attach": "assign associate attach connect join link",
    "send": "notify post publish push send submit",
    "copy": "clone copy duplicate replicate",
    "restore": "recover restore",
    "import": "import load upload",
    "export": "download dump export",
}
_DOES = {stem(word): kind for kind, words in _VERBS.items() for word in words.split()}
_WEIGHTS = (0.65, 0.25, 0.1)  # of BM25, the name and the verb; near those that benchmarks/quality/tools.py fits
_SAME_VERB, _SHORT, _NEAR = 0.8, 0.7, 0.7  # how much of a match a synonym, an abbreviation and a near meaning are
_NEAREST = 0.45  # words nearer than this by their vectors mean about the same
_OPENING = 3  # words of a description among which its verb is looked for
_VOWELS = frozenset("aeiou")


@dataclass(frozen=True)
class NamesScorer(Scorer):
    """How well a question matches a unit that has a name: float32 (n_units,), 0 to 1, higher = keep.

    The weighted mean of three parts, each 0 to 1: `lexical` on the unit's text; the share of the information (idf) in
    the words of its name that the question speaks of, in the same word, a word of near meaning (the bundled word
    vectors), an abbreviation ("cust_nm" for "customer name") or a verb that does the same ("remove" for "delete"); and
    whether the first verb of the question does what that of the name or description does. 0 where nothing of the first
    two speaks for it. A context says what its units are called by `names` (`ctxprune.rag.Tools`, `JsonSchema`).

    Long names with one word in common ("describe cluster parameters" for "cluster") lose to short ones that way: among
    ten of 200 tools it keeps the needed one for 98.6 % of questions, BM25 for 95.7 % (tuning part of
    benchmarks/quality/tools.py).

    Attributes:
        lexical: Reads the whole text of a unit; scores 0 to 1.

    Raises:
        UsageError: `lexical` is not a scorer.
    """

    lexical: Scorer = field(default_factory=LexicalScorer)
    _read: ContextMemo[_Names] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        as_scorer(self.lexical, "lexical")

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says."""
        parts = self.parts(query, context)
        scores = parts @ np.asarray(_WEIGHTS)
        # The verb alone is no evidence: half of all tools read something.
        scores[(parts[:, :2] <= 0).all(axis=1)] = 0
        return np.asarray(scores, dtype=np.float32)

    def parts(self, query: str, context: Context[Any]) -> NDArray[np.float64]:
        """What `score` is the weighted mean of: float64 (n_units, 3), BM25, name and verb."""
        names = self._read.get(context, lambda: _Names(context))
        asked = _split_name(query)
        whole = np.asarray(as_scorer(self.lexical).score(query, context), dtype=np.float64)
        return np.stack([whole, names.share(asked), names.verb(asked)], axis=1)


class _Names:
    """The words of the names of a context's units, and what their verbs do."""

    def __init__(self, context: Context[Any]) -> None:
        context = as_context(context)
        units = context.units
        named = context.names or [""] * len(units)
        words = [_split_name(name) for name in named]
        holders = Counter(term for unit in units for term in {*terms(unit.text)})
        self.words = list(dict.fromkeys(word for own in words for word in own))
        places = {word: place for place, word in enumerate(self.words)}
        self._size = len(units)
        self._owners = np.asarray([index for index, own in enumerate(words) for _ in own], dtype=np.intp)
        self._places = np.asarray([places[word] for own in words for word in own], dtype=np.intp)
        idf = [math.log(1 + (len(units) - holders[word] + 0.5) / (holders[word] + 0.5)) for word in self.words]
        self._idf = np.asarray(idf, dtype=np.float64)
        # Divided by the name's own information: long names would else win by having more words to match.
        self._told = np.maximum(self._sum(self._idf), 1e-9)
        self._vectors = load_vectors().of(self.words)
        self._kinds = [_find_actions(own, unit.text) for own, unit in zip(words, units, strict=True)]

    def share(self, asked: list[str]) -> NDArray[np.float64]:
        """float64 (n_units,): how much of each name's information the question covers."""
        if not asked or not self.words:
            return np.zeros(self._size)
        near = load_vectors().of(asked) @ self._vectors.T
        # Most words are a little near to any other: below the threshold nearness says nothing.
        near = np.where(near >= _NEAREST, _NEAR * near, 0.0).astype(np.float64)
        for row, word in enumerate(asked):
            for column, other in enumerate(self.words):
                near[row, column] = max(near[row, column], _compare_words(word, other))
        return np.asarray(self._sum(self._idf * np.minimum(near.max(axis=0), 1.0)) / self._told)

    def verb(self, asked: list[str]) -> NDArray[np.float64]:
        """float64 (n_units,): 1 where the verb means the action asked for, 0 for another one, 0.5 without a verb."""
        wanted = next((_DOES[word] for word in asked if word in _DOES), None)
        found = [0.5 if wanted is None or not kinds else float(wanted in kinds) for kinds in self._kinds]
        return np.asarray(found, dtype=np.float64)

    def _sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each unit, over the words of its name."""
        sums = np.bincount(self._owners, weights=values[self._places], minlength=self._size)
        return np.asarray(sums, dtype=np.float64)


def _split_name(text: str) -> list[str]:
    """The stems of a text in order, each once, without stop words."""
    return list(dict.fromkeys(stem(word) for word in split_identifier(text) if word not in STOP_WORDS))


def _find_actions(name: list[str], text: str) -> set[str]:
    """What the first verb of a name does, and those at the beginning of its description."""
    found = {next((_DOES[word] for word in name if word in _DOES), "")}
    opening = [stem(word) for word in split_identifier(text.partition(": ")[2][:100])][:_OPENING]
    return (found | {_DOES[word] for word in opening if word in _DOES}) - {""}


def _compare_words(word: str, other: str) -> float:
    """How much a word of a name (`other`) is one of the question."""
    if word == other:
        return 1.0
    if word in _DOES and _DOES[word] == _DOES.get(other):
        return _SAME_VERB
    return _SHORT if other[:1] == word[:1] and 2 <= len(other) < len(word) and _is_abbreviation(other, word) else 0.0


def _is_abbreviation(short: str, word: str) -> bool:
    """Whether `short` is the beginning of `word` (three letters or more), or consonants of it in order."""
    if len(short) >= 3 and word.startswith(short):
        return True
    letters = iter(word)
    return not _VOWELS & set(short) and all(letter in letters for letter in short)

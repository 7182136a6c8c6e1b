"""The default for running text: lexical evidence, word vectors and the bundled model, weighed together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.memo import ContextMemo
from ctxprune.context.subset import ContextSubset
from ctxprune.models.windows import KINDS
from ctxprune.scorers.base import Scorer, score_documents
from ctxprune.scorers.combined.cascade import (
    CascadeScorer,
    choose_units,
    fewer_windows,
    merge_scores,
    number_windows,
)
from ctxprune.scorers.combined.mixture_parts.features import (
    MODEL,
    Outline,
    by_length,
    lexical_features,
    model_features,
)
from ctxprune.scorers.combined.mixture_parts.links import Names, link_features
from ctxprune.scorers.combined.mixture_parts.matches import read_vocabulary
from ctxprune.scorers.combined.mixture_parts.weights import MixtureWeights, load_weights
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.utils.fingerprint import fingerprint
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.combined.mixture_parts.matches import Vocabulary
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["MixtureScorer"]

_LARGE = 512  # windows of a context of which the mixture reads only the best


@dataclass(frozen=True)
class MixtureScorer(Scorer):
    """Probability that the question needs a unit: float32 (n_units,), 0 to 1, higher = keep.

    A weighted sum of what the words say (BM25 of a unit, of those around it, of the headings above it; words of like
    form and of like meaning) and of what the bundled model says. The model is the better judge of text like that which
    it was trained on, BM25 of manuals and the like; the weights were learned from both kinds
    (`mixture_parts/MODEL_CARD.md`). Of a long context the model reads the parts that all other evidence puts first;
    of one of more than half a million characters the rest of the mixture, too, reads only what BM25 puts first.

    Of several documents a second pass follows the names: what is said of "Virginia Commonwealth University" counts for
    more where the best sentence of another document names it (`mixture_parts.links`).

    A unit that is the parent of others scores 0 where it is a heading of running text, since what is kept brings it
    along. Contexts of rows, columns and tools are left to `model_alone`.

    Attributes:
        reads_titles: See `CascadeScorer`.
        gives_probabilities: Scores of several contexts may be compared.
        pruner: The model.
        windows: How many windows it reads of one context, from 1 up.
        window: Characters of a window, from 1 up; ends between units.
        weights: By default as they come with the library.
        model_alone: The model with BM25 beside it, on the parts of a context that BM25 puts first: for scorers that
            weigh the words themselves.

    Raises:
        UsageError: An argument is out of range.
    """

    reads_titles: ClassVar[bool] = True
    gives_probabilities: ClassVar[bool] = True

    pruner: PrunerScorer = field(default_factory=PrunerScorer)
    windows: int = 16
    window: int = 1000
    weights: MixtureWeights = field(default_factory=load_weights, repr=False, compare=False)
    model_alone: CascadeScorer = field(init=False, repr=False, compare=False)
    _of_large: CascadeScorer = field(init=False, repr=False, compare=False)
    _titled: TitledScorer = field(default_factory=TitledScorer, init=False, repr=False, compare=False)
    _read: ContextMemo[tuple[Vocabulary, Outline]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )
    _named: ContextMemo[Names] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_whole("windows", self.windows)
        check_whole("window", self.window)
        object.__setattr__(self, "model_alone", CascadeScorer(scorer=self.pruner))
        object.__setattr__(self, "_of_large", CascadeScorer(scorer=self, windows=_LARGE, window=self.window))

    @property
    def fingerprint(self) -> str:
        """Which weights score, and of how much; see `ctxprune.utils.fingerprint`."""
        weights = self.weights
        networks = [network.to_dict() for network in (weights.rough, weights.full, weights.links)]
        numbers = [weights.scale, weights.best, weights.fewness, weights.bias, self.windows, self.window]
        return f"{self.pruner.fingerprint} {fingerprint([networks, numbers])}"

    @property
    def cheap(self) -> Scorer:
        """BM25 under titles."""
        return self._titled

    def limited_to(self, characters: int) -> Scorer:
        """See `Scorer`; `model_alone` is limited, too."""
        found = fewer_windows(self.windows, self.window, characters)
        limited = self if found is None else replace(self, windows=found[0], window=found[1])
        alone = self.model_alone.limited_to(characters)
        if alone is not self.model_alone:
            limited = replace(limited) if limited is self else limited
            object.__setattr__(limited, "model_alone", alone)
        return limited

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says; (0,) if there is no unit."""
        return self.score_documents(query, context)[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; the model sees the whole batch at once."""
        return [scores for scores, _ in self.score_documents_batch(queries, contexts)]

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """`score`, and how probable it is that a document is what the question asks for, as `PrunerScorer` says.

        Documents that the model did not read stand just below, in the order of BM25.
        """
        del rule
        return self.score_documents_batch([query], [context])[0]

    def score_documents_batch(
        self, queries: Sequence[str], contexts: Sequence[Context[Any]], *, rule: DocumentRule | None = None
    ) -> list[tuple[Scores, Scores]]:
        """`score_documents` of each pair; the model reads all of them in one pass."""
        del rule
        contexts = [as_context(context) for context in contexts]
        empty = np.zeros(0, dtype=np.float32)
        found: list[tuple[Scores, Scores]] = [(empty, empty)] * len(contexts)
        texts = []
        for number, (query, context) in enumerate(zip(queries, contexts, strict=True)):
            if (other := self._other_reader(context)) is not None:
                found[number] = score_documents(other, query, context)
            elif context.units:
                texts.append(number)
        features = [self.features(queries[i], contexts[i]) for i in texts]
        parts = [self._choose(contexts[i], rows) for i, rows in zip(texts, features, strict=True)]
        read = self.pruner.features_batch([queries[i] for i in texts], parts)
        for number, part, rows, said in zip(texts, parts, features, read, strict=True):
            units = self._weigh(queries[number], contexts[number], part, rows, said.units)
            documents = self.pruner.document_scores(said)
            if part is not contexts[number]:
                rough = score_documents(self._titled, queries[number], contexts[number])[1]
                # Documents of which nothing was read have a score of the model too, which means nothing.
                seen = np.unique(np.asarray(part.sources, dtype=np.intp))
                documents = merge_scores(documents[seen], seen, rough)
            found[number] = (units, documents)
        return found

    def features(self, query: str, context: Context[Any]) -> NDArray[np.float64]:
        """What is known without the model, float64 (n_units, n_features); see `mixture_parts.features`."""
        vocabulary, outline = self.read_outline(context)
        return lexical_features(query, [unit.text for unit in context.units], vocabulary, outline)

    def link_features(
        self, query: str, context: Context[Any], vocabulary: Vocabulary, logits: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What the second pass reads of a context of several documents, float64 (n_units, n_features).

        `logits` (n_units,) are those of the first pass; see `mixture_parts.links`.
        """
        names = self._named.get(context, lambda: Names(context))
        parents = sorted({unit.parent for unit in context.units if unit.parent is not None})
        # Unless there is nothing else, as in a circle of parents.
        if len(parents) < len(logits):
            logits = logits.copy()
            logits[parents] = -np.inf
        return link_features(query, names, vocabulary, logits)

    def read_outline(self, context: Context[Any]) -> tuple[Vocabulary, Outline]:
        """What does not depend on the question; kept for as long as the context lives."""
        return self._read.get(
            context, lambda: (read_vocabulary([unit.text for unit in context.units]), Outline(context))
        )

    def _other_reader(self, context: Context[Any]) -> Scorer | None:
        """Who scores a context that the mixture does not weigh as a whole."""
        if context.kind in KINDS and context.kind != "passage":
            return self.model_alone
        # Most contexts are told from large ones without a look at their units.
        if len(context.units) < _LARGE or int(number_windows(context, self.window)[-1]) < _LARGE:
            return None
        return self._of_large

    def _choose(self, context: Context[Any], rows: NDArray[np.float64]) -> Context[Any]:
        """What the model reads: the context, or its most promising windows."""
        places = number_windows(context, self.window)
        if int(places[-1]) < self.windows:
            return context
        return ContextSubset(context, choose_units(self.weights.rough(rows).astype(np.float32), places, self.windows))

    def _weigh(
        self, query: str, context: Context[Any], part: Context[Any], rows: NDArray[np.float64], said: Any
    ) -> Scores:
        # What came in may be a subset itself, with indices of a context that is not known here.
        chosen = part.chosen if isinstance(part, ContextSubset) and part is not context else slice(None)
        found = np.full((len(MODEL), len(rows)), np.nan)
        for place, name in enumerate(MODEL):
            found[place, chosen] = said[name]
        size = max(len(rows), context.whole_units)
        logits = self.weights.full(by_length(np.concatenate([rows, model_features(found)], axis=1), size))
        if context.sources is not None and len(set(context.sources)) > 1:
            links = self.link_features(query, context, self.read_outline(context)[0], logits)
            logits = logits + self.weights.links(links)
        scores = self.weights.probabilities(logits, size)
        parents = {unit.parent for unit in context.units if unit.parent is not None}
        # Headings come along with what stands under them; with a score of their own they would be kept instead of it.
        scores[sorted(parents)] = 0.0
        return scores.astype(np.float32)

"""The bundled model as a scorer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.errors import UsageError
from ctxprune.models.reading import Layout, read_batch
from ctxprune.scorers.base import Scorer, score_documents
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.models.pruner import PrunerModel
    from ctxprune.models.reading import Reading
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["Features", "PrunerScorer"]

_NOTHING = -12.0  # the logit of a document of which nothing was read


@dataclass(frozen=True, slots=True)
class Features:
    """What probabilities are made of, by name: float64 (n_units,) of the units, (documents,) of the documents."""

    layout: Layout
    units: Mapping[str, NDArray[np.float64]]
    documents: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class PrunerScorer(Scorer):
    """Probability that the question needs a unit: float32 (n_units,), 0 to 1, higher = keep.

    One model reads the question with the units of a document side by side, its title first, and gives each token a
    logit for its unit and one for its document (the idea of Provence: Chirkova, Formal, Nikoulina and Clinchant, ICLR
    2025). Their means, with BM25 of the unit alone and under its title, make the probability, calibrated on questions
    that were not trained on, with regard to how many units there are. A unit without a token scores 0. Windows hold 256
    tokens, and short documents share them; of a long question the first 48 and the last 16 tokens are read, of a unit
    the first 16,384 characters.

    A context may say which document a unit is from (`sources`), the documents' `titles`, and the `kind` of its units
    ("passage", "table", "schema", "tool"; default "passage"). A unit that is the parent of others is read as their
    title, in running text under the headings above it; it scores what its document does, and as a heading of a passage
    0, since what is kept brings it along.

    Attributes:
        reads_titles: See `CascadeScorer`.
        gives_probabilities: Scores of several contexts may be compared.
        model: Folder of another model; None for the bundled one. Loaded when first used, once a process.
        threads: Threads of one call; the scores do not depend on it.

    Raises:
        UsageError: threads is under 1, or model is no path.
        InputError, FormatError, MissingExtraError: When first used, as `ctxprune.models.pruner.PrunerModel`.
    """

    reads_titles: ClassVar[bool] = True
    gives_probabilities: ClassVar[bool] = True

    model: str | Path | None = None
    threads: int = 1
    _lexical: LexicalScorer = field(default_factory=LexicalScorer, init=False, repr=False, compare=False)
    _titled: TitledScorer = field(default_factory=TitledScorer, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, (str, Path)):
            raise UsageError(f"model is a {type(self.model).__name__}", hint="give the folder of a model")
        check_whole("threads", self.threads)

    @property
    def loaded(self) -> PrunerModel:
        """The model itself."""
        from ctxprune.models.pruner import load_pruner

        return load_pruner(self.model, threads=self.threads)

    @property
    def fingerprint(self) -> str:
        """Which weights score; see `ctxprune.utils.fingerprint`."""
        return self.loaded.fingerprint

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says; (0,) if there is no unit."""
        return self.score_documents(query, context)[0]

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """`score`, and how probable it is that a document is what the question asks for; 0 for one without units.

        See `Scorer`. A document with several trees of units is as relevant as the best.
        """
        del rule
        return self.score_documents_batch([query], [context])[0]

    def score_documents_batch(
        self, queries: Sequence[str], contexts: Sequence[Context[Any]], *, rule: DocumentRule | None = None
    ) -> list[tuple[Scores, Scores]]:
        """`score_documents` of each pair, in one pass; each pair's result is the same in any company."""
        del rule
        # The model has no answer for no units; an empty context does not load it either.
        filled = [number for number, context in enumerate(contexts) if context.units]
        features = self.features_batch([queries[i] for i in filled], [contexts[i] for i in filled])
        empty = np.zeros(0, dtype=np.float32)
        found = [(empty, empty)] * len(contexts)
        for number, part in zip(filled, features, strict=True):
            found[number] = self._scores(part)
        return found

    def _scores(self, features: Features) -> tuple[Scores, Scores]:
        layout, manifest = features.layout, self.loaded.manifest
        documents = self._probable_documents(features)
        units = _to_probabilities(features.units, _weights_of(manifest.unit, layout.kind))
        units[np.isneginf(features.units["keep"])] = 0
        # Headings come along with what stands under them; with a score of their own they would be kept instead of it.
        units[layout.is_title] = 0 if layout.kind == "passage" else documents[layout.places[layout.is_title]]
        return units.astype(np.float32), _best_of_sources(documents, layout)

    def document_scores(self, features: Features) -> Scores:
        """The scores of the documents, float32 (n_documents,), as `score_documents` gives them, from its features."""
        return _best_of_sources(self._probable_documents(features), features.layout)

    def _probable_documents(self, features: Features) -> NDArray[np.float64]:
        weights = _weights_of(self.loaded.manifest.document, features.layout.kind)
        documents = _to_probabilities(features.documents, weights)
        documents[features.documents["relevance"] <= _NOTHING] = 0
        return documents

    def features(self, query: str, context: Context[Any]) -> Features:
        """What `score` adds up, for one unit or more."""
        return self.features_batch([query], [context])[0]

    def features_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Features]:
        """`features` of each pair, in one pass."""
        contexts = [as_context(context) for context in contexts]
        layouts = [Layout(context) for context in contexts]
        readings = read_batch(self.loaded, queries, contexts, layouts)
        return [self._features(*parts) for parts in zip(queries, contexts, layouts, readings, strict=True)]

    def _features(self, query: str, context: Context[Any], layout: Layout, reading: Reading) -> Features:
        keep, places = reading.keep, layout.places
        # A document without a token has a logit of -inf, which no weight may meet.
        relevance = np.maximum(reading.relevance, _NOTHING)
        lexical, sources = score_documents(self._lexical, query, context)
        titled = lexical
        if any(layout.titles):
            titled, sources = self._titled.score_documents(query, context)
        # A document's own features are those of its best unit.
        best, title = np.full(layout.documents, _NOTHING), np.zeros(layout.documents)
        np.maximum.at(best, places, keep)
        np.maximum.at(title, places, titled)
        return Features(
            layout,
            {
                "keep": keep,
                "relevance": relevance[places],
                "likeness": reading.likeness,
                "lexical": lexical.astype(np.float64),
                "titled": titled.astype(np.float64),
                "fewness": _rate_fewness(len(places), context.whole_units),
            },
            {
                "relevance": relevance,
                "keep": best,
                "titled": title,
                "lexical": sources[layout.sources].astype(np.float64),
                "fewness": _rate_fewness(layout.documents, context.whole_documents),
            },
        )


def _best_of_sources(documents: NDArray[np.float64], layout: Layout) -> Scores:
    """Of each source the score of its most relevant tree of units."""
    sources = np.zeros(max(layout.sources) + 1)
    np.maximum.at(sources, layout.sources, documents)
    return sources.astype(np.float32)


def _rate_fewness(size: int, whole: int) -> NDArray[np.float64]:
    """(size,): the fewer there are, the likelier is each; of a part of a context, the fewer there are in the whole."""
    return np.full(size, -np.log(max(size, whole)))


def _weights_of(weights: Mapping[str, Mapping[str, float]], kind: str) -> Mapping[str, float]:
    return weights.get(kind, weights["passage"])


def _to_probabilities(features: Mapping[str, NDArray[np.float64]], weights: Mapping[str, float]) -> NDArray[np.float64]:
    size = len(next(iter(features.values())))
    logits = np.full(size, weights.get("bias", 0.0))
    for name, weight in weights.items():
        if name != "bias":
            logits += weight * np.maximum(features[name], -1e3)
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))))

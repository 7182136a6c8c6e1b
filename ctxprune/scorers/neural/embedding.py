"""A bi-encoder compares the vectors of the question and of each unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.memo import ContextMemo
from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.neural.documents import model_fingerprint, replace_surrogates, split_documents, take_best_windows
from ctxprune.scorers.neural.embedders import SentenceEmbedder, embed_texts, load_embedder
from ctxprune.utils.foreign import foreign_attribute
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.neural.embedders import Embed
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["EmbeddingScorer"]


@dataclass(frozen=True)
class EmbeddingScorer(Scorer):
    """Cosine of the question's vector with that of each unit: float32 (n_units,), 0 to 1 (negative ones count as 0).

    Blank units score 0, and all do for a blank question. The vectors of a context are made once. Sentences often name
    the subject of their document nowhere but in its title, so `TitledScorer(EmbeddingScorer(...))` is usually better.

    Attributes:
        model: Folder of a sentence-transformers model, or the name of one that is on this machine, or an ONNX file
            beside its tokenizer.json (loaded when first used, never downloaded; see
            `ctxprune.scorers.neural.embedders.load_embedder`); a loaded `sentence_transformers.SentenceTransformer`; or
            any function from texts to float (n_texts, d) that threads can share.
        window: Characters of a document that are read at once for its relevance; from 1 up.

    Raises:
        UsageError: No model is given, it is none of these, window is under 1; when used: the model gives vectors of
            another shape or that are not finite.
        InputError, MissingExtraError: When first used, as `load_embedder`.
    """

    model: Any = None
    window: int = 2000
    _units: ContextMemo[NDArray[np.float32]] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)
    _documents: ContextMemo[tuple[NDArray[np.float32], NDArray[np.intp]]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        named, loaded = isinstance(self.model, (str, Path)), foreign_attribute(self.model, "encode") is not None
        if not (named or loaded or callable(self.model)) or isinstance(self.model, type):
            raise UsageError(f"model is {self.model!r}", hint="give a folder, or a loaded SentenceTransformer")
        check_whole("window", self.window)
        if loaded and not named:
            object.__setattr__(self, "model", SentenceEmbedder(self.model))

    @property
    def fingerprint(self) -> str:
        """Of the model by its path or name; an object must answer for itself. See `ctxprune.utils.fingerprint`."""
        return model_fingerprint(self.model, self.window)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says; (0,) if there is no unit."""
        if not context.units or not query.strip():
            return np.zeros(len(context.units), dtype=np.float32)
        return _cosines(self._embed_query(query), self._unit_vectors(context))

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """`score`, and the relevance of each document, 0 to 1; see `Scorer`.

        A document is read with its title, as a whole or in windows of which the best counts.
        """
        del rule
        found, places = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.intp)
        if context.units and query.strip():
            vectors, places = self._documents.get(context, lambda: self._window_vectors(context))
            found = _cosines(self._embed_query(query), vectors)
        return self.score(query, context), take_best_windows(found, places, context)

    @property
    def _embed(self) -> Embed:
        embed: Embed = _load(str(self.model)) if isinstance(self.model, (str, Path)) else self.model
        return embed

    def _embed_query(self, query: str) -> NDArray[np.float32]:
        embed = foreign_attribute(self._embed, "questions", default=self._embed)
        asked: NDArray[np.float32] = embed_texts(embed, [replace_surrogates(query)])[0]
        return asked

    def _unit_vectors(self, context: Context[Any]) -> NDArray[np.float32]:
        return self._units.get(
            context, lambda: self._vectors([replace_surrogates(unit.text) for unit in context.units])
        )

    def _window_vectors(self, context: Context[Any]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        windows, places = split_documents(context, self.window)
        return self._vectors(windows), places

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """float32 (n_texts, d); zeros for blank texts, (n_texts, 0) where all are."""
        chosen = [index for index, text in enumerate(texts) if text.strip()]
        embed = foreign_attribute(self._embed, "passages", default=self._embed)
        found = embed_texts(embed, [texts[index] for index in chosen])
        # Blank texts have the zero vector, whose cosine with anything is 0.
        vectors = np.zeros((len(texts), found.shape[1]), dtype=np.float32)
        vectors[chosen] = found
        return vectors


def _cosines(asked: NDArray[np.float32], vectors: NDArray[np.float32]) -> Scores:
    if not vectors.shape[1]:
        return np.zeros(len(vectors), dtype=np.float32)
    if len(asked) != vectors.shape[1]:
        raise UsageError(f"the model gave vectors of {len(asked)} and of {vectors.shape[1]} numbers")
    # Below 0 texts are not more unlike than unlike; rounding may lift a cosine over 1.
    cosines: Scores = np.clip(vectors @ asked, 0, 1)
    return cosines


@lru_cache(maxsize=4)
def _load(model: str) -> Embed:
    return load_embedder(model)

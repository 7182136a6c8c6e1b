"""Similarity of masked questions by embeddings, for `ExampleStore`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.memo import ContextMemo
from ctxprune.context.scores import as_scores
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.neural.embedders import embed_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.neural.embedders import Embed

__all__ = ["EmbeddedForms"]


@dataclass(frozen=True)
class EmbeddedForms(Scorer):
    """Cosine of the masked question with each masked question of a store, 0..1 (negative ones count as 0).

    PET-SQL ranks examples by the distance of such embeddings; of unit vectors the order is the same. The vectors of a
    store are made when it is first asked.

        ExampleStore(pairs, scorer=EmbeddedForms(load_embedder("all-MiniLM-L6-v2")))

    Attributes:
        embed: Any function from texts to float (n_texts, d); safe to call from several threads.
    """

    embed: Embed
    _vectors: ContextMemo[NDArray[np.float32]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,).

        Raises:
            UsageError: `embed` gives something else than one finite vector a text.
        """
        if not context.units:
            return as_scores([], 0)
        units = self._vectors.get(context, lambda: embed_texts(self.embed, [unit.text for unit in context.units]))
        (asked,) = embed_texts(self.embed, [query])
        return as_scores(np.clip(units @ asked, 0.0, 1.0), len(context.units), source="embedder")

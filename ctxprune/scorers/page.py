"""Pages: which of the tables, or whether the text, a question is about, before which rows and paragraphs it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune._memo import ContextMemo
from ctxprune.errors import UsageError
from ctxprune.network import Network
from ctxprune.scorers._page.parts import PageParts
from ctxprune.scorers._page.weights import load_network
from ctxprune.scorers.base import Scorer, score_batch
from ctxprune.scorers.tabular import TabularScorer
from ctxprune.scorers.titled import TitledScorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context import Context
    from ctxprune.scorers.base import Scores

__all__ = ["PageScorer"]


def _units() -> Scorer:
    return TabularScorer(TitledScorer())


@dataclass(frozen=True)
class PageScorer:
    """How well a unit fits by itself, times how likely the question is about the part of the page in which it stands.

    float32 (n_units,), 0..1, higher = keep. The parts are the text and each table. A question asks one of them: half of
    the budget spent on the wrong table is lost, and a page has many that hold a word or two of the question. Which it
    is tell, in this order: the best row by itself, header cells that the question names, how many of its words a row
    holds with what stands above it, the size of the table, its title, whether it is a list of keys and values, empty
    cells; for the text its best unit. Their weights come from questions about tables and about paragraphs
    (benchmarks/page_weights.py). Scores of text count squared, since they rise with every word, while those of rows are
    probabilities. A context without grids scores as `scorer` does.

    Attributes:
        scorer: Scores the units by themselves, 0..1; rows by the probability that they are needed.
        network: Weighs the parts; by default as it comes with the library.

    Raises:
        UsageError: `scorer` is none.
    """

    scorer: Scorer = field(default_factory=_units)
    network: Network = field(default_factory=load_network, repr=False, compare=False)
    _parts: ContextMemo[PageParts] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.scorer, Scorer) or isinstance(self.scorer, type):
            raise UsageError(f"scorer is {self.scorer!r}", hint="give a scorer")

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says. What depends on the page alone is worked out once a context."""
        return self.score_batch([query], [context])[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; the wrapped scorer sees the whole batch at once."""
        given = score_batch(self.scorer, queries, contexts)
        return [self._weighed(*item) for item in zip(queries, contexts, given, strict=True)]

    def _weighed(self, query: str, context: Context[Any], scores: Scores) -> Scores:
        parts = self.parts(context)
        if len(parts) == 1:
            return scores
        logits = self.network(parts.features(query, scores))
        odds = np.exp(logits - logits.max())
        fitting = np.where(parts.places == 0, scores**2, scores)
        weighed: Scores = (fitting * (odds / odds.sum())[parts.places]).astype(np.float32)
        return weighed

    def parts(self, context: Context[Any]) -> PageParts:
        """The parts of the context, worked out once."""
        return self._parts.get(context, lambda: PageParts(context))

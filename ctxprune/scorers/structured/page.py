"""Pages: first the part that a question is about (a table, or the text), then the rows and paragraphs that it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.memo import ContextMemo
from ctxprune.errors import UsageError
from ctxprune.models.network import Network
from ctxprune.scorers.base import Scorer, as_scorer, score_batch
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.structured.page_parts.parts import FEATURES, PageParts
from ctxprune.scorers.structured.page_parts.weights import load_network
from ctxprune.scorers.structured.tabular import TabularScorer

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["PageScorer"]

_MET, _BEST = FEATURES.index("met"), FEATURES.index("best_text")
_NEARNESS = 4
_LENT = np.float32(0.95)  # of its score a label gives to the value beside it, or the other way round
_LEAST = 1e-9


@dataclass(frozen=True)
class PageScorer(Scorer):
    """How well a unit fits by itself, times how likely the question is about the part of the page in which it stands.

    float32 (n_units,), 0..1, higher = keep. The parts are the text and each table. A question asks one of them: half of
    the budget spent on the wrong table is lost, and a page has many that hold a word or two of the question. The part
    is predicted from these features, the most important first: the score of its best row, header cells that the
    question names, how many of its words a row holds with what stands above it, the size of the table, its title,
    whether it is a list of keys and values, empty cells; for the text its best unit. Their weights come from questions
    about tables and about paragraphs (benchmarks/training/page_weights.py). The scores of rows are probabilities; a
    unit of text has the share of the question's words that the best one holds, times how near its score comes to that
    one's, to the fourth power. Short lines beside each other, as labels and values are, lend each other their scores. A
    context that is no page and has no grids scores as `scorer` does.

    Attributes:
        scorer: Scores the units of the text by themselves, 0..1; it sees no others.
        tables: Scores the rows and columns of tables by themselves.
        network: Weighs the parts; by default as it comes with the library.

    Raises:
        UsageError: `scorer` is not a scorer, or `tables` not a `TabularScorer`.
    """

    scorer: Scorer = field(default_factory=TitledScorer)
    tables: TabularScorer = field(default_factory=TabularScorer)
    network: Network = field(default_factory=load_network, repr=False, compare=False)
    _parts: ContextMemo[PageParts] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        as_scorer(self.scorer)
        if not isinstance(self.tables, TabularScorer):
            raise UsageError(f"tables is {self.tables!r}", hint="give a TabularScorer")

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says. What does not depend on the question is computed once a context."""
        parts = self.parts(context)
        scores = self.by_themselves(query, parts)
        # Without tables there is nothing to choose among: the scores stay those of the text.
        if len(parts) == 1:
            return scores
        features = parts.features(query, scores)
        logits = self.network(features)
        # The softmax over the parts, without overflow.
        odds = np.exp(logits - logits.max())
        text = parts.text[1]
        scores[text] = features[0, _MET] * (scores[text] / max(float(features[0, _BEST]), _LEAST)) ** _NEARNESS
        weighed: Scores = (scores * (odds / odds.sum())[parts.places]).astype(np.float32)
        return weighed

    def by_themselves(self, query: str, parts: PageParts) -> Scores:
        """How well each unit fits, whichever part the question is about: float32 (n_units,)."""
        scores = np.zeros(len(parts.places), dtype=np.float32)
        for scorer, (view, indices) in ((self.scorer, parts.text), (self.tables, parts.tables)):
            if len(indices):
                scores[indices] = score_batch(scorer, [query], [view])[0]
        before, after = parts.pairs.T
        # From the scores as they were, so that a chain of labels does not lend on what it was lent.
        lent = _LENT * scores
        np.maximum.at(scores, before, lent[after])
        np.maximum.at(scores, after, lent[before])
        return scores

    def parts(self, context: Context[Any]) -> PageParts:
        """The parts of the context, computed once."""
        return self._parts.get(context, lambda: PageParts(context, self.tables.readings))

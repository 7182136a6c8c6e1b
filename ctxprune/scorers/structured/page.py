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
from ctxprune.scorers.structured.page_parts.parts import PageParts
from ctxprune.scorers.structured.page_parts.text_evidence import FROM_QUESTION
from ctxprune.scorers.structured.page_parts.weights import TEXT_FEATURES, load_network, load_text_network
from ctxprune.scorers.structured.tabular import TabularScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["PageScorer"]

_LEAST = 1e-9  # of a divisor
_LENT = np.float32(0.95)  # of its score a label gives to the value beside it, or the other way round
_UNSURE = 1e-4  # no model is surer than that
_HEADING = np.float32(1e-3)  # of its score a heading keeps that something stands under: by itself it answers nothing


@dataclass(frozen=True)
class PageScorer(Scorer):
    """How well a unit fits by itself, times how likely the question is about the part of the page in which it stands.

    float32 (n_units,), 0..1, higher = keep. A block of text is about as likely needed as the words in it and above it
    say (`TextEvidence`: words, alike and misspelt ones, the block before, the section), with BM25 of the block under
    its headings, and the odds of `scorer` where that is a model. Their weights come from questions about documentation,
    articles and stories, each set left out in turn (benchmarks/training/page_text_weights.py). A heading comes after
    all that may answer: it is kept with what stands under it. The scores of rows are probabilities too.

    The parts are the text and each table. A question asks one of them: half of the budget spent on the wrong table is
    lost, and a page has many that hold a word or two of the question. The part is predicted from the score of its best
    row, header cells that the question names, how many of its words a row holds with what stands above it, how far the
    best words of the part are behind those of the page, the size of the table, its title, whether it is a list of keys
    and values, empty cells; for the text from its best unit. These weights come from questions about tables and about
    paragraphs (benchmarks/training/page_weights.py). Short lines beside each other, as labels and values are, lend
    each other their scores. A context that is no page and has no grids scores as `scorer` does.

    Attributes:
        scorer: Reads the units of the text beside their words, if it gives probabilities; it sees no others. Of a
            context that is no page the text is scored by it alone.
        tables: Scores the rows and columns of tables by themselves.
        network: Weighs the parts; by default as it comes with the library.
        text_network: Weighs what speaks for a block; by default likewise.

    Raises:
        UsageError: `scorer` is not a scorer, or `tables` not a `TabularScorer`.
    """

    scorer: Scorer = field(default_factory=TitledScorer)
    tables: TabularScorer = field(default_factory=TabularScorer)
    network: Network = field(default_factory=load_network, repr=False, compare=False)
    text_network: Network = field(default_factory=load_text_network, repr=False, compare=False)
    _titled: TitledScorer = field(default_factory=TitledScorer, init=False, repr=False, compare=False)
    _parts: ContextMemo[PageParts] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        as_scorer(self.scorer)
        if not isinstance(self.tables, TabularScorer):
            raise UsageError(f"tables is {self.tables!r}", hint="give a TabularScorer")
        if isinstance(self.scorer, TitledScorer) and self.scorer == self._titled:
            object.__setattr__(self, "_titled", self.scorer)  # one index of each page, not two

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says. What does not depend on the question is computed once a context."""
        parts = self.parts(context)
        scores, logits = self.by_themselves(query, context, parts)
        # Without tables there is nothing to choose among: the scores stay those of the text.
        if len(parts) == 1:
            return scores
        weights = self.network(parts.features(query, scores, logits))
        # The softmax over the parts, without overflow.
        odds = np.exp(weights - weights.max())
        weighed: Scores = (scores * (odds / odds.sum())[parts.places]).astype(np.float32)
        return weighed

    def by_themselves(self, query: str, context: Context[Any], parts: PageParts) -> tuple[Scores, NDArray[np.float64]]:
        """How well each unit fits, whichever part the question is about: float32 (n_units,), 0..1; and what its words
        say for it, tables read as text too: float64 (n_units,)."""
        scores = np.zeros(len(parts.places), dtype=np.float32)
        view, indices = parts.tables
        if len(indices):
            scores[indices] = score_batch(self.tables, [query], [view])[0]
        logits = np.zeros(len(scores))
        view, indices = parts.text
        if parts.evidence is None:
            if len(indices):
                scores[indices] = score_batch(self.scorer, [query], [view])[0]
            logits = scores.astype(np.float64)
        else:
            features = self.text_features(query, context, parts)
            logits = self.text_network(features)
            # Of a unit for which nothing speaks the chance is that of any: it is not worth a token.
            spoken_for = features[:, :FROM_QUESTION].any(axis=1) | (features[:, -1] != 0)
            scores[indices] = (spoken_for / (1 + np.exp(-logits)))[indices]
        before, after = parts.pairs.T
        # From the scores as they were, so that a chain of labels does not lend on what it was lent.
        lent = _LENT * scores
        np.maximum.at(scores, before, lent[after])
        np.maximum.at(scores, after, lent[before])
        if parts.evidence is not None:
            scores[parts.evidence.is_heading & (parts.places == 0)] *= _HEADING
        return scores, logits

    def text_features(self, query: str, context: Context[Any], parts: PageParts) -> NDArray[np.float64]:
        """What speaks for each unit of a page: float64 (n_units, len(TEXT_FEATURES))."""
        features = np.zeros((len(parts.places), len(TEXT_FEATURES)))
        if parts.evidence is not None:
            features[:, :-2] = parts.evidence.features(query)
            titled = self._titled.score(query, context)
            # As a share of the best: how large BM25 gets depends on the question more than on the unit.
            features[:, -2] = titled / max(float(titled.max(initial=0)), _LEAST)
        view, indices = parts.text
        if len(indices) and as_scorer(self.scorer).gives_probabilities:
            likely = np.clip(score_batch(self.scorer, [query], [view])[0].astype(np.float64), _UNSURE, 1 - _UNSURE)
            features[indices, -1] = np.log(likely / (1 - likely))
        return features

    def parts(self, context: Context[Any]) -> PageParts:
        """The parts of the context, computed once."""
        return self._parts.get(context, lambda: PageParts(context, self.tables.readings))

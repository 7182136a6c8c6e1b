"""A cheap scorer that was taught the order of a strong one, for the first step of a cascade."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.memo import ContextMemo
from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.models.network import Network
from ctxprune.scorers.base import Scorer, as_scorer, score_batch
from ctxprune.scorers.combined.mixture_parts.features import LEXICAL, Outline, lexical_features
from ctxprune.scorers.combined.mixture_parts.matches import read_vocabulary
from ctxprune.utils.fingerprint import fingerprint
from ctxprune.utils.validation import check_number

from ..passages.passages import Passages
from .fitting import fit_ridge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.combined.mixture_parts.matches import Vocabulary

__all__ = ["DistilledScorer", "distil_scorer"]

_BATCH = 16  # contexts that the strong scorer reads at once


@dataclass(frozen=True)
class DistilledScorer(Scorer):
    """A weighted sum of what the words say of a unit: float32 (n_units,), higher = keep, without a fixed range.

    The features are those of `mixture.v1` that need no model (`mixture_parts.features.LEXICAL`), the weights those that
    give the order of another scorer; see `distil_scorer`. Made to be the `cheap` part of a `CascadeScorer`:

        CascadeScorer(cheap=distil_scorer(strong, queries, passages), scorer=strong, windows=4)

    Safe to share between threads.

    Attributes:
        network: The weights.

    Raises:
        UsageError: The network is of other inputs.
    """

    reads_titles: ClassVar[bool] = True

    network: Network
    _read: ContextMemo[tuple[Vocabulary, Outline]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not isinstance(self.network, Network) or len(self.network.mean) != len(LEXICAL):
            raise UsageError(f"network is no Network of {len(LEXICAL)} inputs", hint="give that of distil_scorer")

    @property
    def fingerprint(self) -> str:
        """Which weights score."""
        return fingerprint(self.network.to_dict())

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says; (0,) if there is no unit."""
        context = as_context(context)
        return as_scores(self.network(self.features(query, context)), len(context.units))

    def features(self, query: str, context: Context[Any]) -> NDArray[np.float64]:
        """What is weighed, float64 (n_units, n_features): each feature less its mean over the units."""
        texts = [unit.text for unit in context.units]
        if not texts:
            return np.zeros((0, len(LEXICAL)))
        vocabulary, outline = self._read.get(context, lambda: (read_vocabulary(texts), Outline(context)))
        rows = lexical_features(query, texts, vocabulary, outline)
        # A feature's level differs from context to context; only what is above it or below tells units apart.
        return np.asarray(rows - rows.mean(axis=0))


def distil_scorer(
    strong: Any,
    queries: Sequence[str],
    passages: Sequence[Sequence[str] | Context[Any]],
    *,
    decay: float = 0.01,
) -> DistilledScorer:
    """Teach a cheap scorer the order that `strong` gives to the units of contexts.

    Ridge regression on the strong scores, each context's set to mean 0 and variance 1: what a cascade needs is the
    order within one context, not how contexts compare. After Hofstätter, Mitra, Zamani, Craswell and Hanbury,
    Intra-Document Cascading, SIGIR 2021, where the student is a small convolutional network. Deterministic.

    Args:
        strong: A scorer; it reads all passages once.
        queries: Questions like those to come; some dozens are enough for the 13 weights.
        passages: For each the texts of its documents, or a context.
        decay: How strongly the weights are held near 0, from 1e-6 up.

    Raises:
        UsageError: An argument is of the wrong kind, the lengths differ, or the strong scores tell no units apart.

    Examples:
        ```python
        from ctxprune import CascadeScorer
        from ctxprune.rag import DistilledScorer, distil_scorer
        from ctxprune.scorers.neural.pruner import PrunerScorer

        texts = [
            ["The bridge is long. It opened in 1933."],
            ["Cats sleep. The ferry is old, from 1911."],
        ]
        # take some dozens of your own
        questions = ["When did the bridge open?", "How old is the ferry?"]
        cheap: DistilledScorer = distil_scorer(PrunerScorer(), questions, texts)
        scorer = CascadeScorer(cheap=cheap, scorer=PrunerScorer(), windows=4)
        ```
    """
    check_number("decay", decay, minimum=1e-6)
    teacher = as_scorer(strong, "strong")
    if isinstance(queries, str) or len(queries) != len(passages):
        raise UsageError(f"{len(queries)} queries do not match {len(passages)} lists of passages", hint="one for each")
    blank = Network(np.zeros(len(LEXICAL)), np.ones(len(LEXICAL)), None, None, np.zeros(len(LEXICAL)), 0.0)
    student = DistilledScorer(blank)
    rows, values = [], []
    for first in range(0, len(queries), _BATCH):
        asked = queries[first : first + _BATCH]
        contexts = [_as_context(texts) for texts in passages[first : first + _BATCH]]
        for query, context, scores in zip(asked, contexts, score_batch(teacher, asked, contexts), strict=True):
            spread = float(scores.std()) if len(scores) else 0.0
            if spread > 0:
                rows.append(student.features(query, context))
                values.append((scores - scores.mean()) / spread)
    if not rows:
        raise UsageError("the strong scorer tells no units of these passages apart", hint="give more passages")
    network = fit_ridge(np.concatenate(rows), np.concatenate(values).astype(np.float64), decay=decay)
    return DistilledScorer(network)


def _as_context(texts: Any) -> Context[Any]:
    if isinstance(texts, str | bytes):
        raise UsageError("passages holds a text in place of a list of texts", hint="give a list for each query")
    return Passages(texts) if isinstance(texts, list | tuple) else as_context(texts)

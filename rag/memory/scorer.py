"""Scores of a memory's entries for a question: their own, their chunk's, and that of the sentence behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.scorers import DEFAULT_SCORER, SCORERS, as_scorer
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.combined.fusion import DocumentFusion
from ctxprune.utils.validation import check_range

from .context import MemoryContext

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["MemoryScorer"]


@dataclass(frozen=True)
class MemoryScorer(Scorer):
    """Scores for pruning a memory for a question: float32 (n_units,), from 0 up, higher = keep; (0,) for an empty one.

    An entry has its score by `scorer`, to which half of its chunk's is added. The sentence before another one of its
    chunk has at least `before` of that one's: it names those whom the other calls "he" and "it", and a reader needs
    both. `ExtractiveWriter` and `ChatWriter` rank by it what stays in a full memory.

    Attributes:
        scorer: A scorer, or the registered name of one.
        before: Share of a sentence's score that the sentence before it has at least, 0 to 1.

    Raises:
        UsageError: An argument is of the wrong kind or out of range; in `score`, the context is no `MemoryContext`.
        UnknownNameError: No scorer has that name.
    """

    scorer: Scorer | str = DEFAULT_SCORER
    before: float = 0.9
    _fused: DocumentFusion = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_range("before", self.before)
        scorer = SCORERS.get(self.scorer)() if isinstance(self.scorer, str) else self.scorer
        object.__setattr__(self, "_fused", DocumentFusion(as_scorer(scorer)))

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says."""
        if not isinstance(context, MemoryContext):
            raise UsageError(f"the context is a {type(context).__name__}", hint="give memory.context()")
        scores = self._fused.score(query, context)
        # Negative scores are shifted: of those a share is more than the whole.
        own = scores - scores.min(initial=0.0)
        lent: Scores = own.copy()
        for index in range(1, len(own)):
            if context.follows(index - 1, index):
                lent[index - 1] = max(lent[index - 1], self.before * own[index])
        return lent

"""Tables, logs, schemas and tools each by the scorer made for them, all else by the one that reads running text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.context.base import as_context
from ctxprune.scorers.base import Scorer, as_scorer, score_batch, score_documents, score_documents_batch
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.json import JsonScorer
from ctxprune.scorers.structured.log import LogScorer
from ctxprune.scorers.structured.names import NamesScorer
from ctxprune.scorers.structured.page import PageScorer
from ctxprune.scorers.structured.tabular import TabularScorer
from ctxprune.scorers.structured.triple import TripleScorer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["StructuredScorer", "structured"]


@dataclass(frozen=True)
class StructuredScorer(Scorer):
    """`scorer` on running text; on other contexts the scorer for their form, around `scorer`; the range is theirs.

    A context of kind "graph" is read by `TripleScorer`, one of kind "log" by `LogScorer`, one of kind "page" by
    `PageScorer`, one of kind "json" by `JsonScorer`, one of kind "schema" or "tool" that has `names` by `NamesScorer`,
    others with `grids` by `TabularScorer`. Of a cascade the cheap scorer reads tools, in the place of plain BM25 the
    fields that `NamesScorer` reads by itself: the bundled model finds the needed one less often
    (benchmarks/quality/tools.py), and takes ten times as long; and logs, whose lines are no sentences.

    Attributes:
        scorer: Reads words; by default the bundled model and the words together.

    Raises:
        UsageError: `scorer` is not a scorer.
    """

    dispatches: ClassVar[bool] = True

    scorer: Scorer = field(default_factory=MixtureScorer)
    _forms: dict[str, Scorer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cheap = as_scorer(self.scorer).cheap
        # These weigh words by themselves, and beside them the model's answer as it is.
        alone = as_scorer(self.scorer).model_alone
        titled = alone if as_scorer(alone).reads_titles else TitledScorer(alone)
        forms: dict[str, Scorer] = {
            # By words and names alone, as the weights were made: edges are no sentences either.
            "graph": TripleScorer(),
            "json": JsonScorer(TabularScorer(alone)),
            # Lines of logs are no sentences, and names of tools no text: the model is neither better there nor worth
            # its time.
            "log": LogScorer(cheap),
            "page": PageScorer(titled),
            "schema": _by_names(alone),
            "table": TabularScorer(alone),
            "tool": _by_names(None if _reads_words(cheap) else cheap),
        }
        object.__setattr__(self, "_forms", forms)

    @property
    def reads_titles(self) -> bool:
        """Whether `scorer` does; see `CascadeScorer`."""
        return as_scorer(self.scorer).reads_titles

    @property
    def gives_probabilities(self) -> bool:
        """Whether `scorer` does; those of tables always are."""
        return as_scorer(self.scorer).gives_probabilities

    @property
    def cheap(self) -> Scorer:
        """Around the cheap scorer of `scorer`, so that no form is read by its model."""
        cheap = as_scorer(self.scorer).cheap
        return self if cheap is self.scorer else StructuredScorer(cheap)

    def limited_to(self, characters: int) -> Scorer:
        """See `Scorer`; every form has the limit of `scorer`."""
        limited = as_scorer(self.scorer).limited_to(characters)
        return self if limited is self.scorer else StructuredScorer(limited)

    def for_context(self, context: Context[Any]) -> Scorer:
        """The scorer that reads `context`."""
        context = as_context(context)
        kind = context.kind
        if kind in {"graph", "json", "log", "page"} or (kind in {"schema", "tool"} and context.names is not None):
            return self._forms[kind]
        return self._forms["table"] if context.grids else as_scorer(self.scorer)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says."""
        return self.for_context(context).score(query, context)

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; each scorer sees all that is for it at once."""
        return self._dispatch(score_batch, queries, contexts)

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """See `Scorer`; as the scorer that reads the context ranks them."""
        del rule
        return score_documents(self.for_context(context), query, context)

    def score_documents_batch(
        self, queries: Sequence[str], contexts: Sequence[Context[Any]], *, rule: DocumentRule | None = None
    ) -> list[tuple[Scores, Scores]]:
        """`score_documents` of each pair; each scorer sees all that is for it at once."""
        del rule
        return self._dispatch(score_documents_batch, queries, contexts)

    def _dispatch(
        self,
        score: Callable[[Scorer, Sequence[str], Sequence[Context[Any]]], list[Any]],
        queries: Sequence[str],
        contexts: Sequence[Context[Any]],
    ) -> list[Any]:
        places: dict[int, list[int]] = {}
        scorers = [self.for_context(context) for context in contexts]
        for place, scorer in enumerate(scorers):
            places.setdefault(id(scorer.origin), []).append(place)
        results: list[Any] = [None] * len(scorers)
        # Grouped by scorer, so that each still sees its whole share of the batch at once.
        for part in places.values():
            found = score(scorers[part[0]], [queries[place] for place in part], [contexts[place] for place in part])
            for place, result in zip(part, found, strict=True):
                results[place] = result
        return results


def _by_names(scorer: Scorer | None) -> Scorer:
    return scorer if isinstance(scorer, NamesScorer) else NamesScorer(scorer)


def _reads_words(scorer: Scorer) -> bool:
    """Whether it is plain BM25, in whose place `NamesScorer` has its own over the fields of a tool."""
    return isinstance(scorer.scorer if isinstance(scorer, TitledScorer) else scorer, LexicalScorer)


def structured(scorer: Scorer) -> Scorer:
    """`scorer` on running text and the scorers of other forms around it; itself if it chooses already."""
    return scorer if as_scorer(scorer).dispatches else StructuredScorer(scorer)

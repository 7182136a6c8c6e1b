"""A cheap scorer chooses the parts that a better one reads, so that the cost does not grow with the length."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.subset import ContextSubset
from ctxprune.scorers.base import Scorer, as_scorer, score_batch, score_documents, score_documents_batch
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["CascadeScorer", "choose_units", "fewer_windows", "merge_scores", "number_windows"]

_STEP = 1e-3  # of the lowest score read (at least of 1): how far below it the best unread unit stands
_SHORT_WINDOW = 250  # characters; benchmarks/studies/gateway_windows.py


@dataclass(frozen=True)
class CascadeScorer(Scorer):
    """`scorer` on the windows that `cheap` scores highest; float32 (n_units,), range of `scorer` and a little below.

    The units are cut into windows of consecutive units of one document. A window is as good as its best unit; the best
    `windows` of them are read by `scorer`, all together. Units in no such window stand just below all that were read,
    in the order of `cheap`. Where there are no more windows than that, the result is that of `scorer`.
    Hofstätter, Mitra, Zamani, Craswell and Hanbury, Intra-Document Cascading, SIGIR 2021.

    Attributes:
        cheap: Reads everything.
        scorer: Reads at most windows * window characters, a unit longer than a window counting as one.
        windows: How many windows are read, from 1 up.
        window: Characters of a window, from 1 up; ends between units.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.

    Examples:
        ```python
        from ctxprune import CascadeScorer, LexicalScorer, prune

        # the model reads 8,000 characters at most
        scorer = CascadeScorer(cheap=LexicalScorer(), windows=8)
        kept = prune(
            "When did it open?",
            "The bridge is long. It opened in 1933.",
            scorer=scorer,
            budget=8,
        )
        print(kept.output)  # It opened in 1933.
        ```
    """

    cheap: Scorer = field(default_factory=TitledScorer)
    scorer: Scorer = field(default_factory=PrunerScorer)
    windows: int = 32
    window: int = 1000

    def __post_init__(self) -> None:
        as_scorer(self.cheap, "cheap")
        as_scorer(self.scorer)
        check_whole("windows", self.windows)
        check_whole("window", self.window)

    @property
    def reads_titles(self) -> bool:
        """Whether `scorer` reads the `titles` of a context by itself, so that no `TitledScorer` is needed."""
        return as_scorer(self.scorer).reads_titles

    @property
    def gives_probabilities(self) -> bool:
        """Whether `scorer` does; what it did not read then stands just below the least."""
        return as_scorer(self.scorer).gives_probabilities

    def limited_to(self, characters: int) -> Scorer:
        """See `Scorer`."""
        found = fewer_windows(self.windows, self.window, characters)
        return self if found is None else replace(self, windows=found[0], window=found[1])

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says."""
        return self.score_batch([query], [context])[0]

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """See `Scorer`; documents that were not read stand just below, in the order of `cheap`."""
        del rule
        return self.score_documents_batch([query], [context])[0]

    def score_documents_batch(
        self, queries: Sequence[str], contexts: Sequence[Context[Any]], *, rule: DocumentRule | None = None
    ) -> list[tuple[Scores, Scores]]:
        """`score_documents` of each pair; `scorer` sees those of which nothing is left out at once."""
        del rule
        places = [number_windows(context, self.window) for context in contexts]
        small = [i for i, place in enumerate(places) if not place.size or int(place[-1]) < self.windows]
        read = score_documents_batch(self.scorer, [queries[i] for i in small], [contexts[i] for i in small])
        found = dict(zip(small, read, strict=True))
        for number, (query, context) in enumerate(zip(queries, contexts, strict=True)):
            if number not in found:
                found[number] = self._score_large(query, context, places[number])
        return [found[number] for number in range(len(contexts))]

    def _score_large(self, query: str, context: Context[Any], places: NDArray[np.intp]) -> tuple[Scores, Scores]:
        """Scores where something is left out."""
        rough, rough_documents = score_documents(self.cheap, query, context)
        part = ContextSubset(context, choose_units(rough, places, self.windows))
        read, documents = score_documents(self.scorer, query, part)
        # Documents of which nothing was read have a score of the model too, which means nothing.
        seen = np.unique(np.asarray(part.sources, dtype=np.intp))
        return merge_scores(read, part.chosen, rough), merge_scores(documents[seen], seen, rough_documents)

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; both scorers see the whole batch at once."""
        places = [number_windows(context, self.window) for context in contexts]
        small = [int(place[-1]) < self.windows if place.size else True for place in places]
        # A cheap score is needed only where something is left out.
        large = [number for number, fits in enumerate(small) if not fits]
        rough = dict(
            zip(large, score_batch(self.cheap, [queries[i] for i in large], [contexts[i] for i in large]), strict=True)
        )
        chosen = {number: choose_units(rough[number], places[number], self.windows) for number in large}
        parts = [
            ContextSubset(context, chosen[number]) if number in chosen else context
            for number, context in enumerate(contexts)
        ]
        read = score_batch(self.scorer, queries, parts)
        return [
            merge_scores(scores, chosen[number], rough[number]) if number in chosen else scores
            for number, scores in enumerate(read)
        ]


def fewer_windows(windows: int, window: int, characters: int) -> tuple[int, int] | None:
    """How many windows of which size are read of at most so many characters; None where no fewer than now.

    Raises:
        UsageError: characters is under 1.
    """
    check_whole("characters", characters)
    if windows * window <= characters:
        return None
    # Of few characters more of what is needed is read in short windows, which the model sees side by side anyway.
    size = min(window, _SHORT_WINDOW)
    return max(1, characters // size), size


def number_windows(context: Context[Any], size: int) -> NDArray[np.intp]:
    """int (n_units,): the window of each unit, counted from 0."""
    sources = as_context(context).sources
    places = np.zeros(len(context.units), dtype=np.intp)
    # Windows end at borders of documents too, so that a window is never half about something else.
    number, filled, before = 0, 0, 0
    for index, unit in enumerate(context.units):
        source = 0 if sources is None else sources[index]
        if index and (source != before or filled + len(unit.text) > size):
            number, filled = number + 1, 0
        filled, before = filled + len(unit.text), source
        places[index] = number
    return places


def choose_units(scores: Scores, places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Indices of the units in the `count` best windows, rising; the earlier window where two are alike."""
    best = np.full(int(places[-1]) + 1, -np.inf)
    np.maximum.at(best, places, scores)
    chosen = np.zeros(len(best), dtype=np.bool_)
    chosen[np.argsort(-best, kind="stable")[:count]] = True
    return np.flatnonzero(chosen[places])


def merge_scores(read: Scores, chosen: NDArray[np.intp], rough: Scores) -> Scores:
    """Scores of all units: those that were read, and the others strictly below, one float32 step apart each."""
    rest = np.ones(len(rough), dtype=np.bool_)
    rest[chosen] = False
    low = float(read.min())
    start = np.float32(low - _STEP * max(1.0, abs(low)))
    # Equal cheap scores share a step: an order among them would be invented.
    _, ranks = np.unique(-rough[rest], return_inverse=True)
    scores = np.empty(len(rough), dtype=np.float32)
    scores[chosen] = read
    scores[rest] = _step_down(start, ranks)
    return scores


def _step_down(start: np.float32, steps: NDArray[np.intp]) -> Scores:
    """`start` lowered by as many float32 steps."""
    # IEEE floats sort as their bits do, once the negative ones are mirrored: n steps are one subtraction.
    bits = int(start.view(np.int32))
    ordered = bits if bits >= 0 else -(bits & 0x7FFFFFFF)
    numbers = ordered - steps.astype(np.int64)
    raw = np.where(numbers >= 0, numbers, -numbers | 0x80000000).astype(np.uint32)
    return raw.view(np.float32)

"""Provence's decision rule with any of its checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.models.provence import TokenModel, load_provence
from ctxprune.models.reading import Layout
from ctxprune.models.windows import Window, clip_ids, split_units
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.neural.documents import model_fingerprint, replace_surrogates
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["ProvenceScorer"]


@dataclass(frozen=True)
class ProvenceScorer(Scorer):
    """Mean over a unit's tokens of the probability of keeping them: float32 (n_units,), 0 to 1, higher = keep.

    Provence (Chirkova, Formal, Nikoulina and Clinchant, ICLR 2025) keeps sentences above 0.1 (cautious) or 0.5:
    `Threshold(0.1)`. A document is read with the question and its title in one window of at most 512 tokens, or in
    several of about equal length that are cut between units. Units without a token score 0, and all do for a blank
    question; of a long question the beginning and the end are read. A unit that is the parent of others is read as
    their title, and scores what its document does. Scores do not depend on the batch but for rounding (about 1e-6).

    Attributes:
        reads_titles: See `CascadeScorer`.
        model: Folder of a checkpoint; which ones can be read, and whose licence holds, says `ctxprune.models.provence`.
            Loaded when first used. Or an object like `ctxprune.models.provence.TokenModel`.
        batch: Windows that are computed together, from 1 up.

    Raises:
        UsageError: No model is given, it is none of these, batch is under 1.
        InputError, FormatError, MissingExtraError: When first used, as `ctxprune.models.provence.ProvenceModel`.
    """

    reads_titles: ClassVar[bool] = True

    model: Any = None
    batch: int = 16

    def __post_init__(self) -> None:
        if not isinstance(self.model, (str, Path, TokenModel)) or isinstance(self.model, type):
            raise UsageError(f"model is {self.model!r}", hint="give the folder of a Provence checkpoint")
        check_whole("batch", self.batch)

    @property
    def loaded(self) -> TokenModel:
        """The model itself."""
        model: TokenModel = load_provence(self.model) if isinstance(self.model, (str, Path)) else self.model
        return model

    @property
    def fingerprint(self) -> str:
        """Of the model by its path; an object must answer for itself. See `ctxprune.utils.fingerprint`."""
        return model_fingerprint(self.model)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says; (0,) if there is no unit."""
        return self._read([query], [context])[0][0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; windows of all of them share batches."""
        return [units for units, _ in self._read(queries, contexts)]

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """`score`, and the relevance of each document, 0 to 1, from the same pass: the ranking score's logistic value.

        See `Scorer`. Of a document's windows the best counts; 0 where nothing was read.
        """
        del rule
        return self._read([query], [context])[0]

    def _read(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[tuple[Scores, Scores]]:
        pairs = list(zip(queries, contexts, strict=True))
        # Nothing to read: the model is not loaded for it.
        if not any(query.strip() and context.units for query, context in pairs):
            return [(np.zeros(len(context.units), np.float32), _Reading(context).scores()[1]) for _, context in pairs]
        model = self.loaded
        readings = [_Reading(context) for context in contexts]
        work = [
            (reading, place, window)
            for query, reading in zip(queries, readings, strict=True)
            for place, window in reading.windows(model, query)
        ]
        # By length, so that a batch is padded little; results go back to their place by the objects themselves.
        work.sort(key=lambda item: len(item[2].ids))
        for at in range(0, len(work), self.batch):
            part = work[at : at + self.batch]
            for (reading, place, window), result in zip(part, model.run([item[2] for item in part]), strict=True):
                reading.add(place, window, *result)
        return [reading.scores() for reading in readings]


class _Reading:
    """One context: its windows, and what was found in them."""

    def __init__(self, context: Context[Any]) -> None:
        self._units = context.units
        self._layout = Layout(context)
        self._sums, self._counts = np.zeros(len(context.units)), np.zeros(len(context.units))
        self._relevance = np.zeros(self._layout.documents)

    def windows(self, model: TokenModel, query: str) -> Iterator[tuple[int, Window]]:
        """Each with the document that it is from; none for a blank question."""
        if not query.strip() or not self._units:
            return
        layout = self._layout
        texts = [replace_surrogates(query), *map(replace_surrogates, layout.titles)]
        for title, members in zip(layout.titles, layout.members, strict=True):
            # As in training: sentences follow each other after a space.
            texts += [self._text(unit, follows=bool(title or place)) for place, unit in enumerate(members)]
        ids = model.encode(texts)
        head = [*model.first, *clip_ids(ids[0], model.limit // 4), *model.between]
        rest = iter(ids[1 + layout.documents :])
        for number, members in enumerate(layout.members):
            above = clip_ids(ids[1 + number], model.limit // 8)
            room = model.limit - len(head) - len(above) - len(model.last)
            for chunk in split_units([next(rest) for _ in members], room):
                window = Window([*head, *above], len(head))
                for unit, tokens in chunk:
                    window.add(number, unit, tokens)
                window.ids.extend(model.last)
                yield number, window

    def add(self, document: int, window: Window, keep: NDArray[np.float32], relevance: float) -> None:
        """What the model says of one of the windows."""
        for piece in window.pieces:
            unit = self._layout.members[document][piece.unit]
            self._sums[unit] += float(keep[piece.start : piece.end].sum(dtype=np.float64))
            self._counts[unit] += piece.end - piece.start
        # The best window of a document speaks for the whole of it.
        self._relevance[document] = max(self._relevance[document], relevance)

    def scores(self) -> tuple[Scores, Scores]:
        """Of the units and of the documents."""
        layout = self._layout
        units = self._sums / np.maximum(self._counts, 1)
        units[layout.is_title] = 0  # headings come along with what stands under them
        documents = np.zeros(max(layout.sources, default=-1) + 1)
        np.maximum.at(documents, layout.sources, self._relevance)
        return units.astype(np.float32), documents.astype(np.float32)

    def _text(self, unit: int, *, follows: bool) -> str:
        text = replace_surrogates(self._units[unit].text)
        return f"{' ' * follows}{text}" if text.strip() else ""

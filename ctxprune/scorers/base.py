"""The base class of scorers, and the checks of their scores."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context, original_context
from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.scorers.relevance import count_documents, document_scores, document_sources
from ctxprune.utils.foreign import foreign_attribute, foreign_method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.relevance import DocumentRule

__all__ = [
    "AdaptedScorer",
    "Scorer",
    "as_scorer",
    "required_units",
    "score_batch",
    "score_documents",
    "score_documents_batch",
]


class _Itself:
    """A class attribute that is the object itself, unless the object has a field of that name."""

    def __get__(self, instance: Scorer, owner: type | None = None) -> Scorer:
        return instance


class Scorer(ABC):
    """Reads a question and the units of a context. A subclass has `score`, and overrides what else applies to it.

    Attributes:
        reads_titles: Whether it reads the `titles` of a context by itself, so that no `TitledScorer` is needed.
        gives_probabilities: Whether its scores are probabilities, so that those of several contexts can be compared.
        dispatches: Whether it chooses among other scorers by the context (`for_context`).
        cheap: A scorer of the same kind of text that costs less; itself where there is none.
        model_alone: For scorers that weigh words themselves: its model without the words that it weighs beside it;
            itself where it weighs none.

    Examples:
        ```python
        from ctxprune import Scorer, prune
        from ctxprune.context.scores import as_scores


        class YearScorer(Scorer):  # 1 for a unit with a number in it, else 0
            def score(self, query, context):
                found = [
                    float(any(char.isdigit() for char in unit.text))
                    for unit in context.units
                ]
                return as_scores(found, len(found))


        kept = prune(
            "When?", "Cats sleep. It opened in 1933.", scorer=YearScorer(), budget=8
        )
        print(kept.output)  # It opened in 1933.
        ```
    """

    # Type checkers see read-only properties, so that a subclass may have fields or properties in their place; see
    # `ctxprune.context.base.Context`.
    if TYPE_CHECKING:

        @property
        def reads_titles(self) -> bool: ...
        @property
        def gives_probabilities(self) -> bool: ...
        @property
        def dispatches(self) -> bool: ...
        @property
        def cheap(self) -> Scorer: ...
        @property
        def model_alone(self) -> Scorer: ...
    else:
        reads_titles = False
        gives_probabilities = False

        dispatches = False
        cheap = _Itself()
        model_alone = _Itself()

    @abstractmethod
    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,), finite, higher = keep; each scorer documents its range. (0,) if there is no unit."""

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """For each pair of query and context what `score` gives for it; for scorers that gain from seeing several."""
        return [self.score(query, context) for query, context in zip(queries, contexts, strict=True)]

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """Scores of the units, as `score` gives them, and of the documents, from one pass.

        Args:
            query: The question.
            context: One without `sources` is one document.
            rule: The relevance of a document from the scores of its units, see `document_scores`; scorers that know
                how relevant a document is do not need it.

        Returns:
            float32 (n_units,) and float32 (n_documents,), n_documents being the last source plus one; finite, higher =
            more relevant. A document without units may get any score that is no higher than the others'.
        """
        return self.score_documents_batch([query], [context], rule=rule)[0]

    def score_documents_batch(
        self, queries: Sequence[str], contexts: Sequence[Context[Any]], *, rule: DocumentRule | None = None
    ) -> list[tuple[Scores, Scores]]:
        """What `score_documents` gives for each pair."""
        if type(self).score_documents is not Scorer.score_documents:  # a subclass that knows documents one by one
            pairs = zip(queries, contexts, strict=True)
            return [self.score_documents(query, context, rule=rule) for query, context in pairs]
        return [
            (scores, document_scores(scores, document_sources(context), count_documents(context), rule=rule))
            for scores, context in zip(score_batch(self, queries, contexts), contexts, strict=True)
        ]

    async def ascore(self, query: str, context: Context[Any]) -> Scores:
        """As `score`, without blocking the event loop; a scorer that asks a service overrides it."""
        return await asyncio.to_thread(self.score, query, context)

    async def ascore_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """As `score_batch`, without blocking the event loop: all pairs at once where `ascore` awaits something."""
        if type(self).ascore is Scorer.ascore:  # nothing to wait for: one thread for the whole batch
            return await asyncio.to_thread(score_batch, self, queries, contexts)
        return list(await asyncio.gather(*map(self.ascore, queries, contexts)))

    def limited_to(self, characters: int) -> Scorer:
        """A scorer that reads at most about so many characters of a context with its model, those that its cheap part
        puts first; itself where it has no such limit.

        Args:
            characters: From 1 up.
        """
        del characters
        return self

    def for_context(self, context: Context[Any]) -> Scorer:
        """The scorer that reads `context`: of one that chooses among others the chosen one, else itself."""
        del context
        return self

    def find_required(self, query: str, context: Context[Any]) -> NDArray[np.bool_] | None:
        """What the question cannot be answered without: all rows for a total, the column of a condition.

        bool (n_units,), nothing True where nothing is needed for sure; None for scorers that do not know. Only asked
        of contexts that are one table.
        """
        del query, context
        return None

    def is_demand_certain(self, query: str, context: Context[Any]) -> bool:
        """Whether a reader may be told that the question needs what `find_required` gives: not where a part of the
        question's conditions was ignored or may be misread."""
        del query, context
        return True

    @property
    def ranks_documents(self) -> bool:
        """Whether it says itself how relevant a document is; of other scorers the scores of the units do, by a rule."""
        kind = type(self)
        batch = kind.score_documents_batch is not Scorer.score_documents_batch
        return batch or kind.score_documents is not Scorer.score_documents

    @property
    def origin(self) -> Any:
        """The object that the caller gave: of an adapted scorer the user's own, else itself."""
        return self


class AdaptedScorer(Scorer):
    """A user's object with `score`, and any of the optional members of `Scorer`.

    `unit_demand`, the name of earlier releases, stands for `find_required`. The object gets the contexts as the user
    gave them.
    """

    def __init__(self, origin: Any) -> None:
        self._origin = origin

    @property
    def origin(self) -> Any:
        """The user's object."""
        return self._origin

    @property
    def reads_titles(self) -> bool:
        """The object's own; False where it does not say."""
        return bool(foreign_attribute(self._origin, "reads_titles"))

    @property
    def gives_probabilities(self) -> bool:
        """The object's own; False where it does not say."""
        return bool(foreign_attribute(self._origin, "gives_probabilities"))

    @property
    def dispatches(self) -> bool:
        """Whether the object has `for_context`."""
        return foreign_method(self._origin, "for_context") is not None

    @property
    def ranks_documents(self) -> bool:
        """Whether the object has a way to score documents."""
        return foreign_method(self._origin, "score_documents", "score_documents_batch") is not None

    @property
    def cheap(self) -> Any:
        """The object's own; the object where it has none."""
        return foreign_attribute(self._origin, "cheap", default=self._origin)

    @property
    def model_alone(self) -> Any:
        """The object's own; the object where it has none."""
        return foreign_attribute(self._origin, "model_alone", default=self._origin)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """See `Scorer`."""
        scores: Scores = self._origin.score(query, original_context(context))
        return scores

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """See `Scorer`."""
        if (method := foreign_method(self._origin, "score_batch")) is None:
            return super().score_batch(queries, contexts)
        return list(method(queries, [original_context(context) for context in contexts]))

    def score_documents_batch(
        self, queries: Sequence[str], contexts: Sequence[Context[Any]], *, rule: DocumentRule | None = None
    ) -> list[tuple[Scores, Scores]]:
        """See `Scorer`."""
        originals = [original_context(context) for context in contexts]
        if (method := foreign_method(self._origin, "score_documents_batch")) is not None:
            return list(method(queries, originals))
        if (method := foreign_method(self._origin, "score_documents")) is not None:
            return [method(query, context) for query, context in zip(queries, originals, strict=True)]
        return super().score_documents_batch(queries, contexts, rule=rule)

    async def ascore_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """See `Scorer`."""
        if (method := foreign_method(self._origin, "ascore")) is None:
            return await super().ascore_batch(queries, contexts)
        return list(await asyncio.gather(*map(method, queries, map(original_context, contexts))))

    def for_context(self, context: Context[Any]) -> Scorer:
        """See `Scorer`."""
        method = foreign_method(self._origin, "for_context")
        return self if method is None else as_scorer(method(original_context(context)))

    def find_required(self, query: str, context: Context[Any]) -> NDArray[np.bool_] | None:
        """See `Scorer`."""
        method = foreign_method(self._origin, "find_required", "unit_demand")
        return None if method is None else method(query, original_context(context))

    def is_demand_certain(self, query: str, context: Context[Any]) -> bool:
        """See `Scorer`."""
        method = foreign_method(self._origin, "is_demand_certain")
        return True if method is None else bool(method(query, original_context(context)))


def as_scorer(value: Any, name: str = "scorer", *, hint: str = "give a scorer") -> Scorer:
    """`value` as a `Scorer`: itself, or adapted where it merely has `score`.

    Args:
        value: What should be a scorer.
        name: The argument that it came in, for the message.
        hint: What to give instead, for the message.

    Raises:
        UsageError: It has no `score`, or is a class in place of an object.
    """
    if isinstance(value, Scorer):
        return value
    if isinstance(value, type) or foreign_method(value, "score") is None:
        lacks = "it is a class" if isinstance(value, type) else "it has no `score`"
        raise UsageError(f"{name} is {value!r}", hint=f"{hint}; {lacks}")
    return AdaptedScorer(value)


def score_batch(scorer: Any, queries: Sequence[str], contexts: Sequence[Any]) -> list[Scores]:
    """Checked scores for each pair of query and context; the scorer sees the batch at once.

    Args:
        scorer: A scorer, or an object with `score`.
        queries: One a context.
        contexts: Contexts, or objects with `units` and `render`.

    Raises:
        UsageError: Different numbers of queries and contexts, or scores that `as_scores` refuses.
    """
    if len(queries) != len(contexts):
        raise UsageError(f"{len(queries)} queries do not match {len(contexts)} contexts", hint="give one for each")
    scorer = as_scorer(scorer)
    where = type(scorer.origin).__name__
    contexts = [as_context(context) for context in contexts]
    batch = list(scorer.score_batch(queries, contexts))
    if len(batch) != len(queries):
        raise UsageError(f"{len(batch)} results for a batch of {len(queries)}", where=where)
    return [
        as_scores(scores, len(context.units), source=where) for scores, context in zip(batch, contexts, strict=True)
    ]


def score_documents(
    scorer: Any, query: str, context: Any, *, rule: DocumentRule | None = None
) -> tuple[Scores, Scores]:
    """Checked scores of the units and of the documents, from one pass; see `Scorer.score_documents`.

    Raises:
        UsageError: Scores that `as_scores` refuses.
    """
    return score_documents_batch(scorer, [query], [context], rule=rule)[0]


def score_documents_batch(
    scorer: Any, queries: Sequence[str], contexts: Sequence[Any], *, rule: DocumentRule | None = None
) -> list[tuple[Scores, Scores]]:
    """What `score_documents` gives for each pair; the scorer sees the batch at once where it can."""
    scorer = as_scorer(scorer)
    where = type(scorer.origin).__name__
    contexts = [as_context(context) for context in contexts]
    both = scorer.score_documents_batch(queries, contexts, rule=rule)
    return [
        (
            as_scores(units, len(context.units), source=where),
            as_scores(documents, count_documents(context), source=where),
        )
        for (units, documents), context in zip(both, contexts, strict=True)
    ]


def required_units(scorer: Scorer, query: str, context: Context[Any]) -> NDArray[np.bool_] | None:
    """What the question needs of `context`, bool (n_units,): by the scorer, and by whoever made the context; None where
    neither says so.

    Tables within other kinds of context are not asked for: which of them a question is about is not known.

    Raises:
        UsageError: The scorer gave something else than bool (n_units,).
    """
    given = scorer.find_required(query, context) if context.kind == "table" else None
    if given is None:
        return context.required
    if given.shape != (len(context.units),) or given.dtype != np.bool_:
        raise UsageError(f"find_required gave {given.dtype} of shape {given.shape}", where=type(scorer.origin).__name__)
    required = given if context.required is None else given | context.required
    return required if required.any() else context.required

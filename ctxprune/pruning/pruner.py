"""Score, select, render: the steps that every kind of context goes through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from ctxprune.context.base import Context
from ctxprune.context.closure import Closure
from ctxprune.context.memo import ContextMemo
from ctxprune.context.scores import as_scores
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies.base import POLICIES, Policy, Request, Selection, as_policy, as_selection
from ctxprune.pruning.budget_search import Attempt, BudgetSearch, RenderCache
from ctxprune.pruning.counting import count_rendered, count_units, omission_note
from ctxprune.pruning.filler import without_filler
from ctxprune.pruning.oversized import (
    Scored,
    find_oversized,
    price_best,
    split_oversized,
    without_bare_frames,
)
from ctxprune.pruning.refusals import NO_ROOM_HINT, refuse_room
from ctxprune.pruning.requests import check_pairs, make_request
from ctxprune.pruning.result import Pruned
from ctxprune.pruning.spans import Clock, describe_pruned, describe_total, start_prune
from ctxprune.pruning.verdicts import Verdicts
from ctxprune.scorers import DEFAULT_SCORER, SCORERS
from ctxprune.scorers.base import Scorer, as_scorer, score_batch
from ctxprune.tokens import TokenCounter, as_counter, count_whole
from ctxprune.utils.tracing import start_span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores

__all__ = ["NO_ROOM_HINT", "OnEmpty", "OnOversized", "Pruner", "aprune", "aprune_batch", "prune", "prune_batch"]

T = TypeVar("T")
OnEmpty = Literal["keep_best", "keep_all", "drop"]
OnOversized = Literal["cut", "drop", "error"]


@dataclass(frozen=True, slots=True)
class _Counts:
    units: NDArray[np.int64]  # (n_units,)
    whole: int


@dataclass(frozen=True)
class Pruner:
    """A scorer, a policy and a token counter, ready for any number of questions and threads.

    Attributes:
        scorer: A scorer, or the registered name of one; by default the bundled model, on the 32,000 or so characters
            that BM25 scores highest in a longer context ("lexical.v1" is BM25 alone, many times faster).
        policy: A policy, or the registered name of one (with its default parameters).
        counter: What counts tokens: None for the bundled tokenizer, or anything that `as_counter` takes.
        on_empty: What to do where the policy chose nothing beyond the pinned units: "keep_best" keeps the best unit
            that the policy has room for (of equally good ones adaptive.v1 keeps all), "keep_all" keeps everything,
            "drop" keeps only what is pinned.
        on_oversized: What to do with units near the best one that the budget cannot hold: "cut" keeps pieces of them,
            cut at their own borders and marked where they are cut; "drop" keeps whole units only; "error" raises a
            BudgetError that names the budget for the best unit. `Pruned.oversized` tells of it in each case.

    Raises:
        UsageError: An argument is of the wrong kind, or the policy was calibrated for another scorer.
        UnknownNameError: No scorer or policy has that name.
    """

    scorer: Scorer | str = DEFAULT_SCORER
    policy: Policy | str = "adaptive.v1"
    counter: Any = None
    on_empty: OnEmpty = "keep_best"
    on_oversized: OnOversized = "cut"
    _scorer: Scorer = field(init=False, repr=False, compare=False)
    _policy: Policy = field(init=False, repr=False, compare=False)
    _counts: ContextMemo[_Counts] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scorer = SCORERS.get(self.scorer)() if isinstance(self.scorer, str) else self.scorer
        policy = POLICIES.get(self.policy)() if isinstance(self.policy, str) else self.policy
        resolved, adapted = as_scorer(scorer, hint="give a scorer, or the name of one"), as_policy(policy)
        if self.on_empty not in ("keep_best", "keep_all", "drop"):
            raise UsageError(f"on_empty is {self.on_empty!r}", hint="give 'keep_best', 'keep_all' or 'drop'")
        if self.on_oversized not in ("cut", "drop", "error"):
            raise UsageError(f"on_oversized is {self.on_oversized!r}", hint="give 'cut', 'drop' or 'error'")
        adapted.check_scorer(scorer)  # a calibrated policy is for one scorer only
        object.__setattr__(self, "scorer", scorer)
        object.__setattr__(self, "policy", policy)
        object.__setattr__(self, "_scorer", resolved)
        object.__setattr__(self, "_policy", adapted)
        object.__setattr__(self, "counter", as_counter(self.counter))

    def prune(self, query: str, context: Context[T]) -> Pruned[T]:
        """What `context` keeps for `query`. A context without units comes back as it renders, with nothing to account.

        Raises:
            UsageError: An empty query, something that is not a context, a scorer or policy that breaks its contract.
            BudgetError: The policy's budget cannot hold the pinned units; or on_empty="keep_best" and it holds no unit
                at all; or on_empty="keep_all" and it does not hold everything; or on_oversized="error" and it does not
                hold the best unit.
        """
        return self.prune_batch([query], [context])[0]

    def prune_batch(self, queries: str | Sequence[str], contexts: Sequence[Context[T]]) -> list[Pruned[T]]:
        """What `prune` gives for each query and context, in order; the scorer sees the batch at once.

        Args:
            queries: One for each context, or a single one for all of them.
            contexts: The contexts; [] gives [].

        Raises:
            UsageError, BudgetError: As `prune`; also UsageError where the numbers differ. The whole batch fails.
        """
        questions, read = check_pairs(queries, contexts)
        with start_prune(questions) as span:
            start = time.perf_counter()
            with start_span("ctxprune.prune.score"):
                scores = score_batch(self._scorer, questions, read)
            share = (time.perf_counter() - start) / max(len(questions), 1)
            return describe_total(
                span, [self._finish(*item, share) for item in zip(questions, read, scores, strict=True)]
            )

    def prune_scored(self, query: str, context: Context[T], scores: Scores, *, seconds: float = 0.0) -> Pruned[T]:
        """As `prune`, with scores, float32 (n_units,), that the scorer gave before, in so many seconds."""
        _, (read,) = check_pairs([query], [context])
        return self._finish(query, read, scores, seconds)

    async def aprune(self, query: str, context: Context[T]) -> Pruned[T]:
        """As `prune`, off the event loop's thread; a scorer with `ascore` is awaited."""
        return (await self.aprune_batch([query], [context]))[0]

    async def aprune_batch(self, queries: str | Sequence[str], contexts: Sequence[Context[T]]) -> list[Pruned[T]]:
        """As `prune_batch`, off the event loop's thread; a scorer with `ascore` is awaited, all pairs together."""
        questions, read = check_pairs(queries, contexts)
        with start_prune(questions) as span:
            start = time.perf_counter()
            with start_span("ctxprune.prune.score"):
                scores = await self._scorer.ascore_batch(questions, read)
            share = (time.perf_counter() - start) / max(len(questions), 1)

            def finish() -> list[Pruned[T]]:
                return [self._finish(*item, share) for item in zip(questions, read, scores, strict=True)]

            return describe_total(span, await asyncio.to_thread(finish))

    @property
    def _counter(self) -> TokenCounter:
        return self.counter  # type: ignore[no-any-return]

    def _finish(self, query: str, context: Context[T], scores: Scores, score_seconds: float) -> Pruned[T]:
        with start_span("ctxprune.prune.choose") as span:
            clock = Clock(score=score_seconds)
            return describe_pruned(span, self._choose(query, context, scores, clock), clock)

    def _choose(self, query: str, context: Context[T], scores: Scores, clock: Clock) -> Pruned[T]:
        scorer = self._scorer.for_context(context)
        scores = as_scores(scores, len(context.units), source=type(self._scorer.origin).__name__)
        # Counting renders the whole context once; for further questions about it that is remembered.
        counts = self._counts.get(context, lambda: self._count(context))
        clock.lap("count")
        if (
            policy := self._policy.for_tokens(counts.whole)
        ) is not self._policy:  # a share, of which the tokens are known
            pruner = replace(self, policy=policy)
            object.__setattr__(pruner, "_counts", self._counts)
            return pruner._choose(query, context, scores, clock)
        whole = found = Scored(context, scores, counts.units, np.arange(len(scores)))
        if (budget := self._policy.budget) is not None and self.on_oversized == "cut":
            found = split_oversized(query, whole, scorer, self._counter, budget)
            clock.lap("split")
        found, request, (selection, output, after) = self._fit_parts(scorer, query, (whole, found), clock)

        def price(form: Context[Any], kept: list[int]) -> int:
            return count_rendered(self._counter, form, form.render(kept), kept, counts.units)

        oversized = None if budget is None else find_oversized(whole, found, selection, price, request.claimed)
        if oversized is not None and self.on_oversized == "error":
            raise BudgetError(str(oversized), hint='raise the budget, or let on_oversized be "cut" or "drop"')
        return Pruned(
            query=query,
            output=output,
            units=Verdicts(found.context, found.scores, found.tokens, selection),
            tokens_before=counts.whole,
            tokens_after=after,
            counter=self._counter.name,
            scorer=SCORERS.name_of(type(scorer.origin)),
            policy=self._policy.name,
            note=omission_note(request.context, selection),
            oversized=oversized,
            seconds=clock.seconds,
        )

    def _fit_parts(
        self, scorer: Scorer, query: str, forms: tuple[Scored, Scored], clock: Clock
    ) -> tuple[Scored, Request, tuple[Selection, Any, int]]:
        """What fits of a context with parts of its large units; where none of these fits with its marks, of the whole
        one, of which another unit may."""
        whole, found = forms
        try:
            return found, *self._fit_noted(scorer, query, found, clock)
        except BudgetError as error:
            if found is whole:
                raise
            try:
                return whole, *self._fit_noted(scorer, query, whole, clock)
            except BudgetError:  # a part needs less than a whole unit: the first error names the lower budget
                raise error from None

    def _fit_noted(
        self, scorer: Scorer, query: str, found: Scored, clock: Clock
    ) -> tuple[Request, tuple[Selection, Any, int]]:
        """With the note of the context, unless only without it all fits that the question needs, or it does not fit."""
        plain = found._replace(context=found.context.with_note(note=False))
        try:
            request, fitted = self._fit_scored(scorer, query, found, clock)
        except BudgetError:
            if plain.context is found.context:
                raise
            return self._fit_scored(scorer, query, plain, clock)
        needed = request.required_units
        if bool(fitted[0].kept[needed].all()) or plain.context is found.context:
            return request, fitted
        other = self._fit_scored(scorer, query, plain, clock)
        # Where something that is needed is left out either way, the reader has to be told.
        return other if bool(other[1][0].kept[needed].all()) else (request, fitted)

    def _fit_scored(
        self, scorer: Scorer, query: str, found: Scored, clock: Clock
    ) -> tuple[Request, tuple[Selection, Any, int]]:
        request = make_request(scorer, query, found.context, found.scores, found.tokens)
        fitted = self._fit_budget(request, clock)
        if self._policy.budget is None:
            return request, fitted
        bare = without_bare_frames(fitted[0], found)
        closure = Closure(request.context.units)
        if bare is not fitted[0] and self.on_empty != "drop" and _nothing_chosen(bare, closure):
            raise refuse_room(request, closure, self._policy.budget, self._counter)
        if (selection := without_filler(bare, found)) is fitted[0]:
            return request, fitted
        output, after = self._write(request, np.flatnonzero(selection.kept).tolist())
        # A rendering of less may take more, where it says what is left out.
        return request, (selection, output, after) if after <= self._policy.budget else fitted

    def _fit_budget(self, request: Request, clock: Clock) -> tuple[Selection, Any, int]:
        """Selection and rendering; a budget holds for the rendered text too, with all that stands between the units."""
        policy, budget, context = self._policy, self._policy.budget, request.context
        closure, cache = Closure(context.units), RenderCache[tuple[Any, int]]()

        def attempt(chosen_by: Policy) -> tuple[Selection, Any, int]:
            selection = self._select(chosen_by, request, closure)
            clock.lap("select")
            output, after = cache.get(selection, lambda kept: self._write(request, kept))
            clock.lap("render")
            return selection, output, after

        if budget is None:
            return attempt(policy)
        adjustable = policy.with_budget(budget) is not policy
        # What is rendered whatever is kept is paid for before the first choice.
        frame = self._counter.count(context.frame) if context.frame and adjustable else 0

        def attempt_within(room: int) -> Attempt[tuple[Selection, Any, int]]:
            found = attempt(policy if room == budget else policy.with_budget(room))
            selection, _, after = found
            final = not adjustable or (after <= budget and bool(selection.kept.all()))
            return Attempt(found, after, final=final)

        found = BudgetSearch(budget, loosens=context.counts_text).find(budget - frame, attempt_within)
        # Less room may pass over the best unit, which is too large for it, although its rendering fits the budget.
        best, least = price_best(request, found[0], closure) if adjustable else (0, None)
        try:
            # Units may take less in the text than by themselves, as tags between them are written once.
            most = 2 * budget if context.counts_text else budget - frame
            if least is None or least > most:
                return found
            tried = attempt_within(least)
        except BudgetError:  # a row of a table costs nothing without its columns
            return found
        if tried.tokens > budget or not tried.result[0].kept[best]:
            return found
        return BudgetSearch(budget, context.counts_text, least).find(max(budget - frame, least), attempt_within)

    def _write(self, request: Request, kept: list[int]) -> tuple[Any, int]:
        output = request.context.render(kept)
        return output, count_rendered(self._counter, request.context, output, kept, request.tokens)

    def _select(self, policy: Policy, request: Request, closure: Closure) -> Selection:
        # A context that writes a text is held to the tokens of that text, of which its units may take less.
        prices = None if request.context.counts_text else request.tokens
        selection = _check_selection(policy, policy.select(request), closure, prices)
        if self.on_empty == "drop" or not _nothing_chosen(selection, closure):
            return selection
        if self.on_empty == "keep_all":
            everything = np.ones(len(request.tokens), dtype=np.bool_)
            reasons = ("pinned" if unit.pinned else "fallback" for unit in request.context.units)
            return _check_selection(policy, Selection(everything, tuple(reasons)), closure, prices)
        best = as_selection(policy.select_fallback(request))
        if not best.kept.any():
            raise refuse_room(request, closure, self._policy.budget, self._counter)
        return _check_selection(policy, best, closure, prices)

    def _count(self, context: Context[Any]) -> _Counts:
        units = count_units(self._counter, context)
        everything = range(len(units))
        output = context.render(everything)
        if isinstance(output, str):
            return _Counts(units, count_whole(self._counter, output, context.cost_texts(), units.tolist()))
        return _Counts(units, count_rendered(self._counter, context, output, everything, units))


def prune(
    query: str,
    context: Context[T],
    *,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str = "adaptive.v1",
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> Pruned[T]:
    """What `context` keeps for `query`; see `Pruner`, which is cheaper to make once where there are many questions.

    Raises:
        UsageError, BudgetError, UnknownNameError: As `Pruner` and `Pruner.prune`.
    """
    return Pruner(scorer, policy, counter, on_empty).prune(query, context)


def prune_batch(
    queries: str | Sequence[str],
    contexts: Sequence[Context[T]],
    *,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str = "adaptive.v1",
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> list[Pruned[T]]:
    """What each context keeps for its query; see `Pruner.prune_batch`."""
    return Pruner(scorer, policy, counter, on_empty).prune_batch(queries, contexts)


async def aprune(
    query: str,
    context: Context[T],
    *,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str = "adaptive.v1",
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> Pruned[T]:
    """As `prune`, without blocking the event loop."""
    return await Pruner(scorer, policy, counter, on_empty).aprune(query, context)


async def aprune_batch(
    queries: str | Sequence[str],
    contexts: Sequence[Context[T]],
    *,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str = "adaptive.v1",
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> list[Pruned[T]]:
    """As `prune_batch`, without blocking the event loop."""
    return await Pruner(scorer, policy, counter, on_empty).aprune_batch(queries, contexts)


def _check_selection(
    policy: Policy, selection: Selection, closure: Closure, tokens: NDArray[np.int64] | None
) -> Selection:
    """The policy's choice, held to its contract (without tokens not to its budget)."""
    selection = as_selection(selection)
    where = policy.class_name
    if selection.kept.shape != (len(closure),) or selection.kept.dtype != np.bool_:
        raise UsageError(f"the policy gave {selection.kept.dtype} of shape {selection.kept.shape}", where=where)
    gaps = closure.gaps(selection.kept)
    if gaps:
        raise UsageError(f"the policy dropped unit {gaps[0]}, which is pinned or needed by a kept unit", where=where)
    budget, spent = policy.budget, 0 if tokens is None else int(tokens[selection.kept].sum())
    if budget is not None and spent > budget:
        raise BudgetError(f"what is to be kept takes {spent} tokens, over the budget of {budget}", where=where)
    return selection


def _nothing_chosen(selection: Selection, closure: Closure) -> bool:
    """Whether only pinned units, with what they require, are kept while there are others."""
    # Not just the pinned ones: a title that requires its first sentence keeps that one too, and answers nothing.
    forced = np.zeros_like(selection.kept)
    for index in closure.pinned:
        forced[closure.missing(index, forced)] = True
    return bool((selection.kept == forced).all() and not forced.all())

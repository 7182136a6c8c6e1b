"""Score, select, render: the steps that every kind of context goes through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, TypeVar

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.context.demand import with_demand
from ctxprune.context.grid import column_units
from ctxprune.context.memo import ContextMemo
from ctxprune.context.scores import as_scores
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies.base import POLICIES, Policy, Selection, Threshold
from ctxprune.pruning.budget_search import Fitting
from ctxprune.pruning.result import Pruned, Verdicts
from ctxprune.pruning.rounds import Clock, RenderCache
from ctxprune.scorers import DEFAULT_SCORER, SCORERS
from ctxprune.scorers.base import Scorer, score_batch
from ctxprune.tokens import TokenCounter, as_counter, count_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["OnEmpty", "Pruner", "aprune", "aprune_batch", "prune", "prune_batch"]

T = TypeVar("T")
OnEmpty = Literal["keep_best", "keep_all", "drop"]
_ROUNDS = 64


@dataclass(frozen=True, slots=True)
class _Counts:
    units: NDArray[np.int64]  # (n_units,)
    whole: int


@dataclass(frozen=True)
class Pruner:
    """A scorer, a policy and a token counter, ready for any number of questions and threads.

    Attributes:
        scorer: A scorer, or the registered name of one; by default the bundled model, on the 32,000 or so characters
            that BM25 likes best of a longer context ("lexical.v1" is BM25 alone, many times faster).
        policy: A policy, or the registered name of one (with its default parameters).
        counter: What counts tokens: None for the bundled tokenizer, or anything that `as_counter` takes.
        on_empty: What to do where the policy chose nothing beyond the pinned units: "keep_best" keeps the best unit
            that the policy has room for (of equally good ones adaptive.v1 keeps all), "keep_all" keeps everything,
            "drop" keeps only what is pinned.

    Raises:
        UsageError: An argument is of the wrong kind, or the policy was calibrated for another scorer.
        UnknownNameError: No scorer or policy has that name.
    """

    scorer: Scorer | str = DEFAULT_SCORER
    policy: Policy | str = "adaptive.v1"
    counter: Any = None
    on_empty: OnEmpty = "keep_best"
    _counts: ContextMemo[_Counts] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scorer = SCORERS.get(self.scorer)() if isinstance(self.scorer, str) else self.scorer
        policy = POLICIES.get(self.policy)() if isinstance(self.policy, str) else self.policy
        for name, value, kind in (("scorer", scorer, Scorer), ("policy", policy, Policy)):
            if not isinstance(value, kind) or isinstance(value, type):
                raise UsageError(f"{name} is {value!r}", hint=f"give an object like {kind.__name__}, or a name")
        if self.on_empty not in ("keep_best", "keep_all", "drop"):
            raise UsageError(f"on_empty is {self.on_empty!r}", hint="give 'keep_best', 'keep_all' or 'drop'")
        if (check := getattr(policy, "check_scorer", None)) is not None:  # a calibrated policy is for one scorer only
            check(scorer)
        object.__setattr__(self, "scorer", scorer)
        object.__setattr__(self, "policy", policy)
        object.__setattr__(self, "counter", as_counter(self.counter))

    def prune(self, query: str, context: Context[T]) -> Pruned[T]:
        """What `context` keeps for `query`. A context without units comes back as it renders, with nothing to account.

        Raises:
            UsageError: An empty query, something that is not a context, a scorer or policy that breaks its contract.
            BudgetError: The policy's budget cannot hold the pinned units; or on_empty="keep_best" and it holds no unit
                at all; or on_empty="keep_all" and it does not hold everything.
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
        questions = _checked(queries, contexts)
        start = time.perf_counter()
        scores = score_batch(self._scorer, questions, contexts)
        share = (time.perf_counter() - start) / max(len(questions), 1)
        return [self._finish(*item, share) for item in zip(questions, contexts, scores, strict=True)]

    def prune_scored(self, query: str, context: Context[T], scores: Scores, *, seconds: float = 0.0) -> Pruned[T]:
        """As `prune`, with scores, float32 (n_units,), that the scorer gave before, in so many seconds."""
        _checked([query], [context])
        return self._finish(query, context, scores, seconds)

    async def aprune(self, query: str, context: Context[T]) -> Pruned[T]:
        """As `prune`, off the event loop's thread; a scorer with `ascore` is awaited."""
        return (await self.aprune_batch([query], [context]))[0]

    async def aprune_batch(self, queries: str | Sequence[str], contexts: Sequence[Context[T]]) -> list[Pruned[T]]:
        """As `prune_batch`, off the event loop's thread; a scorer with `ascore` is awaited, all pairs together."""
        ascore = getattr(self.scorer, "ascore", None)
        if ascore is None:
            return await asyncio.to_thread(self.prune_batch, queries, contexts)
        questions = _checked(queries, contexts)
        start = time.perf_counter()
        scores = await asyncio.gather(*map(ascore, questions, contexts))
        share = (time.perf_counter() - start) / max(len(questions), 1)

        def finish() -> list[Pruned[T]]:
            return [self._finish(*item, share) for item in zip(questions, contexts, scores, strict=True)]

        return await asyncio.to_thread(finish)

    @property
    def _scorer(self) -> Scorer:
        return self.scorer  # type: ignore[return-value]  # names were resolved by the constructor

    @property
    def _policy(self) -> Policy:
        return self.policy  # type: ignore[return-value]

    @property
    def _counter(self) -> TokenCounter:
        return self.counter  # type: ignore[no-any-return]

    def _finish(self, query: str, context: Context[T], scores: Scores, score_seconds: float) -> Pruned[T]:
        clock = Clock()
        scores = as_scores(scores, len(context.units), source=type(self.scorer).__name__)
        counts = self._counts.get(context, lambda: self._count(context))
        clock.lap("count")
        scorer = scorer_for(self._scorer, context)
        demanding = with_demand(scorer, query, context)
        try:
            selection, output, after = self._fit(demanding, scores, counts, clock)
        except BudgetError:  # the note may be what does not fit
            noting = getattr(context, "noting", None)
            if noting is None:
                raise
            demanding = with_demand(scorer, query, noting(note=False))
            selection, output, after = self._fit(demanding, scores, counts, clock)
        return Pruned(
            query=query,
            output=output,
            units=Verdicts(context, scores, counts.units, selection),
            tokens_before=counts.whole,
            tokens_after=after,
            counter=self._counter.name,
            scorer=SCORERS.name_of(type(scorer)),
            policy=getattr(self._policy, "name", None) or POLICIES.name_of(type(self._policy)),
            note=note_of(demanding, selection),
            seconds={"score": score_seconds, **clock.seconds},
        )

    def _fit(self, context: Context[T], scores: Scores, counts: _Counts, clock: Clock) -> tuple[Selection, T, int]:
        """Selection and rendering; a budget holds for the rendered text too, with all that stands between the units."""
        budget = getattr(self.policy, "budget", None)
        policy, by = self._policy, 0
        fitting = Fitting(budget or 0, loosens=hasattr(context, "as_text"))
        frame: str = getattr(context, "frame", "")  # what stands there whatever is kept
        if budget is not None and frame and hasattr(policy, "tightened"):
            by = self._counter.count(frame)
            policy = policy.tightened(by)
        found: tuple[Selection, T, int] | None = None
        closure, cache = Closure(context.units), RenderCache[T]()
        for _ in range(_ROUNDS):
            selection = self._select(policy, scores, context, counts.units, closure)
            clock.lap("select")
            output, after = cache.get(selection, lambda kept: self._write(context, kept, counts))
            clock.lap("render")
            if budget is None or after <= budget:
                found = selection, output, after
                if budget is None or selection.kept.all():
                    break
            following = fitting.following(by, after)
            if following is None or not hasattr(self._policy, "tightened"):
                break
            by = following
            policy = self._policy.tightened(by)
        if found is not None:
            return found
        raise BudgetError(
            f"what is kept renders to {after} tokens, over the budget of {budget}", hint="raise the budget"
        )

    def _write(self, context: Context[T], kept: list[int], counts: _Counts) -> tuple[T, int]:
        output = context.render(kept)
        return output, written_tokens(self._counter, context, output, kept, counts.units)

    def _select(
        self,
        policy: Policy,
        scores: Scores,
        context: Context[Any],
        tokens: NDArray[np.int64],
        closure: Closure,
    ) -> Selection:
        prices = None if hasattr(context, "as_text") else tokens  # the text that it writes is measured instead
        selection = _checked_selection(policy, policy.select(scores, context, tokens), closure, prices)
        if self.on_empty == "drop" or not _nothing_chosen(selection, closure):
            return selection
        if self.on_empty == "keep_all":
            everything = np.ones(len(tokens), dtype=np.bool_)
            reasons = ("pinned" if unit.pinned else "fallback" for unit in context.units)
            return _checked_selection(policy, Selection(everything, tuple(reasons)), closure, prices)
        best = getattr(policy, "select_best", Threshold().select_best)(scores, context, tokens)
        if not best.kept.any():
            budget = getattr(self.policy, "budget", None)
            room = "what the policy leaves room for" if budget is None else f"the {budget} tokens"
            least = "" if budget is None or column_units(context) else f"the smallest takes {tokens.min()}; "
            hint = f'{least}raise the limit, or let on_empty be "drop" to get nothing'
            raise BudgetError(f"no unit fits into {room}", hint=hint)
        return _checked_selection(policy, best, closure, prices)

    def _count(self, context: Context[Any]) -> _Counts:
        units = unit_tokens(self._counter, context)
        everything = range(len(units))
        output = context.render(everything)
        if isinstance(output, str):
            texts = getattr(context, "written", None) or [unit.text for unit in context.units]
            return _Counts(units, count_whole(self._counter, output, texts, units.tolist()))
        return _Counts(units, written_tokens(self._counter, context, output, everything, units))


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


def text_tokens(counter: TokenCounter, output: object, otherwise: int) -> int:
    """Tokens of `output` where it is a text or a list of texts, else `otherwise`."""
    if isinstance(output, str):
        return counter.count(output)
    return sum(counter.count_many(output)) if _is_texts(output) else otherwise


def unit_tokens(counter: TokenCounter, context: Context[Any]) -> NDArray[np.int64]:
    """Tokens of each unit, int64 (n_units,): of its text, or of what the context's `written` says that it adds."""
    texts = getattr(context, "written", None)
    return np.asarray(counter.count_many(texts or [unit.text for unit in context.units]), dtype=np.int64)


def _is_texts(output: object) -> TypeGuard[Sequence[str]]:
    return isinstance(output, (list, tuple)) and all(isinstance(item, str) for item in output)


def written_tokens(
    counter: TokenCounter, context: Context[Any], output: object, kept: Sequence[int], tokens: NDArray[np.int64]
) -> int:
    """Tokens of what the units `kept` rendered to: of `output` where that is text, else of what the context's
    `as_text(kept)` writes for it, else the sum of the units' own `tokens`, (n_units,)."""
    if hasattr(context, "as_text") and not isinstance(output, str) and not (_is_texts(output) and output):
        output = context.as_text(kept)
    return text_tokens(counter, output, int(tokens[list(kept)].sum()))


def scorer_for(scorer: Scorer, context: Context[Any]) -> Scorer:
    """Of a scorer that chooses among others by the context (`StructuredScorer`) the chosen one, else itself."""
    return scorer.for_context(context) if hasattr(scorer, "for_context") else scorer


def note_of(context: Context[Any], selection: Selection) -> str:
    """What the context's `note` says about what was left out; "" where it has none."""
    if not hasattr(context, "note"):
        return ""
    return str(context.note([int(index) for index in np.flatnonzero(selection.kept)]))


def _checked(queries: str | Sequence[str], contexts: Sequence[Context[Any]]) -> list[str]:
    if hasattr(contexts, "units") or not isinstance(contexts, Sequence):
        raise UsageError(f"contexts is a {type(contexts).__name__}", hint="give a list of contexts")
    questions = [queries] * len(contexts) if isinstance(queries, str) else list(queries)
    if len(questions) != len(contexts):
        raise UsageError(f"{len(questions)} queries do not match {len(contexts)} contexts", hint="give one for each")
    for question in questions:
        if not isinstance(question, str) or not question.strip():
            raise UsageError(f"the query is {question!r}", hint="give a text that asks something")
    for context in contexts:
        if not hasattr(context, "units") or not hasattr(context, "render"):
            raise UsageError(
                f"a {type(context).__name__} is not a context", hint="wrap text in ctxprune.rag.Passages, for instance"
            )
    return questions


def _checked_selection(
    policy: Policy, selection: Selection | NDArray[np.bool_], closure: Closure, tokens: NDArray[np.int64] | None
) -> Selection:
    """The policy's choice, held to its contract (without tokens not to its budget); a bare mask gets plain reasons."""
    where = type(policy).__name__
    if not isinstance(selection, Selection):
        mask = np.asarray(selection)
        selection = Selection(mask, tuple("selected" if kept else "score" for kept in mask.ravel()))
    if selection.kept.shape != (len(closure),) or selection.kept.dtype != np.bool_:
        raise UsageError(f"the policy gave {selection.kept.dtype} of shape {selection.kept.shape}", where=where)
    gaps = closure.gaps(selection.kept)
    if gaps:
        raise UsageError(f"the policy dropped unit {gaps[0]}, which is pinned or needed by a kept unit", where=where)
    budget, spent = getattr(policy, "budget", None), 0 if tokens is None else int(tokens[selection.kept].sum())
    if budget is not None and spent > budget:
        raise BudgetError(f"what is to be kept takes {spent} tokens, over the budget of {budget}", where=where)
    return selection


def _nothing_chosen(selection: Selection, closure: Closure) -> bool:
    """Whether only pinned units, with what they require, are kept while there are others."""
    forced = np.zeros_like(selection.kept)
    for index in closure.pinned:
        forced[closure.missing(index, forced)] = True
    return bool((selection.kept == forced).all() and not forced.all())

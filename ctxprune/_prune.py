"""The functions of `from ctxprune import prune`: they also take a plain text or a list of texts, and a bare budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ctxprune.errors import UsageError
from ctxprune.policies.token_budget import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.pruning.spans import start_prune
from ctxprune.scorers import DEFAULT_SCORER
from ctxprune.utils.tracing import start_span

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.policies.base import Policy
    from ctxprune.pruning.pruner import OnEmpty
    from ctxprune.pruning.result import Pruned
    from ctxprune.scorers.base import Scorer

__all__ = ["aprune", "prune"]

T = TypeVar("T")
DEFAULT_POLICY = "adaptive.v1"


@overload
def prune(  # type: ignore[overload-overlap]  # a text is a sequence of texts, too; this form comes first
    query: str,
    context: str,
    *,
    budget: int | None = None,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str | None = None,
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> Pruned[str]: ...
@overload
def prune(
    query: str,
    context: Sequence[str],
    *,
    budget: int | None = None,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str | None = None,
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> Pruned[list[str]]: ...
@overload
def prune(
    query: str,
    context: Context[T],
    *,
    budget: int | None = None,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str | None = None,
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> Pruned[T]: ...
def prune(
    query: str,
    context: Any,
    *,
    budget: int | None = None,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str | None = None,
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> Pruned[Any]:
    """What `context` keeps for `query`; see `Pruner`, which is cheaper to make once where there are many questions.

    Args:
        query: The question.
        context: A context; or a text, which is read as `Passage`; or a list of texts, read as `Passages`.
        budget: Tokens that the kept text may take; shorthand for `policy=TokenBudget(budget)`.
        scorer: A scorer, or the registered name of one.
        policy: A policy, or the registered name of one; None for the budget, and without one for "adaptive.v1".
        counter: What counts tokens; see `as_counter`.
        on_empty: What is kept where nothing is chosen: "keep_best", "keep_all" or "drop".

    Raises:
        UsageError: Both a budget and a policy; or as `Pruner` and `Pruner.prune`.
        BudgetError, UnknownNameError: As `Pruner` and `Pruner.prune`.

    Examples:
        ```python
        from ctxprune import TokenBudget, prune

        texts = ["The bridge is long. It opened in 1933.", "Cats sleep."]
        kept = prune("When did the bridge open?", texts, policy=TokenBudget(10))
        print(kept.output)  # ['It opened in 1933.', '']
        ```
    """
    pruner = Pruner(scorer, _policy(budget, policy), counter, on_empty)
    with start_prune([query]):
        return pruner.prune(query, _context(context))


async def aprune(
    query: str,
    context: Any,
    *,
    budget: int | None = None,
    scorer: Scorer | str = DEFAULT_SCORER,
    policy: Policy | str | None = None,
    counter: Any = None,
    on_empty: OnEmpty = "keep_best",
) -> Pruned[Any]:
    """As `prune`, without blocking the event loop.

    Examples:
        ```python
        import asyncio

        from ctxprune import aprune

        kept = asyncio.run(
            aprune("When did it open?", "The bridge is long. It opened in 1933.", budget=8)
        )
        print(kept.output)  # It opened in 1933.
        ```
    """
    pruner = Pruner(scorer, _policy(budget, policy), counter, on_empty)
    with start_prune([query]):
        return await pruner.aprune(query, _context(context))


def _policy(budget: int | None, policy: Policy | str | None) -> Policy | str:
    if budget is None:
        return DEFAULT_POLICY if policy is None else policy
    if policy is not None:
        raise UsageError("both budget and policy are given", hint="give policy=TokenBudget(budget), or budget alone")
    return TokenBudget(budget)


def _context(value: Any) -> Any:
    # Passages stand above pruning in the layers, so this module, which is above both, wraps texts.
    with start_span("ctxprune.prune.segment"):
        if isinstance(value, str):
            from ctxprune.rag.passages.passages import Passage

            return Passage(value)
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            from ctxprune.rag.passages.passages import Passages

            return Passages(value)
        return value

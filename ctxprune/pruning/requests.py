"""What a pruner is asked for: checked questions and contexts, and the request that a policy decides on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ctxprune.context.base import Context, as_context
from ctxprune.errors import UsageError
from ctxprune.policies.base import Request
from ctxprune.scorers.base import required_units

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer

__all__ = ["check_pairs", "make_request"]


def make_request(
    scorer: Scorer, query: str, context: Context[Any], scores: Scores, tokens: NDArray[np.int64]
) -> Request:
    """The request of one pruning, with what the question cannot be answered without."""
    required = required_units(scorer, query, context)
    own = required is not context.required
    # Only then a reader may be told that the question needs what did not fit.
    certain = not own or scorer.is_demand_certain(query, context)
    if required is not None and own and certain:
        context = context.with_required(required)
    return Request(query, context, scores, tokens, required, certain)


def check_pairs(queries: str | Sequence[str], contexts: Sequence[Context[Any]]) -> tuple[list[str], list[Context[Any]]]:
    """One question a context, and the contexts, adapted where they need to be."""
    if not isinstance(contexts, Sequence) or isinstance(contexts, Context):
        raise UsageError(f"contexts is a {type(contexts).__name__}", hint="give a list of contexts")
    questions = [queries] * len(contexts) if isinstance(queries, str) else list(queries)
    if len(questions) != len(contexts):
        raise UsageError(f"{len(questions)} queries do not match {len(contexts)} contexts", hint="give one for each")
    for question in questions:
        if not isinstance(question, str) or not question.strip():
            raise UsageError(f"the query is {question!r}", hint="give a text that asks something")
    return questions, [
        as_context(context, hint="wrap text in ctxprune.rag.Passages, for instance") for context in contexts
    ]

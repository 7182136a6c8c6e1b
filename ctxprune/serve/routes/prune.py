"""POST /v1/prune: what a question needs of a text, of documents or of a JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from ctxprune.errors import RequestError, UnknownNameError
from ctxprune.policies import Adaptive, Policy, Threshold, TokenBudget, TopK
from ctxprune.pruning import Pruner
from ctxprune.rag import Passage, PassageOptions, PassagePruner, Passages
from ctxprune.serve.replies import Json, encoded
from ctxprune.serve.routes.base import CallOf, ServiceOf, Strict, described
from ctxprune.serve.scoring import Scored, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.context import Context
    from ctxprune.result import Pruned
    from ctxprune.scorers.base import Scorer

__all__ = ["KINDS", "PruneRequest", "router"]

router = APIRouter(prefix="/v1", tags=["pruning"])


class Document(Strict):
    """One document."""

    text: str
    title: str = ""


class PruneRequest(Strict):
    """What is to be pruned, for which question, and how much may stay.

    At most one of `budget`, `top_k` and `threshold` says how much; without any the scores decide.
    """

    query: str = Field(min_length=1, max_length=10_000)
    kind: str = Field("text", description="What the text is: text or json.")
    text: str | None = Field(None, description="One text, of kind json a JSON text; the answer's output is one, too.")
    documents: list[str | Document] | None = Field(None, description="Several texts, for kind text.")
    budget: int | None = Field(None, ge=0, description="Tokens that may stay, of all documents together.")
    top_k: int | None = Field(None, ge=1, description="Units (sentences, JSON items) that may stay.")
    threshold: float | None = Field(None, description="Least score that stays.")
    on_empty: Literal["keep_best", "keep_all", "drop"] = "keep_best"
    markdown: bool = False
    reorder: bool = Field(False, description="Most relevant document first in `order`.")


class PruneReply(BaseModel):
    """The account of `ctxprune.result.Pruned`, and of each document its relevance."""

    output: str | list[str]
    tokens_before: int
    tokens_after: int
    counter: str
    scorer: str
    policy: str
    units: list[dict[str, Any]]
    relevance: list[float]
    order: list[int]


_ASKED = {
    "one text": {"value": {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933."}},
    "documents within a budget": {
        "value": {
            "query": "When did the bridge open?",
            "documents": ["The bridge is long. It opened in 1933.", {"title": "Cats", "text": "Cats sleep."}],
            "budget": 20,
        }
    },
    "a JSON text": {
        "value": {"query": "Which bridge?", "kind": "json", "text": '[{"bridge": "Golden Gate"}, {"cat": "Tom"}]'}
    },
}
_ANSWERED = {
    "output": "It opened in 1933.",
    "tokens_before": 12,
    "tokens_after": 7,
    "counter": "ctxprune-bpe.v1",
    "scorer": "cascade.v1",
    "policy": "adaptive.v1",
    "units": [{"index": 1, "text": "It opened in 1933.", "kept": True, "score": 0.97, "span": [20, 38]}],
    "relevance": [0.98],
    "order": [0],
}


@router.post("/prune", responses=described(PruneReply, _ANSWERED))
async def prune(
    asked: Annotated[PruneRequest, Body(openapi_examples=_ASKED)], service: ServiceOf, call: CallOf
) -> Json:
    """Keep what the question needs, byte for byte, and account for the rest."""
    if asked.kind not in KINDS:
        raise UnknownNameError("kind", asked.kind, KINDS)
    task = KINDS[asked.kind](asked, service.config.limits.documents, service.scoring.scorer)
    body, pruned = await service.scoring.do(task)
    service.metrics.tokens("prune", pruned.tokens_before, pruned.tokens_after)
    service.metrics.stages(pruned.seconds)
    call.told |= {"kind": asked.kind, "units": len(pruned.units), "tokens": pruned.tokens_before}
    return Json(body)


def _texts(asked: PruneRequest, most: int, scorer: Scorer) -> Task[Any]:
    """Sentences of one text or of several."""
    pruner = Pruner(scorer, _policy(asked), None, asked.on_empty)
    options = PassageOptions(markdown=asked.markdown, headings=asked.markdown)
    if (asked.text is None) == (asked.documents is None):
        raise RequestError("give one of text and documents", status=422)
    if asked.text is not None:
        return _single(asked.query, asked.text, lambda text: Passage(text, options=options), pruner)
    documents = [Document(text=entry) if isinstance(entry, str) else entry for entry in asked.documents or ()]
    if len(documents) > most:
        hint = f"at most {most} are taken; send them in parts"
        raise RequestError(f"there are {len(documents)} documents", status=422, hint=hint)
    titles = tuple(document.title for document in documents)
    passage_pruner = PassagePruner(pruner, reorder=asked.reorder)

    def make() -> Passages:
        texts = tuple(document.text for document in documents)
        return Passages(texts, options=options, titles=titles if any(titles) else ())

    def finish(scored: Scored) -> tuple[bytes, Pruned[Any]]:
        ranked = passage_pruner.prune_scored(
            asked.query, scored.context, scored.units, scored.documents, seconds=scored.seconds
        )
        told = {"relevance": ranked.relevance, "order": ranked.order}
        return encoded(ranked.pruned.to_dict() | told), ranked.pruned

    return Task(asked.query, sum(len(document.text) for document in documents), make, finish)


def _json(asked: PruneRequest, _most: int, scorer: Scorer) -> Task[Any]:
    """Items of the lists of a JSON text, which stays JSON."""
    from ctxprune.rag.jsondocument import json_lists

    if asked.text is None or asked.documents is not None:
        raise RequestError("kind json takes one text", status=422, hint="send the JSON as a string, in text")

    def make(text: str) -> Context[str]:
        items = json_lists(text)
        if items is None:
            raise RequestError("the text is no list or object in JSON", status=422)
        return items

    return _single(asked.query, asked.text, make, Pruner(scorer, _policy(asked), None, asked.on_empty))


KINDS: dict[str, Callable[[PruneRequest, int, Scorer], Task[Any]]] = {"json": _json, "text": _texts}
"""By kind what makes a task of a request, of the most documents that it may hold and of the scorer."""


def _single(query: str, text: str, make: Callable[[str], Context[str]], pruner: Pruner) -> Task[Any]:
    def finish(scored: Scored) -> tuple[bytes, Pruned[str]]:
        pruned = pruner.prune_scored(query, scored.context, scored.units, seconds=scored.seconds)
        told = {"relevance": scored.documents.tolist(), "order": [0]}
        return encoded(pruned.to_dict() | told), pruned

    return Task(query, len(text), lambda: make(text), finish)


def _policy(asked: PruneRequest) -> Policy:
    given = [name for name in ("budget", "top_k", "threshold") if getattr(asked, name) is not None]
    if len(given) > 1:
        raise RequestError(f"{' and '.join(given)} are given together", status=422, hint="give one of them")
    if asked.budget is not None:
        return TokenBudget(asked.budget)
    if asked.top_k is not None:
        return TopK(asked.top_k)
    return Adaptive() if asked.threshold is None else Threshold(asked.threshold)

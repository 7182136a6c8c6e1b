"""POST /v1/prune: what a question needs of a text, of documents, of a page, a table, a JSON text or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from ctxprune.errors import InputError, RequestError, UnknownNameError
from ctxprune.policies import Adaptive, Policy, TableBudget, Threshold, TokenBudget, TopK
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag import Passage, PassageOptions, PassagePruner, Passages
from ctxprune.rag.kinds import KINDS, TABLES, read_context
from ctxprune.rag.passages.fallback import FallbackPassage
from ctxprune.rag.sniff import sniff_kind
from ctxprune.serve.replies import Json, encode
from ctxprune.serve.routes.base import LONGEST_NAME, BodyRoute, CallOf, ServiceOf, Strict, describe_replies, make_reply
from ctxprune.serve.scoring import Outcome, Scored, Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.context.base import Context
    from ctxprune.pruning.result import Pruned
    from ctxprune.scorers.base import Scorer

__all__ = ["PruneRequest", "plan", "router"]

router = APIRouter(prefix="/v1", tags=["pruning"], route_class=BodyRoute)


class Document(Strict):
    """One document."""

    text: str
    title: str = ""


class PruneRequest(Strict):
    """What is to be pruned, for which question, and how much may stay.

    At most one of `budget`, `top_k` and `threshold` says how much; without any the scores decide.
    """

    query: str = Field(min_length=1, max_length=10_000)
    kind: str = Field(
        "text", max_length=LONGEST_NAME, description=f"What the text is: {', '.join(KINDS)}; or auto, by its looks."
    )
    text: str | None = Field(None, description="One text of that kind; the answer's output is one, too.")
    documents: Annotated[list[str | Document], Field(fail_fast=True)] | None = Field(
        None, description="Several texts, for kind text."
    )
    budget: int | None = Field(None, ge=0, description="Tokens that may stay, of all documents together.")
    top_k: int | None = Field(None, ge=1, description="Units (sentences, blocks, rows, JSON values) that may stay.")
    threshold: float | None = Field(None, description="Least score that stays.")
    on_empty: Literal["keep_best", "keep_all", "drop"] = "keep_best"
    markdown: bool = False
    reorder: bool = Field(False, description="Most relevant document first in `order`.")


class PruneReply(BaseModel):
    """The account of `ctxprune.pruning.result.Pruned`, and of each document its relevance."""

    kind: str
    noun: str = Field(description="What a unit of this kind is called, in the plural.")
    output: str | list[str]
    tokens_before: int
    tokens_after: int
    counter: str
    scorer: str
    policy: str
    units: list[dict[str, Any]]
    relevance: list[float]
    order: list[int]


_REQUEST_EXAMPLES = {
    "one text": {"value": {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933."}},
    "documents within a budget": {
        "value": {
            "query": "When did the bridge open?",
            "documents": ["The bridge is long. It opened in 1933.", {"title": "Cats", "text": "Cats sleep."}],
            "budget": 20,
        }
    },
    "a table": {
        "value": {"query": "When was Paris?", "kind": "csv", "text": "Year,City\n1896,Athens\n1900,Paris\n", "top_k": 1}
    },
    "a JSON text": {
        "value": {"query": "Which bridge?", "kind": "json", "text": '[{"bridge": "Golden Gate"}, {"cat": "Tom"}]'}
    },
}
_REPLY_EXAMPLE = {
    "kind": "text",
    "noun": "sentences",
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


@router.post("/prune", responses=describe_replies(PruneReply, _REPLY_EXAMPLE))
async def prune(
    request: Annotated[PruneRequest, Body(openapi_examples=_REQUEST_EXAMPLES)], service: ServiceOf, call: CallOf
) -> Json:
    """Keep what the question needs, byte for byte, and account for the rest."""
    task = plan(request, service.scoring.scorer, call.id)
    return make_reply(await service.scoring.do(task, call.key, call.cost), service, call)


def plan(request: PruneRequest, scorer: Scorer, _request_id: str) -> Task[Outcome]:
    """What is to be done for a request.

    Raises:
        UnknownNameError: There is no such kind.
        RequestError: The parts of the request contradict each other.
    """
    guessed = request.kind == "auto"
    if guessed:
        request = request.model_copy(update={"kind": "text" if request.text is None else sniff_kind(request.text)})
    if request.kind not in KINDS:
        raise UnknownNameError("kind", request.kind, ["auto", *KINDS])
    return _texts(request, scorer) if request.kind == "text" else _structured(request, scorer, guessed=guessed)


def _texts(request: PruneRequest, scorer: Scorer) -> Task[Outcome]:
    """Sentences of one text or of several."""
    pruner = Pruner(scorer, _policy(request), None, request.on_empty)
    options = PassageOptions(markdown=request.markdown, headings=request.markdown)
    if (request.text is None) == (request.documents is None):
        raise RequestError("give one of text and documents", status=422)
    if request.text is not None:
        return _single(request, lambda text: Passage(text, options=options), pruner)
    documents = [Document(text=entry) if isinstance(entry, str) else entry for entry in request.documents or ()]
    titles = tuple(document.title for document in documents)
    passage_pruner = PassagePruner(pruner, reorder=request.reorder)

    def make() -> Passages:
        texts = tuple(document.text for document in documents)
        return Passages(texts, options=options, titles=titles if any(titles) else ())

    def finish(scored: Scored) -> Outcome:
        ranked = passage_pruner.prune_scored(
            request.query, scored.context, scored.units, scored.documents, seconds=scored.seconds
        )
        return _outcome(request, ranked.pruned, {"relevance": ranked.relevance, "order": ranked.order})

    return Task(request.query, make, finish)


def _structured(request: PruneRequest, scorer: Scorer, *, guessed: bool) -> Task[Outcome]:
    """A text of any other kind, which stays one of its kind; where that was `guessed` and is wrong, plain text."""
    if request.text is None or request.documents is not None:
        raise RequestError(f"kind {request.kind} takes one text", status=422, hint="send it as a string, in text")
    for name, value in (("markdown", request.markdown), ("reorder", request.reorder)):
        if value:
            raise RequestError(f"{name} is for kind text, and this is {request.kind}", status=422, hint="leave it out")
    policy = _policy(request, table=request.kind in TABLES)
    pruner = Pruner(scorer, policy, None, request.on_empty)
    return _single(request, lambda text: _context(text, "auto" if guessed else request.kind), pruner)


def _context(text: str, kind: str) -> Context[str]:
    try:
        return read_context(text, kind)
    except InputError as error:
        raise RequestError(error.what, status=422, where=error.where, hint=error.hint) from error


def _single(request: PruneRequest, make: Callable[[str], Context[str]], pruner: Pruner) -> Task[Outcome]:
    query, text = request.query, request.text or ""

    def finish(scored: Scored) -> Outcome:
        pruned = pruner.prune_scored(query, scored.context, scored.units, seconds=scored.seconds)
        plain = isinstance(scored.context, FallbackPassage)
        answered = request.model_copy(update={"kind": "text"}) if plain else request
        return _outcome(answered, pruned, {"relevance": scored.documents.tolist(), "order": [0]})

    return Task(query, lambda: make(text), finish)


def _outcome(request: PruneRequest, pruned: Pruned[Any], more: dict[str, Any]) -> Outcome:
    log_fields = {"kind": request.kind, "units": len(pruned.units), "tokens": pruned.tokens_before}
    body = encode(pruned.to_dict() | {"kind": request.kind, "noun": KINDS[request.kind].units} | more)
    return Outcome(body, "prune", (pruned.tokens_before, pruned.tokens_after), pruned.seconds, log_fields)


def _policy(request: PruneRequest, *, table: bool = False) -> Policy:
    limits = {"budget": request.budget, "top_k": request.top_k, "threshold": request.threshold}
    given = [name for name, value in limits.items() if value is not None]
    if len(given) > 1:
        raise RequestError(f"{' and '.join(given)} are given together", status=422, hint="give one of them")
    if request.budget is not None:
        return TableBudget(request.budget) if table else TokenBudget(request.budget)
    if request.top_k is not None:
        return TopK(request.top_k)
    return Adaptive() if request.threshold is None else Threshold(request.threshold)

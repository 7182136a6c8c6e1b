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
from ctxprune.rag.sniff import sniff_kind
from ctxprune.serve.replies import Json, encoded
from ctxprune.serve.routes.base import LONGEST_NAME, BodyRoute, CallOf, ServiceOf, Strict, account, described
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


_ASKED = {
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
_ANSWERED = {
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


@router.post("/prune", responses=described(PruneReply, _ANSWERED))
async def prune(
    asked: Annotated[PruneRequest, Body(openapi_examples=_ASKED)], service: ServiceOf, call: CallOf
) -> Json:
    """Keep what the question needs, byte for byte, and account for the rest."""
    task = plan(asked, service.scoring.scorer, call.id)
    return account(await service.scoring.do(task, call.key, call.cost), service, call)


def plan(asked: PruneRequest, scorer: Scorer, _request_id: str) -> Task[Outcome]:
    """What is to be done for a request.

    Raises:
        UnknownNameError: There is no such kind.
        RequestError: What was asked for does not go together.
    """
    if asked.kind == "auto":
        asked = asked.model_copy(update={"kind": "text" if asked.text is None else sniff_kind(asked.text)})
    if asked.kind not in KINDS:
        raise UnknownNameError("kind", asked.kind, ["auto", *KINDS])
    return (_texts if asked.kind == "text" else _structured)(asked, scorer)


def _texts(asked: PruneRequest, scorer: Scorer) -> Task[Outcome]:
    """Sentences of one text or of several."""
    pruner = Pruner(scorer, _policy(asked), None, asked.on_empty)
    options = PassageOptions(markdown=asked.markdown, headings=asked.markdown)
    if (asked.text is None) == (asked.documents is None):
        raise RequestError("give one of text and documents", status=422)
    if asked.text is not None:
        return _single(asked, lambda text: Passage(text, options=options), pruner)
    documents = [Document(text=entry) if isinstance(entry, str) else entry for entry in asked.documents or ()]
    titles = tuple(document.title for document in documents)
    passage_pruner = PassagePruner(pruner, reorder=asked.reorder)

    def make() -> Passages:
        texts = tuple(document.text for document in documents)
        return Passages(texts, options=options, titles=titles if any(titles) else ())

    def finish(scored: Scored) -> Outcome:
        ranked = passage_pruner.prune_scored(
            asked.query, scored.context, scored.units, scored.documents, seconds=scored.seconds
        )
        return _outcome(asked, ranked.pruned, {"relevance": ranked.relevance, "order": ranked.order})

    return Task(asked.query, make, finish)


def _structured(asked: PruneRequest, scorer: Scorer) -> Task[Outcome]:
    """A text of any other kind, which stays one of its kind."""
    if asked.text is None or asked.documents is not None:
        raise RequestError(f"kind {asked.kind} takes one text", status=422, hint="send it as a string, in text")
    for name in ("markdown", "reorder"):
        if getattr(asked, name):
            raise RequestError(f"{name} is for kind text, and this is {asked.kind}", status=422, hint="leave it out")
    policy = _policy(asked, table=asked.kind in TABLES)
    pruner = Pruner(scorer, policy, None, asked.on_empty)
    return _single(asked, lambda text: _context(text, asked.kind), pruner)


def _context(text: str, kind: str) -> Context[str]:
    try:
        return read_context(text, kind)
    except InputError as error:
        raise RequestError(error.what, status=422, where=error.where, hint=error.hint) from error


def _single(asked: PruneRequest, make: Callable[[str], Context[str]], pruner: Pruner) -> Task[Outcome]:
    query, text = asked.query, asked.text or ""

    def finish(scored: Scored) -> Outcome:
        pruned = pruner.prune_scored(query, scored.context, scored.units, seconds=scored.seconds)
        return _outcome(asked, pruned, {"relevance": scored.documents.tolist(), "order": [0]})

    return Task(query, lambda: make(text), finish)


def _outcome(asked: PruneRequest, pruned: Pruned[Any], more: dict[str, Any]) -> Outcome:
    told = {"kind": asked.kind, "units": len(pruned.units), "tokens": pruned.tokens_before}
    body = encoded(pruned.to_dict() | {"kind": asked.kind, "noun": KINDS[asked.kind].units} | more)
    return Outcome(body, "prune", (pruned.tokens_before, pruned.tokens_after), pruned.seconds, told)


def _policy(asked: PruneRequest, *, table: bool = False) -> Policy:
    given = [name for name in ("budget", "top_k", "threshold") if getattr(asked, name) is not None]
    if len(given) > 1:
        raise RequestError(f"{' and '.join(given)} are given together", status=422, hint="give one of them")
    if asked.budget is not None:
        return TableBudget(asked.budget) if table else TokenBudget(asked.budget)
    if asked.top_k is not None:
        return TopK(asked.top_k)
    return Adaptive() if asked.threshold is None else Threshold(asked.threshold)

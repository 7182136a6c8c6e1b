"""POST /v1/rerank: documents by falling relevance, in the form that rerank clients of Cohere, Jina and vLLM expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from ctxprune.errors import RequestError
from ctxprune.rag import Passages
from ctxprune.rag.ranking import rank_scored
from ctxprune.scorers import SCORERS, as_scorer
from ctxprune.serve.replies import Json, encode
from ctxprune.serve.routes.base import BodyRoute, CallOf, ServiceOf, describe_replies, make_reply
from ctxprune.serve.scoring import Outcome, Scored, Task
from ctxprune.tokens import BundledCounter

if TYPE_CHECKING:
    from ctxprune.scorers.base import Scorer

__all__ = ["RerankRequest", "plan", "router"]

router = APIRouter(prefix="/v1", tags=["pruning"], route_class=BodyRoute)


class Text(BaseModel):
    """One document; other entries are passed over."""

    text: str


class RerankRequest(BaseModel):
    """As clients of other services send it; entries that only those know are passed over."""

    model_config = ConfigDict(strict=True)

    query: str = Field(min_length=1, max_length=10_000)
    documents: list[str | Text] = Field(min_length=1, fail_fast=True)
    top_n: int | None = Field(None, ge=1, description="How many to give back; all if not said.")
    return_documents: bool = False
    model: str = Field("", description="Passed over: the service has one scorer.")


class RerankResult(BaseModel):
    """One document by its place in the request."""

    index: int
    relevance_score: float
    document: Text | None = None


class Usage(BaseModel):
    """Tokens that were read."""

    total_tokens: int


class RerankReply(BaseModel):
    """The documents, the most relevant first; equal ones in the order they came in."""

    id: str
    model: str
    results: list[RerankResult]
    usage: Usage


_REQUEST_EXAMPLES = {
    "two documents": {
        "value": {
            "query": "When did the bridge open?",
            "documents": ["Cats sleep all day.", "The bridge opened in 1933."],
            "top_n": 1,
            "return_documents": True,
        }
    }
}
_REPLY_EXAMPLE = {
    "id": "6f1c0b1e",
    "model": "cascade.v1",
    "results": [{"index": 1, "relevance_score": 0.97, "document": {"text": "The bridge opened in 1933."}}],
    "usage": {"total_tokens": 20},
}


@router.post("/rerank", responses=describe_replies(RerankReply, _REPLY_EXAMPLE))
async def rerank(
    request: Annotated[RerankRequest, Body(openapi_examples=_REQUEST_EXAMPLES)], service: ServiceOf, call: CallOf
) -> Json:
    """Rank documents by how relevant they are to the question."""
    task = plan(request, service.scoring.scorer, call.id)
    return make_reply(await service.scoring.do(task, call.key, call.cost), service, call)


def plan(request: RerankRequest, scorer: Scorer, request_id: str) -> Task[Outcome]:
    """What is to be done for a request.

    Raises:
        RequestError: The query is empty.
    """
    if not request.query.strip():
        raise RequestError("the query is empty", status=422, hint="give a text that asks something")
    texts = tuple(entry if isinstance(entry, str) else entry.text for entry in request.documents)

    def finish(scored: Scored) -> Outcome:
        found = rank_scored(scored.context, scored.documents, top_k=request.top_n)
        results = [_result(entry, texts if request.return_documents else ()) for entry in found]
        tokens = sum(BundledCounter().count_many((request.query, *texts)))
        head = {"id": request_id, "model": SCORERS.name_of(type(as_scorer(scorer).for_context(scored.context).origin))}
        body = encode({**head, "results": results, "usage": {"total_tokens": tokens}})
        return Outcome(body, "rerank", (tokens, 0), {}, {"documents": len(texts), "tokens": tokens})

    return Task(request.query, lambda: Passages(texts), finish)


def _result(entry: dict[str, Any], texts: tuple[str, ...]) -> dict[str, Any]:
    result = {"index": entry["corpus_id"], "relevance_score": entry["score"]}
    return result | ({"document": {"text": texts[entry["corpus_id"]]}} if texts else {})

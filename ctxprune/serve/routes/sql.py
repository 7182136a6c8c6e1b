"""GET /v1/databases, POST /v1/sql/link and POST /v1/sql/ask: questions to databases, which go by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.responses import Response

from ctxprune.errors import CtxpruneError, RequestError
from ctxprune.serve.replies import Json, encode, encode_event
from ctxprune.serve.routes.base import LONGEST_NAME, BodyRoute, CallOf, ServiceOf, Strict, describe_replies
from ctxprune.tokens import as_counter

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.serve.call import Call
    from ctxprune.serve.keys import Key
    from ctxprune.serve.service import Service
    from ctxprune.sql.pipeline.answer import Answer

__all__ = ["AskRequest", "LinkRequest", "router"]

router = APIRouter(prefix="/v1", tags=["databases"], route_class=BodyRoute)


class LinkRequest(Strict):
    """A question on a database, by its name in the configuration."""

    database: str = Field(max_length=LONGEST_NAME)
    question: str = Field(max_length=10_000)
    evidence: str = Field("", max_length=10_000, description="Further knowledge about the question.")
    form: str = Field(
        "mschema", max_length=LONGEST_NAME, description="How the schema is written: mschema, ddl or compact."
    )


class AskRequest(Strict):
    """A question on a database, by its name in the configuration."""

    database: str = Field(max_length=LONGEST_NAME)
    question: str = Field(max_length=10_000)
    evidence: str = Field("", max_length=10_000, description="Further knowledge about the question.")
    stream: bool = Field(False, description="Answer with server-sent events; so does Accept: text/event-stream.")
    trace: bool = Field(False, description="Whether the answer holds all that happened on the way to it.")


class LinkReply(BaseModel):
    """The linked schema, why each column was kept, and as prompt text."""

    database: str
    tables: list[dict[str, Any]]
    hits: list[dict[str, Any]]
    text: str
    form: str
    tokens_before: int
    tokens_after: int
    columns_before: int
    columns_after: int


class AskReply(BaseModel):
    """An answer, or a refusal with its reason, what of the question it leaves out, what is doubted, and where the
    request asks for it how it came about.
    """

    sql: str
    columns: list[str]
    rows: list[list[Any]]
    truncated: bool
    outcome: str
    confidence: float
    refused: bool
    reason: str
    reading: dict[str, Any] | None
    unused: list[str]
    doubts: list[dict[str, Any]]
    question_back: str
    other_sql: str
    trace: dict[str, Any] | None = None


class DatabaseReply(BaseModel):
    """What the key may see of one database."""

    name: str
    available: bool
    schema_: dict[str, Any] | None = Field(alias="schema")


class DatabasesReply(BaseModel):
    """All databases that the key may use."""

    databases: list[DatabaseReply]


_QUESTION = {"database": "shop", "question": "How many cities are in Brazil?"}
_LINKED = {
    "database": "shop",
    "tables": [{"name": "city", "score": 0.98, "columns": [{"name": "country", "score": 0.9, "reasons": ["value"]}]}],
    "hits": [{"table": "city", "column": "country", "value": "Brazil", "span": [23, 29], "score": 1.0}],
    "text": "# Table: city\n[(country:TEXT, Examples: [Brazil])]",
    "form": "mschema",
    "tokens_before": 120,
    "tokens_after": 40,
    "columns_before": 8,
    "columns_after": 2,
}
_REPLY_EXAMPLE = {
    "sql": "SELECT COUNT(*) FROM city WHERE country = 'Brazil'",
    "columns": ["COUNT(*)"],
    "rows": [[1]],
    "truncated": False,
    "outcome": "answered",
    "confidence": 0.97,
    "refused": False,
    "reason": "4 of 4 working candidates gave this result",
    "reading": {"spans": [], "extra": [], "unused": [], "coverage": 1.0},
    "unused": [],
    "doubts": [],
    "question_back": "",
    "other_sql": "",
}
_DATABASES = {"databases": [{"name": "shop", "available": True, "schema": {"format": "ctxprune.schema", "version": 1}}]}


@router.get("/databases", responses=describe_replies(DatabasesReply, _DATABASES))
async def databases(service: ServiceOf, call: CallOf) -> Json:
    """The databases that the key may use, each with the tables and columns that it may see."""
    return Json(await service.run_blocking(lambda: encode({"databases": _visible(service, call.key)}), call.key))


@router.post("/sql/link", responses=describe_replies(LinkReply, _LINKED))
async def link(
    request: Annotated[LinkRequest, Body(openapi_examples={"a question": {"value": _QUESTION}})],
    service: ServiceOf,
    call: CallOf,
) -> Json:
    """The part of a schema that a question needs, and why."""
    # Imported here, as in `_answer`: a service without databases starts half a second sooner.
    from ctxprune.sql.linking.document import link_document
    from ctxprune.sql.render import RENDERERS

    _check(request)
    renderer = RENDERERS.get(request.form)()
    call.key.access(request.database)
    call.log_fields["database"] = request.database

    def work() -> tuple[bytes, int, int]:
        view = service.databases.view(request.database, call.key)
        linked = view.link(request.question, request.evidence)
        counter, text = as_counter(), renderer.render(linked.schema, hits=linked.hits)
        before, after = counter.count(renderer.render(view.schema, hits=linked.hits)), counter.count(text)
        account = {"tokens_before": before, "tokens_after": after, "tokenizer": counter.name}
        document = link_document(linked, request.question, request.evidence)
        return encode(document | {"form": request.form, "text": text} | account), before, after

    body, before, after = await service.run_blocking(work, call.key)
    service.metrics.tokens("link", before, after)
    return Json(body)


@router.post("/sql/ask", responses=describe_replies(AskReply, _REPLY_EXAMPLE))
async def ask(
    request: Annotated[AskRequest, Body(openapi_examples={"a question": {"value": _QUESTION}})],
    service: ServiceOf,
    call: CallOf,
) -> Response:
    """Answer a question with rows of one read-only query, as JSON or as the events `step` and, at last, `answer`."""
    _check(request)
    call.key.access(request.database)
    call.log_fields["database"] = request.database
    if request.stream or b"text/event-stream" in call.headers.get(b"accept", b""):
        return StreamingResponse(_events(request, service, call), media_type="text/event-stream")
    body = await service.run_blocking(
        lambda: encode(_answer(request, service, call.key).to_dict(trace=request.trace)), call.key
    )
    call.reserve(len(body))
    return Json(body)


async def _events(request: AskRequest, service: Service, call: Call) -> AsyncIterator[bytes]:
    """What each step found as soon as it is known, then the answer. The call holds the bytes that are still to be sent.

    Raises:
        RequestError: 429, there is no room for them.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | RequestError | None] = asyncio.Queue()
    held = 0

    def put(item: bytes) -> None:
        nonlocal held
        try:
            call.reserve(held + len(item))
        except RequestError as error:
            queue.put_nowait(error)
            running.cancel()
            return
        held += len(item)
        queue.put_nowait(item)

    def tell(name: str, content: dict[str, Any]) -> None:
        loop.call_soon_threadsafe(put, encode_event(name, content))

    def work() -> None:
        try:
            tell("answer", _answer(request, service, call.key, tell).to_dict(trace=request.trace))
        finally:
            loop.call_soon_threadsafe(queue.put_nowait, None)

    running = asyncio.ensure_future(service.run_blocking(work, call.key))
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, RequestError):
                raise item
            yield item
            held -= len(item)
            call.reserve(held)
        await running
    finally:
        running.cancel()


def _answer(
    request: AskRequest, service: Service, key: Key, tell: Callable[[str, dict[str, Any]], None] | None = None
) -> Answer:
    from ctxprune.serve.steps import stream_steps

    pipeline = service.databases.view(request.database, key).pipeline
    answer = (pipeline if tell is None else stream_steps(pipeline, tell)).ask(request.question, request.evidence)
    if answer.refusal is not None and answer.refusal.kind == "failed":
        service.databases.drop_outdated(
            request.database
        )  # perhaps a table is gone; the next question sees what is there
    trace = answer.trace
    service.metrics.stages({step.name: step.ms / 1e3 for step in trace.steps})
    service.metrics.tokens("generate", trace.tokens_in, trace.tokens_out)
    if trace.linked is not None:
        service.metrics.tokens("link", trace.linked.tokens_before, trace.linked.tokens_after)
    return answer


def _visible(service: Service, key: Key) -> list[dict[str, Any]]:
    found = []
    for name in key.databases:
        try:
            schema: dict[str, Any] | None = service.databases.schema(name, key).to_dict()
        except CtxpruneError:
            schema = None
        found.append({"name": name, "available": schema is not None, "schema": schema})
    return found


def _check(request: LinkRequest | AskRequest) -> None:
    if not request.question.strip():
        raise RequestError("the question is empty", status=422, hint="ask something")

"""POST /v1/sql/run: a statement of the caller's own, behind the guard and the limits that questions have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from ctxprune.serve.cost import estimate_seconds, is_short
from ctxprune.serve.replies import Json, encode
from ctxprune.serve.routes.base import (
    LONGEST_NAME,
    BodyRoute,
    CallOf,
    ServiceOf,
    Strict,
    describe_replies,
    make_reply,
)
from ctxprune.serve.rows import ROWS_PATH, RowsRequest, cut_without_scores, plan, reply, request_of

if TYPE_CHECKING:
    from ctxprune.serve.call import Call
    from ctxprune.serve.keys import Key
    from ctxprune.serve.scoring import Outcome
    from ctxprune.serve.service import Service

__all__ = ["RunRequest", "router"]

router = APIRouter(prefix="/v1", tags=["databases"], route_class=BodyRoute)


class RunRequest(Strict):
    """One statement that returns rows, and what they are needed for."""

    database: str = Field(max_length=LONGEST_NAME)
    sql: str = Field(min_length=1, max_length=100_000, description="One SELECT on tables that the key may see.")
    question: str = Field(
        "", max_length=10_000, description="Which rows and columns stay where not all fit; without it the first rows."
    )
    budget: int = Field(2_000, ge=1, description="Tokens that the answer's text may have.")


class RunReply(BaseModel):
    """The rows that fit, and what was left out."""

    sql: str = Field(description="The text that ran, as the guard wrote it.")
    columns: list[str]
    rows: list[list[Any]]
    text: str = Field(
        description="The same cells as CSV, under the note; within the budget. NULL is an empty field, as is an empty "
        'text (`rows` tells them apart); in the only column it is written "", since a blank line is no record.'
    )
    note: str = Field(description='What was left out; "" where nothing was.')
    rows_read: int = Field(description="Rows that the query gave, up to the service's limit.")
    truncated: bool = Field(description="Whether it gave more than those.")
    tokens_before: int
    tokens_after: int
    counter: str


_REQUEST_EXAMPLES = {
    "a query": {"value": {"database": "shop", "sql": "SELECT name FROM city WHERE country = 'Brazil'"}},
    "rows for a question": {
        "value": {"database": "shop", "sql": "SELECT * FROM city", "question": "Which city is in Brazil?", "budget": 50}
    },
}
_REPLY_EXAMPLE = {
    "sql": "SELECT name AS name FROM city WHERE country = 'Brazil'",
    "columns": ["name"],
    "rows": [["São Paulo"]],
    "text": "name\nSão Paulo\n",
    "note": "",
    "rows_read": 1,
    "truncated": False,
    "tokens_before": 7,
    "tokens_after": 7,
    "counter": "ctxprune-bpe.v1",
}


@router.post("/sql/run", responses=describe_replies(RunReply, _REPLY_EXAMPLE))
async def run(
    request: Annotated[RunRequest, Body(openapi_examples=_REQUEST_EXAMPLES)], service: ServiceOf, call: CallOf
) -> Json:
    """Run one read-only statement, and give the rows that fit into a budget, with a note on what was left out."""
    call.key.access(request.database)
    call.log_fields["database"] = request.database
    found = await service.run_blocking(lambda: _fetch(request, service, call.key), call.key)
    if isinstance(found, bytes):
        return make_reply(await _cut_by_scores(found, service, call), service, call)
    call.reserve(len(found.body))
    return make_reply(found, service, call)


def _fetch(request: RunRequest, service: Service, key: Key) -> Outcome | bytes:
    """The answer; or the rows as JSON where the choice among them needs scores."""
    view = service.databases.view(request.database, key)
    sql, result = view.run(request.sql)
    rows = request_of(request.question, request.budget, sql, result)
    cut = cut_without_scores(rows)
    return encode(rows.model_dump()) if cut is None else reply(rows, cut)


async def _cut_by_scores(rows: bytes, service: Service, call: Call) -> Outcome:
    """Few rows are scored with the short requests, many in a process of their own, as bodies of these sizes are."""
    call.reserve(len(rows))
    cost = estimate_seconds(rows)
    if is_short(rows, cost):
        task = plan(RowsRequest.model_validate_json(rows), service.scoring.scorer, call.id)
        return await service.scoring.do(task, call.key, cost)
    headers = {b"content-type": b"application/json"}
    return await service.long.do(ROWS_PATH, replace(call, body=rows, headers=headers, cost=cost))

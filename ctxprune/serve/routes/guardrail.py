"""POST /beta/litellm_basic_guardrail_api: what a LiteLLM proxy calls before it sends a request to a model."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from ctxprune.serve.guardrail import GuardrailRequest
from ctxprune.serve.long import GUARDRAIL_PATH
from ctxprune.serve.replies import Json
from ctxprune.serve.routes.base import BodyRoute, CallOf, ServiceOf, describe_replies, make_reply

__all__ = ["router"]

router = APIRouter(tags=["gateway"], route_class=BodyRoute)


class GuardrailReply(BaseModel):
    """What the proxy does with the request; what is not named stays as it was."""

    action: Literal["NONE", "GUARDRAIL_INTERVENED"]
    texts: list[Any] | None = Field(None, description="All texts in their order, some of them cut.")
    ctxprune: dict[str, Any] = Field(description="Tokens before and after, and how many texts were cut, or why not.")


_LOG = "The pump stopped at noon. The bridge opened in 1933. Cats sleep all day. " * 60
_MESSAGES = [
    {"role": "user", "content": "When did the bridge open?"},
    {"role": "tool", "tool_call_id": "1", "content": _LOG},
]
_REQUEST_EXAMPLES = {
    "the result of a tool": {
        "value": {
            "input_type": "request",
            "texts": ["When did the bridge open?", _LOG],
            "structured_messages": _MESSAGES,
            "request_data": {},
            "additional_provider_specific_params": {"limit": 64},
        }
    }
}
_REPLY_EXAMPLE = {
    "action": "GUARDRAIL_INTERVENED",
    "texts": ["When did the bridge open?", "The bridge opened in 1933."],
    "ctxprune": {"tokens_before": 1020, "tokens_after": 64, "texts": {"other_role": 1, "pruned": 1}},
}


@router.post(GUARDRAIL_PATH, responses=describe_replies(GuardrailReply, _REPLY_EXAMPLE))
async def prune_traffic(
    request: Annotated[GuardrailRequest, Body(openapi_examples=_REQUEST_EXAMPLES)], service: ServiceOf, call: CallOf
) -> Json:
    """Cut long results of tools to what the user asked, for LiteLLM's generic guardrail API (mode pre_call)."""
    outcome = await service.run_blocking(partial(service.traffic.prune, request, call.mark), call.key)
    return make_reply(outcome, service, call)

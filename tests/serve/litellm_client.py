"""Run by an interpreter that has the litellm package, which is none of ours: one JSON line for each case.

    PYTHON tests/serve/litellm_client.py ADDRESS KEY

Requests go through LiteLLM's own guardrail client and its own readers of OpenAI's and Anthropic's requests.
"""

import asyncio
import copy
import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it asks a server for prices when it is imported

from litellm.llms.anthropic.chat.guardrail_translation.handler import AnthropicMessagesHandler
from litellm.llms.openai.chat.guardrail_translation.handler import OpenAIChatCompletionsHandler
from litellm.proxy.guardrails.guardrail_hooks.generic_guardrail_api.generic_guardrail_api import GenericGuardrailAPI

QUESTION = "When did the bridge open?"
FILLER = [f"The pump number {n} was serviced on a quiet day in the harbour." for n in range(120)]
RESULT = " ".join([*FILLER[:60], "The bridge opened in 1933.", *FILLER[60:]])
CALL = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": "bridge"}'}}
TOOL = {"name": "search", "description": "Searches.", "parameters": {"type": "object", "properties": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
OPENAI = {
    "model": "m",
    "stream": True,
    "tools": [{"type": "function", "function": TOOL}],
    "messages": [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}, IMAGE]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": RESULT},
    ],
}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
USE = {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "bridge"}}
ANTHROPIC = {
    "model": "m",
    "max_tokens": 10,
    "stream": True,
    "tools": [{"name": "search", "description": "Searches.", "input_schema": {"type": "object", "properties": {}}}],
    "system": "Answer in one sentence.",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": QUESTION}, {"type": "image", "source": SOURCE}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "bridge"}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": RESULT}]}],
        },
    ],
}


def with_large_image(request: dict) -> dict:
    """The same with an image of 9 MB, more than the service takes of texts."""
    text = json.dumps(request).replace("iVBORw0KGgo=", "QUJD" * 3_000_000)
    return json.loads(text)


async def main(address: str, key: str) -> None:
    guardrail = GenericGuardrailAPI(
        api_base=address, api_key=key, guardrail_name="ctxprune", event_hook="pre_call", default_on=True
    )
    for name, handler, request in (
        ("openai", OpenAIChatCompletionsHandler(), OPENAI),
        ("anthropic", AnthropicMessagesHandler(), ANTHROPIC),
    ):
        after = await handler.process_input_messages(copy.deepcopy(request), guardrail)
        sys.stdout.write(json.dumps({"name": name, "before": request, "after": after}) + "\n")
        large = with_large_image(request)
        after = await handler.process_input_messages(copy.deepcopy(large), guardrail)
        found = {"same image": after["messages"][-3] == large["messages"][-3], "last": after["messages"][-1]}
        sys.stdout.write(json.dumps({"name": f"{name}, large image", **found}) + "\n")
    refused = GenericGuardrailAPI(api_base=address, api_key="wrong", guardrail_name="x", event_hook="pre_call")
    try:
        await OpenAIChatCompletionsHandler().process_input_messages(copy.deepcopy(OPENAI), refused)
    except Exception as error:  # noqa: BLE001 - whatever LiteLLM raises is what its caller sees
        sys.stdout.write(json.dumps({"name": "wrong key", "error": str(error)}) + "\n")


asyncio.run(main(*sys.argv[1:]))

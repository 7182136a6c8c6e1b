"""Spans of calls to chat models, by OpenTelemetry's conventions for generative AI (`gen_ai.*`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ctxprune.llm.base import model_name, remove_secrets
from ctxprune.utils.tracing import captures_content, start_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Prices, Sampling
    from ctxprune.utils.tracing import Span

__all__ = ["describe_answers", "start_chat"]


def start_chat(model: ChatModel, messages: Sequence[Message], sampling: Sampling) -> Span:
    """The span of one request to a model."""
    return start_span(
        lambda: f"chat {_describe_model(model)['gen_ai.request.model']}",
        lambda: _describe_model(model) | _describe_sampling(sampling) | _content("gen_ai.input.messages", messages),
        kind="CLIENT",
        live=True,  # instrumented clients have spans of their requests
    )


def describe_answers(span: Span, answers: Sequence[ChatAnswer], prices: Prices | None) -> None:
    """What came back: tokens, and what it cost."""
    if not span.recording:
        return
    span.set(
        {
            "gen_ai.usage.input_tokens": sum(answer.tokens_in for answer in answers),
            "gen_ai.usage.output_tokens": sum(answer.tokens_out for answer in answers),
            "ctxprune.cached": bool(answers) and all(answer.cached for answer in answers),
            "ctxprune.cost": None if prices is None else prices.cost(answers),
            **_content("gen_ai.output.messages", (("assistant", answer.text) for answer in answers)),
        }
    )


def _describe_model(model: ChatModel) -> dict[str, Any]:
    known = {"gen_ai.provider.name": "_OTHER", "gen_ai.request.model": model_name(model), **model.span_attributes}
    # A user may have named a model by its URL.
    return {name: remove_secrets(value) if isinstance(value, str) else value for name, value in known.items()}


def _describe_sampling(sampling: Sampling) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.seed": sampling.seed,
        # By the conventions it is given only where it is not 1.
        "gen_ai.request.choice.count": sampling.n if sampling.n > 1 else None,
    }


def _content(attribute: str, turns: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Messages in the JSON of the conventions, where they are asked for."""
    if not captures_content():
        return {}
    messages = [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in turns]
    return {attribute: json.dumps(messages, ensure_ascii=False)}

"""A schema with a field of each kind, and chat models that answer by script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Sampling

PRODUCT: dict[str, Any] = json.loads((Path(__file__).parent / "product.json").read_text(encoding="utf-8"))


class ScriptedModel(ChatModel):
    """Gives its answers in order, the last one again; remembers what it was sent."""

    fingerprint = "scripted"

    def __init__(self, *answers: str | Exception) -> None:
        self.answers, self.sent = list(answers), list[list[Message]]()

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        self.sent.append(list(messages))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return [ChatAnswer(answer)]


@pytest.fixture
def product() -> dict[str, Any]:
    return PRODUCT


@pytest.fixture
def scripted() -> type[ScriptedModel]:
    return ScriptedModel

"""Chat models that misbehave on demand."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.llm.base import ChatAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.llm.base import Message, Sampling


@dataclass
class FakeModel:
    """Answers with `reply(prompt, sampling, i)`; keeps every prompt."""

    reply: Callable[[str, Sampling, int], str]
    fingerprint: str = "fake"
    prompts: list[str] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> list[ChatAnswer]:
        prompt = "\n".join(message.content for message in messages)
        with self.lock:
            self.prompts.append(prompt)
            self.samplings.append(sampling)
        texts = [self.reply(prompt, sampling, turn) for turn in range(sampling.n)]
        return [ChatAnswer(text, 10 if i == 0 else 0, 5, 1.0) for i, text in enumerate(texts)]


def saying(text: str) -> FakeModel:
    """A model that always writes the same."""
    return FakeModel(lambda _prompt, _sampling, _turn: text)


def raising(error: Exception) -> FakeModel:
    """A model that always fails."""

    def fail(_prompt: str, _sampling: Sampling, _turn: int) -> str:
        raise error

    return FakeModel(fail)


def hanging(seconds: float) -> FakeModel:
    """A model that answers too late."""

    def wait(_prompt: str, _sampling: Sampling, _turn: int) -> str:
        time.sleep(seconds)
        return "SELECT 1"

    return FakeModel(wait)


@dataclass
class SilentModel:
    """A model that gives no answer at all."""

    fingerprint: str = "silent"

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> list[ChatAnswer]:
        return []

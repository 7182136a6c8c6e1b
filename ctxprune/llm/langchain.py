"""LangChain chat models as chat models of ours, by duck type: nothing of LangChain is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from inspect import getattr_static
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import ChatAnswer
from ctxprune.utils.cancellation import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.llm.base import ChatModel, Message, Sampling

__all__ = ["InvokeModel", "as_chat_model"]

_REFUSAL = re.compile(r"un(?:expected|supported|known|recogni[sz]ed)|not (?:\w+ )?(?:support|permit|allow)|extra", re.I)


@dataclass(frozen=True)
class InvokeModel:
    """Anything with LangChain's `invoke(messages, stop=..., **parameters)` that answers with an AIMessage or a text.

    Attributes:
        model: A `BaseChatModel`, or a runnable around one.
        parameters: Which of "temperature", "max_tokens" and "seed" are handed to `invoke`. One that the model says it
            does not take is left out from then on; what is not handed over, the model decides.
        name: Part of cache keys; default: the model's class and model name.
    """

    model: Any
    parameters: tuple[str, ...] = ("temperature", "max_tokens")
    name: str = ""
    one_by_one: bool = field(default=True, init=False, repr=False, compare=False)  # each answer is a request of its own
    _refused: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unknown = set(self.parameters) - {"temperature", "max_tokens", "seed"}
        if unknown:
            raise UsageError(f"unknown parameter {min(unknown)!r}", hint="known: max_tokens, seed, temperature")

    @property
    def fingerprint(self) -> str:
        """Class and model name; settings of the model object beyond its name do not count, `name` can add them."""
        kind = type(self.model)
        found = (getattr(self.model, key, None) for key in ("model_name", "model", "model_id", "deployment_name"))
        label = next((value for value in found if isinstance(value, str)), "")
        return self.name or f"langchain:{kind.__module__}.{kind.__qualname__}:{label}"

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """One call per answer; answers after the deadline are left out.

        Raises:
            ModelError: An answer is neither a message nor a text.
        """
        turns = [(message.role, message.content) for message in messages]
        answers: list[ChatAnswer] = []
        begin = perf_counter()
        for turn in range(sampling.n):
            options: dict[str, Any] = {key: getattr(sampling, key) for key in self.parameters}
            if "seed" in options:
                options["seed"] = sampling.seed + turn
            if sampling.stop:
                options["stop"] = list(sampling.stop)
            start = perf_counter()
            reply = self._invoke(turns, options)
            answers.append(_answer(reply, (perf_counter() - start) * 1e3))
            if perf_counter() - begin > sampling.seconds or is_cancelled():
                break
        return answers

    def _invoke(self, turns: list[tuple[str, str]], options: dict[str, Any]) -> Any:
        """One call, and again without what the model refuses, which a model only shows when it is asked."""
        while True:
            taken = {key: value for key, value in options.items() if key not in self._refused}
            try:
                return self.model.invoke(turns, **taken)
            except Exception as error:
                refused = _refused_parameter(error, [key for key in self.parameters if key in taken])
                if not refused or is_cancelled():
                    raise
                self._refused.add(refused)


def _refused_parameter(error: Exception, parameters: Iterable[str]) -> str:
    """The parameter that an error says is not taken; "" where it says something else."""
    text = str(error)
    if not isinstance(error, TypeError) and not _REFUSAL.search(text):
        return ""
    return next((name for name in parameters if re.search(rf"\b{name}\b", text)), "")


def as_chat_model(model: object) -> ChatModel:
    """`model` itself, or a LangChain chat model wrapped. No property is read: a fingerprint may ask a server.

    Raises:
        UsageError: It is neither.
    """
    if all(getattr_static(model, name, None) is not None for name in ("complete", "fingerprint")):
        return cast("ChatModel", model)
    if callable(getattr(model, "invoke", None)):
        return InvokeModel(model)
    raise UsageError(
        f"{type(model).__name__} is not a chat model",
        hint="give a LangChain chat model or one of ctxprune.llm.chat_models",
    )


def _answer(reply: Any, ms: float) -> ChatAnswer:
    content = reply if isinstance(reply, str) else getattr(reply, "content", None)
    usage = getattr(reply, "usage_metadata", None) or {}
    return ChatAnswer(_text(content), int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0)), ms)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part if isinstance(part, str) else part.get("text", "") for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    raise ModelError(f"the model answered with {type(content).__name__}, not with a message")

"""Adapters to `ChatModel`: of LangChain chat models, of which nothing is imported, and of objects of the user."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from inspect import getattr_static
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import ChatAnswer, ChatModel
from ctxprune.utils.cancellation import is_cancelled
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ctxprune.llm.base import Message, Prices, Sampling

__all__ = ["InvokeModel", "as_chat_model"]

# Providers reject a parameter with an error of any class; these words tell it from a rate limit that mentions one.
_REFUSAL = re.compile(r"un(?:expected|supported|known|recogni[sz]ed)|not (?:\w+ )?(?:support|permit|allow)|extra", re.I)
# What OpenTelemetry's conventions call the providers whose packages have another name.
_PROVIDERS = {
    "aws": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
}


@dataclass(frozen=True)
class InvokeModel(ChatModel):
    """Anything with LangChain's `invoke(messages, stop=..., **parameters)` that answers with an AIMessage or a text.

    Attributes:
        model: A `BaseChatModel`, or a runnable around one.
        parameters: Which of "temperature", "max_tokens" and "seed" are passed to `invoke`. One that the model rejects
            is left out from then on; the model decides what is not passed.
        name: Part of cache keys; default: the model's class and model name.
    """

    model: Any
    parameters: tuple[str, ...] = ("temperature", "max_tokens")
    name: str = ""
    _rejected: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unknown = set(self.parameters) - {"temperature", "max_tokens", "seed"}
        if unknown:
            raise UsageError(f"unknown parameter {min(unknown)!r}", hint="known: max_tokens, seed, temperature")

    @property
    def fingerprint(self) -> str:
        """Class and model name; other settings of the model object are not part of it, `name` can add them."""
        kind = type(self.model)
        return self.name or f"langchain:{kind.__module__}.{kind.__qualname__}:{self._label}"

    @property
    def span_attributes(self) -> Mapping[str, str | int]:
        """Provider by the package that the model's class comes from."""
        package = type(self.model).__module__.partition(".")[0].removeprefix("langchain_")
        return {
            "gen_ai.provider.name": _PROVIDERS.get(package, package),
            "gen_ai.request.model": self.name or self._label or type(self.model).__qualname__,
        }

    @property
    def _label(self) -> str:
        # LangChain's providers keep the model's name under different attributes.
        found = (
            optional_member(self.model, key, None) for key in ("model_name", "model", "model_id", "deployment_name")
        )
        return next((value for value in found if isinstance(value, str)), "")

    @property
    def one_by_one(self) -> bool:
        """True: `invoke` gives one answer."""
        return True

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """One call per answer; answers after the deadline are left out.

        Raises:
            ModelError: An answer is neither a message nor a text.
        """
        turns = [(message.role, message.content) for message in messages]
        answers: list[ChatAnswer] = []
        begin = perf_counter()
        for turn in range(sampling.n):
            settings = {
                "temperature": sampling.temperature,
                "max_tokens": sampling.max_tokens,
                "seed": sampling.seed + turn,
            }
            options: dict[str, Any] = {key: settings[key] for key in self.parameters}
            if sampling.stop:
                options["stop"] = list(sampling.stop)
            start = perf_counter()
            reply = self._invoke(turns, options)
            answers.append(_read_reply(reply, (perf_counter() - start) * 1e3))
            if perf_counter() - begin > sampling.seconds or is_cancelled():
                break
        return answers

    def _invoke(self, turns: list[tuple[str, str]], options: dict[str, Any]) -> Any:
        """One call, repeated without the parameters that the model rejects, which only shows when they are sent."""
        while True:
            accepted = {key: value for key, value in options.items() if key not in self._rejected}
            try:
                return self.model.invoke(turns, **accepted)
            except Exception as error:
                rejected = _rejected_parameter(error, [key for key in self.parameters if key in accepted])
                if not rejected or is_cancelled():
                    raise
                self._rejected.add(rejected)


def _rejected_parameter(error: Exception, parameters: Iterable[str]) -> str:
    """The parameter that an error rejects; "" where the error is about something else."""
    text = str(error)
    if not isinstance(error, TypeError) and not _REFUSAL.search(text):
        return ""
    return next((name for name in parameters if re.search(rf"\b{name}\b", text)), "")


@dataclass(frozen=True)
class _AdaptedModel(ChatModel):
    """An object of the user with the required members of `ChatModel`, and perhaps some of the optional ones.

    No property is read before it is needed: a fingerprint may contact a server.
    """

    model: Any

    @property
    def fingerprint(self) -> str:
        return str(self.model.fingerprint)

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        answers = self.model.complete(messages, sampling)
        if not all(isinstance(answer, ChatAnswer) for answer in answers or ()):
            raise UsageError(f"{type(self.model).__name__}.complete must return ChatAnswer objects", where="complete")
        return answers or ()

    @property
    def name(self) -> str:
        return str(optional_member(self.model, "name", ""))

    @property
    def prices(self) -> Prices | None:
        prices: Prices | None = optional_member(self.model, "prices", None)
        return prices

    @property
    def is_small(self) -> bool:
        return bool(optional_member(self.model, "is_small", False))

    @property
    def one_by_one(self) -> bool:
        return bool(optional_member(self.model, "one_by_one", False))

    @property
    def origin(self) -> object:
        return self.model


def as_chat_model(model: object) -> ChatModel:
    """`model` itself where it is a `ChatModel`; else an adapter of an object with its required members, or of a
    LangChain chat model.

    Raises:
        UsageError: It is none of these; the message names the missing member.
    """
    if isinstance(model, ChatModel):
        return model
    # Looked up statically: reading the property `fingerprint` may contact a server.
    missing = [name for name in ("complete", "fingerprint") if getattr_static(model, name, None) is None]
    if not missing:
        return _AdaptedModel(model)
    if callable(optional_member(model, "invoke", None)):
        return InvokeModel(model)
    member = f": it has no `{missing[0]}`" if len(missing) == 1 else ""
    raise UsageError(
        f"{type(model).__name__} is not a chat model{member}",
        hint="give a LangChain chat model or one of ctxprune.llm.chat_models",
    )


def _read_reply(reply: Any, ms: float) -> ChatAnswer:
    # A reply is a text or a message of LangChain, whose usage is missing with many providers.
    content = reply if isinstance(reply, str) else optional_member(reply, "content", None)
    usage = optional_member(reply, "usage_metadata", None) or {}
    return ChatAnswer(_text(content), int(usage.get("input_tokens", 0)), int(usage.get("output_tokens", 0)), ms)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part if isinstance(part, str) else part.get("text", "") for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    raise ModelError(f"the model answered with {type(content).__name__}, not with a message")

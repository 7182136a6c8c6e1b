"""Servers with OpenAI's chat completions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib import parse

from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import ChatAnswer, ChatModel
from ctxprune.llm.http import JsonClient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.llm.base import Message, Sampling

__all__ = ["OpenAIModel", "choice_texts"]

_COMPLETIONS = "/chat/completions"
_NAME_SECONDS = 10.0  # for asking a server which model it has
# The names that OpenTelemetry's conventions give to providers with OpenAI's protocol, by the end of their hosts.
_PROVIDERS = {
    ".openai.azure.com": "azure.ai.openai",
    ".services.ai.azure.com": "azure.ai.inference",
    ".mistral.ai": "mistral_ai",
    ".groq.com": "groq",
    ".deepseek.com": "deepseek",
    ".x.ai": "x_ai",
    ".perplexity.ai": "perplexity",
    ".anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
}


@dataclass(frozen=True)
class OpenAIModel(ChatModel):
    """A server with OpenAI's chat completions (vLLM, llama.cpp's server, Ollama, hosted ones), by httpx (extra `llm`).
    It sends each request once; `LimitedModel` around it adds retries, limits and costs.

    Attributes:
        url: Base URL, usually ending in /v1.
        model: Model name; "" takes the first that the server lists.
        api_key: Bearer token; "" for none. It is sent to this host only: redirects are not followed. No name, trace or
            error contains it.
        extra: Further fields of the request body. They are part of the name, so put no secret there.

    Raises:
        UsageError: The URL is not http or https, or holds a password or a query; or the key cannot be sent in a header.
    """

    url: str
    model: str = ""
    api_key: str = field(default="", repr=False)
    extra: dict[str, Any] = field(default_factory=dict)
    _listed: list[str] = field(default_factory=list, init=False, repr=False, compare=False)
    _http: JsonClient = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = parse.urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"not an http or https URL: {self.url!r}", where="url")
        # The URL is part of fingerprints and messages, which must hold no secret.
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise UsageError(
                "the URL holds a password, a query or a fragment", where="url", hint="give api_key or extra"
            )
        key = self.api_key.strip()
        # A line break in the key would smuggle in a header of its own.
        if not all("!" <= char <= "~" for char in key):
            raise UsageError("the key holds blanks or characters that no header can carry", where="api_key")
        object.__setattr__(self, "api_key", key)
        object.__setattr__(self, "_http", JsonClient(self.url.rstrip("/"), key))

    @property
    def fingerprint(self) -> str:
        """URL, model name (the server's own where none was given) and extra fields.

        Raises:
            ModelError: The server does not say which model it has.
        """
        return self._label(self.model or self._listed_model(_NAME_SECONDS))

    @property
    def name(self) -> str:
        """The fingerprint, with "?" for the model until the server was asked which one it has."""
        return self._label(self.model or next(iter(self._listed), "?"))

    @property
    def span_attributes(self) -> Mapping[str, str | int]:
        """Provider by the URL's host: that of the protocol, "openai", where the host is not known."""
        parts = parse.urlsplit(self.url)
        host = parts.hostname or ""
        provider = next((name for end, name in _PROVIDERS.items() if host.endswith(end)), "openai")
        return {
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": self.model or next(iter(self._listed), "?"),
            "server.address": host,
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """One request for all n answers; a server that gives fewer gives fewer.

        Raises:
            ModelError: The server cannot be reached, refuses, is late, or answers in another form.
        """
        name = self.model or self._listed_model(sampling.seconds)
        start = perf_counter()
        reply = self._http.request(_COMPLETIONS, self._body(name, messages, sampling), sampling.seconds)
        return _answers(reply, (perf_counter() - start) * 1e3)

    async def acomplete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """`complete` for asyncio, without a thread.

        Raises:
            ModelError: As `complete`.
        """
        if not self.model and not self._listed:
            self._remember(await self._http.arequest("/models", None, sampling.seconds))
        start = perf_counter()
        body = self._body(self.model or self._listed[0], messages, sampling)
        reply = await self._http.arequest(_COMPLETIONS, body, sampling.seconds)
        return _answers(reply, (perf_counter() - start) * 1e3)

    def _body(self, name: str, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        return {
            "model": name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_tokens,
            "seed": sampling.seed,
            "n": sampling.n,
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
            **self.extra,
        }

    def _label(self, name: str) -> str:
        extra = json.dumps(self.extra, sort_keys=True, default=str) if self.extra else ""
        return f"openai:{self.url.rstrip('/')}:{name}:{extra}"

    def _listed_model(self, seconds: float) -> str:
        """The first model that the server lists; it is asked once."""
        if not self._listed:
            self._remember(self._http.request("/models", None, seconds))
        return self._listed[0]

    def _remember(self, reply: dict[str, Any]) -> None:
        try:
            self._listed.append(str(reply["data"][0]["id"]))
        except (KeyError, IndexError, TypeError) as error:
            raise ModelError("the server lists no model", where=self.url, hint="put #model-name behind it") from error


def _answers(reply: dict[str, Any], ms: float) -> list[ChatAnswer]:
    """The answers of a reply, which took `ms` together."""
    texts = choice_texts(reply)
    usage = reply.get("usage") or {}
    tokens_in, tokens_out = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    # Servers count the tokens of all answers together: each gets its share, and the first one the remainder.
    share = [tokens_out // len(texts)] * len(texts)
    share[0] += tokens_out - sum(share)
    ms /= len(texts)
    return [ChatAnswer(text, tokens_in if i == 0 else 0, share[i], ms) for i, text in enumerate(texts)]


def choice_texts(reply: Any) -> list[str]:
    """The texts of a chat completion, at least one; a refusal counts as a text.

    Raises:
        ModelError: The reply has another form.
    """
    try:
        messages = [choice["message"] for choice in reply["choices"]]
        texts = [str(message.get("content") or message.get("refusal") or "") for message in messages]
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError("the answer has no choices[].message") from error
    if not texts:
        raise ModelError("the answer has no choices")
    return texts

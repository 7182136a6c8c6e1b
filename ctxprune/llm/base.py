"""The interface of chat models: messages in, texts and token counts out."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ChatAnswer", "ChatModel", "Message", "Prices", "Sampling", "model_name", "remove_secrets"]

# Of headers, members of JSON and parameters of URLs whose values are secrets.
_NAMES = (
    r"(?:[\w-]*[_-])?(?:(?:api|access|auth)[_-]?key|(?:client[_-]?)?secret(?:[_-]?key)?|password|passwd|pwd|"
    r"(?:access|auth|bearer|id|refresh|session)?[_-]?token|cookie)"
)
_VALUE = r"""(?:\\?"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'&,;})\]]+)"""
# As providers and HTTP clients repeat them in their messages. The group of each is kept. Texts are hostile: no pattern
# can begin a second time within what it has read in vain.
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"""\b((?:proxy-)?authorization\\?["']?\s?[:=]\s?\\?["']?(?:[a-z]+\s)?)[^\s"'\\,}]+""",
        r"""\b(bearer\s)[^\s"'\\,}]+""",
        r"\b(basic\s)(?=\S*(?-i:[A-Z\d=]))[\w+/=-]{6,}",  # but not "Basic authentication"
        rf"""(?<![\w-])({_NAMES}\\?["']?\s?[:=]\s?){_VALUE}""",
        r"([?&](?:key|sig|signature|code)=)[^\s&\"'#]+",
        # By the prefixes that providers give them.
        r"\b((?:sk|pk|rk|gsk|xai|hf|r8|nvapi|gh[opsu]|github_pat|glpat|xox[abp]|pplx|tgp)[-_])[\w.*-]{6,}",
        r"\b((?:api[_-]?)?key[-_=:])[\w.*-]{6,}",
        r"\b(AIza)[\w-]{10,}",
        r"\b(A[KS]IA)[A-Z\d]{12,}",
        r"\b(eyJ)[\w-]{8,}\.[\w.-]+",
    )
)
_ADDRESS = re.compile(r"""://([^\s"'<>]+)""")


class Message(NamedTuple):
    """One turn of a conversation; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn.

    Attributes:
        n: Number of answers, 1 or more.
        temperature: 0 or more; at 0 all answers are the same, so request one.
        max_tokens: Maximum number of tokens of one answer, 1 or more.
        seed: Same seed, same answers, where the model can promise that.
        stop: Texts at which an answer ends; they are not part of it.
        seconds: Deadline for all n answers together, above 0.

    Raises:
        UsageError: A number is out of its range.
    """

    n: int = 1
    temperature: float = 0.0
    max_tokens: int = 256
    seed: int = 0
    stop: tuple[str, ...] = ()
    seconds: float = 120.0

    def __post_init__(self) -> None:
        check_number("n", self.n, minimum=1)
        check_number("max_tokens", self.max_tokens, minimum=1)
        check_number("temperature", self.temperature, minimum=0)
        if not self.seconds > 0:
            raise UsageError(f"seconds must be above 0, got {self.seconds}", where="seconds")


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One answer.

    Attributes:
        text: As the model wrote it.
        tokens_in: Tokens of the prompt, as the model counts them; 0 where it does not (`ask_model` then counts). Of
            several answers to one prompt the first carries them and the others carry 0, so that sums are right.
        tokens_out: Tokens of the answer.
        ms: Milliseconds that this answer took when it was generated, also when it now comes from a cache.
        cached: True when it comes from a cache.
    """

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    ms: float = 0.0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Prices:
    """What a provider charges, in any currency: per million tokens of prompts and of answers, 0 or more.

    Raises:
        UsageError: A price is not a number or below 0.
    """

    per_million_in: float
    per_million_out: float

    def __post_init__(self) -> None:
        for name, price in (("per_million_in", self.per_million_in), ("per_million_out", self.per_million_out)):
            if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 <= price < float("inf"):
                raise UsageError(f"{name} must be a number of at least 0, got {price!r}", where=name)

    def cost(self, answers: Sequence[ChatAnswer]) -> float:
        """The cost of these answers; cached ones cost nothing."""
        paid = [answer for answer in answers if not answer.cached]
        spent = sum(answer.tokens_in for answer in paid) * self.per_million_in
        return (spent + sum(answer.tokens_out for answer in paid) * self.per_million_out) / 1e6


class ChatModel(ABC):
    """A chat model. Safe to share between threads.

    A subclass writes `fingerprint` and `complete`; everything else has a default. `as_chat_model` accepts any other
    object that has these two members.
    """

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Identifies the model and all that changes its answers except the prompt and `Sampling`; part of cache keys.

        Raises:
            ModelError: The model cannot be told from others now, for instance because its server is down.
        """

    @abstractmethod
    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """Up to `sampling.n` answers, at least one.

        Raises:
            ModelError: The model failed, or did not answer in time.
        """

    async def acomplete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """`complete` for asyncio; by default it runs in a thread.

        Raises:
            ModelError: As `complete`.
        """
        return await asyncio.to_thread(self.complete, messages, sampling)

    @property
    def name(self) -> str:
        """What messages and traces call the model. It never contacts a server, which `fingerprint` may."""
        return self.fingerprint

    @property
    def prices(self) -> Prices | None:
        """What its tokens cost; None where no prices are known."""
        return None

    @property
    def span_attributes(self) -> Mapping[str, str | int]:
        """What OpenTelemetry's conventions call it: "gen_ai.provider.name", "gen_ai.request.model", "server.address",
        "server.port", as far as they are known. No secret is among them, and no server is contacted.
        """
        return {}

    @property
    def is_small(self) -> bool:
        """Whether it has so few parameters that SQL generators without a model are right more often; False where that
        is not known.
        """
        return False

    @property
    def one_by_one(self) -> bool:
        """Whether several answers are several requests, each of which counts against rate limits."""
        return False

    @property
    def origin(self) -> object:
        """The object that the user passed: two models of one origin are the same model."""
        return self


def model_name(model: ChatModel) -> str:
    """The name of a model; its fingerprint where the name is empty."""
    return str(model.name or model.fingerprint)


def remove_secrets(text: str) -> str:
    """`text` on one line, with *** for API keys, passwords and tokens in the forms that headers, JSON, URLs and
    providers give them.
    """
    text = _ADDRESS.sub(_remove_password, " ".join(text.split()))
    for pattern in _SECRETS:
        text = pattern.sub(r"\1***", text)
    return text


def _remove_password(found: re.Match[str]) -> str:
    address = found[1]
    authority = re.split("[/?#]", address, maxsplit=1)[0]
    # A password may hold "/" and "@" against the rules, but no path without one before it is taken for a password.
    if "@" not in address or not {"@", ":"} & set(authority):
        return found[0]
    return f"://***@{address.rpartition('@')[2]}"

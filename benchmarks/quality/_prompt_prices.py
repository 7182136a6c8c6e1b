"""What model calls cost under a provider's prompt cache: tokens of the longest cached prefix, and the rest.

A prompt is a sequence of serialised segments: the list of tools first, then one segment a message, as providers render
them (tools, system, messages). Prices are those of input tokens, in units of one uncached token; output is the same for
every strategy and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["ANTHROPIC", "EXACT", "OPENAI", "PRICES", "CallCost", "Prices", "PromptCache"]

Prompt = tuple[str, ...]


@dataclass(frozen=True)
class Prices:
    """A price list with its rule of what is a hit.

    Attributes:
        name: Of the list.
        write: Price of a token that was not cached, and is written to the cache.
        minimum: Tokens of a prefix that is cached, at least.
        step: Cached tokens beyond these come in multiples of it.
        at_ends: Whether only whole earlier prompts can be hit, where they end in a cache breakpoint; else any prefix.
        read: Price of a cached token.
    """

    name: str
    write: float
    minimum: int = 0
    step: int = 1
    at_ends: bool = False
    read: float = 0.1


EXACT = Prices("exact", write=1.0)
"""Each token of the longest byte-identical prefix is cached."""
OPENAI = Prices("openai", write=1.0, minimum=1024, step=128)
"""OpenAI's automatic caching: exact prefixes from 1,024 tokens up, hits in steps of 128 tokens, no fee for writing.
Source: OpenAI cookbook, "Prompt Caching 201", section 1.1 (models before GPT-5.6)."""
ANTHROPIC = Prices("anthropic", write=1.25, minimum=1024, at_ends=True)
"""Anthropic's caching with a breakpoint on the last block of each request, as gateways set it: a hit is an earlier
request's whole prompt; 1,024 tokens at least (Sonnet), reading 0.1 and writing 1.25 times the price of input.
Source: Anthropic's documentation, "Prompt caching"; minimum by model also in LiteLLM's, "Prompt Caching"."""
PRICES = (EXACT, OPENAI, ANTHROPIC)


@dataclass(frozen=True)
class CallCost:
    """Of one model call.

    Attributes:
        tokens: Of the whole prompt.
        costs: By price list.
        cached: Tokens read from the cache, by price list.
        extends: Whether the call before it is a byte-identical prefix of this one; None for the first call.
    """

    tokens: int
    costs: dict[str, float]
    cached: dict[str, int]
    extends: bool | None


@dataclass
class PromptCache:
    """The prompts that one conversation has sent; nothing of it expires.

    Attributes:
        count: Tokens of a text.
    """

    count: Callable[[str], int]
    _sent: list[Prompt] = field(default_factory=list)

    def send(self, prompt: Prompt) -> CallCost:
        """The cost of the next call; its prompt is in the cache from then on."""
        tokens = sum(map(self.count, prompt))
        shared = max((self._shared_tokens(earlier, prompt) for earlier in self._sent), default=0)
        ended = max((sum(map(self.count, earlier)) for earlier in self._sent if is_prefix(earlier, prompt)), default=0)
        cached = {one.name: _cached_tokens(one, ended if one.at_ends else shared) for one in PRICES}
        costs = {one.name: one.read * cached[one.name] + one.write * (tokens - cached[one.name]) for one in PRICES}
        extends = is_prefix(self._sent[-1], prompt) if self._sent else None
        self._sent.append(prompt)
        return CallCost(tokens, costs, cached, extends)

    def _shared_tokens(self, earlier: Prompt, prompt: Prompt) -> int:
        same = 0
        for one, other in zip(earlier, prompt, strict=False):
            if one != other:
                return same + self.count(common_prefix(one, other))
            same += self.count(one)
        return same


def common_prefix(one: str, other: str) -> str:
    """What two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    # By halving, so that long texts are compared by slices and not by characters.
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return one[:low]


def is_prefix(earlier: Sequence[str], prompt: Sequence[str]) -> bool:
    """Whether a prompt begins with all segments of an earlier one."""
    return tuple(prompt[: len(earlier)]) == tuple(earlier)


def _cached_tokens(prices: Prices, shared: int) -> int:
    if shared < max(prices.minimum, 1):
        return 0
    return prices.minimum + (shared - prices.minimum) // prices.step * prices.step

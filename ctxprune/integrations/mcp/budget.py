"""The token budget of one reply: counted, enforced, and filled with as much as fits."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ctxprune.errors import BudgetError
from ctxprune.tokens import as_counter
from ctxprune.utils.plain_data import as_plain
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ctxprune.tokens import TokenCounter

__all__ = ["DEFAULT_TOKENS", "MIN_TOKENS", "ReplyBudget", "encode_content", "fill_budget"]

T = TypeVar("T")
DEFAULT_TOKENS = 8_000  # a quarter of the context of a small model, whose conversation needs the rest
MIN_TOKENS = 600  # the names of a reply's fields, a note and an error message fit into these
_COPIES = 2  # of the content in one reply: as structured content, and as JSON in a text block for older clients


def encode_content(content: Mapping[str, Any]) -> str:
    """The JSON that stands in the text block; lone surrogates, which UTF-8 lacks, come as question marks."""
    text = json.dumps(as_plain(dict(content)), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class ReplyBudget:
    """Tokens that one reply may take.

    A reply carries its content twice, as the protocol asks: structured, and as the same JSON in a text block. A client
    shows its model one of them or both, so both count.

    Attributes:
        tokens: Of a whole reply, from 600 up.
        counter: Counts tokens; see `ctxprune.tokens.as_counter`.

    Raises:
        UsageError: `tokens` is out of its range, or `counter` counts nothing.
    """

    tokens: int = DEFAULT_TOKENS
    counter: Any = None
    _counter: TokenCounter = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, minimum=MIN_TOKENS)
        object.__setattr__(self, "_counter", as_counter(self.counter))

    def count(self, content: Mapping[str, Any]) -> int:
        """Tokens of a reply with this content."""
        return _COPIES * self.count_text(encode_content(content))

    def count_text(self, text: str) -> int:
        """Tokens of a text that a reply carries once."""
        return self._counter.count(text)

    def fits(self, content: Mapping[str, Any]) -> bool:
        """Whether a reply with this content keeps to the budget."""
        return self.count(content) <= self.tokens

    def require(self, content: Mapping[str, Any]) -> None:
        """Refuse a content that is too large.

        Raises:
            BudgetError: A reply with it would exceed the budget.
        """
        tokens = self.count(content)
        if tokens > self.tokens:
            raise BudgetError(
                f"the reply would take {tokens} tokens of {self.tokens}",
                hint="ask for less, or start the server with a larger --budget",
            )

    def left(self, content: Mapping[str, Any]) -> int:
        """Tokens that a text may have which is still to be put into this content; 0 or more."""
        return max(0, (self.tokens - self.count(content)) // _COPIES)

    def fill(self, most: int, build: Callable[[int], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        """The largest number of parts, from 0 to `most`, with which a content fits, and that content.

        Args:
            most: Of how many parts there are.
            build: Makes the content of the first parts; it must grow with their number.

        Raises:
            BudgetError: It does not even fit without any.
        """
        return fill_budget(most, build, self.fits)


def fill_budget(most: int, build: Callable[[int], T], fits: Callable[[T], bool]) -> tuple[int, T]:
    """The largest number of parts, from 0 to `most`, with which something fits, and that something.

    Args:
        most: Of how many parts there are.
        build: Makes it of the first parts; it must grow with their number.
        fits: Whether it is small enough.

    Raises:
        BudgetError: It does not even fit without any.
    """
    best = build(0)
    if not fits(best):
        raise BudgetError("the reply would be too large", hint="ask for less, or start the server with more --budget")
    low, step, high = 0, 1, 0
    # From below, so that nothing much larger than the budget is ever written or counted.
    while low < most:
        high = min(low + step, most)
        more = build(high)
        if not fits(more):
            break
        low, best, step = high, more, step * 2
    while high - low > 1:
        middle = (low + high) // 2
        more = build(middle)
        if fits(more):
            low, best = middle, more
        else:
            high = middle
    return low, best

"""The token budget of one reply: counted, enforced, and filled with as much as fits."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ctxprune.errors import BudgetError
from ctxprune.text.chat_marks import escape_marks, find_marks
from ctxprune.text.invisible import escape_invisible, is_invisible
from ctxprune.tokens import as_counter
from ctxprune.utils.plain_data import as_plain
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ctxprune.tokens import TokenCounter

__all__ = [
    "DEFAULT_TOKENS",
    "LONGEST_ERROR",
    "MIN_TOKENS",
    "ContentBudget",
    "FittedContent",
    "RoomSearch",
    "cut_text",
    "encode_content",
    "escape_text",
    "fill_budget",
]

T = TypeVar("T")
DEFAULT_TOKENS = 8_000  # a quarter of the context of a small model, whose conversation needs the rest
MIN_TOKENS = 600  # the names of a reply's fields, a note and an error message fit into these
LONGEST_ERROR = 800  # characters: those of a database may quote a statement of any length
_ROUNDS = 6  # of a search for room, of which each measures the reply
_SAFETY = 0.95  # of the room that is aimed at
_LITERAL = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')  # a text in JSON
_SUSPECT = re.compile(r"[<>\[\]\x7f-\U0010ffff]")  # in a text that may hold a mark or an invisible character
_JOINERS = frozenset("\u200c\u200d")  # which scripts and emoji need


def cut_text(text: str, most: int) -> str:
    """A text, or its first characters with an ellipsis."""
    return text if len(text) <= most else f"{text[:most]}…"


def encode_content(content: Mapping[str, Any]) -> str:
    r"""The JSON that a model reads; lone surrogates, which UTF-8 lacks, come as question marks.

    Marks of chat templates and invisible characters stand as JSON's own escapes ("\\u003c|im_start|>"): what is read as
    text opens no turn and hides nothing, and what is parsed is the same as without them.
    """
    text = json.dumps(as_plain(dict(content)), ensure_ascii=False, allow_nan=False)
    return _LITERAL.sub(_escape_literal, text.encode("utf-8", "replace").decode())


def _escape_literal(match: re.Match[str]) -> str:
    literal = match.group()
    if not _SUSPECT.search(literal):
        return literal
    text: str = json.loads(literal)
    # JSON escapes those below U+0020 by itself.
    hidden = {one for one in set(text) if one >= "\x7f" and one not in _JOINERS and is_invisible(one)}
    marks = find_marks(text)
    places = sorted({*marks, *(place for place, one in enumerate(text) if one in hidden)}) if hidden else marks
    if not places:
        return literal
    parts = [json.dumps(text[: places[0]], ensure_ascii=False)[1:-1]]
    for place, following in pairwise([*places, len(text)]):
        # Of ASCII alone JSON need not escape it, and so `dumps` does not.
        character = text[place]
        parts.append(f"\\u{ord(character):04x}" if character.isascii() else json.dumps(character)[1:-1])
        parts.append(json.dumps(text[place + 1 : following], ensure_ascii=False)[1:-1])
    return f'"{"".join(parts)}"'


def escape_text(text: str) -> str:
    """A text that is no JSON, as a model reads it: with visible escapes for marks of chat templates and for invisible
    characters but line breaks, tabs and joiners.
    """
    return escape_invisible(escape_marks(text), keep=_JOINERS | frozenset("\n\t"))


@dataclass(frozen=True)
class FittedContent:
    """The content of a reply that keeps to its budget.

    Attributes:
        content: Its fields.
        complete: Whether nothing was left out.
    """

    content: dict[str, Any]
    complete: bool


@dataclass(frozen=True)
class ContentBudget:
    """Tokens that one reply may take, whose content is written as JSON.

    Attributes:
        tokens: Of a whole reply, from 600 up.
        counter: Counts tokens; see `ctxprune.tokens.as_counter`.

    Raises:
        UsageError: `tokens` is out of its range, or `counter` counts nothing.
    """

    tokens: int = DEFAULT_TOKENS
    counter: Any = None
    _counter: TokenCounter = field(init=False, repr=False, compare=False)

    copies: ClassVar[int] = 1
    """Of the content in one reply."""
    remedy: ClassVar[str] = "raise the tool's budget"
    """What an error advises beside asking for less."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, minimum=MIN_TOKENS)
        object.__setattr__(self, "_counter", as_counter(self.counter))

    def count(self, content: Mapping[str, Any]) -> int:
        """Tokens of a reply with this content."""
        return self.copies * self.count_text(encode_content(content))

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
                f"the reply would take {tokens} tokens of {self.tokens}", hint=f"ask for less, or {self.remedy}"
            )

    def left(self, content: Mapping[str, Any]) -> int:
        """Tokens that a text may have which is still to be put into this content; 0 or more."""
        return max(0, (self.tokens - self.count(content)) // self.copies)

    def fill(self, most: int, build: Callable[[int], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        """The largest number of parts, from 0 to `most`, with which a content fits, and that content.

        Args:
            most: Of how many parts there are.
            build: Makes the content of the first parts; it must grow with their number.

        Raises:
            BudgetError: It does not even fit without any.
        """
        return fill_budget(most, build, self.fits)

    def cut_error(self, text: str) -> str:
        """The beginning of an error message, of 800 characters at most and within the budget."""
        text = escape_text(cut_text(text.encode("utf-8", "replace").decode(), LONGEST_ERROR))
        while self.count_text(text) > self.tokens:  # of a script with many tokens a character
            text = f"{text[: len(text) // 2]}…"
        return text


class RoomSearch:
    """Tries ever smaller room for a text until the reply that holds it fits: escaped quotes and line ends take more
    tokens in a reply than in the text, and how many more is known only once it is written.

    Iterating gives the tokens that the text may have, 1 or more, for a few rounds; `accepts` is asked in each of them.

    Args:
        budget: Of the reply.
        frame: Its content without the text.
    """

    def __init__(self, budget: ContentBudget, frame: Mapping[str, Any]) -> None:
        self._budget = budget
        self._room = budget.left(frame) * _SAFETY

    def __iter__(self) -> Iterator[int]:
        for _ in range(_ROUNDS):
            if self._room < 1:
                return
            yield int(self._room)

    def accepts(self, content: Mapping[str, Any]) -> bool:
        """Whether the content of this round fits; if not, the next round has less room."""
        tokens = self._budget.count(content)
        if tokens <= self._budget.tokens:
            return True
        self._room *= _SAFETY * self._budget.tokens / tokens
        return False


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
        raise BudgetError("the reply would be too large", hint="ask for less, or raise the budget")
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

"""Units that give orders to a language model (prompt injection), found by a list of phrases: a hint, not a defence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ctxprune.text.words import fold

if TYPE_CHECKING:
    from ctxprune.context.base import Context

__all__ = ["addressed_units", "is_addressed"]

# Each alternative below is bounded: no open repeat stands inside another, so that no text makes the search slow.
_EARLIER = (
    r"(?:all |any |the |your |these |of |my )*"
    r"(?:previous|prior|preceding|earlier|above|foregoing|other|original|system)"
)
_ORDERS = r"(?:instructions?|prompts?|rules|directions|guidelines|commands|messages?|text|context)"
_MODEL = r"(?:an? |the )?(?:ai|a\.i\.|language model|llm|chat ?bot|chatgpt|gpt|claude|gemini|copilot|assistant|agent)"
_ADDRESSES = re.compile(
    rf"\b(?:ignore|disregard|forget|override|bypass|skip)\s+{_EARLIER}\s+(?:\w+\s+)?{_ORDERS}\b"
    rf"|\b(?:ignore|disregard|forget)\s+(?:everything|anything|all)\s+(?:above|before|you)"
    rf"|\b(?:new|updated|revised|real|actual|following)\s+(?:system\s+)?(?:instructions?|prompt)\s*:"
    rf"|\b(?:you are|you're|act as|behave as|pretend to be|respond as)\s+(?:now\s+)?{_MODEL}\b"
    rf"|\b(?:dear|attention|note to|message to|instructions? (?:to|for)|to any|hey|hello),?\s+(?:\w+\s+)?{_MODEL}\b"
    rf"|\bif you are\s+{_MODEL}\b|\bas an? (?:ai|language model)\b"
    rf"|\b(?:reveal|repeat|print|show|leak|output)\s+(?:me\s+)?(?:the|your)\s+(?:\w+\s+)?(?:system\s+)?(?:prompt|instructions)\b"
    rf"|\bdo not (?:tell|inform|mention (?:this|it) to|reveal this to) the user\b"
    rf"|\b(?:your|the) (?:system prompt|answer must (?:be|contain|include|say))\b"
    rf"|<\|[^|<>]{{1,40}}\|>|\[/?inst\]|^\s*(?:system|assistant)\s*:",
    re.MULTILINE,
)
_READ = 20_000  # characters of a unit that are searched, so that a huge unit costs no more than a page


def addressed_units(context: Context[Any]) -> tuple[int, ...]:
    """Find the units that read as orders to a language model, by a list of phrases; rising indices, () for none.

    English only. Texts about such orders are found too, and an attacker who knows the list avoids it: use it to show a
    person where to look, or to drop such units where they do not belong, and never as the only measure.
    """
    return tuple(index for index, unit in enumerate(context.units) if is_addressed(unit.text))


def is_addressed(text: str) -> bool:
    """Whether the first 20,000 characters of `text` read as an order to a language model; see `addressed_units`."""
    return _ADDRESSES.search(fold(text[:_READ])) is not None

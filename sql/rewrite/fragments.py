"""Detects follow-up questions, and strips "and", "what about" and the like from them.

What is not clearly a follow-up counts as complete: to change a question that was complete is worse than to leave one
that was not. How often it happens is counted by `benchmarks/quality/follow_up.py --complete`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .superlatives import find_rank

if TYPE_CHECKING:
    from .base import Vocabulary

__all__ = ["Fragment", "read_fragment"]

_LONGEST = 12  # words of a fragment without a verb of its own
_SHORT = 4  # words of one that begins with nothing telling

_FILLER = r"(?:(?:and|or|but|so|ok|okay|then|now|also|no|sorry|please|actually|well|hmm|thanks|thank you)\b[\s,.!]*)*"
_ABOUT = (
    r"(?:(?:what|how) about|what if|(?:do |show )?the same(?: question| thing)? (?:for|with|but)|same (?:for|with|but))"
)
_OPENER = re.compile(rf"\s*(?P<filler>{_FILLER})(?P<about>{_ABOUT}\b\s*)?{_FILLER}", re.IGNORECASE)
_CLOSER = re.compile(
    r"(?:[\s,]*\b(?P<word>instead|please|then|too|as well|again|now|only|thanks|alone)|[\s.?!,;:…]+)\Z", re.IGNORECASE
)
_ASKS = re.compile(
    r"(?:how|what|which|who|whom|whose|when|where|why|is|are|was|were|do|does|did|can|could|would|will|has|have|had"
    r"|find|show|list|return|give|count|provide|calculate|name|state|identify|describe|write|report|tell|mention"
    r"|indicate|compute|rank|retrieve|select|get|display|determine|check|print|fetch|compare|explain|present|lists)\b",
    re.IGNORECASE,
)
_AUXILIARY = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)"
_PRONOUN = r"(?:they|them|these|those|he|him|she|her|it)"
_OWN = r"(?:their|his|her|its)"
# Words before a pronoun that name nothing it could stand for.
_PLAIN = (
    r"(?:(?:what|which|who|how|many|much|when|where|show|list|give|find|return|tell|count|get|display|me|us|all|any|some"
    r"|both|each|one|ones|of|for|the|only|just|in|by|with|about|from|to|are|is|was|were|do|does|did|total|average"
    r"|minimum|maximum|mean|sum|number|be|can|you|i|want|see|please|and|most|least|out)\s+)"
)
_REFERENCES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_PLAIN}*{_OWN}\s+\w",
        rf"{_PLAIN}+(?:them|these|him|her|those)\b(?!\s+(?:who|whom|whose|that|which|with|in|of|have|has|are|were)\b)",
        rf"{_PLAIN}*(?:they|he|she)\b",
        rf"(?:how|what|which|when|where|who|whose|why)(?:\s+\w+){{0,3}}\s+{_AUXILIARY}\s+(?:they|he|she|these|those)\b",
        rf"(?:how|what|which|when|where|who)(?:\s+\w+)?\s+{_AUXILIARY}\s+it\b(?!\s+(?:take|true|possible|that|cost)\b)",
        r"(?:what|which|show|list|give|find|return|tell)(?:\s+(?!and\b|that\b|who\b|which\b|with\b|of\b)\w+){0,5}"
        r"\s+(?:of|for|by|from|in|to)\s+(?:them|these|him|it|those)(?:\s+\w+)?\s*\Z",
        rf"{_AUXILIARY}\s+(?:they|he|she|these|those|any of (?:them|these|those))\b",
    )
)
_ELLIPSES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:how many|how much|who|which|which ones?|what kinds?|when|where|why)\Z",
        rf"how many\s+(?:{_AUXILIARY}|in|from|with|of)\b(?!\s+(?:the|all)\b)(?!\s+(?:\w+\s+)?(?:different|distinct)\b)",
        rf"which\s+(?:ones?|{_AUXILIARY})\b(?!\s+the\b)(?!\s+(?:one|most|least)\b)",
        r"(?:which|who)\s+(?:one\s+)?(?:is|was|are|were|has|have)\s+the\s+(?P<rank>(?:most |least )?\w+)"
        r"(?:\s+ones?)?\Z",
    )
)
_ORDERS = re.compile(
    r"(?:(?:sort|order|rank|arrange|limit|group|filter|restrict|narrow|break)\b(?:\s+(?:them|it|these|those|that|this"
    r"|the (?:results?|list|rows)))?(?:\s+down)?\s+(?:by|in|to|from|alphabetically)\b(?!.*[.?!]\s)"
    r"|(?:show|give|list|return|keep|display)(?: me)?\s+(?:only|just)?\s*(?:the\s+)?"
    r"(?:top|first|last|bottom)\s+\w+\s*\Z"
    r"|(?:show|give|list|return|display|include|keep)(?: me)?\s+(?:only|just)\s+(?:the ones?|those|in|from|with)\b"
    r"|(?:exclude|include|remove|leave out|skip|ignore|keep)\b(?!.*[.?!]\s))",
    re.IGNORECASE,
)
_SHOWS = re.compile(r"(?:show|give|list|tell|display)(?: me)? the (?P<what>\w+(?: \w+)?)\Z", re.IGNORECASE)
_BEGINS = re.compile(
    r"(?:in|for|by|per|at|from|of|with|without|except|excluding|before|after|since|until|between|during|on|under|over"
    r"|above|below|only|just|not|top|first|last|bottom|those|the ones?|ones|these|other than|apart from|more than"
    r"|less than|fewer than|at least|at most|sorted|ordered|grouped|whose|who|that|the same|older|younger|instead)\b",
    re.IGNORECASE,
)
_TOP = re.compile(
    r"(?:top|first|last|bottom)\s+(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|hundred)\s+"
    r"(?!(?:in|for|by|per|at|from|of|with|without|before|after|since|until|between|during|on|ones?|only)\b)(?P<what>\w.*)",
    re.IGNORECASE,
)
_THOSE_WHO = re.compile(
    r"\A(?:(?:only|just)\s+)?(?:(?:those|the ones?|ones)\s+)?(?:who|whose|that|which|where)?\b", re.IGNORECASE
)
_OWN_QUESTION = re.compile(
    r"\b(?:how|what|which|who|whom|whose|when|where|find|show|list|return|give|count|provide|calculate|state|identify"
    r"|describe|write|report|tell|mention|indicate|compute|retrieve|select|get|display|determine|compare"
    rf"|{_AUXILIARY} (?:there|it|they|the))\b|,\s*(?:name|{_AUXILIARY})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A follow-up question.

    Attributes:
        text: Without the words that only tie it to what was asked before.
        tied: It began with "and", "what about" or the like.
        closer: The word of that kind that it ended with ("instead", "only"); "".
        asks: It asks by itself ("What are their names?"), so that it must be filled in, not put in.
    """

    text: str
    tied: bool = False
    closer: str = ""
    asks: bool = False


def read_fragment(asked: str, vocabulary: Vocabulary) -> Fragment | None:
    """The follow-up question in `asked`; None where `asked` is complete."""
    start = _OPENER.match(asked)
    about = start is not None and start["about"] is not None
    joined = start is not None and re.match(r"\s*(?:and|or|but)\b", start["filler"], re.IGNORECASE) is not None
    text, closer = _without_closer(asked[start.end() :] if start else asked)
    words = text.split()
    shows = _SHOWS.match(text)
    # A pronoun refers to something earlier even in a question with a verb of its own.
    if _refers(text):
        return Fragment(text, about or joined, closer, asks=_ASKS.match(text) is not None)
    if shows and (0, len(shows["what"].split())) in vocabulary.names(shows["what"].split(), tables=False):
        return Fragment(shows["what"], tied=True, closer=closer)
    if not (len(words) <= _LONGEST and _ORDERS.match(text)):
        if not words or (_ASKS.match(text) and not about):
            return None
        begins = about or joined or (_BEGINS.match(text) is not None and not _is_whole(text, vocabulary))
        # A few words without the name of a table can hardly be a question.
        short = len(words) <= _SHORT and not vocabulary.names(words, columns=False)
        if not short and not (begins and len(words) <= _LONGEST):
            return None
    return Fragment(text, about or joined, closer)


def _without_closer(text: str) -> tuple[str, str]:
    closer = ""
    while found := _CLOSER.search(text):
        if found.start() == 0 and found["word"]:
            break
        closer = (found["word"] or closer).lower()
        text = text[: found.start()]
    return text.strip(), closer


def _refers(text: str) -> bool:
    if any(pattern.match(text) for pattern in _REFERENCES):
        return True
    for pattern in _ELLIPSES:
        found = pattern.match(text)
        if found and ("rank" not in pattern.groupindex or find_rank(found["rank"])):
            return True
    return False


def _is_whole(text: str, vocabulary: Vocabulary) -> bool:
    """Whether it only begins like a follow-up: "In 2012, who had the least consumption?", "Top 3 cities by people"."""
    top = _TOP.match(text)
    if top and vocabulary.names(top["what"].split(), columns=False):
        return True
    return _OWN_QUESTION.search(_THOSE_WHO.sub("", text)[1:]) is not None

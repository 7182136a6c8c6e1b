"""Detects follow-up questions, and strips "and", "what about" and the like from them.

What is not clearly a follow-up counts as complete: to change a question that was complete is worse than to leave one
that was not. How often it happens is counted by `benchmarks/quality/follow_up.py --complete`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .additions import is_about_duplicates
from .demonstratives import points_back
from .projections import FOR_EACH, read_columns
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
    r"|(?:(?:only|just)\s+)?(?:show|give|list|return|display|include|keep)(?: me)?(?:\s+(?:only|just))?\s+"
    r"(?:the ones?|those)\s+(?:that|who|which|whose|where|with|without|in|from|above|below|over|under|before|after)\b"
    r"|(?:show|give|list|return|display|include|keep)(?: me)?\s+(?:only|just)\s+(?:the ones?|those|in|from|with)\b"
    r"|(?:show|give|list|return|display)(?: me)?\s+(?:the (?:results?|list|rows)|them|these|those)\s+"
    r"(?:in|by|from|sorted|ordered|alphabetically)\b"
    r"|(?:exclude|include|remove|leave out|skip|ignore|keep)\b(?!.*[.?!]\s))",
    re.IGNORECASE,
)
_SHOW = re.compile(
    r"(?:for each[^,]*,\s*)?(?:(?:can|could|would) you\s+)?(?:(?:please|also|just|now)\s+)*"
    r"(?:show|list|give|provide|include|display|tell|add|return|find|get)\b",
    re.IGNORECASE,
)
_ALSO = re.compile(r"(?:\W*\w+){0,7}?\W*\balso\b", re.IGNORECASE)
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
        also: What it asks for comes beside what was asked before ("also show …").
        about: It began with "what about" or the like, so that what it names replaces something.
    """

    text: str
    tied: bool = False
    closer: str = ""
    asks: bool = False
    also: bool = False
    about: bool = False


def read_fragment(asked: str, vocabulary: Vocabulary) -> Fragment | None:
    """The follow-up question in `asked`; None where `asked` is complete."""
    start = _OPENER.match(asked)
    about = start is not None and start["about"] is not None
    joined = start is not None and re.match(r"\s*(?:and|or|but)\b", start["filler"], re.IGNORECASE) is not None
    text, closer = _without_closer(asked[start.end() :] if start else asked)
    also = _is_addition(asked, text, closer)
    # A pronoun refers to something earlier even in a question with a verb of its own.
    if _refers(text) or also or FOR_EACH.match(text) or points_back(text, vocabulary):
        asks = _ASKS.match(text) is not None
        return Fragment(text, about or joined, closer, asks=asks, also=also, about=about)
    if columns := read_columns(text, vocabulary) or _shown_column(text, vocabulary):
        return Fragment(columns, tied=True, closer=closer)
    if is_about_duplicates(text) or _is_part(text, vocabulary, about=about, joined=joined):
        return Fragment(text, about or joined, closer, about=about)
    return None


def _is_part(text: str, vocabulary: Vocabulary, *, about: bool, joined: bool) -> bool:
    """Whether a text without a reference is no whole question."""
    words = text.split()
    if len(words) <= _LONGEST and _ORDERS.match(text):
        return True
    if not words or (_ASKS.match(text) and not about):
        return False
    begins = about or joined or (_BEGINS.match(text) is not None and not _is_whole(text, vocabulary))
    # A few words without the name of a table can hardly be a question.
    short = len(words) <= _SHORT and not vocabulary.names(words, columns=False)
    return short or (begins and len(words) <= _LONGEST)


def _shown_column(text: str, vocabulary: Vocabulary) -> str:
    """The column in "show the names"; "" for anything else."""
    shows = _SHOWS.match(text)
    if not shows:
        return ""
    words = shows["what"].split()
    return shows["what"] if (0, len(words)) in vocabulary.names(words, tables=False) else ""


def _is_addition(asked: str, text: str, closer: str) -> bool:
    """Whether it asks for something beside what was asked before: "also show …", "show … as well"."""
    return (closer in {"too", "as well"} or _ALSO.match(asked) is not None) and _SHOW.match(text) is not None


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

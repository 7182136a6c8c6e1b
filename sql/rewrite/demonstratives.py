"""Words that point at the earlier question or its result: "above this", "these cars", "among them"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .references import resolve_reference
from .subjects import noun_phrase, read_subject, split_selection
from .superlatives import find_rank

if TYPE_CHECKING:
    from .base import Vocabulary
    from .fragments import Fragment

__all__ = ["points_back", "resolve_demonstrative"]

_COMPARED = re.compile(
    r"\b(?P<than>than|above|below|over|under|exceed(?:s|ing)?|equal to|as)\s+(?:this|that|it)(?P<noun>\s+\w+)?\Z",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(?:this|these|that same|such)\s+(?:different\s+)?(?P<noun>[^\W\d_]+)\b", re.IGNORECASE)
# "which of these cars" is read by `resolve_reference`, which leaves the "of" out.
_CHOOSES = re.compile(r"\b(?:how many|which|any|some|all|one|none|most)\s+of\s+\Z", re.IGNORECASE)
_TIMES = re.compile(
    r"(?:year|month|week|day|quarter|time|is|was|are|were|does|do|has|have|many|much|as)s?\Z", re.IGNORECASE
)
_AMONG = re.compile(
    r"\A(?:among|amongst|out of|of|from|in|for)\s+(?:all\s+(?:of\s+)?)?(?:them|these|those)\s*,\s*(?P<rest>\S.*)\Z"
    r"|\A(?P<asks>\S.*?)\s+(?:among|amongst)\s+(?:them|these|those)\Z",
    re.IGNORECASE,
)
_PICKS = frozenset({"MOST", "LEAST"})
_WHICH_OF = re.compile(
    r"\A(?P<asks>which|how many|who|what|any|all|some)\s+of\s+"
    r"(?:them|(?:these|those)(?=\s+(?:is|are|was|were|has|have|had|do|does|did|can)\b|\s*\Z))\b(?P<rest>.*)\Z",
    re.IGNORECASE,
)


def points_back(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a question points at the one before it by such a word."""
    if _COMPARED.search(text) or _AMONG.match(text) or _WHICH_OF.match(text):
        return True
    return any(_is_thing(found["noun"], vocabulary) for found in _NAMED.finditer(text))


def resolve_demonstrative(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """The follow-up with what its demonstrative stands for; "" where it has none, or it cannot be told."""
    text = fragment.text
    things, phrase = read_subject(question), noun_phrase(question)
    compared = _COMPARED.search(text)
    if compared:
        return f"{text[: compared.start()]}{compared['than']} {phrase}" if phrase else ""
    if which := _WHICH_OF.match(text):
        return f"{which['asks']} {things}{which['rest']}" if things else ""
    if among := _AMONG.match(text):
        return _among(question, fragment, (among["rest"] or among["asks"], things), vocabulary)
    for found in _NAMED.finditer(text):
        if _is_thing(found["noun"], vocabulary) and not _CHOOSES.search(text[: found.start()]):
            put = _stands_for(found["noun"], things, question)
            return text[: found.start()] + put + text[found.end() :] if put else ""
    return ""


def _among(question: str, fragment: Fragment, parts: tuple[str, str], vocabulary: Vocabulary) -> str:
    """The rest of "among them, …" about the earlier things."""
    rest, things = parts
    if not things:
        return ""
    inner = type(fragment)(rest, asks=True)
    return resolve_reference(question, inner, vocabulary) or f"{rest} for {things}"


def _stands_for(noun: str, things: str, question: str) -> str:
    """What "this horsepower" or "these cars" is: the earlier attribute, or the earlier things."""
    stem, attribute = noun.lower().rstrip("s"), noun_phrase(split_selection(question)[0])
    if attribute.lower().rstrip("s").endswith(stem):
        return noun_phrase(question)
    if not things:
        return ""
    # "the highest speed of any car" picks a car, "the average speed" does not
    if stem in things.lower() and any(find_rank(word) in _PICKS for word in attribute.split()):
        return f"the {things} with {attribute}"
    return things if stem in things.lower() else f"{noun} of {things}"


def _is_thing(noun: str, vocabulary: Vocabulary) -> bool:
    return _TIMES.match(noun) is None and vocabulary.knows(noun)

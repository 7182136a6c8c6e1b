"""What a follow-up puts in the place of something: another value, group, superlative, column or table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .references import phrase_as_question
from .slots import find_slots, swap_slots
from .subjects import read_subject
from .superlatives import find_rank, swap_ranks

if TYPE_CHECKING:
    from .base import Vocabulary
    from .fragments import Fragment

__all__ = ["replace_attribute", "replace_dimension", "replace_name", "replace_rank", "replace_value"]

_WORD = re.compile(r"\w+")
_BY = re.compile(
    r"(?:group(?:ed)?\s+(?:them\s+|it\s+|these\s+|those\s+)?)?"
    r"(?:by|per|(?:for|in|of|from|to)\s+(?:each|every)|each|every)\s+(?P<what>\w+(?:\s+\w+){0,3})\Z",
    re.IGNORECASE,
)
_GROUPS = re.compile(
    r"(?<!sorted )(?<!ordered )(?<!ranked )(?<!order )(?<!sort )"
    r"\b(?:(?:for|in|of|from|to|by|at|on|within)\s+)?(?:per|by|each|every)\s+(?=\w)",
    re.IGNORECASE,
)
_THOSE = re.compile(r"(?:only|just|those|these|the ones?|ones|who|whose|that|which)\b", re.IGNORECASE)
_THE = re.compile(r"\A(?:(?:show|give|list|me|only|just|the|of|for|all)\s+)+", re.IGNORECASE)
_MANY = re.compile(r"how (?:many|much)\Z", re.IGNORECASE)
_OTHER = re.compile(
    r"\b(?:in|for|at|from|with|before|after|since|between|during|on|under|over|above|below|than)\b", re.I
)


def replace_dimension(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """ "by country instead": the group of the earlier question, or a new one behind it."""
    found = _BY.match(fragment.text)
    if not found:
        return ""
    if find_slots(fragment.text, vocabulary) and not vocabulary.names(found["what"].split()):
        return ""  # "by Elton John" names a value
    own = _GROUPS.search(question)
    if not own:
        return f"{question} {fragment.text}"
    # The name behind "per" may have several words, which only the schema tells.
    start, end = own.span()
    words = list(_WORD.finditer(question, end))
    known = [b for a, b in vocabulary.names([word[0] for word in words]) if a == 0]
    end = words[(known[0] if known else 1) - 1].end()
    return question[:start] + fragment.text + question[end:]


def replace_rank(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:  # noqa: ARG001 - what a rule takes
    """ "and the youngest?": another superlative or aggregate."""
    text = re.sub(
        r"\A(?:who|which)\s+(?:one\s+)?(?:is|was|are|were|has|have)\s+(?=the\b)", "", fragment.text, flags=re.I
    )
    return swap_ranks(question, text)


def replace_value(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """ "and in Paris?", "what about 2015?": other values in the places of the earlier ones."""
    if fragment.asks or _THOSE.match(fragment.text):
        return ""
    return swap_slots(question, fragment.text, vocabulary)


def replace_name(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """ "what about concerts?": another table in the place of the earlier one, or another column of a kind."""
    text = _THE.sub("", fragment.text)
    words = text.split()
    for tables in (True, False) if text == fragment.text else (True,):  # "the names" are something else, "name" is not
        if (0, len(words)) not in vocabulary.names(words, tables=tables, columns=not tables):
            continue
        told = list(_WORD.finditer(question))
        found = vocabulary.names([word[0] for word in told], tables=tables, columns=not tables)
        # A table may take the place of the first one named; a column only where there is one choice.
        places = sorted(found)
        if not tables:
            things = read_subject(question)
            before = question.lower().find(things.lower()) if things else len(question)
            places = [place for place in places if told[place[1] - 1].end() <= before]
        if len(places) == 1 or (tables and places):
            start, end = told[places[0][0]].start(), told[places[0][1] - 1].end()
            if question[start:end].lower() != text.lower():
                return question[:start] + text + question[end:]
    return ""


def replace_attribute(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """ "and the names?": something else of the same things."""
    text = _THE.sub("", fragment.text)
    words = text.split()
    things = read_subject(question)
    if not things or fragment.asks or _OTHER.search(text) or _THOSE.match(text):
        return ""
    if _MANY.match(text):
        return f"{text} {things}"
    if find_slots(fragment.text, vocabulary, fragment=True) and not vocabulary.names(words):
        return ""  # a value
    known = vocabulary.names(words) or all(vocabulary.knows(word) or find_rank(word) for word in words)
    fits = len(words) <= 6 if known else fragment.tied and len(words) <= 3
    return phrase_as_question(f"the {text} of {things}") if fits else ""

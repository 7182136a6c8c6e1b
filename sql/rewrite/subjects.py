"""The subject of a question: "singers from France" in "How many singers are from France?"."""

from __future__ import annotations

import re

from .superlatives import find_rank

__all__ = ["find_trailing_order", "noun_phrase", "read_subject", "split_selection"]

_ASK = re.compile(
    r"(?:(?:now|so|then|also|please|only|just|actually)\b[\s,]*)*"
    r"(?:(?:can|could|would) you\s+(?:(?:please|also|just|only|actually)\s+)*)?"
    r"(?:show|list|give|find|return|provide|display|get|name|state|identify|describe|tell|report|mention|indicate|count|retrieve|select|determine|compute|calculate|write)"
    r"(?:\s+(?:me|us|out|down|up|just|only|also))*\s+|(?:what|which|who|whose)(?:\s+(?:is|are|was|were)|'s)\s+",
    re.IGNORECASE,
)
_MANY = re.compile(r"(?:how many|how much|which|what|whose|who)\s+", re.IGNORECASE)
_OF = re.compile(r"\s+(?:of|for|across)\s+", re.IGNORECASE)
_COUNTS = re.compile(r"(?:\A|\s)(?:number|count|amount|sum|list|kinds?|types?)\Z", re.IGNORECASE)
_THERE = re.compile(
    r"\s+(?:are|is|were|was)\s+there(?:\s+in total)?\b|\s+do(?:es)?\s+(?:we|you|they|i)\s+have\b|\s+exist\b"
    r"|\s+are\s+(?:recorded|listed|available)\b",
    re.IGNORECASE,
)
_COPULA = re.compile(r"\s+(?:is|are|was|were)\s+", re.IGNORECASE)
_VERB = re.compile(r"\s+(?=(?:has|have|had|do|does|did|can)\s)", re.IGNORECASE)
_ORDER = re.compile(
    r",?\s*(?:\b(?:and\s+)?(?:sort|order|rank)(?:ed|ing)?\s+(?:\w+\s+)?by\b"
    r"|\b(?:in|by)\s+(?:the\s+)?(?:\w+\s+)?"
    r"(?:ascending|descending|alphabetical|increasing|decreasing|lexicographical|reverse)\b|\bfrom\s+(?:the\s+)?(?:\w+est|most)\s+to\b"
    r"|,\s*only the (?:top|first|last)\b"
    r"|,\s*\w+\s+first\Z).*\Z",
    re.IGNORECASE,
)
_EACH = re.compile(
    r"\s+(?:for|of|in|per|by|at|to|using)\s+(?:each|every)\s+(?:of\s+the\s+)?(?P<what>[^,]+)\Z", re.IGNORECASE
)
_TAIL = re.compile(
    r"\s+(?:of|for|across|in|from|with|by|at|on|that|who|which|whose|where|used|named|called|having|sorted|ordered)\s",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\A(?:all|the|different|distinct|of|any|each)\s+", re.IGNORECASE)
_RELATIVE = re.compile(r"\s+(?:who|that|which|whose|with|where)\s", re.IGNORECASE)


def find_trailing_order(question: str) -> int:
    """Where the words begin that say in which order rows come; the length of the question where there are none."""
    found = _ORDER.search(question)
    return found.start() if found else len(question)


def read_subject(question: str) -> str:
    """The things that an earlier question is about, with what narrows them, in its own words but for a "that".

    Args:
        question: A full question without its final mark.

    Returns:
        "" where it cannot be told.
    """
    text = question[: find_trailing_order(question)]
    asked, many = _ASK.match(text), _MANY.match(text)
    # "the number of concerts for each singer" gives a row a singer.
    if (grouped := _EACH.search(text)) and (asked or many):
        return grouped["what"]
    if asked:
        found = _behind_of(text[asked.end() :])
    elif many:
        found = _narrowed(text[many.end() :])
    else:
        return ""
    # "the oldest singer" keeps its article: without it the superlative would read as a name.
    while (shorter := _ARTICLE.match(found)) and not find_rank(found[shorter.end() :]):
        found = found[shorter.end() :]
    return found.strip(" ,")


def noun_phrase(question: str) -> str:
    """What an earlier question asks for, with "the": "the average age of all singers"; "" where it asks otherwise."""
    text = question[: find_trailing_order(question)]
    asked = _ASK.match(text)
    if not asked:
        return ""
    found = re.sub(r"\A(?:all\s+)?(?:the\s+)?(?:different\s+)?", "", text[asked.end() :], flags=re.IGNORECASE).strip(
        " ,"
    )
    return f"the {found}" if found else ""


def split_selection(question: str) -> tuple[str, str]:
    """An earlier question as what it shows and the rest: "Show the names" and " of all singers from France".

    Returns:
        Two empty texts where the question does not show columns.
    """
    asked = _ASK.match(question)
    if not asked or re.match(r"\s*count\b", question, re.IGNORECASE):
        return "", ""
    end = find_trailing_order(question)
    for found in _TAIL.finditer(question, asked.end(), end):
        if not _COUNTS.search(question[: found.start()]):
            end = found.start()
            break
    return question[:end], question[end:]


def _behind_of(text: str) -> str:
    """What stands behind the first "of" or "for" that does not count and is in no narrower part."""
    inner = _RELATIVE.search(text)
    for found in _OF.finditer(text):
        if inner and found.start() > inner.start():
            break
        if not _COUNTS.search(text[: found.start()]):
            return text[found.end() :]
    return re.sub(r"\A(?:the\s+)?(?:number|count|amount|list)\s+of\s+", "", text, flags=re.IGNORECASE)


def _narrowed(text: str) -> str:
    """ "singers are from France" as a noun phrase."""
    text = _THERE.sub("", text, count=1)
    inner = _RELATIVE.search(text)
    copula = _COPULA.search(text)
    if copula and not (inner and inner.start() < copula.start()):
        return f"{text[: copula.start()]} {text[copula.end() :]}"
    verb = _VERB.search(text)
    if verb and not (inner and inner.start() < verb.start()):
        return f"{text[: verb.start()]} that {text[verb.end() :]}"
    return text

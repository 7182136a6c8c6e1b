"""What a follow-up puts behind the earlier question: an order, a limit, what to leave out, one more condition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .slots import swap_slots
from .subjects import find_trailing_order
from .superlatives import find_rank

if TYPE_CHECKING:
    from .base import Vocabulary
    from .fragments import Fragment

__all__ = ["add_condition", "drop_duplicates", "exclude_rows", "is_about_duplicates", "limit_rows", "order_rows"]

_SORT = re.compile(
    r"(?P<verb>sort(?:ed)?|order(?:ed)?|rank(?:ed)?|arranged?|(?:show|list|give|return|display)(?=\s+(?:me\s+)?th))(?:\s+me)?"
    r"(?:\s+(?:them|it|these|those|that|this|the (?:results?|list|rows)))?"
    r"\s+(?=by\b|in\b|from\b|alphabetically\b)|(?=in\s+(?:the\s+)?(?:\w+\s+)?"
    r"(?:ascending|descending|alphabetical|reverse|increasing|decreasing)\b)"
    r"|(?=alphabetically\b)",
    re.IGNORECASE,
)
_FIRST = re.compile(r"(?P<rank>(?:most |least )?[^\W\d_]+)\s+first\Z", re.IGNORECASE)
_TOP = re.compile(
    r"(?:(?:show|give|list|return|keep|display|limit)(?:\s+(?:me|it|them|this|that))?(?:\s+to)?\s+)?(?:(?:only|just)\s+)?(?:the\s+)?"
    r"(?P<top>(?:top|first|last|bottom)(?:\s+(?:\d+|\w+))?(?:\s+ones?)?|\d+)\Z",
    re.IGNORECASE,
)
_PICKS = re.compile(r"\b(?:top|first|last|bottom)\s+(?:\d+|two|three|four|five|ten)\b", re.IGNORECASE)
_NOT = re.compile(
    r"(?:(?P<without>without|except(?:\s+for)?|excluding|other than|apart from|not)|"
    r"(?:exclude|remove|leave out|skip|ignore))\s+"
    r"(?:(?:the ones|those|these)\s+)?(?P<rest>.+)\Z",
    re.IGNORECASE,
)
_DUPLICATES = re.compile(
    r"(?:(?:filter|leave|take)\s+out|remove|drop|exclude|skip|ignore|without)\s+(?:all\s+|the\s+|any\s+)*"
    r"(?:duplicates?|repeats|repetitions|duplicated?\s+\w+|repeated\s+\w+)\Z"
    r"|(?:(?:just|only)\s+)?(?:show|list|give|return|display|keep)(?:\s+(?:me|just|only|all|the))*\s+"
    r"(?:distinct|unique|different)\s+(?:results?|values?|ones?|rows?|records?|entries)\Z",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"(?:(?:now|then|also|please|only|just)\b[\s,]*)*(?:show|list|give|find|return|display|get|name|what\s+(?:is|are|was|were))"
    r"(?:\s+(?:me|us|all|the|just|only))*\s+(?!distinct\b|different\b|unique\b)",
    re.IGNORECASE,
)
_THOSE = re.compile(
    r"(?:(?:show|give|list|return|display|include|keep|restrict|limit|filter|narrow)(?:\s+(?:me|it|them|this|down))*(?:\s+(?:to|by))?\s+)?"
    r"(?P<only>(?:only|just)\s+)?(?P<those>(?:the ones?|those|these|ones)\s+)?(?P<rest>.+)\Z",
    re.IGNORECASE,
)
_TIES = re.compile(
    r"\A(?:in|for|at|from|of|with|without|before|after|since|until|between|during|on|under|over|above|below|who|that"
    r"|which|whose|where|more than|less than|fewer than|at least|at most|older|younger|born|named|called|published|made"
    r"|located|only|not|\w+er than)\b",
    re.IGNORECASE,
)


_CLAUSE = re.compile(
    r"(that|who|which|whose|where|with|without|in|from|above|below|over|under|before|after|since)\s", re.IGNORECASE
)
_CLAUSE_INSIDE = re.compile(r"\s" + _CLAUSE.pattern, re.IGNORECASE)
# Openers of which one may take the place of another.
_ALIKE = {
    **dict.fromkeys(("that", "who", "which"), "that"),
    **dict.fromkeys(("with", "without"), "with"),
    **dict.fromkeys(("above", "below", "over", "under"), "above"),
    **dict.fromkeys(("before", "after", "since"), "before"),
}


def order_rows(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:  # noqa: ARG001 - what a rule takes
    """ "cheapest first", "sort them by age": the order of the earlier question, or a new one behind it."""
    first = _FIRST.match(fragment.text)
    if first and find_rank(first["rank"]):
        return f"{question[: find_trailing_order(question)]}, {fragment.text}"
    found = _SORT.match(fragment.text)
    if not found:
        return ""
    # "list the results in descending order" orders as "in descending order" does
    verb = found["verb"] if found["verb"] and re.match("sort|order|rank|arrange", found["verb"], re.IGNORECASE) else ""
    said = f"{verb} {fragment.text[found.end() :]}"
    own = find_trailing_order(question)
    if found["verb"] is None and re.search(r"\bby\b", question[own:]):  # another direction of the same order
        own += len(re.sub(r"\s+(?:in|from)\s.*\Z", "", question[own:]))
    return f"{question[:own]} {said}"


def drop_duplicates(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:  # noqa: ARG001
    """ "filter out duplicates": the earlier rows, each once."""
    asked = _SHOWN.match(question)
    if not asked or not _DUPLICATES.match(fragment.text):
        return ""
    return f"{asked[0]}distinct {question[asked.end() :]}"


def limit_rows(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:  # noqa: ARG001
    """ "only the top 3": the number of rows of the earlier question, or a new one behind it."""
    found = _TOP.match(fragment.text)
    if not found or (
        found["top"].isdigit() and fragment.closer != "only" and not re.search("only|just|limit", fragment.text)
    ):
        return ""
    own = _PICKS.search(question)
    if own:
        top = found["top"]
        return question[: own.start()] + top + question[own.end() :]
    return f"{question}, {fragment.text}"


def is_about_duplicates(text: str) -> bool:
    """Whether a follow-up wants each row once."""
    return _DUPLICATES.match(text) is not None


def exclude_rows(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:  # noqa: ARG001
    """ "except France", "without those from Paris"."""
    found = _NOT.match(fragment.text)
    if not found:
        return ""
    verb = found["without"] or fragment.text[: found.start("rest")].split()[0]
    return f"{question}, {verb} {found['rest']}"


def add_condition(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """ "those with more than 5", "in 2014": a condition behind the earlier question, before its order."""
    found = _THOSE.match(fragment.text)
    if not found or fragment.asks:
        return ""
    rest = found["rest"]
    # A value of the same column replaces the earlier one instead of being added to it.
    swapped = swap_slots(question, rest, vocabulary, same=True)
    if swapped:
        return swapped
    replaced = _replace_clause(question, rest) if fragment.about else ""
    if replaced:
        return replaced
    if not (found["those"] or found["only"] or fragment.tied or _TIES.match(rest)):
        return ""
    own = find_trailing_order(question)
    # Before the order, where a condition reads as one of the rows and not of the order.
    return f"{question[:own]} {rest}{question[own:]}"


def _replace_clause(question: str, rest: str) -> str:
    """ "what about those that are not used?": the clause in the place of the earlier one that begins alike."""
    opener = _CLAUSE.match(rest)
    if not opener:
        return ""
    wanted = _ALIKE.get(opener[1].lower(), opener[1].lower())
    own = find_trailing_order(question)
    found = [
        one for one in _CLAUSE_INSIDE.finditer(question, 0, own) if _ALIKE.get(one[1].lower(), one[1].lower()) == wanted
    ]
    if not found:
        return ""
    return f"{question[: found[-1].start(1)]}{rest}{question[own:]}"


def _clause_kind(opener: str) -> str:
    return _ALIKE.get(opener.lower(), opener.lower())

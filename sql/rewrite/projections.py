"""Which columns a follow-up wants beside the earlier ones, instead of them, or for each of the earlier rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .slots import find_slots
from .subjects import noun_phrase, read_subject, split_selection

if TYPE_CHECKING:
    from .base import Vocabulary
    from .fragments import Fragment

__all__ = ["FOR_EACH", "add_columns", "add_rows", "count_for_each", "read_columns"]

_VERB = re.compile(
    r"(?:(?:can|could|would) you\s+)?(?:(?:please|actually|just|only|now|also|then)\s+)*"
    r"(?:show|list|give|provide|include|display|tell|add|return|find|get|what (?:is|are|was|were))(?:\s+(?:me|us))?"
    r"(?:\s+(?:just|only|also|now))*\s+(?:all\s+)?(?P<what>\S.*)\Z",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\A(?:(?:the|an?|all|their|its|his|her)\s+)+", re.IGNORECASE)
_EACH = re.compile(
    r"\s+(?:for|of|in|from|to|by)?\s*(?:each|every)(?:\s+(?:one|of\s+(?:them|these|those)(?:\s+\w+)?|\w+))?\Z"
    r"|\s+(?:for|of)\s+(?:them|these|those)(?:\s+\w+)?\Z",
    re.IGNORECASE,
)
FOR_EACH = re.compile(
    r"\A(?:for|of)\s+(?:each|every)(?:\s+(?:one|of\s+(?:the|them|these|those)(?:\s+\w+){0,2}))?\s*,\s*(?P<rest>\S.*)\Z",
    re.IGNORECASE,
)
_ROWS = re.compile(r"\A(?:the\s+)?(?:those|these|ones?|results?|rows?|list|records?)\b", re.IGNORECASE)
_NARROWED = re.compile(r"\b(?:that|who|which|whose|where|with|have|has|had)\b", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:they\s+each|they|it|them|(?:this|that|these|those)\s+\w+)\b", re.IGNORECASE)
_ALSO = re.compile(r"\b(?:also|too|as well)\s*", re.IGNORECASE)
_SPLIT = re.compile(r"\s*(?:,\s*and|,|\band\b)\s*", re.IGNORECASE)


def read_columns(text: str, vocabulary: Vocabulary) -> str:
    """The columns in "just show the name and id", as the question writes them; "" where it asks for something else."""
    found = _VERB.match(text)
    if not found or not re.search(r"\b(?:just|only)\b", text[: found.start("what")], re.IGNORECASE):
        return ""
    names = [_ARTICLE.sub("", part) for part in _SPLIT.split(found["what"])]
    if all(name and _is_named(name, vocabulary) for name in names):
        return found["what"]
    return ""


def add_columns(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """ "also show their ages": further columns behind the earlier ones, of the same rows."""
    if not fragment.also:
        return ""
    each = FOR_EACH.match(fragment.text)
    found = _VERB.match(each["rest"] if each else fragment.text)
    if not found:
        return ""
    what = _EACH.sub("", _ARTICLE.sub("", found["what"]))
    if _ROWS.match(what) or _NARROWED.search(what) or not _mentions(what, vocabulary):
        return ""
    head, tail = split_selection(question)
    if not head:
        return ""
    counted = re.match(r"(?:number|count|total|sum|average|maximum|minimum)\b", what, re.IGNORECASE)
    if counted and each:  # a figure of each row
        tail = f" for each {_counted_per(question, what)}"
    return f"{head} and the {what}{tail}" if counted else f"{head} and {what}{tail}"


def add_rows(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """ "also show those from Japan": rows with another value of the same column, beside the earlier ones."""
    found = _VERB.match(fragment.text) if fragment.also else None
    if not found or not _ROWS.match(found["what"]):
        return ""
    new = find_slots(found["what"], vocabulary, fragment=True)
    if len(new) != 1:
        return ""
    for old in reversed(find_slots(question, vocabulary)):
        if old.refs & new[0].refs or (old.kind == new[0].kind != "value"):
            return f"{question[: old.end]} or {found['what'][new[0].start : new[0].end]}{question[old.end :]}"
    return ""


def count_for_each(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:  # noqa: ARG001 - what a rule takes
    """ "for each of them, show the number of concerts": a figure of each of the earlier rows."""
    each = FOR_EACH.match(fragment.text)
    if not each:
        return ""
    rest = _ALSO.sub("", each["rest"])
    things = _counted_per(question, rest)
    if not things:
        return ""
    pronoun = _PRONOUN.search(rest)
    if pronoun:
        return f"{rest[: pronoun.start()]}each {things}{rest[pronoun.end() :]}"
    return f"{rest} for each {things}"


def _counted_per(question: str, rest: str) -> str:
    """What there is one of a row: the things that were asked about, or what was shown of them where these are counted.

    "Show the country of all singers", "for each of them, count the singers" counts by country.
    """
    things, phrase = read_subject(question), noun_phrase(question)
    head, tail = split_selection(question)
    noun = things.partition(" ")[0].lower().rstrip("s")
    if tail and noun and re.search(rf"\b{re.escape(noun)}s?\b", rest, re.IGNORECASE):
        return _ARTICLE.sub("", noun_phrase(head))
    return things or _ARTICLE.sub("", phrase)


def _is_named(name: str, vocabulary: Vocabulary) -> bool:
    return all(vocabulary.knows(word) for word in name.split())


def _mentions(what: str, vocabulary: Vocabulary) -> bool:
    return any(vocabulary.knows(word) for word in re.findall(r"\w+", what))

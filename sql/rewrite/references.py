"""Pronouns, and questions without a noun: "What are their names?", "How many are older than 30?"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .subjects import read_subject

if TYPE_CHECKING:
    from .base import Vocabulary
    from .fragments import Fragment

__all__ = ["phrase_as_question", "resolve_reference"]

_OWN = re.compile(
    r"\b(?:their|his|her|its)\s+(?P<things>.+?)(?P<rest>\s+(?:in|from|with|at|sorted|ordered|by)\s.+)?\Z", re.IGNORECASE
)
_OF_THEM = re.compile(
    r"\bof\s+(?:them|it|(?:these|those)(?:\s+(?P<noun>\w+))?)\b(?!\s+(?:who|that|which|with)\b)", re.IGNORECASE
)
_THEM = re.compile(
    r"\b(?:(?:(?:these|those)(?:\s+(?P<noun>\w+))?|the ones|ones)\b(?!\s+(?:who|that|which|with|from|in)\b)"
    r"|(?:they|them|he|him|she|her|it)\b)",
    re.IGNORECASE,
)
_CHOOSES = re.compile(r"(?:how many|which|any|some|all|one|none|most)\s+\Z", re.IGNORECASE)
_ELLIPSIS = re.compile(
    r"(?P<asks>how many|which|who|how much)(?:\s+ones?)?(?=\s|\Z)(?P<rest>(?:\s+(?!the\b).*)?)\Z", re.IGNORECASE
)
_VERB = re.compile(r"\A(?:is|are|was|were|do|does|did|has|have|had|can|there|in|from|with|of|at|on)\b", re.IGNORECASE)
_PARTICIPLE = re.compile(
    r"\A(?:is|are|was|were|has|have|had|do|does|did|can|in|from|with|of|who|that)\Z", re.IGNORECASE
)
_PLURAL = re.compile(r"\band\b|,|[^s]s\b(?!\s+of\b)", re.IGNORECASE)


def resolve_reference(question: str, fragment: Fragment, vocabulary: Vocabulary) -> str:
    """A question that names its things by a pronoun, or not at all, with the things of the earlier one; "" else."""
    text = fragment.text
    own = _OWN.search(text)
    if not own and (not fragment.asks or fragment.also):
        return ""
    things = read_subject(question)
    if not things:
        return ""
    if own:
        said = f"the {own['things']} of {things}{own['rest'] or ''}"
        return text[: own.start()] + said if fragment.asks else phrase_as_question(said)
    if them := _OF_THEM.search(text) or _THEM.search(text):
        before = text[: them.start()]
        of = "of " if them.re is _OF_THEM and not _CHOOSES.search(before) else ""
        return before + of + _with_noun(things, them["noun"], vocabulary) + text[them.end() :]
    # "How many are older?" counts; "How many singers are older?" has a noun of its own.
    bare = _ELLIPSIS.match(text)
    fits = bare is not None and (not bare["rest"].strip() or _VERB.match(bare["rest"].strip()))
    return f"{bare['asks']} {things} {bare['rest']}" if bare is not None and fits else ""


def phrase_as_question(said: str) -> str:
    """ "the average age of singers" as a question."""
    things = said.partition(" of ")[0]
    return f"What {'are' if _PLURAL.search(things + ' ') else 'is'} {said}"


def _with_noun(things: str, noun: str | None, vocabulary: Vocabulary) -> str:
    """The things in the place of "those", with the word behind it unless that names them again ("those singers")."""
    if not noun:
        return things
    again = noun.lower().rstrip("s") in things.lower() or vocabulary.knows(noun)
    return things if again and not _PARTICIPLE.match(noun) else f"{things} {noun}"

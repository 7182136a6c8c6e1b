"""Things that have rows of two kinds, or any row: "booked both economy and business class", "that have a review"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import stem

from .conditions import Clause, Option
from .conditions.absence import is_many, not_in
from .conditions.build import negate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .compose import Composer
    from .contrasts import Contrast
    from .term import Topic
    from .terms import Terms

__all__ = ["read_presences", "read_shared"]

_BOTH = re.compile(r"\b(?:in\s+|at\s+|on\s+|for\s+)?both\s+(?:of\s+)?(?:the\s+|an?\s+)?(?:[^\W\d_]+\s+){0,2}$")
_SHARE = re.compile(r"\b(?:percentage|percent|share|fraction|proportion)\s+of\s+(?:all\s+)?(?:the\s+)?")
_HAVING = re.compile(
    r"\b(?:(?:who|that|which)\s+)?(?:have|has|had|got|received|with|made|placed|wrote)\s+"
    r"(?:(?P<no>no)|an?|at\s+least\s+one|any|some)\s+(?P<thing>[^\W\d_]+)\b"
)
_WHO = re.compile(r".*\b([^\W\d_]+)\s+(?:who|that|which|whom|where)\b")
_WORD = re.compile(r"\s+([^\W\d_]+)s?\b")
_CLEAR = 0.7
_ALSO = re.compile(r"^\W*(?:[^\W\d_]+\s+){0,3}(?:and\s+also|as\s+well\s+as|and\s+at\s+the\s+same\s+time)\b")


def read_shared(text: str, contrast: Contrast, composer: Composer, topic: Topic) -> tuple[list[Clause], bool] | None:
    """The conditions with one on the thing that is spoken of in place of the two, and whether that is sure.

    None where a thing has one row of the kind at most, so that no thing can have both.

    Args:
        text: The question in lower case.
        contrast: Two conditions of the question on one column.
        composer: Of queries over the schema.
        topic: What the question is about.
    """
    first, second = contrast.clauses[contrast.first], contrast.clauses[contrast.second]
    between = text[first.end : second.start]
    both = _BOTH.search(text[: first.start])
    sure = both is not None or _ALSO.search(between) is not None
    subject = _subject(text[: first.start], composer.terms, topic)
    if not subject or not (sure or "and" in between.split()):
        return None
    options: list[Option] = []
    for one in first.options:
        for other in second.options:
            if one.tables == other.tables and _column(one) == _column(other):
                options += _options(one, other, subject, composer)
                break
    if not options:
        return None
    start = both.start() if both is not None else first.start
    merged = Clause(start, _end(text, second, composer.terms), tuple(options))
    others = [one for n, one in enumerate(contrast.clauses) if n not in (contrast.first, contrast.second)]
    return sorted([*others, merged], key=lambda clause: clause.start), sure


def read_presences(text: str, composer: Composer, topic: Topic) -> list[Clause]:
    """ "the percentage of bookings that have a review": a condition on the rows of another table.

    Only shares need one; elsewhere a join says the same.

    Args:
        text: The question in lower case.
        composer: Of queries over the schema.
        topic: What the question is about.
    """
    share = _SHARE.search(text)
    match = _HAVING.search(text, share.end()) if share is not None else None
    if share is None or match is None:
        return []
    schema, terms = composer.terms.lexicon.view.schema, composer.terms
    whole = [one for one in terms.things(text[share.end() : match.start()].strip()) if one.score >= _CLEAR]
    other = [one for one in terms.things(match["thing"]) if one.score >= _CLEAR]
    subject = whole[0].table if whole else _subject("", terms, topic)
    path = composer.writer.path(subject, other[0].table) if subject and other else ()
    if not path or path[0].table != subject or not any(is_many(schema, edge) for edge in path):
        return []
    test = not_in(schema.dialect, path, [])
    return [
        Clause(
            match.start(), match.end(), (Option(_CLEAR, test if match["no"] else negate(test), (subject,), "absence"),)
        )
    ]


def _subject(before: str, terms: Terms, topic: Topic) -> str:
    """The table of the thing that has both: the one that a relative clause is about, else what is spoken of."""
    who = _WHO.search(before)
    things = [term for term in terms.things(who[1]) if term.score >= _CLEAR] if who is not None else []
    if things:
        return things[0].table
    return terms.lexicon.view.table_name(topic.owner) if topic.owner is not None else ""


def _end(text: str, clause: Clause, terms: Terms) -> int:
    """The end of a condition with the name of its column after it: "economy and business class"."""
    word = _WORD.match(text, clause.end)
    column = clause.options[0].test.find(exp.Column)
    facts = terms.facts(column) if column is not None else None
    named = word is not None and facts is not None and bool(set(facts.name.stems) & {stem(word[1])})
    return word.end() if named and word is not None else clause.end


def _column(option: Option) -> str:
    return next((node.sql() for node in option.test.find_all(exp.Column)), "")


def _options(one: Option, other: Option, subject: str, composer: Composer) -> Sequence[Option]:
    schema = composer.terms.lexicon.view.schema
    if len(one.tables) != 1 or one.tables[0] == subject:
        return ()
    path = composer.writer.path(subject, one.tables[0])
    if (
        not path
        or not all(map(composer.writer.refers, path))
        or not any(is_many(schema, edge) for edge in path)
        or path[0].table != subject
    ):
        return ()
    tests: list[Any] = [negate(not_in(schema.dialect, path, [option.test.copy()])) for option in (one, other)]
    score = (one.score * other.score) ** 0.5
    both: Any = exp.and_(*tests, copy=False)
    return (Option(score, both, (subject,), "absence"),)

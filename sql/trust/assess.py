"""From the choice among candidates to an outcome, its doubts, and a question back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.text.words import words
from ctxprune.utils.validation import check_range

from ..account.gradable import GRADABLE
from ..linking.doubts import Doubt
from .contradiction import contradicts_itself
from .counted_kinds import find_rows_of_kind
from .explain import find_nearest, question_back
from .leftover import IMPORTANT
from .outcome import ANSWERED, TENTATIVE, UNANSWERED, Assessment
from .support import OWN_GENERATORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..select.base import Executed, SelectionContext
    from .leftover import Leftover
    from .model import JudgedGroup

__all__ = ["Bars", "assess"]

_RIVAL = 0.5  # share of the best chance from which a second reading is told
_MOST_TABLES = 3  # that a doubt names
_LONGEST_READING = 300  # characters of another reading that a doubt quotes
_WHAT = {
    "value": "a stored value", "number": "a number or a day", "schema": "a word of the schema",
    "unknown": "a word that the query has no part for",
}  # fmt: skip
_NUMBERS = re.compile(r"\d+")
_INVENTED = frozenset(("value", "number", "date"))


@dataclass(frozen=True)
class Bars:
    """Confidences at which the outcome changes.

    Attributes:
        answer_above: 0..1, least confidence of an answer that is "answered".
        refuse_below: 0..1, confidence below which a question of which the query leaves something important out is
            "unanswered".
        refuse_unknown: 0..1, the same where all that is left out are words that stand for names and mean nothing in
            the schema; None for `refuse_below`.

    Raises:
        UsageError: A number is out of its range.
    """

    answer_above: float
    refuse_below: float
    refuse_unknown: float | None = None

    def __post_init__(self) -> None:
        check_range("answer_above", self.answer_above)
        check_range("refuse_below", self.refuse_below)
        check_range("refuse_unknown", self.refuse_unknown, optional=True)


def assess(
    context: SelectionContext, executed: Sequence[Executed], chosen: int, judged: Sequence[JudgedGroup], bars: Bars
) -> Assessment:
    """The assessment of a chosen candidate.

    Args:
        context: The question and what is known about it.
        executed: The candidates.
        chosen: Index of the choice; it has a result.
        judged: The groups of equal results, the likeliest first.
        bars: Where outcomes change.

    Raises:
        ValueError: The chosen candidate is in none of the groups.
    """
    mine = next((one for one in judged if chosen in one.facts.members), None)
    if mine is None:
        raise ValueError("the chosen candidate was not judged")
    rival = next((one for one in judged if one is not mine), None)
    close = rival is not None and rival.chance >= _RIVAL * mine.chance
    other = rival.facts.representative if rival is not None and close else None
    dialect = context.schema.dialect
    # What people have checked needs no account; its words may be explained by what they know.
    blockers = [] if mine.stored else [*_word_doubts(context, mine.facts.leftovers)]
    kind = None if mine.stored else next(_kind_rivals(mine, judged, executed, dialect), None)
    if kind is not None:
        blockers.append(kind[0])
        other = kind[1] if other is None else other
    elif not mine.stored:
        blockers += _bridge_doubts(mine)
    if not mine.stored:
        blockers += _contested_doubts(mine, {one.span for one in blockers})
    alone = _read_alone(mine, executed)
    clash = contradicts_itself(executed[chosen].sql, dialect)
    impossible = [] if mine.stored else [*_condition_doubts(executed)]
    doubts = (
        *impossible,
        *blockers,
        *(() if mine.stored else _result_doubts(mine, context.evidence)),
        *_query_doubts(executed, other, alone, clash=clash),
    )
    unused = tuple(dict.fromkeys(one.text for one in mine.facts.leftovers if not one.why))
    back = "" if other is None else question_back(executed[chosen].sql, executed[other].sql, context.schema)
    # A refusal names what is missing; where nothing is, rows with their low confidence serve better. So they do for
    # queries of chat models, of which the model of trust has seen too few to withhold one.
    own = executed[chosen].candidate.generator in OWN_GENERATORS
    left_out = [one for one in mine.facts.leftovers if not one.why]
    missing = [] if mine.stored else [*_word_doubts(context, left_out)]
    if own and missing and mine.chance < _refusal_bar(bars, left_out) and not _only_ungraded(left_out):
        unknown = all(one.kind == "doubt" for one in left_out if one.kind in IMPORTANT)
        reason = _refusal(context, missing, "that you may see in it" if unknown else "in my query")
        return Assessment(UNANSWERED, mine.chance, mine.facts.reading, unused, tuple(doubts), question_back=back,
                          reason=reason)  # fmt: skip
    certain = not (blockers or alone is not None or clash or impossible)
    sure = mine.chance >= bars.answer_above and certain
    if not sure and not doubts:
        doubts = (_low_confidence(mine.chance, bars),)
    shown = other if other is not None else alone
    return Assessment(
        ANSWERED if sure else TENTATIVE,
        mine.chance,
        mine.facts.reading,
        unused,
        doubts,
        other_sql="" if shown is None else executed[shown].sql,
        other_notes=() if shown is None else executed[shown].candidate.notes,
        question_back=back,
    )


def _read_alone(mine: JudgedGroup, executed: Sequence[Executed]) -> int | None:
    """Where only the sketch found a result although the phrases were read, too: the first query of these; else None.

    The sketch learned the wording of one benchmark and is surer of its queries there than elsewhere, so that its word
    alone is not enough.
    """
    families = [one.candidate.generator.partition(".")[0] for one in executed]
    if {families[index] for index in mine.facts.members} != {"sketch"} or "phrases" not in families:
        return None
    phrases = [index for index, family in enumerate(families) if family == "phrases"]
    return next((index for index in phrases if executed[index].result is not None), phrases[0])


def _refusal_bar(bars: Bars, left_out: Sequence[Leftover]) -> float:
    """The bar of unknown words where nothing else is left out, so that a refusal names all that is missing."""
    unknown = all(one.kind == "doubt" for one in left_out if one.kind in IMPORTANT)
    return bars.refuse_below if bars.refuse_unknown is None or not unknown else bars.refuse_unknown


def _only_ungraded(left_out: Sequence[Leftover]) -> bool:
    """Whether all that is left out are adjectives of degree, and names of the schema, as in "cheap books".

    The rows are there, and only the border is not; so that they are shown with the doubt rather than refused.
    """
    left = [one for one in left_out if one.kind in IMPORTANT]
    graded = [one for one in left if GRADABLE.issuperset(words(one.text))]
    return bool(graded) and all(one in graded or one.kind == "schema" for one in left)


def _reading(one: Executed) -> str:
    """A query on one line with what it gives: "SELECT … -> 3 rows"."""
    words = " ".join((one.sql or one.candidate.sql).split())
    words = words if len(words) <= _LONGEST_READING else f"{words[:_LONGEST_READING]} …"
    if one.result is None:
        return f"{words} -> an error"
    rows = len(one.result.rows)
    return f"{words} -> {rows} row{'' if rows == 1 else 's'}"


def _word_doubts(context: SelectionContext, leftovers: Sequence[Leftover]) -> Iterator[Doubt]:
    """Words that mean nothing, and important words that the query leaves out, in order, each once."""
    told: set[Doubt] = set()
    for one in leftovers:
        # The linker's own words name what nothing in the schema stands for; the account knows whether it matters.
        mine = [doubt for doubt in context.doubts if doubt.span[0] < one.span[1] and one.span[0] < doubt.span[1]]
        if one.why:
            mine = [Doubt(one.text, one.span, one.why)]
        elif not mine and one.kind in IMPORTANT:
            what = "which needs a border, as in 'more than 10'" if _only_ungraded([one]) else _WHAT[one.kind]
            mine = [Doubt(one.text, one.span, f"not used: {one.text!r}, {what}")]
        yield from (doubt for doubt in mine if doubt not in told)
        told.update(mine)


def _is_given(text: str, evidence: str) -> bool:
    numbers = _NUMBERS.findall(text)
    return bool(numbers) and numbers[0] in _NUMBERS.findall(evidence)


def _result_doubts(mine: JudgedGroup, evidence: str) -> Iterator[Doubt]:
    if mine.facts.empty:
        yield Doubt("", (0, 0), "the query finds nothing")
    reading = mine.facts.reading
    if reading is None:
        yield Doubt("", (0, 0), "the query cannot be compared with the question")
        return
    extra = [part.text for part in reading.extra if part.kind in _INVENTED]
    # What the evidence or a term says was asked for.
    invented = list(dict.fromkeys(text for text in extra if not _is_given(text, evidence)))
    if invented:
        yield Doubt("", (0, 0), f"the question does not ask for {', '.join(invented[:3])}")


def _bridge_doubts(mine: JudgedGroup) -> Iterator[Doubt]:
    """Tables of events that stand for a verb of the question and are named by none of its words."""
    for part in mine.facts.reading.bridges if mine.facts.reading is not None else ():
        yield Doubt("", (0, 0), f"read through {part.text}, which the question does not name")


def _contested_doubts(mine: JudgedGroup, told: set[tuple[int, int]]) -> Iterator[Doubt]:
    """Words that the query explains and the question speaks against, but for those at the spans that are told."""
    for one in mine.facts.reading.contested if mine.facts.reading is not None else ():
        if (one.start, one.end) not in told:
            yield Doubt(one.text, (one.start, one.end), one.why)


def _condition_doubts(executed: Sequence[Executed]) -> Iterator[Doubt]:
    """What the generators say of conditions that cannot hold, each once; so they cannot, whichever query is chosen."""
    for why in dict.fromkeys(why for one in executed for why in one.candidate.doubts):
        yield Doubt("", (0, 0), why)


def _kind_rivals(
    mine: JudgedGroup, judged: Sequence[JudgedGroup], executed: Sequence[Executed], dialect: str
) -> Iterator[tuple[Doubt, int]]:
    """Of a value that names a kind, read as rows that refer to its table: the doubt, and the reading as that row."""
    for other in judged:
        place = find_rows_of_kind(other.facts, [mine.facts], executed, dialect) if other is not mine else -1
        for one in other.facts.leftovers if place == 0 else ():
            if one.instead:
                rows = " or ".join(one.instead[:_MOST_TABLES])
                why = f"{one.text!r} is read as a kind: counted are rows of {rows}"
                yield Doubt(one.text, one.span, why), other.facts.representative


def _low_confidence(chance: float, bars: Bars) -> Doubt:
    # As many digits as it takes for the two numbers to differ.
    digits = next((n for n in range(4) if f"{chance:.{n}%}" != f"{bars.answer_above:.{n}%}"), 4)
    mine, bar = (f"{number * 100:.{digits}f} %" for number in (chance, bars.answer_above))
    return Doubt("", (0, 0), f"the confidence, {mine}, is below the bar for sure answers, {bar}")


def _query_doubts(
    executed: Sequence[Executed], close: int | None, alone: int | None, *, clash: bool
) -> Iterator[Doubt]:
    """Doubts about the query; `close` and `alone` are the places of other readings, None where there is none."""
    if clash:
        yield Doubt("", (0, 0), "its conditions exclude each other, so that no row can satisfy them")
    if alone is not None:
        yield Doubt("", (0, 0), f"other reading, phrase by phrase: {_reading(executed[alone])}")
    # One reading is told once, whichever way it was found.
    if close is not None and (alone is None or _reading(executed[close]) != _reading(executed[alone])):
        yield Doubt("", (0, 0), f"other reading: {_reading(executed[close])}")


def _refusal(context: SelectionContext, doubts: Sequence[Doubt], where: str) -> str:
    """Why there is no answer, with the columns that come nearest to what is missing."""
    words = list(dict.fromkeys(doubt.text for doubt in doubts))[:3]
    near = find_nearest(words, context.schema)
    hint = f" The nearest that there is: {', '.join(near)}." if near else ""
    return f"I cannot answer this from this database: nothing {where} stands for {_listed(words)}.{hint}"


def _listed(words: Sequence[str]) -> str:
    quoted = [repr(word) for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"

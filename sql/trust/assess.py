"""From the choice among candidates to an outcome, its doubts, and a question back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.utils.validation import check_range

from ..linking.doubts import Doubt
from .contradiction import contradicts_itself
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
_LONGEST_READING = 300  # characters of another reading that a doubt quotes
_WHAT = {
    "value": "a stored value", "number": "a number or a day", "schema": "a word of the schema",
    "unknown": "a word that the query has no part for",
}  # fmt: skip
_INVENTED = frozenset(("value", "number", "date"))


@dataclass(frozen=True)
class Bars:
    """Confidences at which the outcome changes.

    Attributes:
        answer_above: 0..1, least confidence of an answer that is "answered".
        refuse_below: 0..1, confidence below which a question of which the query leaves something important out is
            "unanswered".

    Raises:
        UsageError: A number is out of its range.
    """

    answer_above: float
    refuse_below: float

    def __post_init__(self) -> None:
        check_range("answer_above", self.answer_above)
        check_range("refuse_below", self.refuse_below)


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
    # What people have checked needs no account; its words may be explained by what they know.
    blockers = [] if mine.stored else [*_word_doubts(context, mine.facts.leftovers), *_bridge_doubts(mine)]
    alone = _read_alone(mine, executed)
    clash = contradicts_itself(executed[chosen].sql, context.schema.dialect)
    impossible = [] if mine.stored else [*_condition_doubts(executed)]
    doubts = (
        *impossible,
        *blockers,
        *(() if mine.stored else _result_doubts(mine)),
        *_query_doubts(close=_reading(executed, other), alone=_reading(executed, alone), clash=clash),
    )
    unused = tuple(dict.fromkeys(one.text for one in mine.facts.leftovers if not one.why))
    back = "" if other is None else question_back(executed[chosen].sql, executed[other].sql, context.schema)
    # A refusal names what is missing; where nothing is, rows with their low confidence serve better. So they do for
    # queries of chat models, of which the model of trust has seen too few to withhold one.
    own = executed[chosen].candidate.generator in OWN_GENERATORS
    left_out = [one for one in mine.facts.leftovers if not one.why]
    missing = [] if mine.stored else [*_word_doubts(context, left_out)]
    if own and missing and mine.chance < bars.refuse_below:
        reason = _refusal(context, missing)
        return Assessment(UNANSWERED, mine.chance, mine.facts.reading, unused, tuple(doubts), question_back=back,
                          reason=reason)  # fmt: skip
    certain = not (blockers or alone is not None or clash or impossible)
    sure = mine.chance >= bars.answer_above and certain
    if not sure and not doubts:
        doubts = (_low_confidence(mine.chance, bars),)
    return Assessment(
        ANSWERED if sure else TENTATIVE,
        mine.chance,
        mine.facts.reading,
        unused,
        doubts,
        other_sql="" if other is None else executed[other].sql,
        other_notes=() if other is None else executed[other].candidate.notes,
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


def _reading(executed: Sequence[Executed], index: int | None) -> str | None:
    """How a query reads the question, in its generator's words or as SQL, on one line; None for None."""
    if index is None:
        return None
    one = executed[index]
    words = " ".join(("; ".join(one.candidate.notes) or one.sql or one.candidate.sql).split())
    return words if len(words) <= _LONGEST_READING else f"{words[:_LONGEST_READING]} …"


def _word_doubts(context: SelectionContext, leftovers: Sequence[Leftover]) -> Iterator[Doubt]:
    """Words that mean nothing, and important words that the query leaves out, in order, each once."""
    told: set[Doubt] = set()
    for one in leftovers:
        # The linker's own words name what nothing in the schema stands for; the account knows whether it matters.
        mine = [doubt for doubt in context.doubts if doubt.span[0] < one.span[1] and one.span[0] < doubt.span[1]]
        if one.why:
            mine = [Doubt(one.text, one.span, one.why)]
        elif not mine and one.kind in IMPORTANT:
            mine = [Doubt(one.text, one.span, f"not used: {one.text!r}, {_WHAT[one.kind]}")]
        yield from (doubt for doubt in mine if doubt not in told)
        told.update(mine)


def _result_doubts(mine: JudgedGroup) -> Iterator[Doubt]:
    if mine.facts.empty:
        yield Doubt("", (0, 0), "the query finds nothing")
    reading = mine.facts.reading
    if reading is None:
        yield Doubt("", (0, 0), "the query cannot be compared with the question")
        return
    invented = list(dict.fromkeys(part.text for part in reading.extra if part.kind in _INVENTED))
    if invented:
        yield Doubt("", (0, 0), f"the question does not ask for {', '.join(invented[:3])}")


def _bridge_doubts(mine: JudgedGroup) -> Iterator[Doubt]:
    """Tables of events that stand for a verb of the question and are named by none of its words."""
    for part in mine.facts.reading.bridges if mine.facts.reading is not None else ():
        yield Doubt("", (0, 0), f"read through {part.text}, which the question does not name")


def _condition_doubts(executed: Sequence[Executed]) -> Iterator[Doubt]:
    """What the generators say of conditions that cannot hold, each once; so they cannot, whichever query is chosen."""
    for why in dict.fromkeys(why for one in executed for why in one.candidate.doubts):
        yield Doubt("", (0, 0), why)


def _low_confidence(chance: float, bars: Bars) -> Doubt:
    why = (
        f"the confidence of {chance:.2f} is below {bars.answer_above:.2f}, from which answers are given without doubts"
    )
    return Doubt("", (0, 0), why)


def _query_doubts(*, close: str | None, alone: str | None, clash: bool) -> Iterator[Doubt]:
    """Doubts about the query; `close` and `alone` are other readings, None where there is none."""
    if clash:
        yield Doubt("", (0, 0), "its conditions exclude each other, so that no row can satisfy them")
    if alone is not None:
        yield Doubt("", (0, 0), f"read phrase by phrase the question means another query: {alone}")
    if close is not None:
        yield Doubt("", (0, 0), f"another reading of the question gives another result: {close}")


def _refusal(context: SelectionContext, doubts: Sequence[Doubt]) -> str:
    """Why there is no answer, with the columns that come nearest to what is missing."""
    words = list(dict.fromkeys(doubt.text for doubt in doubts))[:3]
    near = find_nearest(words, context.schema)
    hint = f" The nearest that there is: {', '.join(near)}." if near else ""
    return f"I cannot answer this from this database: nothing in my query stands for {_listed(words)}.{hint}"


def _listed(words: Sequence[str]) -> str:
    quoted = [repr(word) for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"

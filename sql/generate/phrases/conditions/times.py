"""Conditions on times of day: "before 1 pm", "after 13:00", "between 9 and 10:30 am"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .build import all_of, column, compare, literal
from .clauses import Clause, Option

if TYPE_CHECKING:
    from .inputs import Inputs

__all__ = ["read_times"]

_CLOCK = re.compile(
    r"(?<![\w.:/-])(?:(?P<h>1?\d|2[0-3]|0\d):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?:\s?(?P<half>[ap])\.?m\b\.?)?"
    r"|(?P<hour>1[0-2]|0?[1-9])\s?(?P<only>[ap])\.?m\b\.?|(?P<word>noon|midday|midnight)\b)(?![\w:])"
)
_BEFORE = tuple(
    (re.compile(rf"\b(?:{words})\s+$"), op)
    for words, op in (
        ("(?:at|on) or after|no earlier than|not before|since|from", ">="),
        ("(?:at|on) or before|no later than|not after|until|till|by|up to", "<="),
        ("after|later than|past", ">"),
        ("before|earlier than|prior to", "<"),
        ("at|exactly at|on", "="),
    )
)
_BETWEEN = re.compile(r"\b(?:between|from)\s+$")
_AND = re.compile(r"\s*(?:and|to|until|till|-|–)\s*")
_DECLARED = re.compile(r"\s*time(?!stamp)", re.IGNORECASE)
_STORED = re.compile(r"(?P<h>\d\d?):\d\d(?P<s>:\d\d(?:\.\d+)?)?")


def read_times(inputs: Inputs) -> list[Clause]:
    """The clauses that bound a time of day, on columns that store one in 24 hours."""
    columns = [(number, seconds) for number in range(len(inputs.view.columns)) if (seconds := _form(inputs, number))]
    clauses: list[Clause] = []
    found = list(_CLOCK.finditer(inputs.text)) if columns else []
    place = 0
    while place < len(found):
        one = found[place]
        two = found[place + 1] if place + 1 < len(found) else None
        before = inputs.text[: one.start()]
        opened = _BETWEEN.search(before)
        if opened is not None and two is not None and _AND.fullmatch(inputs.text[one.end() : two.start()]):
            bounds = [(">=", one), ("<=", two)]
            span = (opened.start(), two.end())
        else:
            said = next(((op, match.start()) for pattern, op in _BEFORE if (match := pattern.search(before))), None)
            bounds = [(said[0] if said is not None else "=", one)]
            span = (said[1] if said is not None else one.start(), one.end())
        options = _options(inputs, columns, bounds, span)
        if options:
            clauses.append(Clause(*span, tuple(options)))
        place += len(bounds)
    return clauses


def _form(inputs: Inputs, number: int) -> str:
    """ "HH:MM:SS" or "HH:MM", as the column stores times of day; "" where it stores none."""
    stored = inputs.stored(number)
    matches = [_STORED.fullmatch(str(value).strip()) for value in stored]
    if stored and all(matches):
        # "9:30" does not sort before "10:00".
        if any(match is not None and len(match["h"]) == 1 for match in matches):
            return ""
        return "HH:MM:SS" if any(match is not None and match["s"] for match in matches) else "HH:MM"
    return "HH:MM:SS" if not stored and _DECLARED.match(inputs.column(number).type) else ""


def _options(
    inputs: Inputs, columns: list[tuple[int, str]], bounds: list[tuple[str, re.Match[str]]], span: tuple[int, int]
) -> list[Option]:
    first, last = inputs.covered(*span)
    options = []
    for number, form in columns:
        facts = inputs.facts(number)
        held: Any = column(facts.ref, inputs.dialect)
        tests = [compare(op, held.copy(), literal(_written(match, form))) for op, match in bounds]
        score = 0.3 + 0.4 * inputs.near(number, first, last) + 0.3 * inputs.spoken(facts.table, first)
        options.append(Option(round(min(1.0, score), 4), all_of(tests), (facts.ref.table,), "time"))
    options.sort(key=lambda option: -option.score)
    return [option for option in options[:4] if option.score >= 0.5 * options[0].score]


def _written(match: re.Match[str], form: str) -> str:
    if match["word"]:
        hour, minute, second = (0 if match["word"] == "midnight" else 12), 0, 0
    else:
        hour, minute, second = int(match["h"] or match["hour"]), int(match["m"] or 0), int(match["s"] or 0)
        half = match["half"] or match["only"]
        if half and hour <= 12:
            hour = hour % 12 + (12 if half == "p" else 0)
    text = f"{hour:02d}:{minute:02d}"
    return f"{text}:{second:02d}" if form == "HH:MM:SS" else text

"""Conditions on parts of texts: "starts with J", "ends with 'ez'", "contains the word data"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS

from .booleans import truth_values
from .build import column, contains_text, negate
from .clauses import Clause, Option

if TYPE_CHECKING:
    from .inputs import Inputs

__all__ = ["read_patterns"]

_QUOTED = (
    r"(?:\"(?P<q1>[^\"\n]{1,80})\"|'(?P<q2>[^'\n]{1,80})'|“(?P<q3>[^”\n]{1,80})”|‘(?P<q4>[^’\n]{1,80})’"
    r"|(?P<bare>[^\s,;?!\"'“”‘’]{1,40}?))(?=[\s,;?!.)]|$)"
)
_TEXT = _QUOTED
_KIND = (
    r"(?:an?\s+|the\s+)?(?:(?:capital|upper ?case|lower ?case)\s+)?"
    r"(?:letters?|words?|prefix|suffix|phrase|sub-?string|string|characters?|texts?|digits?|numbers?|name)?\s*"
)
_NOT = r"(?P<no>\b(?:not|n't|don't|doesn't|never)\s+)?"
_PATTERNS = tuple(
    (re.compile(text, re.IGNORECASE), before, after)
    for text, before, after in (
        (rf"{_NOT}\b(?:start|begin)(?:s|ning|ing)?\s+with\s+(?P<kind>{_KIND}){_TEXT}", "", "%"),
        (rf"{_NOT}\b(?:with|having|has|have|by)\s+(?:the|a)\s+prefix(?:\s+of)?\s+{_TEXT}", "", "%"),
        (rf"{_NOT}\b(?:with|having|has|have|by)\s+(?:the|a)\s+suffix(?:\s+of)?\s+{_TEXT}", "%", ""),
        (rf"{_NOT}\bend(?:s|ing)?\s+(?:with|in)\s+(?P<kind>{_KIND}){_TEXT}", "%", ""),
        (rf"{_NOT}\b(?:contain|includ|hav|has|with)(?:e|s|es|ing)?\s+(?:the|a|an)\s+"
         rf"(?:letters?|words?|phrase|sub-?string|string|characters?|texts?|digits?)\s+{_TEXT}"
         r"(?:\s+in (?:it|them)\b)?", "%", "%"),
        (rf"{_NOT}\b(?:contain)(?:s|ing)?\s+{_TEXT}", "%", "%"),
        (rf"{_NOT}\b(?:including|includes?|with|has|have|having)\s+(?:the\s+)?{_TEXT}\s+(?:in|as (?:a )?part of|within|"
         r"anywhere in)\s+(?:its|their|the|his|her|it|them)\b", "%", "%"),
    )
)  # fmt: skip
_MOST_OPTIONS = 4
_TEXTS = re.compile("char|text|string", re.IGNORECASE)


def read_patterns(inputs: Inputs) -> list[Clause]:
    """The clauses that ask for a beginning, an end or a part of a text."""
    clauses: list[Clause] = []
    question = inputs.question[: len(inputs.text)]
    for pattern, before, after in _PATTERNS:
        for match in pattern.finditer(question):
            quoted = next((match[group] for group in ("q1", "q2", "q3", "q4") if match[group]), "")
            text = quoted or match["bare"]
            if (
                not text
                or not (quoted or _is_pattern(match, text))
                or any(a.start < match.end() and match.start() < a.end for a in clauses)
            ):
                continue
            # A bare word after "contains" may be anything that a row has.
            clear = 0.3 if quoted or (match.re.groups and not (before and after)) else 0.1
            options = _options(inputs, match, (before, text.rstrip("."), after), clear)
            if options:
                clauses.append(Clause(match.start(), match.end(), tuple(options)))
    return clauses


def _is_pattern(match: re.Match[str], text: str) -> bool:
    """Whether a bare word after "starts with" is a part of a text: a letter, a name, or said to be a word."""
    if text.lower() in STOP_WORDS and len(text) > 1:
        return False
    return bool(match.groupdict().get("kind", "").strip()) or len(text) <= 2 or text[0].isupper() or text[0].isdigit()


def _options(inputs: Inputs, match: re.Match[str], parts: tuple[str, str, str], clear: float) -> list[Option]:
    first, last = inputs.covered(match.start(), match.end())
    options = []
    for number, facts in enumerate(inputs.view.columns):
        if facts.kind not in ("text", "other", "id") or truth_values(inputs, number) is not None:
            continue
        if facts.kind == "id" and not _is_text(inputs, number):
            continue
        near = inputs.near(number, first, last, window=5)
        label = 0.2 if number in inputs.labels else 0.0
        if near < 0.25 and not label:
            continue
        score = min(1.0, 0.15 + clear + 0.35 * near + label * 0.5 + 0.2 * inputs.spoken(facts.table, first))
        test = contains_text(column(facts.ref, inputs.dialect), parts[1], before=parts[0], after=parts[2])
        options.append(Option(round(score, 4), negate(test) if match["no"] else test, (facts.ref.table,), "pattern"))
    return sorted(options, key=lambda option: -option.score)[:_MOST_OPTIONS]


def _is_text(inputs: Inputs, number: int) -> bool:
    """Whether an id is a text: other databases than SQLite have no LIKE for numbers."""
    stored = inputs.stored(number)
    if stored:
        return all(isinstance(value, str) for value in stored)
    return _TEXTS.search(inputs.column(number).type) is not None

"""Features of how columns and literals of a statement fit the question, its evidence, and the stored values."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .forms import Form
    from .names import SchemaNames

__all__ = ["PLACED", "WORDING", "literal_features", "placed_features", "wording_features"]

WORDING = (
    "shown_named", "shown_unnamed", "shown_ordered", "shown_ids", "ids_asked", "used_named", "evidence_used",
    "evidence_shown", "evidence_left", "evidence_grouped", "evidence_functions", "evidence_others",
)  # fmt: skip
PLACED = ("placed", "misplaced", "misspelt", "unstored", "spans_placed")
_WORD = re.compile(r"[a-z]+|\d+")
_NAME = re.compile(r"[A-Za-z_][\w]*")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FUNCTION = re.compile(r"\b(min|max|count|sum|avg|divide|multiply|subtract)\s*\((?=\s*(?:distinct\s+)?([\w.]*))", re.I)
_WRITTEN = {"divide": "/", "multiply": "*", "subtract": "-"}
_ID = frozenset(("id", "ids", "identifier", "identifiers", "code", "codes", "number", "numbers"))
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_COUNTED = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "ten": "10"}
_LIKELY = 0.5  # from here a stored value counts as meant


def wording_features(form: Form, text: str, names: SchemaNames) -> list[float]:
    """Shares and counts, one a name in `WORDING`; shares that the evidence fulfils less 1, so that 0 is nothing amiss.

    Args:
        form: The statement.
        text: The question, then the evidence after a newline.
        names: The schema.
    """
    question, _, evidence = text.partition("\n")
    asked = [_stem(word) for word in _WORD.findall(question.lower())]
    outer = form.scopes[0] if form.scopes else None
    shown = [ref.column for ref in outer.shown] if outer is not None else []
    ids = [column for column in shown if _words(column)[-1:] == ("id",)]
    named = [_named(column, asked) for column in shown]
    firsts = [place for column in shown if (place := _first(column, asked)) is not None]
    rises = [first <= second for first, second in itertools.pairwise(firsts)]
    other = [_named(column, asked) for column in sorted(form.columns & names.columns - set(shown))]
    told = {word.lower() for word in _NAME.findall(evidence)}
    # An id in the output is wrong unless the question or the evidence asks for it.
    wants_id = any(word in _ID for word in asked) or (bool(ids) and told.issuperset(ids))
    return [
        _mean(named), float(sum(share == 0 for share in named)), _mean(rises, 1.0), float(bool(ids) and not wants_id),
        float(bool(ids) and wants_id), _mean(other, 1.0), *_evidence(form, shown, evidence, names),
    ]  # fmt: skip


def _evidence(form: Form, shown: Sequence[str], evidence: str, names: SchemaNames) -> list[float]:
    if not evidence.strip():
        return [0.0] * 6
    told = {word.lower() for word in _NAME.findall(evidence)} & names.columns
    used = form.columns & told
    functions = [(name.lower(), column.lower().rpartition(".")[2]) for name, column in _FUNCTION.findall(evidence)]
    inside = {column for _, column in functions if column in names.columns}
    bundled = {ref.column for scope in form.scopes for ref in (*scope.group, *(ref for _, ref in scope.aggregates))}
    wanted = [_WRITTEN.get(name, f"{name}(") in form.skeleton for name, _ in functions]
    return [
        len(used) / len(told) - 1 if told else 0.0,
        _mean([column in told for column in shown], 1.0) - 1 if told else 0.0,
        float(min(len(told - used), 3)),
        _mean([column in bundled for column in inside], 1.0) - 1,
        _mean(wanted, 1.0) - 1,
        float(min(len((form.columns & names.columns) - told), 4)) if told else 0.0,
    ]


def literal_features(form: Form, question: str, hits: Sequence[tuple[str, float]]) -> list[float]:
    """Seven shares and counts.

    Shares of the text literals that the question holds in any case, and letter by letter; whether there is none; share
    of the likely stored values that are used; share of the number literals that the question names; share of the
    question's numbers that are used, as numbers or within texts; the number of text literals.
    """
    folded = question.casefold()
    # Without the signs of LIKE at the ends, which no question holds.
    texts = [text.strip("%").strip() for text in form.texts]
    asked = [text.casefold() in folded for text in texts]
    exact = [text.strip("%") in question for text in form.texts]
    likely = {value.casefold() for value, chance in hits if chance >= _LIKELY}
    written = {text.casefold() for text in texts} | {_plain(number) for number in form.numbers}
    named = {_plain(number) for number in _NUMBER.findall(question)}
    words = named | {number for word, number in _COUNTED.items() if re.search(rf"\b{word}\b", folded)}
    # LIMIT 1 and flags are in queries whose questions name no number.
    numbers = {_plain(number) for number in form.numbers} - {"1", "0"}
    inside = " ".join(form.texts) + " " + " ".join(written)
    return [
        _fulfilled(asked),
        _fulfilled(exact),
        float(not texts),
        _fulfilled([value in written for value in likely]),
        _fulfilled([number in words for number in numbers]),
        _fulfilled([number in inside for number in named]),
        float(min(len(texts), 4)),
    ]


def placed_features(form: Form, hits: Sequence[tuple[str, float, str, str]], names: SchemaNames) -> list[float]:
    """Text literals by where values are stored, up to 3 each, and the share of the likely values in their column.

    A literal is in the right place where a hit has it, letter by letter, in the column that it is compared with;
    misspelt where a hit in that column differs in case or space; misplaced where only other columns' hits have it.
    """
    likely = {(value, table, column) for value, chance, table, column in hits if chance >= _LIKELY}
    counts = {"placed": 0, "misplaced": 0, "misspelt": 0, "unstored": 0}
    done = set()
    for scope in form.scopes:
        for ref, text, is_text in scope.literals:
            column = names.resolve(ref, scope) if is_text else None
            if column is not None:
                kind = _place(text, column, hits)
                counts[kind] += 1
                if kind == "placed":
                    done.add(text)
    values = {value for value, _, _ in likely}
    return [*(float(min(count, 3)) for count in counts.values()), _mean([value in done for value in values], 1.0)]


def _place(text: str, column: tuple[str, str], hits: Sequence[tuple[str, float, str, str]]) -> str:
    same = [hit for hit in hits if _folded(hit[0]) == _folded(text)]
    here = [hit for hit in same if hit[2:] == column]
    if any(hit[0] == text for hit in here):
        return "placed"
    return "misspelt" if here else "misplaced" if same else "unstored"


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


@lru_cache(maxsize=16384)
def _words(column: str) -> tuple[str, ...]:
    return tuple(_stem(word) for word in _WORD.findall(_HUMP.sub(" ", column).lower()))


def _stem(word: str) -> str:
    """The word without the ending of a plural."""
    # Only plurals: a full stemmer would make "rating" and "rate" one word.
    if len(word) > 3 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _named(column: str, asked: Sequence[str]) -> float:
    """Share of the letters of a column's words that the question has."""
    words = _words(column)
    total = sum(map(len, words))
    return sum(len(word) for word in words if word in asked) / total if total else 0.0


def _first(column: str, asked: Sequence[str]) -> int | None:
    places = [asked.index(word) for word in _words(column) if word in asked]
    return places[-1] if places else None


def _mean(values: Sequence[float], empty: float = 0.0) -> float:
    return sum(values) / len(values) if values else empty


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _fulfilled(flags: Sequence[bool]) -> float:
    """1 for nothing to fulfil."""
    return sum(flags) / len(flags) if flags else 1.0

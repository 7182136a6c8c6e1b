"""Conditions on columns of yes and no: "active users", "unpaid", "courses with exams", "not verified"."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, fold, stem

from .build import column, compare, literal
from .clauses import Clause, Option
from .inputs import word_fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inputs import Inputs

__all__ = ["Polarity", "find_polarity", "read_booleans", "truth_values", "without_prefix"]

_YES = frozenset({"yes", "y", "true", "t", "1", "1.0", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "0.0", "off"})
# Parts of a name that say only that it is a column of yes and no.
_EMPTY_WORDS = """
    is has had ha was wa are be can flag indicator ind yn bool do doe in on of the a an and to
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_NEGATIONS_WORDS = """
    not no without never non neither nor lacking lack lacks none excluding except un isn't aren't wasn't
    weren't don't doesn't didn't haven't hasn't hadn't cannot can't won't
"""
_NEGATIONS = frozenset(_NEGATIONS_WORDS.split())
_HAVE_WORDS = """
    with have has had having requires require requiring including include includes offer offers offering
    support supports supporting allow allows use uses contain contains
"""
_HAVE = frozenset(_HAVE_WORDS.split())
_BE_WORDS = """
    is are was were be been being got currently still already that who which only all
"""
_BE = frozenset(_BE_WORDS.split())
_SHOWN = frozenset({"whether", "if", "per", "each", "by", "every", "what"})
_PASSED = frozenset({"a", "an", "any", "the", "do", "does", "did", "yet", "been", "they", "it", "he", "she"})
_COUNTED = frozenset({"of", "many", "all", "the", "list", "more", "fewer", "between", "and"})
_PREFIXES = ("un", "in", "im", "dis", "non", "ir", "il")
_EVENT = 0.75  # a word that only names the same event: "signed up" is not "subscribed"
_STATED = 0.7
_REACH = 4  # words between a negation and what it denies


@dataclass(frozen=True, slots=True)
class Polarity:
    """How words state something: the first token of the statement, whether it is denied, and how clear that is."""

    first: int
    denied: bool
    clear: float


def read_booleans(inputs: Inputs) -> list[Clause]:
    """The clauses that state a column of yes and no."""
    return [clause for number in range(len(inputs.view.columns)) for clause in _stated(inputs, number)]


def truth_values(inputs: Inputs, number: int) -> tuple[object, object] | None:
    """What a column stores for yes and for no, as literals; None where it is no such column."""
    stored = inputs.stored(number)
    declared = inputs.column(number).type.lower()
    typed = declared.startswith(("bool", "bit(1)", "tinyint(1)"))
    words = {fold(str(value).strip()): value for value in stored}
    if stored and not (words.keys() <= _YES | _NO and len(words) <= 2):
        return None
    if any(isinstance(value, bool) for value in stored) or (declared.startswith("bool") and inputs.dialect != "sqlite"):
        return True, False
    numbers = all(isinstance(value, (int, float)) for value in stored)
    if not stored:
        return (1, 0) if typed else None
    # A column of numbers of which only one is known may hold others.
    if numbers and not typed and len(words) < 2 and not _named_as_truth(inputs, number):
        return None
    yes = next((value for word, value in words.items() if word in _YES), None)
    no = next((value for word, value in words.items() if word in _NO), None)
    return (yes if yes is not None else _opposite(no)), (no if no is not None else _opposite(yes))


def _named_as_truth(inputs: Inputs, number: int) -> bool:
    return not _EMPTY.isdisjoint(inputs.facts(number).name.stems)


def _opposite(value: object) -> object:
    """What stands for the other answer, written in the same way."""
    if isinstance(value, (int, float)):
        return 1 - int(value)
    pairs = {"yes": "no", "y": "n", "true": "false", "t": "f", "1": "0", "on": "off"}
    pairs |= {no: yes for yes, no in pairs.items()}
    text = str(value)
    other = pairs.get(fold(text.strip()), "")
    return other.upper() if text.isupper() else other.capitalize() if text[:1].isupper() else other


def _stated(inputs: Inputs, number: int) -> Iterator[Clause]:
    values = truth_values(inputs, number)
    if values is None:
        return
    for first, last, fit, flipped in _mentions(inputs, number):
        polarity = find_polarity(inputs, first, last)
        if polarity is None and flipped and last == first + 1:
            polarity = Polarity(first, False, _STATED)  # "unpaid revenue" names no column
        if polarity is None:
            continue
        facts = inputs.facts(number)
        wanted = values[1] if polarity.denied != flipped else values[0]
        test = compare("=", column(facts.ref, inputs.dialect), literal(wanted))  # type: ignore[arg-type]
        score = 0.3 + 0.35 * fit + 0.15 * polarity.clear + 0.2 * inputs.spoken(facts.table, first)
        start, end = inputs.tokens[polarity.first].start, inputs.tokens[last - 1].end
        yield Clause(start, end, (Option(round(min(1.0, score), 4), test, (facts.ref.table,), "boolean"),))


def _mentions(inputs: Inputs, number: int) -> Iterator[tuple[int, int, float, bool]]:
    """Tokens [first, last) that name the column, how well, and whether a prefix turns it round ("inactive")."""
    parts = [part for part in inputs.parts[number] if part not in _EMPTY]
    own = set(inputs.view.tables[inputs.facts(number).table].stems)
    # "isactive" written without a break.
    parts = [part.removeprefix("is") if len(part) > 6 else part for part in parts if part not in own] or parts
    if not parts:
        return
    place = 0
    while place < len(inputs.tokens):
        fits = [
            _best_part(inputs, position, parts)
            for position in range(place, min(place + len(parts), len(inputs.tokens)))
        ]
        matched = {part for part, fit, _ in fits if fit > _EVENT}
        count = next((k for k, (_, fit, _) in enumerate(fits) if fit <= _EVENT), len(fits))
        if count and (len(matched) == len(parts) or (len(parts) > 1 and len(matched) >= len(parts) - 1 and count >= 2)):
            share = sum(fit for _, fit, _ in fits[:count]) / max(len(parts), 1)
            yield place, place + count, min(1.0, share), any(flip for _, _, flip in fits[:count])
            place += count
        else:
            place += 1


def _best_part(inputs: Inputs, position: int, parts: list[str]) -> tuple[str, float, bool]:
    token = inputs.tokens[position]
    if token.text in STOP_WORDS or token.number is not None:
        return "", 0.0, False
    best = ("", 0.0, False)
    for part in parts:
        fit = word_fit(token, part)
        if not fit and part.endswith(token.stem) and len(token.stem) >= 4:
            fit = 0.8  # "sbtickerisactive"
        flipped = False
        if not fit:
            bare = without_prefix(token.text)
            if bare and (stem(bare) == part or part.endswith(stem(bare)) or _same_root(bare, part)):
                fit, flipped = 0.9, True
        if fit > best[1]:
            best = (part, fit, flipped)
    return best


@lru_cache(maxsize=2048)
def without_prefix(word: str) -> str:
    """The word without a prefix that denies it ("unpaid": "paid"); "" where it has none."""
    for prefix in _PREFIXES:
        rest = word.removeprefix(prefix).lstrip("-")
        if rest != word and len(rest) >= 4:
            return rest
    return ""


def _same_root(one: str, other: str) -> bool:
    # "verified" and "verify", "subscribed" and "subscription" differ after five letters.
    return len(one) >= 5 and len(other) >= 5 and one[:5] == other[:5]


def find_polarity(inputs: Inputs, first: int, last: int) -> Polarity | None:
    """Whether the words around tokens [first, last) state or deny them; None where they only name them."""
    tokens = inputs.tokens
    place, denied, clear = first, False, 0.0
    while place > 0 and first - place < _REACH:
        word = tokens[place - 1].text
        # "what is the", "list whether they are": the column is shown.
        if word in _SHOWN:
            return None
        if word in _NEGATIONS:
            denied, clear, place = not denied, 1.0, place - 1
        elif word in _HAVE:
            clear, place = max(clear, 0.8), place - 1
        elif word in _BE:
            clear, place = max(clear, 0.7), place - 1
        elif word in _PASSED and place > 1 and tokens[place - 2].text in _NEGATIONS | _HAVE | _BE | _SHOWN:
            place -= 1
        else:
            break
    # "the share of smokers": a noun for those of whom it is true.
    word = tokens[last - 1].text
    if not clear and place > 0 and word.endswith("rs") and tokens[place - 1].text in _COUNTED:
        clear = 0.7
    # "active users": an adjective right before the name of what is asked for.
    if last < len(tokens) and any(last == at for places in inputs.named_tables.values() for at, _ in places):
        clear = max(clear, 0.8)
    return Polarity(place, denied, clear) if clear else Polarity(first, False, 0.2) if last == len(tokens) else None

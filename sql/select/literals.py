"""How the literals of a statement fit the numbers, names and stored values of a question."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .forms import Form

__all__ = ["literal_features"]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_COUNTED = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "ten": "10"}
_LIKELY = 0.5  # from here a stored value counts as meant


def literal_features(form: Form, question: str, hits: Sequence[tuple[str, float]]) -> list[float]:
    """Seven shares and counts.

    Shares of the text literals that the question holds in any case, and letter by letter; whether there is none; share
    of the likely stored values that are used; share of the number literals that the question names; share of the
    question's numbers that are used, as numbers or within texts; the number of text literals.
    """
    folded = question.casefold()
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
        _share(asked),
        _share(exact),
        float(not texts),
        _share([value in written for value in likely]),
        _share([number in words for number in numbers]),
        _share([number in inside for number in named]),
        float(min(len(texts), 4)),
    ]


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _share(flags: Sequence[bool]) -> float:
    """1 for nothing to fulfil."""
    return sum(flags) / len(flags) if flags else 1.0

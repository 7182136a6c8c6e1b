"""Spider's --plug_value: the reference's values put into every slot of the prediction, in all combinations."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from .lexer import first_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["plugged"]

_SLOT = "VALUERARE"
_STARS = tuple(f"{letter}{number}.*" for letter in "tT" for number in (1, 2, 3))
_TABLE = re.compile(r"(T\d+\.)\s")
_FLOAT = re.compile(r"[-+]?\d*\.\d+")
_INTEGER = re.compile(r"[^tT]\d+")
_TABLE_PART = re.compile(r"[Tt]\d+\.")


def plugged(gold: str, predicted: str) -> Iterator[str]:
    """The prediction as it is, then with the reference's values, in the official script's text form.

    That form is in lower case with one space between tokens. A slot is a string or a number of the prediction, but also
    a word that looks like one (`a1`), since the official script finds numbers by a pattern over the text.
    """
    yield predicted
    _, values = _parts(gold)
    words, _ = _parts(predicted)
    slots = [at for at, word in enumerate(words) if word == _SLOT.lower()]
    for chosen in product(list(dict.fromkeys(values)), repeat=len(slots)):
        filled = list(words)
        for at, value in zip(slots, chosen, strict=True):
            filled[at] = value
        yield " ".join(filled)


def _parts(sql: str) -> tuple[list[str], list[str]]:
    """The words of a query with its values as slots, and the values."""
    text = sql.strip().replace(";", "").replace("\t", "")
    text = " ".join(token.text for token in first_statement(text) if token.kind != "space")
    for star in _STARS:
        text = text.replace(star, "*")
    text = _TABLE.sub(r"\1", text)
    values = [token.text for token in first_statement(text) if token.kind == "string"]
    for value in values:
        text = text.replace(value.strip(), _SLOT)
    words = text.split()
    for pattern in (_FLOAT, _INTEGER):
        numbers = {found.strip() for found in pattern.findall(" ".join(words) if pattern is _INTEGER else text)}
        values += [word for word in words if word in numbers]
        words = [_SLOT if word in numbers else word for word in words]
    return [part for word in words for part in _lowered(word)], values


def _lowered(word: str) -> list[str]:
    if _TABLE_PART.search(word):
        return word.replace(".", " . ").lower().split()
    return [word.lower()]

"""What shapes are made with."""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["QUESTION", "WORDS", "Shape", "fixed", "made", "nest", "number", "repeat", "sentence", "word"]

Shape: TypeAlias = "Callable[[int], str]"
"""A text of about so many characters."""

QUESTION = "Which river flows through the old town of Lisbon in 1755?"
_SEED = 0
WORDS = (
    "river", "town", "old", "Lisbon", "Tagus", "bridge", "flows", "through", "the", "of", "in", "a", "earthquake",
    "1755", "harbour", "ship", "grain", "market", "street", "stone", "and", "was", "it", "built", "by", "king",
    "queen", "house", "water", "north", "south", "year", "people", "trade", "wine", "salt", "road", "wall", "gate",
    "tower",
)  # fmt: skip


def repeat(piece: str, size: int, before: str = "", after: str = "") -> str:
    """`piece` again and again, between `before` and `after`."""
    return before + piece * max(1, (size - len(before) - len(after)) // len(piece)) + after


def number(make: Callable[[int], str], size: int, before: str = "", after: str = "", *, between: str = "") -> str:
    """`make(0)`, `make(1)`, ..., between `before` and `after`."""
    left, made = size - len(before) - len(after), []
    for index in count():
        if left <= 0 and made:
            break
        made.append(make(index))
        left -= len(made[-1]) + len(between)
    return before + between.join(made) + after


def nest(opening: str, closing: str, size: int, inner: str = "x", *, depth: int = 0) -> str:
    """`inner` in as many pairs as there is room for, or `depth` of them, over and over."""
    if depth:
        return repeat(opening * depth + inner + closing * depth, size)
    times = max(1, size // (len(opening) + len(closing)))
    return opening * times + inner + closing * times


def sentence(index: int) -> str:
    """A sentence of its own for each index."""
    rng = random.Random(_SEED + index)
    return " ".join(rng.choices(WORDS, k=rng.randint(6, 20))).capitalize() + f" {index}."


def word(index: int) -> str:
    """A word of its own for each index."""
    return f"{WORDS[index % len(WORDS)]}{index}"


def fixed(piece: str, before: str = "", after: str = "") -> Shape:
    return lambda size: repeat(piece, size, before, after)


def made(make: Callable[[int], str], before: str = "", after: str = "", *, between: str = "") -> Shape:
    return lambda size: number(make, size, before, after, between=between)

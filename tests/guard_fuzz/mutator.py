"""Attacks with other names in them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from .grammar import Statement
from .tables import HIDDEN, TABLES

__all__ = ["Mutator"]

_WORD = re.compile(r"[A-Za-z_]+")
_VISIBLE = sorted({name for table in TABLES if not table.hidden for name in (table.name, *table.visible)} | {*"cqx"})
_NAMES = frozenset((*HIDDEN, *_VISIBLE))


class Mutator:
    """Writes given statements with one to three of their names replaced, hidden ones by visible ones and back.

    Args:
        dialect: sqlite, duckdb, postgres or mysql.
        seed: Of the first statement; `statement(n)` depends on seed and n alone.
        texts: The statements to begin with.
    """

    def __init__(self, dialect: str, seed: int, texts: Sequence[str]) -> None:
        self.dialect = dialect
        self._seed = seed
        self._texts = [text for text in texts if "now()" not in text]  # which differs between any two calls

    def statement(self, number: int) -> Statement:
        """The statement of that number, 0 or more."""
        state = random.Random(f"{self.dialect} {self._seed} {number}")
        text = state.choice(self._texts)
        for _ in range(state.choice((1, 1, 2, 3))):
            words = [match for match in _WORD.finditer(text) if match[0] in _NAMES]
            if not words:
                break
            word = state.choice(words)
            name = state.choice(HIDDEN if state.random() < 0.5 else _VISIBLE)
            if state.random() < 0.3:
                text = re.sub(rf"\b{word[0]}\b", name, text)
            else:
                text = text[: word.start()] + name + text[word.end() :]
        return Statement(text, ())

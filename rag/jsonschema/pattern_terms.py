"""Regular expressions over symbols, each of which exists once, and their derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .pattern_reader import UndecidedPatternError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Term", "Terms"]


class Term:
    """One expression; `Terms` makes equal ones the same object, so that comparing two takes no time.

    Attributes:
        kind: "none", "empty", "set", "join", "or" or "repeat".
        parts: Of a set its symbols; of a join its two terms; of an alternative its terms, as a set; of a repeat its
            term, and the least and the most (or None) repetitions.
        is_nullable: Whether the empty text matches.
    """

    __slots__ = ("derived", "is_nullable", "kind", "parts")

    def __init__(self, kind: str, parts: tuple[Any, ...], *, is_nullable: bool) -> None:
        self.kind, self.parts, self.is_nullable = kind, parts, is_nullable
        self.derived: dict[int, Term] = {}  # by symbol


class Terms:
    """Makes the terms of one search.

    Args:
        most: Work until it is given up.

    Attributes:
        work: Derivatives and alternatives so far.
        none, empty: The terms that match nothing, and the empty text alone.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.work = 0
        self._known: dict[tuple[Any, ...], Term] = {}
        self.none = self._make("none", is_nullable=False)
        self.empty = self._make("empty", is_nullable=True)

    def spend(self, amount: int) -> None:
        """Count work.

        Raises:
            UndecidedPatternError: There was too much of it.
        """
        self.work += amount
        if self.work > self._most:
            raise UndecidedPatternError

    def _make(self, kind: str, *parts: Any, is_nullable: bool) -> Term:
        key = (kind, *parts)
        if key not in self._known:
            self._known[key] = Term(kind, parts, is_nullable=is_nullable)
        return self._known[key]

    def chars(self, symbols: frozenset[int]) -> Term:
        """One of the symbols."""
        return self._make("set", symbols, is_nullable=False) if symbols else self.none

    def join(self, one: Term, other: Term) -> Term:
        """One after the other; joins are kept in the form a(b(cd)), so that equal ones are found to be equal."""
        if self.none in (one, other):
            return self.none
        if one is self.empty:
            return other
        if other is self.empty:
            return one
        self.spend(1)
        if one.kind == "join":
            return self.join(one.parts[0], self.join(one.parts[1], other))
        return self._make("join", one, other, is_nullable=one.is_nullable and other.is_nullable)

    def join_all(self, parts: Iterable[Term]) -> Term:
        """All of them, one after the other."""
        made = self.empty
        for part in reversed(list(parts)):
            made = self.join(part, made)
        return made

    def either(self, parts: Iterable[Term]) -> Term:
        """Any of them."""
        flat: set[Term] = set()
        for part in parts:
            flat |= part.parts[0] if part.kind == "or" else {part}
        flat.discard(self.none)
        self.spend(len(flat))
        if len(flat) < 2:
            return next(iter(flat), self.none)
        return self._make("or", frozenset(flat), is_nullable=any(part.is_nullable for part in flat))

    def repeat(self, body: Term, least: int, most: int | None) -> Term:
        """From `least` to `most` times."""
        if most == 0 or body is self.empty or (body is self.none and least == 0):
            return self.empty
        if body is self.none or (least, most) == (1, 1):
            return body
        return self._make("repeat", body, least, most, is_nullable=least == 0 or body.is_nullable)

    def derive(self, term: Term, symbol: int) -> Term:
        """What must follow the symbol."""
        if symbol not in term.derived:
            self.spend(1)
            term.derived[symbol] = self._derive(term, symbol)
        return term.derived[symbol]

    def _derive(self, term: Term, symbol: int) -> Term:
        parts = term.parts
        if term.kind == "set":
            return self.empty if symbol in parts[0] else self.none
        if term.kind == "join":
            made = self.join(self.derive(parts[0], symbol), parts[1])
            return self.either((made, self.derive(parts[1], symbol))) if parts[0].is_nullable else made
        if term.kind == "or":
            return self.either([self.derive(one, symbol) for one in parts[0]])
        if term.kind == "repeat":
            least, most = max(0, parts[1] - 1), None if parts[2] is None else parts[2] - 1
            return self.join(self.derive(parts[0], symbol), self.repeat(parts[0], least, most))
        return self.none

"""The short text form of queries: `?x: capital of(?x, France) and not exists ?y (member of(?x, ?y))`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ctxprune.errors import InputError

from .query import DEEPEST, And, Atom, Exists, Formula, Not, Or, Query, Var

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["parse_query"]

_SPACE = re.compile(r"\s*")
_VARIABLE = re.compile(r"\?(\w+)")
_KEYWORD = re.compile(r"(and|or|not|exists)(?![^\s(?])")
_LABEL = re.compile(r'[^\s(),?"][^(),?"]*')
_SHOWN = 30
_DECODER = json.JSONDecoder(strict=False)


def parse_query(text: str) -> Query:
    """Read a query.

        query   = ?variable : formula
        formula = term { or term }
        term    = factor { and factor }
        factor  = not factor | exists ?variable factor | ( formula ) | label ( argument , argument )

    An argument is a variable or a label. A label that has one of `( ) , ? "` in it, or a relation that begins with a
    keyword, is written as a JSON string. The relation * is any.

    Raises:
        InputError: The text is no query; the error says where.
        UsageError: A variable is free, see `Query`.
    """
    if not isinstance(text, str):
        raise InputError(f"the query is a {type(text).__name__}", hint="give a text such as ?x: capital of(?x, France)")
    reader = _Reader(text)
    answer = reader.variable()
    reader.expect(":")
    formula = reader.formula(0)
    if reader.place < len(text):
        raise reader.error("the end, 'and' or 'or'")
    return Query(answer, formula)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self._skip()

    def formula(self, depth: int) -> Formula:
        return self._chain("or", Or, lambda: self._chain("and", And, lambda: self._factor(depth + 1)))

    def variable(self) -> Var:
        if (match := _VARIABLE.match(self.text, self.place)) is None:
            raise self.error("a variable such as ?x")
        self._move(match.end())
        return Var(match[1])

    def expect(self, mark: str) -> None:
        if not self.text.startswith(mark, self.place):
            raise self.error(repr(mark))
        self._move(self.place + 1)

    def error(self, wanted: str) -> InputError:
        found = self.text[self.place : self.place + _SHOWN]
        at = f"the query ends where {wanted} should stand" if not found else f"{found!r} stands where {wanted} should"
        return InputError(at, where=f"query, character {self.place}", hint="see ctxprune.rag.graph.parse_query")

    def _chain(self, word: str, join: Callable[[tuple[Formula, ...]], Formula], read: Callable[[], Formula]) -> Formula:
        parts = [read()]
        while self._keyword() == word:
            self._move(self.place + len(word))
            parts.append(read())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _factor(self, depth: int) -> Formula:
        if depth > DEEPEST:
            raise InputError(f"more than {DEEPEST} formulas are in each other", where=f"query, character {self.place}")
        word = self._keyword()
        if word == "not":
            self._move(self.place + len(word))
            return Not(self._factor(depth + 1))
        if word == "exists":
            self._move(self.place + len(word))
            return Exists(self.variable(), self._factor(depth + 1))
        if self.text.startswith("(", self.place):
            self.expect("(")
            found = self.formula(depth)
            self.expect(")")
            return found
        return self._atom()

    def _atom(self) -> Atom:
        relation = self._label("a relation")
        self.expect("(")
        head = self._argument()
        self.expect(",")
        tail = self._argument()
        self.expect(")")
        return Atom(relation, head, tail)

    def _argument(self) -> Var | str:
        return self.variable() if self.text.startswith("?", self.place) else self._label("a variable or a label")

    def _label(self, wanted: str) -> str:
        if self.text.startswith('"', self.place):
            try:
                label, end = _DECODER.raw_decode(self.text, self.place)
            except ValueError:
                raise self.error("a JSON string") from None
            self._move(end)
            return str(label)
        match = _LABEL.match(self.text, self.place)
        if match is None or self._keyword():
            raise self.error(wanted)
        self._move(match.end())
        return match.group().strip()

    def _keyword(self) -> str:
        match = _KEYWORD.match(self.text, self.place)
        return "" if match is None else match[1]

    def _move(self, place: int) -> None:
        self.place = place
        self._skip()

    def _skip(self) -> None:
        match = _SPACE.match(self.text, self.place)
        self.place = self.place if match is None else match.end()

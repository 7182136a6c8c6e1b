"""Names and expressions of a statement under construction."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, TypeVar

from .tables import HIDDEN
from .templates import EXPRESSIONS, LITERALS, NAMES

__all__ = ["BAIT", "ExpressionWriter", "Scope", "Source"]

T = TypeVar("T")
_HOLE = re.compile(r"@([a-z]+_?[a-z]*)")
BAIT = re.compile(
    r"@h|@x|vault|rowid|oid|docs|title|body|ctid|\b(?:area|id|name|ssn)\(|DEFAULT|VALUES\(|attrs|\[4\]|@a\b(?!\.@c)"
)
_SHARES = (0.0, 0.0, 0.02, 0.05, 0.1, 0.15, 0.3)
"""Shares of bait, one drawn for each statement."""
_MOST = 40
"""Expansions of a statement, after which only leaves follow."""
_KEYS = ("a", "b", "city", "ssn")


@dataclass
class Source:
    """An entry of FROM: `alias` is "" for a lambda's parameter; `columns` are kinds by name."""

    alias: str
    columns: dict[str, str]


@dataclass
class Scope:
    """A query under construction; `local` is a lambda inside it."""

    sources: list[Source] = field(default_factory=list)
    local: bool = False


class _Split(NamedTuple):
    plain: tuple[str, ...]
    windows: tuple[str, ...]
    bait: tuple[str, ...]


def _split(templates: tuple[str, ...]) -> _Split:
    bait = tuple(text for text in templates if BAIT.search(text))
    windows = tuple(text for text in templates if " OVER (" in text and text not in bait)
    return _Split(tuple(t for t in templates if t not in bait and t not in windows), windows, bait)


_EXPRESSIONS = {
    dialect: {kind: (common, _split(own)) for kind, (common, own) in kinds.items()}
    for dialect, kinds in EXPRESSIONS.items()
}


class ExpressionWriter(ABC):
    """Writes expressions over the scopes that stand around them.

    Args:
        dialect: sqlite, duckdb, postgres or mysql.
    """

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self._names = [name for name in NAMES if dialect != "mysql" or name != "key"]
        self._reset(random.Random(0))

    def _reset(self, state: random.Random) -> None:
        """Begin a statement."""
        self._random = state
        self._share = self._pick(_SHARES)
        self._left, self._used = _MOST, list[str]()
        self._scopes: list[Scope] = []
        self._clause = ""

    @abstractmethod
    def _query(
        self, depth: int, wanted: tuple[str, ...] | None = None, *, ordered: bool = True, single: bool = False
    ) -> tuple[str, list[tuple[str, str]]]:
        """A SELECT, and its output columns; "" for one without a name. `single`: of one row."""

    # Chance

    def _pick(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _bait(self, template: str) -> bool:
        """Whether bait is laid here; it is noted under `template`."""
        if self._chance(self._share):
            self._used.append(template)
            return True
        return False

    def _spell(self, name: str) -> str:
        """A name as it may be written: quoted now and then, in another case where that is the same name."""
        state = self._random.random()
        if state < 0.05:
            return f"`{name}`" if self.dialect == "mysql" else f'"{name}"'
        if state < 0.08:
            return name.upper()
        return name

    # Expressions

    def _expression(self, kind: str, depth: int) -> str:
        self._left -= 1
        common, own = _EXPRESSIONS[self.dialect][kind]
        if own.bait and self._chance(self._share):
            template = self._pick(own.bait)
            self._used.append(template)
            return self._fill(template, min(depth, 1))
        state = self._random.random()
        if depth <= 0 or self._left < 0 or state < 0.4 or not (common or own.plain):
            return self._leaf(kind)
        if self._clause == "select" and own.windows and state > 0.96:
            return self._fill(self._pick(own.windows), 0)
        template = self._pick(own.plain if own.plain and (state < 0.7 or not common) else common)
        return self._fill(template, depth - 1)

    def _leaf(self, kind: str) -> str:
        if kind == "b":
            left = self._column("n")
            if left is not None:
                return f"{left[0]} {self._pick(('<', '>', '=', '<='))} {self._leaf('n')}"
        found = self._column(kind) if self._chance(0.8) else None
        return found[0] if found is not None else self._pick(LITERALS[kind][self.dialect])

    def _fill(self, template: str, depth: int) -> str:
        return _HOLE.sub(lambda match: self._hole(match[1], depth), template)

    def _hole(self, name: str, depth: int) -> str:
        if len(name) == 1 and name in "ntjlsb":
            return self._expression(name, depth)
        if name[0] == "c" and len(name) == 2:
            found = self._column(name[1])
            return found[0] if found is not None else f"({self._pick(LITERALS[name[1]][self.dialect])})"
        if name[0] == "q":
            return self._inner(tuple(name[1:]) or ("n",), depth)
        if name.startswith("lam_"):
            return self._lambda(name[4:], depth)
        return self._words[name](self)

    def _inner(self, wanted: tuple[str, ...], depth: int) -> str:
        clause, self._clause = self._clause, ""
        local = self._scopes and self._scopes[-1].local
        if depth <= 0 or self._left < 8 or local:
            text = f"SELECT {self._leaf(wanted[0])}"
        else:
            text, _ = self._query(depth - 1, wanted, single=self._chance(0.8))
        self._clause = clause
        return text

    def _lambda(self, kind: str, depth: int) -> str:
        name = self._pick(self._names)
        body = self._inside(name, kind, depth)
        return f"{name} -> {body}" if self._chance(0.5) else f"lambda {name}: {body}"

    def _inside(self, name: str, kind: str, depth: int) -> str:
        self._scopes.append(Scope([Source("", {name: "t"})], local=True))
        text = self._expression(kind, min(depth, 1))
        if self._bait("field of a lambda's parameter"):
            text = f"{name}.{self._pick((*HIDDEN, 'id', 'name'))}"
        self._scopes.pop()
        return text

    def _comprehension(self) -> str:
        name = self._pick(self._names)
        body = self._inside(name, "t", 1)
        condition = f" IF {self._inside(name, 'b', 0)}" if self._chance(0.3) else ""
        return f"{body} FOR {name} IN {self._expression('l', 0)}{condition}"

    def _column(self, kind: str) -> tuple[str, str] | None:
        """A column of that kind in sight, and its name; None where there is none."""
        if self._bait("a hidden name"):
            name = self._pick(HIDDEN)
            return (f"{self._source_name()}.{name}", name) if self._chance(0.5) else (name, name)
        for scope in reversed(self._scopes):
            found = [(source, name) for source in scope.sources for name, own in source.columns.items() if own == kind]
            if found and (self._chance(0.85) or scope is self._scopes[0]):
                source, name = self._random.choice(found)
                return self._qualified(scope, source, name), name
        return None

    def _qualified(self, scope: Scope, source: Source, name: str) -> str:
        if not source.alias:
            return name
        alone = sum(name in other.columns for other in scope.sources) == 1 and scope is self._scopes[-1]
        text = self._spell(name)
        return text if alone and self._chance(0.6) else f"{source.alias}.{text}"

    def _source_name(self) -> str:
        names = [source.alias for scope in self._scopes for source in scope.sources if source.alias]
        return self._pick(names) if names else self._pick(self._names)

    def _name(self) -> str:
        """Any name: a hidden one, or one of the pool, which may be an alias in sight."""
        if self._share:
            self._used.append("any name")
        return self._pick(HIDDEN) if self._chance(0.6) else self._pick(self._names)

    _words: ClassVar[dict[str, Callable[[ExpressionWriter], str]]] = {
        "a": _source_name,
        "comp": _comprehension,
        "h": lambda self: self._pick(HIDDEN),
        "k": lambda self: self._pick(_KEYS),
        "v": lambda self: self._pick(("vault", "crypt", "customers")),
        "x": _name,
    }

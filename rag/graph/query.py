"""Existential first-order queries to a graph: which entities make a formula of and, or, not and exists true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["And", "Atom", "Exists", "Formula", "Not", "Or", "Query", "Var"]

DEEPEST = 100  # formulas in each other
_MOST_FORMULAS = 1000  # of a query; joining them takes quadratic time
_SHOWN = 80  # characters of an atom in a message


@dataclass(frozen=True, slots=True)
class Var:
    """A variable, which stands for any entity of the domain.

    Raises:
        UsageError: The name is no text.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise UsageError(f"a variable's name is {describe_type(self.name)}", hint="give a text")


class Formula:
    """A formula; `a & b`, `a | b` and `~a` make others of it."""

    __slots__ = ()

    def __and__(self, other: Formula) -> And:
        return And((self, other))

    def __or__(self, other: Formula) -> Or:
        return Or((self, other))

    def __invert__(self) -> Not:
        return Not(self)

    @property
    def parts(self) -> tuple[Formula, ...]:
        """The formulas that it is made of."""
        return ()


@dataclass(frozen=True, slots=True)
class Atom(Formula):
    """There is an edge of `relation` from `head` to `tail`; "*" is any relation.

    Attributes:
        relation: Label of the edge.
        head, tail: A variable, or exactly the label or key of an entity; all entities of a label are meant.

    Raises:
        UsageError: The relation is no text, or an end is None.
    """

    relation: str
    head: Var | str
    tail: Var | str

    def __post_init__(self) -> None:
        if not isinstance(self.relation, str):
            raise UsageError(
                f"the relation is {describe_type(self.relation)}", where="atom", hint='give a label or "*"'
            )
        for name in ("head", "tail"):
            if getattr(self, name) is None:
                raise UsageError(f"{name} is None", where=f"atom {self.relation!r}", hint="give a Var or a label")


@dataclass(frozen=True, slots=True)
class _Joined(Formula):
    """Several formulas as one; the subclass says how."""

    formulas: tuple[Formula, ...]

    def __post_init__(self) -> None:
        _check_formulas(self.formulas)

    @property
    def parts(self) -> tuple[Formula, ...]:
        """See `Formula`."""
        return self.formulas


@dataclass(frozen=True, slots=True)
class And(_Joined):
    """All of the formulas are true: the product of their truth values."""


@dataclass(frozen=True, slots=True)
class Or(_Joined):
    """One of the formulas is true: a + b - ab of their truth values, which goes with the product."""


@dataclass(frozen=True, slots=True)
class Not(Formula):
    """The formula is false: 1 - its truth value. What no edge says is false (closed world)."""

    formula: Formula

    def __post_init__(self) -> None:
        _check_formulas((self.formula,))

    @property
    def parts(self) -> tuple[Formula, ...]:
        """See `Formula`."""
        return (self.formula,)


@dataclass(frozen=True, slots=True)
class Exists(Formula):
    """The formula is true for some entity in the place of the variable: the highest of its truth values."""

    variable: Var
    formula: Formula

    def __post_init__(self) -> None:
        _check_formulas((self.formula,))
        if not isinstance(self.variable, Var):
            raise UsageError(f"the variable is {self.variable!r}", hint="give a Var")

    @property
    def parts(self) -> tuple[Formula, ...]:
        """See `Formula`."""
        return (self.formula,)


@dataclass(frozen=True, slots=True)
class Query:
    """Which entities make `formula` true in the place of `answer`.

    Attributes:
        answer: The variable that is asked for.
        formula: Has no other free variable; others are bound by `Exists`.

    Raises:
        UsageError: The answer is no variable or not in the formula, another variable is free, more than 100 formulas
            are in each other, or there are more than 1,000, each counted wherever it stands.
    """

    answer: Var
    formula: Formula

    def __post_init__(self) -> None:
        if not isinstance(self.answer, Var):
            raise UsageError(f"the answer is {describe_type(self.answer)}", where="query", hint="give a Var")
        _check_formulas((self.formula,))
        free: dict[str, Atom] = {}  # with the atom that it stands in first
        for atom, bound in _atoms(self.formula):
            free |= {name: atom for name in sorted(_variables(atom) - bound) if name not in free}
        asked = self.answer.name
        if others := [name for name in free if name != asked]:
            listed = " and ".join(f"?{name}" for name in others)
            raise UsageError(
                f"the query asks for ?{asked}, and {listed} {'is' if len(others) == 1 else 'are'} free as well",
                where=f"formula, {_show_atom(free[others[0]])}",
                hint=f"bind it: exists ?{others[0]} (...), in Python Exists(Var({others[0]!r}), ...); or ask for it in"
                " a query of its own",
            )
        if not free:
            raise UsageError(
                f"the query asks for ?{asked}, and the formula has no free variable ?{asked}",
                where="formula",
                hint=f"put ?{asked} in the place of the entity that is asked for",
            )


def _check_formulas(formulas: tuple[Formula, ...]) -> None:
    if not isinstance(formulas, tuple) or not formulas:
        raise UsageError(f"formulas are {formulas!r}", hint="give a tuple of one or more formulas")
    for one in formulas:
        if not isinstance(one, Formula):
            raise UsageError(f"a {type(one).__name__} is no formula", hint="give Atom, And, Or, Not or Exists")


def _atoms(formula: Formula) -> Iterator[tuple[Atom, frozenset[str]]]:
    """The atoms, and for each the variables that are bound around it."""
    # With a stack of its own: a formula may be deeper than Python's recursion limit.
    stack: list[tuple[Formula, frozenset[str], int]] = [(formula, frozenset(), 1)]
    count = 0
    while stack:
        one, bound, depth = stack.pop()
        count += 1
        if depth > DEEPEST:
            raise UsageError(f"more than {DEEPEST} formulas are in each other", where="formula")
        if count > _MOST_FORMULAS:
            hint = "ask several queries, or give the entities in question as the domain"
            raise UsageError(f"the query has more than {_MOST_FORMULAS:,} formulas", where="formula", hint=hint)
        if isinstance(one, Atom):
            yield one, bound
        inner = bound | {one.variable.name} if isinstance(one, Exists) else bound
        stack += [(part, inner, depth + 1) for part in one.parts]


def _show_atom(atom: Atom) -> str:
    """As the text form has it, cut to a line."""
    ends = (f"?{end.name}" if isinstance(end, Var) else str(end) for end in (atom.head, atom.tail))
    text = f"{atom.relation}({', '.join(ends)})"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _variables(atom: Atom) -> set[str]:
    return {end.name for end in (atom.head, atom.tail) if isinstance(end, Var)}

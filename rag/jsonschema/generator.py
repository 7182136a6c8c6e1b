"""Generates one value for a conjunction of subschemas, or proves that there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from .arrays import generate_array
from .cases import Case, list_cases
from .failures import ConflictError, LimitError, UndecidedError
from .numbers import generate_number
from .objects import generate_object
from .texts import NO_RULES, generate_text, read_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from .assertions import Assertions
    from .json_values import Json
    from .literals import Literal
    from .texts import TextRules
    from .validator import PartValidator
    from .work import Work

__all__ = ["InstanceGenerator"]

_DEEPEST = 40  # levels of nested values, so that Python's own recursion limit is never reached
_OPTIONAL_DEPTH = 6  # deeper, and inside a value of the same kind, no optional member is made
_MOST_CHECKED = 50  # literals that a listed value is checked by
_TRIES = 20  # attempts at a value that differs from others


@dataclass
class InstanceGenerator:
    """One depth-first search for an instance; a goal is a set of literals that one value has to satisfy.

    Attributes:
        assertions: Reads literals.
        validator: Tells whether a value that a subschema lists satisfies another subschema.
        random: Chooses among kinds, branches, members and values.
        work: Counts the goals and branches that are visited, and the checks of values.
        conflicts: Goals that are proven to have no value, kept over several searches of one document.
        opened: What goals say without a choice, kept as well.
        allowed: Which of the values that a goal lists satisfy it, kept as well.
        spare: Optional members and items that may still be generated.
    """

    assertions: Assertions
    validator: PartValidator
    random: Random
    work: Work
    conflicts: dict[frozenset[Literal], ConflictError] = field(default_factory=dict)
    opened: dict[frozenset[Literal], Case] = field(default_factory=dict)
    allowed: dict[Any, list[Json]] = field(default_factory=dict)
    spare: int = 100  # bounded, so that instances stay small
    _open: list[frozenset[Literal]] = field(default_factory=list)  # goals in progress, outermost first
    _cut: float = math.inf  # the outermost of them that a conflict was proven from

    @property
    def depth(self) -> int:
        """The number of values around the one that is being generated, and itself."""
        return len(self._open)

    @property
    def is_shallow(self) -> bool:
        """Whether optional members may be made here."""
        return self.depth < _OPTIONAL_DEPTH

    def generate(self, literals: Iterable[Literal]) -> Json:
        """Generate a value for a goal.

        Raises:
            ConflictError: Every alternative was tried, and none leads to a finite value.
            UndecidedError: A limit was reached, or random trials did not satisfy a keyword.
        """
        goal = frozenset(literal for literal in literals if not literal.is_true)
        self.spend()
        if goal in self.conflicts:
            raise self.conflicts[goal]
        # A smallest instance never has a goal inside itself, so that a repetition may count as a conflict; near the
        # root one is allowed, so that instances of recursive schemas vary.
        if self._open.count(goal) > (1 if self.is_shallow else 0):
            self._cut = min(self._cut, self._open.index(goal))
            raise ConflictError("the value would have to contain itself without end", _pointer(goal))
        if self.depth >= _DEEPEST:
            raise UndecidedError(f"values are nested over {_DEEPEST} levels deep")
        return self._generate_open(goal)

    def _generate_open(self, goal: frozenset[Literal]) -> Json:
        around, self._cut = self._cut, math.inf
        self._open.append(goal)
        try:
            return self._generate_cases(goal)
        except ConflictError as conflict:
            # A proof that rests on a goal further out says nothing about this goal in another place.
            if self._cut >= self.depth - 1:
                self._cut = math.inf
                self.conflicts[goal] = conflict
            raise
        finally:
            self._open.pop()
            self._cut = min(around, self._cut)

    def spend(self, amount: int = 1) -> None:
        """Use up some of the limit, in visits of subschemas.

        Raises:
            LimitError: It is used up.
        """
        self.work.visit(amount)

    def step(self, amount: int = 1) -> None:
        """Use up some of the limit, in hundredths of a visit.

        Raises:
            LimitError: It is used up.
        """
        self.work.step(amount)

    def first_success(self, ways: Iterable[Callable[[], Json]]) -> Json:
        """The value of the first alternative that succeeds; else the error that says most."""
        conflict: ConflictError | None = None
        stop: UndecidedError | None = None
        for way in ways:
            self.spend()
            try:
                return way()
            except ConflictError as error:
                conflict = conflict or error
            except LimitError:
                raise
            except UndecidedError as error:
                stop = error
        # Only where every alternative is a proven conflict is the whole one; one undecided alternative leaves it open.
        if stop is not None:
            raise stop
        raise conflict or ConflictError("there is no branch", "")

    def take_spare(self) -> bool:
        """Use up one of the optional members and items; False if none is left."""
        self.spare -= 1
        return self.spare >= 0

    def holds(self, literal: Literal, value: Json) -> bool | None:
        """Whether a value satisfies a literal; None where that cannot be told."""
        self.work.step()
        found = self.validator.accepts(literal.part, value)
        return None if found is None else found is literal.positive

    def generate_name(self, literals: Iterable[Literal], rules: TextRules) -> str:
        """A member name that satisfies `literals` and `rules`.

        Raises:
            ConflictError, UndecidedError: As `generate`.
        """
        goal = frozenset(literals)
        if not goal:
            return generate_text(rules, self.random, self.step)
        case = self._open_case(goal)
        if case.of("in"):
            listed = [text for text in self._list_allowed(case, goal) if isinstance(text, str) and rules.accepts(text)]
            return str(self._choose(listed, case))
        ways = (partial(self._name_in, inner, goal, rules) for inner in self._list_cases(case))
        return str(self.first_success(ways))

    def _name_in(self, case: Case, goal: frozenset[Literal], rules: TextRules) -> str:
        if "string" not in case.kinds:
            raise ConflictError("a member name is a text", _pointer(goal))
        if case.of("in"):
            listed = [text for text in self._list_allowed(case, goal) if isinstance(text, str) and rules.accepts(text)]
            return str(self._choose(listed, case))
        return generate_text(read_rules(case, rules), self.random, self.step)

    def list_values(self, literals: Iterable[Literal]) -> list[Json] | None:
        """All values of a goal where they are listed or few by their type; None where they are not.

        Raises:
            ConflictError: There is none.
        """
        goal = frozenset(literals)
        case = self._open_case(goal)
        if case.of("in"):
            return self._list_allowed(case, goal)
        if case.kinds <= {"boolean", "null"}:
            return [value for value in (None, False, True) if all(self.holds(one, value) is not False for one in goal)]
        return None

    def _open_case(self, goal: frozenset[Literal]) -> Case:
        """What the goal says without a choice; not to be changed."""
        if goal not in self.opened:
            case = Case()
            # Sorted, since the order of a set of texts is not the same in two processes.
            ordered: list[Literal] = sorted(goal, key=lambda literal: (literal.part.pointer, literal.positive))
            case.add(ordered, self.assertions)
            self.opened[goal] = case
        return self.opened[goal]

    def _list_cases(self, case: Case) -> Iterable[Case]:
        return list_cases(case, self.assertions, self.random) if case.choices else [case]

    def _generate_cases(self, goal: frozenset[Literal]) -> Json:
        case = self._open_case(goal)
        if case.of("in"):  # the values decide, whatever else is asked: nothing has to be chosen
            return self._choose(self._list_allowed(case, goal), case)
        return self.first_success(partial(self._generate_case, inner, goal) for inner in self._list_cases(case))

    def _list_allowed(self, case: Case, goal: frozenset[Literal]) -> list[Json]:
        """The listed values that all literals of the goal accept, or may accept."""
        shortest = min(case.of("in"), key=lambda atom: len(atom.value))
        # What follows from the goal is implied by it; it is asked too, for goals that cannot be checked as a whole.
        literals = sorted(goal | case.literals, key=lambda literal: (len(literal.part.pointer), literal.part.pointer))
        literals = literals[:_MOST_CHECKED]
        self.spend()
        # The items of an array share one goal: hundreds of them would check the same values again.
        key = frozenset(literals), id(shortest.value)
        if key not in self.allowed:
            self.allowed[key] = [
                value for value in shortest.value if all(self.holds(one, value) is not False for one in literals)
            ]
        return self.allowed[key]

    def _choose(self, values: list[Json], case: Case) -> Json:
        if not values:
            where = min(case.of("in"), key=lambda atom: len(atom.value)).where
            raise ConflictError(f"no value of {where.rpartition('/')[2]} fits what else is asked of it", where)
        return self.random.choice(values)

    def _generate_case(self, case: Case, goal: frozenset[Literal]) -> Json:
        if case.of("in"):
            return self._choose(self._list_allowed(case, goal), case)
        kinds = sorted(case.kinds)
        order = self.random.sample(kinds, len(kinds))
        # Kinds that the atoms are about first: {"minLength": 3} also allows null, but a string is what is meant.
        order.sort(key=lambda kind: not any(word in case.atoms for word in _ABOUT.get(kind, ())))
        return self.first_success(partial(self._generate_kind, kind, case) for kind in order)

    def _generate_kind(self, kind: str, case: Case) -> Json:
        if kind in ("integer", "fraction"):
            return generate_number(case, kind, self.random)
        if kind == "string":
            return generate_text(read_rules(case, NO_RULES), self.random, self.step)
        if kind in ("null", "boolean"):
            return self._generate_constant(kind, case)
        refused = [value for atom in case.of("out") for value in atom.value]
        for _ in range(_TRIES):
            value = generate_array(case, self) if kind == "array" else generate_object(case, self)
            if value not in refused:
                return value
        raise UndecidedError("no value was found that differs from those that are excluded")

    def _generate_constant(self, kind: str, case: Case) -> Json:
        refused = [value for atom in case.of("out") for value in atom.value]
        values: list[Any] = [None] if kind == "null" else [False, True]
        left = [value for value in values if not any(value is other for other in refused)]
        if not left:
            raise ConflictError(f"every value of type {kind} is excluded", case.of("out")[0].where)
        return self.random.choice(left)


_ABOUT = {
    "object": ("each_member", "some_member", "each_name", "some_name", "required", "min_properties"),
    "array": ("item", "rest", "some_item", "few_items", "min_items", "max_items", "unique", "repeated"),
    "string": ("pattern", "no_pattern", "min_length", "max_length", "format"),
    "integer": ("low", "high", "multiple"),
    "fraction": ("low", "high", "no_multiple"),
}


def _pointer(goal: frozenset[Literal]) -> str:
    return min((literal.part.pointer for literal in goal), default="")

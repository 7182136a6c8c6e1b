"""Fuzzy truth values of a formula for the entities in the place of its variables, as sparse as its negations allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["MOST_STATES", "TruthTable"]

MOST_STATES = 2_000_000  # assignments of a table, of about 200 bytes each
States = dict[tuple[int, ...], float]


@dataclass(frozen=True)
class TruthTable:
    """Truth values, 0 to 1, by assignment: one entity for each variable.

    Attributes:
        variables: Names, in the order of an assignment.
        values: Those that are not `default`; others may be among them.
        default: Of all assignments that are not in `values`: 0 as long as nothing is negated.
        domain: The entities that a variable may stand for.
        witnesses: Of a table from which a variable was removed, by assignment the entity that the best value had.
    """

    variables: tuple[str, ...]
    values: States
    default: float
    domain: Sequence[int]
    witnesses: dict[tuple[int, ...], int] = field(default_factory=dict)

    def value(self, assignment: dict[str, int]) -> float:
        """Of an assignment of these variables, among others."""
        return self.values.get(tuple(assignment[name] for name in self.variables), self.default)

    def negate(self) -> TruthTable:
        """1 - each value."""
        values = {key: 1.0 - value for key, value in self.values.items()}
        return TruthTable(self.variables, values, 1.0 - self.default, self.domain)

    def join(self, other: TruthTable, *, either: bool = False) -> TruthTable:
        """The product of both over the variables of either, or a + b - ab."""
        combine = _either if either else _both
        decided = 1.0 if either else 0.0  # what the other value cannot change
        if other.default == decided and self.default != decided:
            return other.join(self, either=either)
        new = tuple(name for name in other.variables if name not in self.variables)
        variables = self.variables + new
        if self.default == other.default == decided:
            return TruthTable(variables, self._match(other, new, combine), decided, self.domain)
        keys: Iterable[tuple[int, ...]] = self._extend(variables)
        if self.default != decided:
            keys = self._add_keys(keys, other._extend(variables))
        own, theirs = (self._places(variables), other._places(variables))
        values = {
            key: combine(
                self.values.get(tuple(key[at] for at in own), self.default),
                other.values.get(tuple(key[at] for at in theirs), other.default),
            )
            for key in keys
        }
        return TruthTable(variables, values, combine(self.default, other.default), self.domain)

    def project(self, variable: str) -> TruthTable:
        """The highest value over all entities in the place of a variable."""
        if variable not in self.variables:
            return TruthTable(self.variables, self.values, self.default, self.domain)
        at = self.variables.index(variable)
        groups: dict[tuple[int, ...], tuple[float, int, int]] = {}
        for key, value in self.values.items():
            rest = key[:at] + key[at + 1 :]
            best, witness, count = groups.get(rest, (-1.0, -1, 0))
            # Of equally good entities the one of the lowest number, whatever the order of the table.
            if value > best or (value == best and key[at] < witness):
                best, witness = value, key[at]
            groups[rest] = (best, witness, count + 1)
        values, witnesses = {}, {}
        for rest, (best, witness, count) in groups.items():
            if count < len(self.domain) and self.default > best:  # some entity is not in the table
                values[rest] = self.default
            else:
                values[rest], witnesses[rest] = best, witness
        names = self.variables[:at] + self.variables[at + 1 :]
        return TruthTable(names, values, self.default, self.domain, witnesses)

    def prune(self, least: float) -> TruthTable:
        """Without the values below `least`, which become false; itself where false is not the default."""
        if self.default != 0 or least <= 0:
            return self
        return TruthTable(
            self.variables,
            {key: value for key, value in self.values.items() if value >= least},
            0.0,
            self.domain,
            self.witnesses,
        )

    def _places(self, variables: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(variables.index(name) for name in self.variables)

    def _match(self, other: TruthTable, new: tuple[str, ...], combine: Callable[[float, float], float]) -> States:
        """The values where both have one; all others are decided."""
        shared = [name for name in self.variables if name in other.variables]
        theirs = [other.variables.index(name) for name in shared]
        own = [self.variables.index(name) for name in shared]
        added = [other.variables.index(name) for name in new]
        by_shared: dict[tuple[int, ...], list[tuple[tuple[int, ...], float]]] = {}
        for key, value in other.values.items():
            entry = (tuple(key[at] for at in added), value)
            by_shared.setdefault(tuple(key[at] for at in theirs), []).append(entry)
        found: States = {}
        for key, value in self.values.items():
            matches = by_shared.get(tuple(key[at] for at in own), ())
            check_states(len(found) + len(matches))
            found.update((key + rest, combine(value, factor)) for rest, factor in matches)
        return found

    @staticmethod
    def _add_keys(keys: Iterable[tuple[int, ...]], others: Iterable[tuple[int, ...]]) -> dict[tuple[int, ...], None]:
        """Both, each key once. Either may be as large as a table may be, both together may not be larger."""
        found = dict.fromkeys(keys)
        for key in others:
            found[key] = None
            check_states(len(found))
        return found

    def _extend(self, variables: tuple[str, ...]) -> Iterator[tuple[int, ...]]:
        """The assignments of the table with every entity in the place of the variables that it lacks."""
        missing = [name for name in variables if name not in self.variables]
        check_states(len(self.values) * len(self.domain) ** len(missing))
        places = {name: at for at, name in enumerate((*self.variables, *missing))}
        order = [places[name] for name in variables]
        keys = (key + rest for key in self.values for rest in product(self.domain, repeat=len(missing)))
        return (tuple(key[at] for at in order) for key in keys)


def _both(one: float, other: float) -> float:
    return one * other


def _either(one: float, other: float) -> float:
    """a + b - ab, never under the higher of both nor over 1, which a + b - ab itself may be by rounding."""
    low, high = (one, other) if one < other else (other, one)
    return high + low * (1.0 - high)


def check_states(count: int) -> None:
    """Refuse a table of more than `MOST_STATES` assignments.

    Raises:
        UsageError: There are more.
    """
    if count > MOST_STATES:
        hint = "bind negated variables by an edge that is not negated, or give a smaller domain"
        raise UsageError(f"the query needs more than {MOST_STATES:,} assignments", where="query", hint=hint)

"""Objects that satisfy what is asked of their members, of the names of these, and of how many there are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from .failures import ConflictError, LimitError, UndecidedError
from .texts import TextRules
from .validator import matches_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cases import Case
    from .json_values import Json
    from .literals import Literal, Names
    from .search import Search

__all__ = ["generate_object"]

_MOST_MEMBERS = 10_000
_MOST_PATTERNS = 4  # of names: each doubles the groups of names that are told apart
_MOST_NAMES = 64  # known names that are tried for a member that must be there
_CHANCE = 0.6  # of an optional member near the root


def generate_object(case: Case, search: Search) -> dict[str, Json]:
    """An object for the atoms of `case`.

    Raises:
        ConflictError: There is none.
        UndecidedError: None was found.
    """
    return _Object(case, search).generate()


class _Object:
    def __init__(self, case: Case, search: Search) -> None:
        self._search = search
        self._each: list[tuple[Names, Literal]] = [atom.value for atom in case.of("each_member")]
        self._by_name: dict[str, list[Literal]] = {}
        self._groups: list[tuple[Names, Literal]] = []
        for names, literal in self._each:
            if names.name is not None:
                self._by_name.setdefault(names.name, []).append(literal)
            else:
                self._groups.append((names, literal))
        self._name_literals: list[Literal] = [atom.value for atom in case.of("each_name")]
        self._absent = {atom.value: atom.where for atom in case.of("absent")}
        self._required = {atom.value: atom.where for atom in case.of("required")}
        self._needs = [(atom.value[0], atom.value[1], None) for atom in case.of("some_member")]
        self._needs += [(None, None, atom.value) for atom in case.of("some_name")]
        self._least = max((atom.value for atom in case.of("min_properties")), default=0)
        if any(value == {} for atom in case.of("out") for value in atom.value if isinstance(value, dict)):
            self._least = max(self._least, 1)
        shortest = min(case.of("max_properties"), key=lambda atom: atom.value, default=None)
        self._most = shortest.value if shortest is not None else None
        self._where = shortest.where if shortest is not None else ""
        least = max(case.of("min_properties"), key=lambda atom: atom.value, default=None)
        self._where_least = least.where if least is not None else ""
        if self._most is not None and self._least > self._most:
            reason = f"minProperties {self._least} is over maxProperties {self._most}"
            raise ConflictError(reason, self._where)
        self._goals: dict[str, tuple[Literal, ...]] = {}
        besides = {name for names, _ in self._groups for name in names.besides}
        self._listed = list(dict.fromkeys((*self._by_name, *sorted(besides))))

    def generate(self) -> dict[str, Json]:
        self._check_count(len(self._required))
        for name, where in self._required.items():
            if name in self._absent:
                raise ConflictError(f"the member {name!r} is required and not allowed", where)
            if not self._is_name(name):
                reason = f"the name of the required member {name!r} is not allowed"
                raise ConflictError(reason, self._name_literals[0].part.pointer)
        return self._place(list(self._needs), {})

    def _check_count(self, number: int) -> None:
        if self._most is not None and number > self._most:
            raise ConflictError(f"{number} members are required and {self._most} allowed", self._where)

    def _is_name(self, name: str) -> bool:
        return all(self._search.holds(literal, name) is not False for literal in self._name_literals)

    def _goal(self, name: str) -> tuple[Literal, ...]:
        """What applies to a member of that name."""
        if name not in self._goals:
            self._search.step(len(self._groups))
            found = list(self._by_name.get(name, ()))
            found += [literal for names, literal in self._groups if names.contains(name, matches_pattern)]
            self._goals[name] = tuple(found)
        return self._goals[name]

    def _place(self, needs: list[Any], extra: dict[str, tuple[Literal, ...]]) -> dict[str, Json]:
        """Choose a name for each member that must be there, then generate all."""
        if not needs:
            return self._fill(extra)
        (names, literal, name_literal), *left = needs
        allowed = partial(self._serves, names, name_literal)
        known = dict.fromkeys((*extra, *self._required, *self._listed))
        self._search.step(len(known) * (1 + (len(names.unlike) if names is not None else 0)))
        fitting = [name for name in known if allowed(name)]
        added = () if literal is None else (literal,)

        def use(name: str) -> dict[str, Json]:
            return self._place(left, {**extra, name: (*extra.get(name, ()), *added)})

        ways: list[Callable[[], dict[str, Json]]] = [partial(use, name) for name in fitting[:_MOST_NAMES]]
        if len(fitting) > _MOST_NAMES:
            ways.append(_give_up)
        wanted = [] if name_literal is None else [name_literal]
        ways += [partial(self._use_fresh, rules, wanted, use) for rules in self._group_rules(names, set(extra))]
        if self._is_partial():
            ways.append(_give_up)
        return self._search.first_success(ways)  # type: ignore[no-any-return]

    def _serves(self, names: Names | None, name_literal: Literal | None, name: str) -> bool:
        return (
            name not in self._absent
            and (names is None or names.contains(name, matches_pattern))
            and (name_literal is None or self._search.holds(name_literal, name) is not False)
            and self._is_name(name)
        )

    def _use_fresh(
        self, rules: TextRules, wanted: list[Literal], use: Callable[[str], dict[str, Json]]
    ) -> dict[str, Json]:
        return use(self._search.generate_name([*self._name_literals, *wanted], rules))

    def _patterns(self) -> list[str]:
        """All patterns that tell names apart."""
        groups = [names for names, _ in self._groups] + [names for names, _, _ in self._needs if names is not None]
        found = [names.pattern for names in groups if names.pattern is not None]
        return list(dict.fromkeys([*found, *(pattern for names in groups for pattern in names.unlike)]))

    def _is_partial(self) -> bool:
        """Whether there are more groups of names than are told apart."""
        return len(self._patterns()) > _MOST_PATTERNS

    def _group_rules(self, names: Names | None, taken: set[str]) -> Iterator[TextRules]:
        """Rules for new names that belong to `names`, a set for each group that the patterns tell apart."""
        where = self._groups[0][1].part.pointer if self._groups else ""
        refused = frozenset(taken | set(self._absent) | set(self._required) | set(self._listed))
        base = TextRules(refused=refused, where=where)
        if names is not None and names.name is not None:
            return
        if names is not None and names.pattern is not None:
            base = replace(base, like=(names.pattern,))
        elif names is not None:
            base = replace(base, unlike=names.unlike)
        told = [pattern for pattern in self._patterns() if pattern not in base.like + base.unlike][:_MOST_PATTERNS]
        # Without a match first: plain new names are what additional members are like.
        for marks in product((False, True), repeat=len(told)):
            like = tuple(pattern for pattern, mark in zip(told, marks, strict=True) if mark)
            unlike = tuple(pattern for pattern, mark in zip(told, marks, strict=True) if not mark)
            yield replace(base, like=base.like + like, unlike=base.unlike + unlike)

    def _fill(self, extra: dict[str, tuple[Literal, ...]]) -> dict[str, Json]:
        """Generate the members that must be there, then optional ones."""
        names = dict.fromkeys((*self._required, *extra))
        self._check_count(len(names))
        self._search.spend(len(names))
        made = {name: self._member(name, extra.get(name, ())) for name in names}
        is_sure = self._add_optional(made)
        if len(made) < self._least:
            is_sure &= self._add_fresh(made, self._least)
        if len(made) < self._least:
            if is_sure:
                reason = f"{self._least} members are asked for and {len(made)} possible"
                raise ConflictError(reason, self._where_least)
            raise UndecidedError(f"no {self._least} members were found")
        has_room = self._most is None or len(made) < self._most
        if has_room and self._search.is_shallow and self._search.random.random() < _CHANCE / 4:
            self._add_fresh(made, len(made) + self._search.take_spare())
        return made

    def _member(self, name: str, extra: tuple[Literal, ...]) -> Json:
        goal = (*self._goal(name), *extra)
        try:
            return self._search.generate(goal)
        except ConflictError as conflict:
            if any(literal.is_false and literal.part.pointer.endswith("/additionalProperties") for literal in goal):
                reason = f"the member {name!r} is required and not allowed"
                raise ConflictError(reason, conflict.where) from None
            raise

    def _add_optional(self, made: dict[str, Json]) -> bool:
        """Add members that are listed, at random or as many as are needed; whether all that failed are impossible."""
        optional = [name for name in self._listed if name not in made and name not in self._absent]
        is_sure = True
        chance = _CHANCE if self._search.is_shallow else 0.0
        for name in self._search.random.sample(optional, len(optional)):
            needed = len(made) < self._least
            if self._most is not None and len(made) >= self._most:
                break
            if not needed and not (self._search.random.random() < chance and self._search.take_spare()):
                continue
            is_sure &= self._try_member(name, made) is not None
        return is_sure

    def _try_member(self, name: str, made: dict[str, Json]) -> bool | None:
        """Add a member if it is possible; None where that was not found out."""
        if not self._is_name(name):
            return False
        try:
            made[name] = self._search.generate(self._goal(name))
        except LimitError:
            raise
        except ConflictError:
            return False
        except UndecidedError:
            return None
        return True

    def _add_fresh(self, made: dict[str, Json], least: int) -> bool:
        """Add members of new names until there are `least`; whether no more are possible where there are not."""
        if least > _MOST_MEMBERS:
            raise UndecidedError("an object of over 10,000 members is asked for")
        is_sure = not self._is_partial()
        for rules in self._group_rules(None, set(made)):
            while len(made) < least:
                self._search.spend()
                try:
                    name = self._search.generate_name(
                        self._name_literals, replace(rules, refused=rules.refused | set(made))
                    )
                    if name in made:
                        break
                    made[name] = self._search.generate(self._goal(name))
                except LimitError:
                    raise
                except ConflictError:
                    break  # no further name of this group, or no value for any of them
                except UndecidedError:
                    is_sure = False
                    break
        return is_sure


def _give_up() -> dict[str, Json]:
    raise UndecidedError("no name was found for a member that must be there")

"""Arrays that satisfy what is asked of their items and of how many there are."""

from __future__ import annotations

import json
from functools import partial
from itertools import combinations, islice
from math import comb
from typing import TYPE_CHECKING, Any

from .failures import ConflictError, LimitError, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cases import Case
    from .json_values import Json
    from .literals import Literal
    from .search import Search

__all__ = ["generate_array"]

_TRIES = 20  # attempts at an item that differs from the others
_MOST_ITEMS = 1000
_MOST_PLACES = 8  # places that are tried for an item that must be there, beyond which the search is not exhaustive

_MOST_SPREADS = 64  # ways to choose the items that may satisfy what only a few may


def generate_array(case: Case, search: Search) -> list[Json]:
    """An array for the atoms of `case`.

    Raises:
        ConflictError: There is none.
        UndecidedError: None was found.
    """
    return _Array(case, search).generate()


class _Array:
    def __init__(self, case: Case, search: Search) -> None:
        self._search = search
        self._items = [atom.value for atom in case.of("item")]
        self._rest = [atom.value for atom in case.of("rest")]
        # A size is asked for where it is exact; `[]` that is excluded asks for an item.
        least = max((atom.value for atom in case.of("min_items")), default=0)
        if any(value == [] for atom in case.of("out") for value in atom.value if isinstance(value, list)):
            least = max(least, 1)
        shortest = min(case.of("max_items"), key=lambda atom: atom.value, default=None)
        self._where = shortest.where if shortest is not None else ""
        self._most = shortest.value if shortest is not None else None
        self._least = max(0, least)
        self._unique = bool(case.of("unique"))
        self._repeated = bool(case.of("repeated"))
        known: dict[str, Literal] = {}
        self._some = _tightest(case, "some_item", max, known)
        # Items that satisfy a scoped subschema cannot be counted; the validator checks what is made without the limit.
        self._few = [few for few in _tightest(case, "few_items", min, known) if not few[2].part.is_scoped]
        for start, count, literal in self._some:
            if any(most < count and literal == other and place <= start for place, most, other in self._few):
                reason = f"at least {count} items must satisfy what fewer may"
                raise ConflictError(reason, literal.part.pointer)
        if self._unique and self._repeated:
            raise ConflictError("the items must differ and must not", case.of("repeated")[0].where)

    def generate(self) -> list[Json]:
        least = self._least
        if self._some:
            least = max(least, *(start + count for start, count, _ in self._some))
        if self._repeated:
            least = max(least, 2)
        if self._most is not None and least > self._most:
            raise ConflictError(f"minItems {least} is over maxItems {self._most}", self._where)
        if least > _MOST_ITEMS:
            raise UndecidedError("an array of over 1,000 items is asked for")
        if self._unique:
            self._check_enough(least)
        # Where nothing is asked of the array as a whole, a longer one asks for no less than the shortest.
        if not (self._some or self._few or self._repeated):
            return self._fill(least, [()] * least)
        # Places after the last one that is told apart are all alike: one more for each item that must be there.
        apart = max([start for start, _ in self._rest] + [index + 1 for index, _ in self._items], default=0)
        longest = max(least, apart) + sum(min(count, _MOST_ITEMS) for _, count, _ in self._some) + 2 * self._repeated
        if self._most is not None:
            longest = min(longest, self._most)
        # With a place for each item that must be there first: fewer places mean many ways to share them.
        sizes = sorted(range(least, min(longest, _MOST_ITEMS) + 1), key=lambda size: (size != longest, size))
        made: list[Json] = self._search.first_success(partial(self._generate_size, size) for size in sizes)
        return made

    def _generate_size(self, size: int) -> list[Json]:
        extra: list[tuple[Literal, ...]] = [()] * size
        wanted = [(start, literal) for start, count, literal in self._some for _ in range(min(count, size + 1))]
        return self._place(wanted, extra)

    def _place(self, wanted: list[tuple[int, Literal]], extra: list[tuple[Literal, ...]]) -> list[Json]:
        """Choose a place for each item that must be there, then generate all."""
        if not wanted:
            return self._limit(extra, self._few)
        (start, literal), *left = wanted
        self._search.step(len(extra))
        # The same literal twice: in a later place, so that no two orders of the same places are tried.
        taken = [place for place, literals in enumerate(extra) if literal in literals]
        first = max(start, taken[-1] + 1 if taken else 0)
        places = sorted(range(first, len(extra)), key=lambda place: len(extra[place]))
        ways: list[Callable[[], list[Json]]] = [
            partial(self._place, left, _with(extra, place, literal)) for place in places[:_MOST_PLACES]
        ]
        ways += [self._give_up] if len(places) > _MOST_PLACES else []
        if not ways:
            raise ConflictError("there is no place for an item that must be there", literal.part.pointer)
        return self._search.first_success(ways)  # type: ignore[no-any-return]

    def _limit(self, extra: list[tuple[Literal, ...]], few: list[Any]) -> list[Json]:
        """Choose the items that may satisfy what only a few may; the others must not."""
        if not few:
            return self._repeat(extra) if self._repeated else self._fill(len(extra), extra)
        (start, count, literal), *left = few
        no = literal.negate()
        must = [place for place in range(start, len(extra)) if literal in extra[place]]
        free = [place for place in range(start, len(extra)) if literal not in extra[place]]
        room = count - len(must)
        if room < 0:
            raise ConflictError(f"at most {count} items may satisfy it", literal.part.pointer)
        ways = []
        for number in range(min(room, len(free), _MOST_PLACES) + 1):
            # Which places are free matters for the first ones only; those after them are alike.
            for chosen in _spread(free, number):
                self._search.step(len(extra))
                made = [
                    (*literals, no) if place in free and place not in chosen else literals
                    for place, literals in enumerate(extra)
                ]
                ways.append(partial(self._limit, made, left))
        numbers = range(min(room, len(free)) + 1)
        is_partial = room > _MOST_PLACES or any(comb(len(free), number) > _MOST_SPREADS for number in numbers)
        return self._search.first_success([*ways, *([self._give_up] if is_partial else [])])  # type: ignore[no-any-return]

    def _repeat(self, extra: list[tuple[Literal, ...]]) -> list[Json]:
        """Generate items of which two are equal."""
        size = len(extra)
        pairs = list(islice(combinations(range(size), 2), _MOST_PLACES * 4))
        if not pairs:
            raise ConflictError("two equal items are asked for", "")
        ways: list[Callable[[], list[Json]]] = [partial(self._repeat_pair, extra, *pair) for pair in pairs]
        ways += [self._give_up] if comb(size, 2) > len(ways) else []
        return self._search.first_success(ways)  # type: ignore[no-any-return]

    def _repeat_pair(self, extra: list[tuple[Literal, ...]], one: int, other: int) -> list[Json]:
        value = self._search.generate({*self._goal(one), *extra[one], *self._goal(other), *extra[other]})
        return [
            value if place in (one, other) else self._search.generate({*self._goal(place), *extra[place]})
            for place in range(len(extra))
        ]

    def _give_up(self) -> list[Json]:
        raise UndecidedError("no places were found for the items that must be there")

    def _goal(self, place: int) -> list[Literal]:
        found = [literal for index, literal in self._items if index == place]
        return found + [literal for start, literal in self._rest if place >= start]

    def _fill(self, least: int, extra: list[tuple[Literal, ...]]) -> list[Json]:
        """Generate the items, and where it is free how many there are, some more."""
        made: list[Json] = []
        is_free = not (self._some or self._few)
        size = least
        if is_free:
            most = least + 2 if self._most is None else min(self._most, least + 2)
            size = self._search.random.randint(least, most)
        for place in range(size):
            goal = [*self._goal(place), *(extra[place] if place < len(extra) else ())]
            if place < least:
                made.append(self._item(goal, made))
            elif not self._search.take_spare():
                break
            else:
                try:
                    made.append(self._item(goal, made))
                except LimitError:
                    raise
                except (ConflictError, UndecidedError):
                    break
        return made

    def _item(self, goal: list[Literal], before: list[Json]) -> Json:
        if not self._unique:
            return self._search.generate(goal)
        for _ in range(_TRIES):
            self._search.step(len(before))
            value = self._search.generate(goal)
            if not any(_equal(value, other) for other in before):
                return value
        values = self._search.list_values(goal)
        self._search.step(len(values or ()) * len(before))
        left = [value for value in values or () if not any(_equal(value, other) for other in before)]
        if left:
            return self._search.random.choice(left)
        raise UndecidedError("no further item that differs from the others was found")

    def _check_enough(self, least: int) -> None:
        """Refuse where fewer values are allowed than different items are asked for."""
        if least < 2:
            return
        values: list[Json] = []
        for place in range(least):
            listed = self._search.list_values(self._goal(place))
            if listed is None:
                return
            self._search.step(len(listed) * (1 + len(values)))
            values += [value for value in listed if not any(_equal(value, other) for other in values)]
            if len(values) >= least:
                return
        where = next((literal.part.pointer for _, literal in self._rest), "")
        raise ConflictError(f"{least} items must differ and only {len(values)} values are allowed", where)


def _tightest(
    case: Case, kind: str, choose: Callable[[int, int], int], known: dict[str, Literal]
) -> list[tuple[int, int, Literal]]:
    """The atoms of a kind, of those that are alike but for their number the one that says most.

    Literals are alike by what they say, wherever it stands; `known` has the first of each.
    """
    found: dict[tuple[int, Literal], int] = {}
    for start, count, literal in (atom.value for atom in case.of(kind)):
        content = f"{literal.positive} {literal.part.base} {json.dumps(literal.part.schema, sort_keys=True)}"
        first = known.setdefault(content, literal)
        found[start, first] = choose(count, found.get((start, first), count))
    return [(start, count, literal) for (start, literal), count in found.items()]


def _with(extra: list[tuple[Literal, ...]], place: int, literal: Literal) -> list[tuple[Literal, ...]]:
    return [(*literals, literal) if index == place else literals for index, literals in enumerate(extra)]


def _spread(places: list[int], number: int) -> Iterator[set[int]]:
    """Some choices of `number` places: all of them where they are few."""
    yield from (set(chosen) for chosen in islice(combinations(places, number), _MOST_SPREADS))


def _equal(one: Json, other: Json) -> bool:
    """Equality of JSON: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[name]) for name, value in one.items())
    return bool(one == other)

"""Combinations of the readings of all phrases, the most probable first."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .plan import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .conditions import Option
    from .draft import Draft
    from .term import Term

__all__ = ["COMPARE", "Choice", "all_of", "choices", "compare", "ordered", "real", "unique", "with_measured"]

_MOST_CHOICES = 60
_LEAST = 0.3  # of the score of the best choice
_AGGREGATES: dict[str, Any] = {
    "average": exp.Avg, "mean": exp.Avg, "total": exp.Sum, "maximum": exp.Max, "minimum": exp.Min,
}  # fmt: skip
COMPARE = {"=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, ">": exp.GT, "<=": exp.LTE, ">=": exp.GTE}


@dataclass(frozen=True)
class Choice:
    """One reading of every phrase of a draft.

    Attributes:
        score: 0..1, higher is likelier.
        targets, groups, order, tests: As in the draft and its conditions.
        having: Tests on groups.
        ratio: The two sides of the draft's ratio; () without one.
    """

    score: float
    targets: tuple[Term, ...]
    groups: tuple[Term, ...]
    order: tuple[tuple[Term, bool], ...]
    having: tuple[exp.Expression, ...]
    tests: tuple[Option, ...]
    ratio: tuple[Term, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """Tables of the conditions."""
        return ordered([name for option in self.tests for name in option.tables])


def choices(draft: Draft, conditions: Sequence[Sequence[Option]]) -> Iterator[Choice]:
    """Up to 60 combinations, the most probable first."""
    slots: list[Sequence[Any]] = [
        *draft.targets,
        *draft.groups,
        *(slot for slot, _ in draft.order),
        *(one.slot for one in draft.having),
        *conditions,
        *_sides(draft),
    ]
    if not all(slots):
        return  # a phrase that nothing in the schema stands for
    first = tuple(0 for _ in slots)
    best = -_product(slots, first)
    seen, queue = {first}, [(-_product(slots, first), first)]
    for _ in range(_MOST_CHOICES):
        if not queue:
            return
        cost, places = heapq.heappop(queue)
        if cost > _LEAST * best:
            return
        yield _choice(draft, slots, places, -cost)
        for number, place in enumerate(places):
            following = (*places[:number], place + 1, *places[number + 1 :])
            if place + 1 < len(slots[number]) and following not in seen:
                seen.add(following)
                heapq.heappush(queue, (-_product(slots, following), following))


def _sides(draft: Draft) -> list[Sequence[Term]]:
    """The sides of the ratio; one where both are the same phrase, whose readings then are the same, too."""
    if draft.ratio is None:
        return []
    return [draft.ratio.top] if draft.ratio.bottom is draft.ratio.top else [draft.ratio.top, draft.ratio.bottom]


def _product(slots: Sequence[Sequence[Any]], places: tuple[int, ...]) -> float:
    scores = [max(slots[number][place].score, 1e-3) for number, place in enumerate(places)]
    # Squared, so that a clearly better reading of one phrase outweighs the shares of variants; the root keeps long
    # questions comparable with short ones.
    return float(math.prod(score**2 for score in scores) ** (1.0 / len(scores))) if scores else 0.1


def _choice(draft: Draft, slots: Sequence[Sequence[Any]], places: tuple[int, ...], score: float) -> Choice:
    chosen = iter([slots[number][place] for number, place in enumerate(places)])
    targets = tuple(next(chosen) for _ in draft.targets)
    groups = tuple(next(chosen) for _ in draft.groups)
    order = tuple((next(chosen), desc) for _, desc in draft.order)
    having = tuple(compare(one.op, next(chosen).expressions[0], one.number) for one in draft.having)
    rest = tuple(chosen)
    count = len(_sides(draft))
    tests, ratio = (rest[:-count], rest[-count:]) if count else (rest, ())
    ratio = ratio * 2 if count == 1 else ratio
    return Choice(score, targets, groups, order, having, tests, ratio)


def with_measured(choice: Choice, measured: Mapping[int, str]) -> Choice:
    """Conditions on an aggregate, such as "an average price below 5", as tests on groups."""
    if not measured:
        return choice
    tests = tuple(option for number, option in enumerate(choice.tests) if number not in measured)
    moved = tuple(_aggregated(choice.tests[number].test, function) for number, function in measured.items())
    return replace(choice, tests=tests, having=(*choice.having, *moved))


def _aggregated(test: Any, function: str) -> Any:
    return test.transform(
        lambda node: _AGGREGATES[function](this=node.copy()) if isinstance(node, exp.Column) else node
    )


def compare(op: str, left: exp.Expression, number: int) -> Any:
    """`left op number`."""
    return COMPARE[op](this=left.copy(), expression=exp.Literal.number(number))


def real(tests: Iterable[exp.Expression]) -> tuple[exp.Expression, ...]:
    """Without those that always hold, and each once."""
    return tuple(unique([test for test in tests if not isinstance(test, exp.Boolean)]))


def all_of(tests: Sequence[exp.Expression]) -> Any:
    """The tests joined by AND; None for none."""
    return exp.and_(*tests) if tests else None


def ordered(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once, in order."""
    return tuple(dict.fromkeys(names))


def unique(nodes: Sequence[exp.Expression]) -> list[exp.Expression]:
    """Each expression once, in order."""
    held: dict[str, exp.Expression] = {}
    for node in nodes:
        held.setdefault(text_of(node), node)
    return list(held.values())

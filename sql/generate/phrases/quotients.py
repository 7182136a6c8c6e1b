"""Queries for ratios, and for conditions that are asked for both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.errors import GenerationError

from .choices import all_of, compare, ordered, real, unique
from .functions import quotient
from .plan import Plan, has_aggregate, text_of
from .ratio import grouped_count, grouped_ratio, limited_sides
from .windows import total_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .choices import Choice
    from .outputs import Outputs
    from .plan import PlanWriter
    from .ratio import Ratio
    from .term import Term
    from .terms import Terms

__all__ = ["QuotientComposer", "split"]


def split(choice: Choice) -> Iterator[tuple[float, Plan]]:
    """The count for each value of the column that a condition is on: how many have one and how many do not."""
    *others, last = choice.tests
    key = next((one for one in last.test.find_all(exp.Column)), None)
    if key is not None:
        shown = [one for term in choice.targets for one in term.expressions]
        yield 1.0, Plan((key, *shown), choice.needed, tuple(option.test for option in others), group=(key,))


@dataclass(frozen=True)
class QuotientComposer:
    """Makes plans of ratios over one schema."""

    terms: Terms
    writer: PlanWriter
    outputs: Outputs

    def plans(self, ratio: Ratio, choice: Choice) -> Iterator[tuple[float, Plan]]:
        """Plans for a ratio, each with how likely it is, 0..1."""
        own, other = ratio.top_clauses, ratio.bottom_clauses
        tests = [option.test for option in choice.tests]
        rest = real(test for number, test in enumerate(tests) if number not in (*own, *other))
        needed = choice.needed
        sides = (choice.ratio[0], choice.ratio[1])
        if ratio.top_having is not None:
            yield from self._grouped_ratio(ratio, sides, rest, needed)
            return
        first = all_of([tests[n] for n in own])
        last = exp.not_(first) if ratio.opposite and first is not None else all_of([tests[n] for n in other])
        limits = (first, last)
        plain = not any(has_aggregate(one) for term in sides for one in term.expressions)
        for share, groups in self.outputs.of(choice.groups):
            shown = [one for output in groups for one in output.shown]
            keys = [key for output in groups for key in output.keys]
            # The quotient of two columns of a row, where the rows are those of the groups.
            single = plain and limits == (None, None) and all(term.table == sides[0].table for term in choice.groups)
            tables = ordered(
                [*(term.table for term in sides if term.table), *(t for o in groups for t in o.tables), *needed]
            )
            distinct = self._repeated(Plan((*shown,), tables))
            for sums in (False, True) if single else (True,):
                values = _combined(ratio, *limited_sides(sides, limits, sums=sums, distinct=distinct))
                if values is None and not (ratio.whole and groups):
                    continue
                if ratio.whole and groups:
                    top = sides[0].expressions[0]
                    top = top if has_aggregate(top) else exp.Sum(this=top.copy())
                    part = quotient(top, total_over(top), percent=ratio.percent)
                    values = (top.copy(), part) if ratio.form == "beside" else (part,)
                grouped = tuple(unique([*keys, *shown])) if sums or not plain else ()
                yield share * (0.6 if single else 1.0), Plan((*shown, *(values or ())), tables, rest, group=grouped)

    def averages(self, choice: Choice, tests: tuple[exp.Expression, ...]) -> Iterator[tuple[float, Plan]]:
        """The average over groups of a count."""
        for share, groups in self.outputs.of(choice.groups):
            keys = [key for output in groups for key in output.keys][:1]
            counts = [one for term in choice.targets for one in term.expressions][:1]
            tables = ordered([*(t for o in groups for t in o.tables), *choice.needed])
            inner = Plan((*keys, *counts), tables, tests, group=tuple(keys))
            yield share, Plan((exp.Avg(this=grouped_count()),), source=inner)

    def _repeated(self, plan: Plan) -> dict[str, exp.Expression]:
        """Keys of tables whose rows the joins of a plan may repeat."""
        found = {}
        for name in plan.tables:
            key = self.terms.key(self.terms.lexicon.view.table_index[name])
            try:
                repeats = self.writer.multiplies(replace(plan, tables=ordered([name, *plan.tables])))
            except GenerationError:
                continue
            if key is not None and repeats:
                found[name] = key
        return found

    def _grouped_ratio(
        self, ratio: Ratio, sides: tuple[Term, Term], rest: tuple[exp.Expression, ...], needed: tuple[str, ...]
    ) -> Iterator[tuple[float, Plan]]:
        first, second = ratio.top_having, ratio.bottom_having
        key = self.terms.key(self.terms.lexicon.view.table_index[sides[0].table]) if sides[0].table else None
        if first is None or key is None:
            return
        for term in first.slot:
            count = term.expressions[0]
            inner = Plan((key, count), ordered([sides[0].table, term.table, *needed]), rest, group=(key,))
            tests = tuple(
                None if one is None else compare(one.op, grouped_count(), one.number) for one in (first, second)
            )
            yield term.score, grouped_ratio(inner, tests, percent=ratio.percent)


def _combined(ratio: Ratio, top: exp.Expression, bottom: exp.Expression) -> tuple[exp.Expression, ...] | None:
    """What is shown of the two sides; None where they are the same, as 1 says nothing."""
    if text_of(top) == text_of(bottom):
        return None
    if ratio.form == "beside":
        return top, bottom
    if ratio.form == "quotient":
        return (quotient(top, bottom, percent=ratio.percent),)
    less: Any = exp.Sub(this=top, expression=bottom)
    return (less,) if ratio.form == "minus" else (quotient(exp.Paren(this=less), bottom, percent=True),)

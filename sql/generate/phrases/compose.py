"""Builds complete queries from a draft: one for each choice among the readings, best first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.errors import GenerationError

from .choices import choices, ordered, real, unique, with_measured
from .contrasts import merge_equal
from .nested import nested_plan
from .outputs import Outputs
from .plan import Plan, has_aggregate, tables_of
from .quotients import QuotientComposer, split
from .windows import first_of_each, with_trend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .choices import Choice
    from .conditions import Option
    from .coverage import Coverage
    from .draft import Draft
    from .outputs import Output
    from .plan import PlanWriter
    from .terms import Terms

__all__ = ["Composer", "Ranked"]

_CLEAR = 0.9  # of a table's mention that a query should use
_UNMEASURED = 0.6
_UNUSED = 0.2  # the factor of a query that uses none of the question's words
_SAID, _UNSAID = 0.96, 0.86  # for each further table, mentioned or not


@dataclass(frozen=True)
class Ranked:
    """A query with its score, 0..1."""

    score: float
    plan: Plan


@dataclass(frozen=True)
class Composer:
    """Makes plans of drafts over one schema."""

    terms: Terms
    writer: PlanWriter

    @cached_property
    def outputs(self) -> Outputs:
        """Ways to show things."""
        return Outputs(self.terms)

    @cached_property
    def quotients(self) -> QuotientComposer:
        """Plans of ratios."""
        return QuotientComposer(self.terms, self.writer, self.outputs)

    def compose(
        self, draft: Draft, conditions: Sequence[Sequence[Option]], focus: Mapping[int, float], coverage: Coverage
    ) -> list[Ranked]:
        """Plans, best first.

        Args:
            draft: What was read.
            conditions: The readings of each clause.
            focus: How clearly the question mentions each table, 0..1.
            coverage: The words of the question outside of its conditions.
        """
        found = []
        clear = [self.terms.lexicon.view.table_name(number) for number, score in focus.items() if score >= _CLEAR]
        said = {self.terms.lexicon.view.table_name(number) for number in sorted(focus)}
        for choice in choices(draft, conditions):
            for factor, plan in self._plans(draft, choice):
                marked = replace(plan, said=tuple(sorted(said)))
                for share, whole in self._widened(marked, clear, coverage):
                    found.append(Ranked(choice.score * factor * share * self._width(whole), whole))
        return sorted(found, key=lambda one: -one.score)

    def _width(self, plan: Plan) -> float:
        """Each further table makes a query less likely, above all one that the question does not mention."""
        try:
            tables = self.writer.joined(plan)
        except GenerationError:
            return 0.0
        return math.prod(_SAID if name in plan.said else _UNSAID for name in tables[1:])

    def _widened(self, plan: Plan, clear: Sequence[str], coverage: Coverage) -> Iterator[tuple[float, Plan]]:
        """The plan, and with the tables that the question names and the plan leaves out: "customers with accounts"."""
        share = coverage.share(plan)
        yield _coverage_factor(share), plan
        used = {*plan.tables, *tables_of(plan.parts)}
        used |= {table.name for part in plan.parts for table in part.find_all(exp.Table)}
        missing = [name for name in clear if name not in used]
        if not missing or len(missing) > 2 or plan.source is not None:
            return
        whole = replace(plan, tables=ordered([*(plan.tables or tuple(tables_of(plan.select))), *missing]))
        if (more := coverage.share(whole)) > share:
            counts = any(has_aggregate(one) for one in whole.select) or whole.order or whole.distinct
            yield 0.9 * _coverage_factor(more), whole if counts else replace(whole, distinct=True)

    def _plans(self, draft: Draft, choice: Choice) -> Iterator[tuple[float, Plan]]:
        choice = with_measured(choice, draft.measured)
        tests = real(merge_equal([option.test for option in choice.tests]))
        if draft.ratio is not None:
            yield from self.quotients.plans(draft.ratio, choice)
            return
        if choice.targets and choice.targets[0].kind == "nested":
            for share, groups in self.outputs.of(choice.groups):
                yield share, nested_plan(choice, groups, tests)
            return
        if draft.averaged and choice.groups:
            yield from self.quotients.averages(choice, tests)
            return
        if draft.split and choice.tests and not choice.groups:
            yield from split(choice)
        if choice.having and not choice.groups and not draft.measured and not self._of_columns(choice):
            yield from self._having(draft, choice, tests)
            return
        for named, targets in self.outputs.of(choice.targets):
            for grouped, groups in self.outputs.of(choice.groups):
                base = self._plan(draft, choice, targets, groups)
                tables = ordered([*base.tables, *choice.needed])
                plan = replace(base, where=(*base.where, *tests), tables=tables)
                if _first_of_each(draft, plan) and groups:
                    keys = tuple(unique([key for output in groups for key in output.keys]))
                    yield named * grouped, first_of_each(replace(plan, group=()), keys)
                    continue
                yield from self._variants(draft, plan, named * grouped * _grouped_factor(choice, plan))

    def _plan(self, draft: Draft, choice: Choice, targets: list[Output], groups: list[Output]) -> Plan:
        shown = [one for output in groups for one in output.shown] if not draft.returned else []
        wanted = [one for output in targets for one in output.shown]
        select = unique([*(one for one in shown if one not in wanted), *wanted])
        keys = [key for output in groups for key in output.keys]
        order = tuple((self.outputs.key_of(term), desc) for term, desc in choice.order)
        plain = [one for one in select if not has_aggregate(one)]
        if draft.ranked and not plain and not keys and order and not has_aggregate(order[0][0]) and select:
            return self._extreme(choice, tuple(select), order[0])
        aggregates = len(plain) < len(select) or any(has_aggregate(key) for key, _ in order) or choice.having
        if aggregates and (plain or keys):
            keys += [key for output in targets for key in output.keys if not has_aggregate(key)]
            keys += plain
        elif keys and not aggregates:
            keys = []  # one row for each already
        tables = (*self._roots(choice), *(table for output in (*groups, *targets) for table in output.tables))
        return Plan(
            tuple(select),
            ordered(tables),
            group=tuple(unique(keys)),
            having=choice.having,
            order=order,
            limit=draft.limit,
            offset=draft.offset,
        )

    def _extreme(self, choice: Choice, select: tuple[exp.Expression, ...], key: tuple[exp.Expression, bool]) -> Plan:
        """A measure over the rows where a column has its largest or smallest value."""
        node, desc = key
        inner = (exp.Max if desc else exp.Min)(this=exp.column(node.name, quoted=True))
        best = exp.select(inner).from_(exp.to_table(node.args["table"].name))
        return Plan(
            select,
            self._roots(choice),
            having=choice.having,
            where=(exp.EQ(this=node.copy(), expression=exp.Subquery(this=best)),),
        )

    def _roots(self, choice: Choice) -> tuple[str, ...]:
        """Tables that must be there: of the things that are asked for."""
        return tuple(term.table for term in choice.targets if term.kind == "thing")

    def _variants(self, draft: Draft, plan: Plan, factor: float) -> Iterator[tuple[float, Plan]]:
        if draft.trend is not None and (trends := with_trend(plan, draft.trend)):
            yield from _two_ways(factor, 0.6, *trends)
            return
        counted = [key for key, _ in plan.order if has_aggregate(key) and key not in plan.select]
        with_count = replace(plan, select=(*plan.select, *counted)) if counted else None
        if with_count is not None and not draft.returned:
            yield from _two_ways(factor, 0.8 if draft.counts else 0.4, with_count, plan)
            return
        if plan.group or any(has_aggregate(one) for one in plan.select) or not plan.select:
            yield factor, plan
            return
        share = self._distinct_share(draft, plan)
        yield from _two_ways(factor, share, replace(plan, distinct=True), plan)

    def _distinct_share(self, draft: Draft, plan: Plan) -> float:
        """How likely duplicates are to be left out."""
        if plan.order and plan.limit is not None:
            return 0.02
        if draft.distinct:
            return 0.85
        if plan.where and all(self._repeats(one) for one in plan.select):
            return 0.6
        roots = plan.tables or tuple(tables_of(plan.select))
        try:
            return 0.6 if self.writer.multiplies(replace(plan, tables=roots)) else 0.08
        except GenerationError:
            return 0.08

    def _repeats(self, node: exp.Expression) -> bool:
        """Is it the id of another table, which many rows may refer to?"""
        facts = self.terms.facts(node)
        return facts is not None and facts.kind == "id" and self.terms.key(facts.table) != node

    def _of_columns(self, choice: Choice) -> bool:
        """Are the groups values of columns, as in "advisors with more than 2 students" of a table of students?"""
        if not choice.targets or any(term.kind != "column" for term in choice.targets):
            return False
        counted = {table for test in choice.having for table in tables_of([test])}
        return all(term.table in counted or self._keyless(term.table) for term in choice.targets)

    def _keyless(self, table: str) -> bool:
        return self.terms.key(self.terms.lexicon.view.table_index[table]) is None

    def _having(self, draft: Draft, choice: Choice, tests: tuple[exp.Expression, ...]) -> Iterator[tuple[float, Plan]]:
        """Things with so many others: shown, or counted in a query around the groups."""
        subject = next((t.table for t in choice.targets if t.kind == "thing"), draft.subject)
        if not subject:
            return
        number = self.terms.lexicon.view.table_index[subject]
        key = self.terms.key(number)
        keys = (key,) if key is not None else self.terms.label(number)
        if not keys:
            return
        tables = ordered([subject, *choice.needed])
        if (
            choice.targets
            and all(has_aggregate(one) for t in choice.targets for one in t.expressions)
            and not any(t.kind == "thing" for t in choice.targets)
        ):
            inner = Plan(keys, tables, where=tests, group=keys, having=choice.having)
            yield 1.0, Plan((exp.Count(this=exp.Star()),), source=inner)
            return
        for share, outputs in self.outputs.of(choice.targets):
            base = self._plan(draft, choice, outputs, [])
            plan = replace(
                base, where=tests, tables=ordered([*tables, *base.tables]), group=tuple(unique([*keys, *base.group]))
            )
            yield from self._variants(draft, plan, share)


def _coverage_factor(share: float) -> float:
    return _UNUSED + (1.0 - _UNUSED) * share


def _grouped_factor(choice: Choice, plan: Plan) -> float:
    """Groups of which nothing is measured are hardly meant, unless a row of the group's own table is shown."""
    if not choice.groups or plan.group:
        return 1.0
    own = {term.table for term in choice.groups}
    return 1.0 if all(term.table in own for term in choice.targets) else _UNMEASURED


def _two_ways(factor: float, share: float, one: Plan, other: Plan) -> Iterator[tuple[float, Plan]]:
    """Two forms of a query; the likelier one keeps its score, so that queries without forms are no better."""
    most = max(share, 1.0 - share)
    yield factor * share / most, one
    yield factor * (1.0 - share) / most, other


def _first_of_each(draft: Draft, plan: Plan) -> bool:
    """Is the first row of each group asked for: "the latest order of each customer"?"""
    aggregates = any(has_aggregate(one) for one in (*plan.select, *(key for key, _ in plan.order)))
    return draft.ranked and bool(plan.order) and not aggregates

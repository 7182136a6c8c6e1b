"""Builds complete queries from a draft: one for each choice among the readings, best first."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.errors import GenerationError

from .plan import Plan, column, has_aggregate, tables_of
from .ratio import grouped_count, grouped_ratio, ratio_of
from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .conditions import Option
    from .coverage import Coverage
    from .draft import Draft
    from .plan import PlanWriter
    from .ratio import Ratio
    from .terms import Terms

__all__ = ["Composer", "Ranked"]

_MOST_CHOICES = 60
_CLEAR = 0.8
_COMPARE = {"=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, ">": exp.GT, "<=": exp.LTE, ">=": exp.GTE}


@dataclass(frozen=True)
class Ranked:
    """A query with its score, 0..1."""

    score: float
    plan: Plan


@dataclass(frozen=True)
class _Choice:
    """One reading of every phrase."""

    score: float
    targets: tuple[Term, ...]
    groups: tuple[Term, ...]
    order: tuple[tuple[Term, bool], ...]
    having: tuple[exp.Expression, ...]
    tests: tuple[Option, ...]
    ratio: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Composer:
    """Makes plans of drafts over one schema."""

    terms: Terms
    writer: PlanWriter

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
        for choice in _choices(draft, conditions):
            for factor, plan in self._plans(draft, choice):
                marked = replace(plan, said=tuple(sorted(said)))
                for share, whole in self._widened(marked, clear, coverage):
                    found.append(Ranked(choice.score * factor * share * _width(whole, said), whole))
        return sorted(found, key=lambda one: -one.score)

    def _widened(self, plan: Plan, clear: Sequence[str], coverage: Coverage) -> Iterator[tuple[float, Plan]]:
        """The plan, and with the tables that the question names and the plan leaves out: "customers with accounts"."""
        share = coverage.share(plan)
        yield _coverage_factor(share), plan
        used = {*plan.tables, *tables_of(plan.parts)}
        used |= {table.name for part in plan.parts for table in part.find_all(exp.Table)}
        missing = [name for name in clear if name not in used]
        if not missing or len(missing) > 2 or plan.source is not None:
            return
        whole = replace(plan, tables=_ordered([*(plan.tables or tuple(tables_of(plan.select))), *missing]))
        if (more := coverage.share(whole)) > share:
            counts = any(has_aggregate(one) for one in whole.select) or whole.order or whole.distinct
            yield 0.9 * _coverage_factor(more), whole if counts else replace(whole, distinct=True)

    def _plans(self, draft: Draft, choice: _Choice) -> Iterator[tuple[float, Plan]]:
        tests = _real(option.test for option in choice.tests)
        needed = tuple(name for option in choice.tests for name in option.tables)
        if draft.ratio is not None:
            yield from self._ratios(draft, draft.ratio, choice)
            return
        if draft.split and choice.tests and not choice.groups:
            yield from self._split(draft, choice)
        if choice.having and not choice.groups and not self._of_columns(choice):
            yield from self._having(draft, choice, tests, needed)
            return
        for named, targets in self._shown(choice.targets, draft):
            for grouped, groups in self._shown(choice.groups, draft, grouping=True):
                base = self._plan(draft, choice, targets, groups)
                tables = _ordered([*base.tables, *needed])
                plan = replace(base, where=(*base.where, *tests), tables=tables)
                yield from self._variants(draft, choice, plan, named * grouped)

    def _plan(self, draft: Draft, choice: _Choice, targets: list[_Output], groups: list[_Output]) -> Plan:
        shown = [one for output in groups for one in output.shown] if not draft.returned else []
        wanted = [one for output in targets for one in output.shown]
        select = _unique([*(one for one in shown if one not in wanted), *wanted])
        keys = [key for output in groups for key in output.keys]
        order = tuple((self._key(term), desc) for term, desc in choice.order)
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
            _ordered(tables),
            group=tuple(_unique(keys)),
            having=choice.having,
            order=order,
            limit=draft.limit,
        )

    def _extreme(self, choice: _Choice, select: tuple[exp.Expression, ...], key: tuple[exp.Expression, bool]) -> Plan:
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

    def _roots(self, choice: _Choice) -> tuple[str, ...]:
        """Tables that must be there: of the things that are asked for."""
        return tuple(term.table for term in choice.targets if term.kind == "thing")

    def _key(self, term: Term) -> exp.Expression:
        if term.expressions:
            return term.expressions[0]
        number = self.terms.lexicon.view.table_index[term.table]
        return (self.terms.label(number) or (self.terms.key(number) or exp.Null(),))[0]

    def _variants(self, draft: Draft, choice: _Choice, plan: Plan, factor: float) -> Iterator[tuple[float, Plan]]:
        counted = [key for key, _ in plan.order if has_aggregate(key) and key not in plan.select]
        with_count = replace(plan, select=(*plan.select, *counted)) if counted else None
        if with_count is not None and not draft.returned:
            share = 0.8 if draft.counts else 0.4
            yield factor * share, with_count
            yield factor * (1 - share), plan
            return
        if plan.group or any(has_aggregate(one) for one in plan.select) or not plan.select:
            yield factor, plan
            return
        share = self._distinct_share(draft, plan)
        yield factor * share, replace(plan, distinct=True)
        yield factor * (1 - share), plan

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

    def _shown(
        self, terms: Sequence[Term], draft: Draft, *, grouping: bool = False
    ) -> list[tuple[float, list[_Output]]]:
        """Ways to show these terms: a thing by its name, by its key, or by both."""
        found: list[tuple[float, list[_Output]]] = [(1.0, [])]
        for term in terms:
            found = [
                (score * share, [*outputs, output])
                for score, outputs in found
                for share, output in self._outputs(term, draft, grouping=grouping)
            ][:6]
        return found

    def _outputs(self, term: Term, draft: Draft, *, grouping: bool) -> list[tuple[float, _Output]]:
        if term.kind != "thing":
            keys = () if term.kind == "measure" else term.expressions
            return [(1.0, _Output(term.expressions, self._with_key(term, draft, keys), ()))]
        number = self.terms.lexicon.view.table_index[term.table]
        label, key = self.terms.label(number), self.terms.key(number)
        ways = []
        if label:
            ways.append((0.65, _Output(label, (*((key,) if key is not None else ()), *label), (term.table,))))
        if key is not None:
            ways.append((0.35 if label else 0.9, _Output((key,), (key,), (term.table,))))
        if not ways:
            first = next(f for f in self.terms.lexicon.view.columns if f.table == number)
            ways.append((0.5, _Output((column(first.ref),), (column(first.ref),), (term.table,))))
        return ways

    def _with_key(self, term: Term, draft: Draft, keys: tuple[exp.Expression, ...]) -> tuple[exp.Expression, ...]:
        """The name of a thing is grouped together with its key: two customers may have one name."""
        if not keys or not term.table:
            return keys
        number = self.terms.lexicon.view.table_index[term.table]
        key = self.terms.key(number)
        return (key, *keys) if key is not None and keys == self.terms.label(number) else keys

    def _of_columns(self, choice: _Choice) -> bool:
        """Are the groups values of columns, as in "advisors with more than 2 students" of a table of students?"""
        if not choice.targets or any(term.kind != "column" for term in choice.targets):
            return False
        counted = {table for test in choice.having for table in tables_of([test])}
        return all(term.table in counted or self._keyless(term.table) for term in choice.targets)

    def _keyless(self, table: str) -> bool:
        return self.terms.key(self.terms.lexicon.view.table_index[table]) is None

    def _having(
        self, draft: Draft, choice: _Choice, tests: tuple[exp.Expression, ...], needed: tuple[str, ...]
    ) -> Iterator[tuple[float, Plan]]:
        """Things with so many others: shown, or counted in a query around the groups."""
        subject = next((t.table for t in choice.targets if t.kind == "thing"), draft.subject)
        if not subject:
            return
        number = self.terms.lexicon.view.table_index[subject]
        key = self.terms.key(number)
        keys = (key,) if key is not None else self.terms.label(number)
        if not keys:
            return
        tables = _ordered([subject, *needed])
        if (
            choice.targets
            and all(has_aggregate(one) for t in choice.targets for one in t.expressions)
            and not any(t.kind == "thing" for t in choice.targets)
        ):
            inner = Plan(keys, tables, where=tests, group=keys, having=choice.having)
            yield 1.0, Plan((exp.Count(this=exp.Star()),), source=inner)
            return
        for share, outputs in self._shown(choice.targets, draft):
            base = self._plan(draft, choice, outputs, [])
            plan = replace(
                base, where=tests, tables=_ordered([*tables, *base.tables]), group=tuple(_unique([*keys, *base.group]))
            )
            yield from self._variants(draft, choice, plan, share)

    def _split(self, draft: Draft, choice: _Choice) -> Iterator[tuple[float, Plan]]:
        """The count for each value of the column that a condition is on: how many have one and how many do not."""
        *others, last = choice.tests
        key = next((one for one in last.test.find_all(exp.Column)), None)
        if key is not None:
            shown = [one for term in choice.targets for one in term.expressions]
            tables = _ordered([name for option in choice.tests for name in option.tables])
            yield 1.0, Plan((key, *shown), tables, tuple(option.test for option in others), group=(key,))

    def _ratios(self, draft: Draft, ratio: Ratio, choice: _Choice) -> Iterator[tuple[float, Plan]]:
        own, other = ratio.top_clauses, ratio.bottom_clauses
        tests = [option.test for option in choice.tests]
        rest = _real(test for number, test in enumerate(tests) if number not in (*own, *other))
        needed = _ordered([name for option in choice.tests for name in option.tables])
        sides = choice.ratio
        if ratio.top_having is not None:
            yield from self._grouped_ratio(ratio, sides, rest, needed)
            return
        first = _all_of([tests[n] for n in own])
        last = exp.not_(first) if ratio.opposite and first is not None else _all_of([tests[n] for n in other])
        limits = (first, last)
        plain = not any(has_aggregate(one) for term in sides for one in term.expressions)
        for share, groups in self._shown(choice.groups, draft, grouping=True):
            shown = [one for output in groups for one in output.shown]
            keys = [key for output in groups for key in output.keys]
            # The quotient of two columns of a row, where the rows are those of the groups.
            single = plain and limits == (None, None) and all(term.table == sides[0].table for term in choice.groups)
            tables = _ordered(
                [*(term.table for term in sides if term.table), *(t for o in groups for t in o.tables), *needed]
            )
            distinct = self._repeated(Plan((*shown,), tables))
            for sums in (False, True) if single else (True,):
                value = ratio_of(sides, limits, percent=ratio.percent, sums=sums, distinct=distinct)
                grouped = tuple(_unique([*keys, *shown])) if sums or not plain else ()
                yield share * (0.6 if single else 1.0), Plan((*shown, value), tables, rest, group=grouped)

    def _repeated(self, plan: Plan) -> dict[str, exp.Expression]:
        """Keys of tables whose rows the joins of a plan may repeat."""
        found = {}
        for name in plan.tables:
            key = self.terms.key(self.terms.lexicon.view.table_index[name])
            try:
                repeats = self.writer.multiplies(replace(plan, tables=_ordered([name, *plan.tables])))
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
            inner = Plan((key, count), _ordered([sides[0].table, term.table, *needed]), rest, group=(key,))
            tests = tuple(
                None
                if one is None
                else _COMPARE[one.op](this=grouped_count(), expression=exp.Literal.number(one.number))
                for one in (first, second)
            )
            yield term.score, grouped_ratio(inner, tests, percent=ratio.percent)


def _real(tests: Iterable[exp.Expression]) -> tuple[exp.Expression, ...]:
    """Without those that always hold, and each once."""
    return tuple(_unique([test for test in tests if not isinstance(test, exp.Boolean)]))


def _all_of(tests: Sequence[exp.Expression]) -> exp.Expression | None:
    return exp.and_(*tests) if tests else None


@dataclass(frozen=True)
class _Output:
    """What is shown for a term, what the rows are grouped by for it, and the tables that it needs."""

    shown: tuple[exp.Expression, ...]
    keys: tuple[exp.Expression, ...]
    tables: tuple[str, ...]


def _coverage_factor(share: float) -> float:
    return 0.4 + 0.6 * share


def _width(plan: Plan, said: set[str]) -> float:
    """Each further table makes a query less likely, above all one that the question does not mention."""
    tables = {*plan.tables, *tables_of(plan.parts)}
    return math.prod(0.96 if name in said else 0.86 for name in sorted(tables)[1:])


def _ordered(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _unique(nodes: Sequence[exp.Expression]) -> list[exp.Expression]:
    held: list[exp.Expression] = []
    texts: set[str] = set()
    for node in nodes:
        text = node.sql() + str(node.meta.get("entity", ""))
        if text not in texts:
            texts.add(text)
            held.append(node)
    return held


def _choices(draft: Draft, conditions: Sequence[Sequence[Option]]) -> Iterator[_Choice]:
    """Combinations of readings, the most probable first."""
    slots: list[Sequence[object]] = [
        *draft.targets,
        *draft.groups,
        *(slot for slot, _ in draft.order),
        *(one.slot for one in draft.having),
        *conditions,
        *([draft.ratio.top, draft.ratio.bottom] if draft.ratio is not None else []),
    ]
    first = tuple(0 for _ in slots)
    seen, queue = {first}, [(-_product(slots, first), first)]
    for _ in range(_MOST_CHOICES):
        if not queue:
            return
        cost, places = heapq.heappop(queue)
        yield _choice(draft, slots, places, -cost)
        for number, place in enumerate(places):
            following = (*places[:number], place + 1, *places[number + 1 :])
            if place + 1 < len(slots[number]) and following not in seen:
                seen.add(following)
                heapq.heappush(queue, (-_product(slots, following), following))


def _product(slots: Sequence[Sequence[object]], places: tuple[int, ...]) -> float:
    scores = [max(float(slots[i][place].score), 1e-3) for i, place in enumerate(places)]  # type: ignore[attr-defined]
    # Squared, so that a clearly better reading of one phrase outweighs the shares of variants.
    return math.prod(score**2 for score in scores) ** (1.0 / max(len(scores), 1)) if scores else 0.1


def _choice(draft: Draft, slots: Sequence[Sequence[object]], places: tuple[int, ...], score: float) -> _Choice:
    chosen = [slots[number][place] for number, place in enumerate(places)]
    a = len(draft.targets)
    b = a + len(draft.groups)
    c = b + len(draft.order)
    d = c + len(draft.having)
    having = tuple(
        _COMPARE[one.op](this=term.expressions[0].copy(), expression=exp.Literal.number(one.number))  # type: ignore[attr-defined]
        for one, term in zip(draft.having, chosen[c:d], strict=True)
    )
    order = tuple((term, desc) for (_, desc), term in zip(draft.order, chosen[b:c], strict=True))
    e = len(chosen) - (2 if draft.ratio is not None else 0)
    tests, ratio = tuple(chosen[d:e]), tuple(chosen[e:])
    return _Choice(score, tuple(chosen[:a]), tuple(chosen[a:b]), order, having, tests, ratio)  # type: ignore[arg-type]

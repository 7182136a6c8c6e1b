"""Queries for the conditions that were read of a question: with all of them, or comparing two groups."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from ..sketch.view import SchemaView
from .alternatives import alternatives
from .compose import Composer, Ranked
from .contrasts import find_contrast
from .coverage import Coverage
from .joins import CheapJoins
from .lexicon import Lexicon
from .names import with_natural_names
from .nested import read_nested
from .plan import PlanWriter
from .ratio import Ratio
from .read import QuestionReader
from .relations import acting_role, lift
from .roles import with_roles
from .scan import Mask
from .shared import read_shared
from .term import Term
from .terms import Terms
from .topic import find_topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...schema.schema import Schema
    from .conditions import Clause
    from .contrasts import Contrast
    from .draft import Slot
    from .term import Topic
    from .windows import Trend

__all__ = ["Context", "Prepared", "add_contrasts", "compose", "scale_scores"]

_NEAR = 24  # characters between "average" and the condition
_AGGREGATE = re.compile(r"\b(?:with|whose|have|has|having|where)\b[^.,?]*\b(average|mean|total|maximum|minimum)\b")
_NO_DUPLICATES = re.compile(r"\b(?:no|not\s+return|without|remove|avoid)\s+duplicates?\b|\bdistinct\b", re.IGNORECASE)
_COUNTED = re.compile(r"\b(?:count|number|how many)\b", re.IGNORECASE)
_OTHERWISE, _DOUBTED = 0.4, 0.7  # for other readings of a question that compares groups, and that may compare them
_AS_COLUMNS = 0.8  # for two columns where two rows say the same, and for rows where the groups have rows already
_MOST_OPTIONS = 4


@dataclass
class Prepared:
    """What is made once for each schema."""

    schema: Schema
    view: SchemaView
    terms: Terms
    reader: QuestionReader
    composer: Composer

    @classmethod
    def of(cls, schema: Schema) -> Prepared:
        """What one schema needs."""
        named = with_natural_names(schema)
        view = SchemaView.of(named)
        whole, roles = with_roles(named)
        # Conditions are read without second copies of tables; `relations` then moves them to the copy.
        terms = Terms(Lexicon(view if whole is named else SchemaView.of(whole), roles))
        writer = PlanWriter(whole, CheapJoins(whole, named), roles)
        return cls(schema, view, terms, QuestionReader(terms), Composer(terms, writer))


@dataclass(frozen=True)
class Context:
    """What all readings of one question share; `rows` is the table of which its conditions name a kind, "" for none."""

    text: str
    prepared: Prepared
    evidence: str
    target: str
    formulas: Mapping[tuple[str, ...], Term]
    trend: Trend | None
    rows: str = ""


def compose(context: Context, clauses: Sequence[Clause], dropped: Sequence[str] = ()) -> list[Ranked]:
    """Queries for a question under some of its conditions, best first.

    Args:
        context: What all readings of the question share.
        clauses: The conditions that hold.
        dropped: Texts of those that are left out, whose words name parts of the schema then.
    """
    text, prepared, target = context.text, context.prepared, context.target
    mask = Mask.of(text)
    topic = replace(
        find_topic(mask.text, prepared.terms),
        formulas=context.formulas,
        condition_table=context.rows or _condition_table(clauses),
    )
    for clause in clauses:
        mask.blank(clause.start, clause.end)
    if context.trend is not None:
        mask.blank(context.trend.start, context.trend.end)
    draft = prepared.reader.read(mask.text, topic, [(clause.start, clause.end) for clause in clauses])
    if context.trend is not None:
        draft.trend = context.trend
        if context.trend.unit and not draft.groups:
            draft.groups = [prepared.terms.moments("", topic, context.trend.unit)]
    draft.distinct = draft.distinct or _NO_DUPLICATES.search(context.evidence) is not None
    draft.measured = _measured(mask.text, text, clauses)
    role = acting_role(Mask.of(text).text, prepared.terms.lexicon.roles.reflexive())
    if role is not None and not any(role.name in option.tables for one in clauses for option in one.options):
        lift(draft, role)
    if target:  # "who manages Ann Lee"
        draft.subject, draft.targets = target, [[Term(1.0, (), target, "thing")]]
    if draft.empty and context.rows:  # "list the dogs", "number of dogs"
        counted = (prepared.terms.count(context.rows),) if _COUNTED.search(mask.text) else ()
        draft.subject = context.rows
        draft.targets = [[Term(1.0, counted, context.rows, "measure" if counted else "thing")]]
    if draft.empty:
        return []
    coverage = Coverage.of(mask.text, prepared.terms, dropped)
    options = alternatives(text, clauses)
    ranked = prepared.composer.compose(draft, options, topic.focus, coverage)
    nested = read_nested(mask.text, prepared.terms, topic)
    if nested is not None:
        mask.cut(nested.start, nested.end)
        draft = prepared.reader.read(mask.text, topic, [(clause.start, clause.end) for clause in clauses])
        draft.targets, draft.order, draft.ratio = [nested.slot], [], None
        ranked += prepared.composer.compose(draft, options, topic.focus, coverage)
    return ranked


def _condition_table(clauses: Sequence[Clause]) -> str:
    """The table that the first condition is on, which is spoken of where nothing else is."""
    return next((name for clause in clauses for name in clause.options[0].tables), "")


def _measured(masked: str, text: str, clauses: Sequence[Clause]) -> dict[int, str]:
    """Conditions on an aggregate, by number: "with an average price below 5"."""
    found = {}
    for number, clause in enumerate(clauses):
        before = masked[max(0, clause.start - _NEAR) : clause.start] + text[clause.start : clause.end].lower()
        match = _AGGREGATE.search(before)
        if match and clause.options[0].kind == "comparison" and not clause.options[0].test.find(exp.Select):
            found[number] = match[1]
    return found


def add_contrasts(ranked: list[Ranked], context: Context, clauses: Sequence[Clause], topic: Topic) -> list[Ranked]:
    """Add the readings that compare the groups of two conditions on one column, which no row meets together."""
    text = Mask.of(context.text).text
    contrast = find_contrast(text, clauses)
    if contrast is None:
        return ranked
    shared = read_shared(text, contrast, context.prepared.composer, topic) if contrast.form == "beside" else None
    if shared is not None:
        both = compose(context, shared[0])
        if both and shared[1]:
            return [*both, *scale_scores(ranked, _OTHERWISE)]
        ranked = [*ranked, *scale_scores(both, _DOUBTED)]
    compared = _compare(context, contrast)
    if compared and contrast.sure:
        return [*compared, *scale_scores(ranked, _OTHERWISE)]
    return [*ranked, *scale_scores(compared, _DOUBTED)]


def scale_scores(ranked: Sequence[Ranked], weight: float) -> list[Ranked]:
    """The same queries, all of them likelier or less likely."""
    return [Ranked(one.score * weight, one.plan) for one in ranked]


def _compare(context: Context, contrast: Contrast) -> list[Ranked]:
    """Queries that compare the measure of one group with that of another."""
    mask = Mask.of(context.text)
    topic = replace(find_topic(mask.text, context.prepared.terms), formulas=context.formulas)
    for clause in contrast.clauses:
        mask.blank(clause.start, clause.end)
    for start, end in contrast.spans:
        mask.blank(start, end)
    spans = [(clause.start, clause.end) for clause in contrast.clauses]
    draft = context.prepared.reader.read(mask.text, topic, spans)
    slot = _counted(draft.targets, context.prepared.terms)
    if not slot:
        return []
    coverage = Coverage.of(mask.text, context.prepared.terms)
    options = [clause.options[:_MOST_OPTIONS] for clause in contrast.clauses]
    draft.order, draft.limit, draft.having, draft.ranked = [], None, [], False
    draft.ratio = Ratio(slot, slot, (contrast.first,), (contrast.second,), form=contrast.form)
    ranked = context.prepared.composer.compose(draft, options, topic.focus, coverage)
    if contrast.form == "beside":
        # One row for each group says the same.
        key = contrast.clauses[contrast.first].options[0].test.find(exp.Column)
        column = Term(1.0, (key,), key.table) if isinstance(key, exp.Column) else None
        if column is not None and contrast.clauses[contrast.first].options[0].kind == "value":
            draft.ratio, draft.targets, draft.groups = None, [slot], [*draft.groups, [column]]
            rows = context.prepared.composer.compose(draft, options, topic.focus, coverage)
            grouped = bool(draft.groups[:-1])
            ranked = [
                *scale_scores(ranked, 1.0 if grouped else _AS_COLUMNS),
                *scale_scores(rows, _AS_COLUMNS if grouped else 1.0),
            ]
    return ranked


def _counted(slots: Sequence[Slot], terms: Terms) -> Slot:
    """The first measure that is asked for; of things their number."""
    measured = next((slot for slot in slots if slot[0].kind == "measure"), None)
    if measured is not None:
        return [term for term in measured if term.kind == "measure"]
    things = next((slot for slot in slots if slot[0].kind == "thing"), [])
    return [
        replace(term, expressions=(terms.count(term.table),), kind="measure") for term in things if term.kind == "thing"
    ]

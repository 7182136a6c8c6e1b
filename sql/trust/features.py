"""What the trust model weighs of each group of equal results; nothing here identifies a database or a question."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..account.question import Prepared
from ..linking.doubts import SchemaWords
from ..select.forms import read_form
from ..select.grouping import group_results, read_table
from ..select.names import SchemaNames
from ..select.soundness import SOUNDNESS, soundness_features
from ..select.vote import candidate_weights
from ..select.wording import PLACED, literal_features, placed_features, wording_features
from .checks import find_repeats
from .leftover import IMPORTANT, LEFTOVERS, count_leftovers, find_leftovers
from .question import QUESTION, question_features
from .support import find_outside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..account.reading import Reading
    from ..schema.schema import Schema
    from ..select.base import Executed, SelectionContext
    from ..select.forms import Form
    from ..select.grouping import Group, ResultTable
    from .leftover import Leftover

__all__ = ["FEATURES", "GroupFacts", "SchemaFacts", "describe_groups"]

_FAMILIES = ("sketch", "phrases", "other")
_SUPPORT = (
    *(f"{family}_{fact}" for family in _FAMILIES for fact in ("asked", "weight", "lead", "first")),
    "families", "share", "same_but_repeats", "wider", "narrower", "repaired",
)  # fmt: skip
_RESULT = (
    "empty", "null", "nulls", "zero", "single", "one_row", "one_column", "log_rows", "constant", "whole",
)  # fmt: skip
# Arithmetic, functions, CASE, NULL and outer joins are left out: Spider's questions hardly ever ask for them, so that a
# model trained on it would doubt them wherever they are asked for.
_FACTS = (
    "items", "plain", "rows_counted", "column_counted", "sum", "avg", "min", "max", "distinct", "conditions", "group",
    "having", "nested", "not_in", "tables", "like", "or", "between", "unequal", "extreme",
)  # fmt: skip
_FORM = (*(f"has_{name}" for name in _FACTS), "has_order", "has_limit", "has_compound", "unparsed")
_LINKS = ("used_mean", "used_least", "shown_least", "tables_least", "left_best", "left_table_best", "left_sum")
_LITERALS = (
    "texts_asked", "texts_exact", "texts_none", "hits_used", "numbers_asked", "numbers_used", "n_texts",
)  # fmt: skip
_WORDING = ("shown_named", "shown_unnamed", "shown_ordered", "shown_ids", "ids_asked", "used_named")
_EXTRA = ("literal", "aggregate", "comparison", "order", "grouping", "table", "column")
_EXTRA_OF = {
    "value": "literal", "number": "literal", "date": "literal", "aggregate": "aggregate", "comparison": "comparison",
    "negation": "comparison", "order": "order", "limit": "order", "grouping": "grouping", "distinct": "grouping",
    "function": "grouping", "table": "table", "column": "column",
}  # fmt: skip
_ACCOUNT = (
    "coverage", "coverage_behind", "important_behind", *(f"unused_{kind}" for kind in LEFTOVERS),
    *(f"extra_{kind}" for kind in _EXTRA), "unread",
)  # fmt: skip
FEATURES: tuple[str, ...] = (
    *_SUPPORT, *_RESULT, *_FORM, *_LINKS, *_LITERALS, *PLACED, *SOUNDNESS, *_WORDING, *_ACCOUNT, *QUESTION,
)  # fmt: skip
_LEAST = 0.01  # a link score below counts as this
_MOST = 3.0  # of each count


@dataclass(frozen=True)
class SchemaFacts:
    """Look-ups of one schema, built once.

    Attributes:
        schema: The schema.
        names: Owners and kinds of columns.
        words: What words of a question it explains.
        prepared: What accounts need.
    """

    schema: Schema
    names: SchemaNames
    words: SchemaWords
    prepared: Prepared

    @classmethod
    def of(cls, schema: Schema) -> SchemaFacts:
        """Those of a schema."""
        return cls(schema, SchemaNames(schema), SchemaWords.of(schema), Prepared.of(schema))


@dataclass(frozen=True)
class GroupFacts:
    """One group of equal results.

    Attributes:
        members: Indices of its candidates, rising.
        representative: The member that stands for it: the one that leaves the least of the question out.
        reading: The account of the representative; None where it could not be made.
        leftovers: What the representative leaves out.
        empty: The result has no row, or NULLs only.
    """

    members: tuple[int, ...]
    representative: int
    reading: Reading | None
    leftovers: tuple[Leftover, ...]
    empty: bool

    @property
    def blocked(self) -> bool:
        """Whether something important of the question is left out."""
        return any(one.kind in IMPORTANT for one in self.leftovers)


@dataclass(frozen=True)
class _Case:
    context: SelectionContext
    executed: Sequence[Executed]
    facts: SchemaFacts
    groups: Sequence[Group]
    chosen: Sequence[GroupFacts]
    forms: Sequence[Form | None]


def describe_groups(
    context: SelectionContext,
    executed: Sequence[Executed],
    readings: Mapping[str, Reading],
    facts: SchemaFacts,
) -> tuple[list[GroupFacts], NDArray[np.float64]]:
    """Groups of equal results, the largest first, and float64 (n_groups, len(FEATURES)).

    Args:
        context: The question and what is known about it.
        executed: The candidates; those that failed belong to no group.
        readings: Accounts by the text that ran; a text that is missing counts as not read.
        facts: Of the context's schema.
    """
    tables = {place: read_table(one.result) for place, one in enumerate(executed) if one.result is not None}
    groups = group_results(tables)
    if not groups:
        return [], np.zeros((0, len(FEATURES)))
    weights = candidate_weights(executed, {})
    chosen = [_stand_for(group, context, executed, readings, facts, weights) for group in groups]
    forms = [read_form(executed[one.representative].sql, facts.schema.dialect) for one in chosen]
    case = _Case(context, executed, facts, groups, chosen, forms)
    about = question_features(context, facts.words, readings)
    blocks = (_support(case, weights), _results(case), _forms(case), _links(case), _wordings(case), _accounts(case))
    return chosen, np.hstack([*blocks, np.tile(about, (len(groups), 1))])


def _stand_for(
    group: Group,
    context: SelectionContext,
    executed: Sequence[Executed],
    readings: Mapping[str, Reading],
    facts: SchemaFacts,
    weights: Mapping[int, float],
) -> GroupFacts:
    """A group, with the member that explains most of the question; of equal ones the likelier, then the shorter."""
    lost: dict[str, tuple[Leftover, ...]] = {}
    for index in group.members:
        sql, result = executed[index].sql, executed[index].result
        if sql in readings and sql not in lost and result is not None:
            repeats = find_repeats(readings[sql], sql, result, facts.schema.dialect)
            lost[sql] = (*find_leftovers(readings[sql], context, facts.words), *repeats)

    def rank(index: int) -> tuple[float, float, float, int, int]:
        sql = executed[index].sql
        extra = len(readings[sql].extra) if sql in readings else 99
        return (len(lost.get(sql, ())), extra, -round(weights.get(index, 0.0), 9), len(sql), index)

    best = min(group.members, key=rank)
    sql = executed[best].sql
    empty = not group.table.shape[0] or group.table.nulls == 1
    return GroupFacts(group.members, best, readings.get(sql), lost.get(sql, ()), empty)


def _family(generator: str) -> str:
    name = generator.partition(".")[0]
    return name if name in _FAMILIES else "other"


def _support(case: _Case, weights: Mapping[int, float]) -> NDArray[np.float64]:
    executed = case.executed
    # What a chat model adds beside our own generators is weighed apart, by `support_logits`.
    outside = find_outside(executed)
    weights = {index: weight for index, weight in weights.items() if index not in outside}
    families = [_family(one.candidate.generator) for one in executed]
    votes = {family: max(len({executed[i].candidate.generator for i in weights if families[i] == family}), 1)
             for family in _FAMILIES}  # fmt: skip
    held = [
        {f: sum(weights.get(i, 0.0) for i in group.members if families[i] == f) / votes[f] for f in _FAMILIES}
        for group in case.groups
    ]
    first = {f: max((i for i in weights if families[i] == f), key=lambda i: (weights[i], -i), default=-1)
             for f in _FAMILIES}  # fmt: skip
    # A chat model's only answer agrees with nobody; it counts as one of two that disagree. As the only one it was surer
    # than right: 79 % right among those above the bar on Spider's training databases, 89 % so (a model of 0.5B).
    lone = 0.5 if [families[index] for index in weights] == ["other"] else 1.0
    rows = []
    for place, group in enumerate(case.groups):
        row: list[float] = []
        for family in _FAMILIES:
            others = (other[family] for rank, other in enumerate(held) if rank != place)
            mine = lone * held[place][family]
            best = max(others, default=0.0 if lone == 1.0 else mine)
            row += [float(first[family] >= 0), mine, mine - best, float(first[family] in group.members)]
        members = [index for index in group.members if index in weights]
        row += [
            max(len({families[index] for index in members}) - 1.0, 0.0), lone * len(members) / len(weights),
            *_kin(group.table, case.groups),
            sum(bool(executed[index].repairs) for index in members) / max(len(members), 1),
        ]  # fmt: skip
        rows.append(row)
    return np.array(rows, dtype=np.float64)


def _kin(table: ResultTable, groups: Sequence[Group]) -> tuple[float, float, float]:
    """Whether another group has the same rows but for repeats, further columns, or a part of the columns."""
    others = [other.table for other in groups if other.table.key != table.key and other.table.shape[0]]
    if not table.shape[0]:
        return (0.0, 0.0, 0.0)
    width = table.shape[1]
    return (
        float(any(other.bare == table.bare for other in others)),
        float(any(other.shape[1] > width and table.columns <= other.columns for other in others)),
        float(any(other.shape[1] < width and other.columns <= table.columns for other in others)),
    )


def _results(case: _Case) -> NDArray[np.float64]:
    # Where every result is empty, emptiness says nothing about a single candidate: perhaps there are no rows at all.
    some = float(not all(one.empty for one in case.chosen))
    rows = []
    for group, form in zip(case.groups, case.forms, strict=True):
        count, width = group.table.shape
        rows.append([
            float(count == 0) * some, float(count > 0 and group.table.nulls == 1) * some,
            group.table.nulls * some, float(group.table.zero), float((count, width) == (1, 1)), float(count == 1),
            float(width == 1), math.log1p(min(count, 200)), float(count > 2 and len(group.table.rows) == 1),
            _is_whole(form),
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)


def _is_whole(form: Form | None) -> float:
    """Whether a query gives every row of its tables."""
    if form is None:
        return 0.0
    facts = form.facts
    cut = ("conditions", "group", "limit", "compound", "rows_counted", "column_counted", "distinct_counted", "sum",
           "avg", "min", "max", "having")  # fmt: skip
    return float(not any(facts[name] for name in cut))


def _forms(case: _Case) -> NDArray[np.float64]:
    rows = []
    for form in case.forms:
        if form is None:
            rows.append([*([0.0] * (len(_FORM) - 1)), 1.0])
            continue
        facts = form.facts
        kinds = [float(facts[name] > 0) for name in ("order", "limit", "compound")]
        rows.append([*(float(facts[name]) for name in _FACTS), *kinds, 0.0])
    return np.array(rows, dtype=np.float64)


def _links(case: _Case) -> NDArray[np.float64]:
    linked = case.context.linked
    columns = {} if linked is None else {(r.table.lower(), r.column.lower()): s for r, s in linked.scores.items()}
    tables = {} if linked is None else {name.lower(): score for name, score in linked.table_scores.items()}
    return np.array([_link_row(form, columns, tables) for form in case.forms], dtype=np.float64)


def _link_row(form: Form | None, columns: Mapping[tuple[str, str], float], tables: Mapping[str, float]) -> list[float]:
    if form is None or not columns:
        return [0.0] * len(_LINKS)
    used, left, shown = [], [], []
    for (table, column), score in columns.items():
        if table in form.tables and column in form.columns:
            used.append(max(score, _LEAST))
            shown += [max(score, _LEAST)] if column in form.shown else []
        else:
            left.append(score)
    mine = [max(score, _LEAST) for name, score in tables.items() if name in form.tables]
    other = [score for name, score in tables.items() if name not in form.tables]
    return [
        float(np.log(used).mean()) if used else 0.0, math.log(min(used, default=1.0)),
        math.log(min(shown, default=1.0)), math.log(min(mine, default=1.0)), max(left, default=0.0),
        max(other, default=0.0), min(sum(score for score in left if score > 0.3), _MOST),
    ]  # fmt: skip


def _wordings(case: _Case) -> NDArray[np.float64]:
    """Literals, their places, soundness on the schema, and the names of what is shown."""
    hits = [(hit.value, hit.likelihood, hit.ref.table.lower(), hit.ref.column.lower()) for hit in case.context.hits]
    width = len(_LITERALS) + len(PLACED) + len(SOUNDNESS) + len(_WORDING)
    text = case.context.question
    rows = []
    for form in case.forms:
        if form is None:
            rows.append([0.0] * width)
            continue
        rows.append([
            *literal_features(form, text, [hit[:2] for hit in hits]), *placed_features(form, hits, case.facts.names),
            *soundness_features(form.scopes, case.facts.names),
            *wording_features(form, text, case.facts.names)[: len(_WORDING)],
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)


def _accounts(case: _Case) -> NDArray[np.float64]:
    coverages = [one.reading.coverage for one in case.chosen if one.reading is not None]
    best = max(coverages, default=0.0)
    least = min((len(one.leftovers) for one in case.chosen if one.reading is not None), default=0)
    return np.array([_account_row(one, best, least) for one in case.chosen], dtype=np.float64)


def _account_row(one: GroupFacts, best: float, least: int) -> list[float]:
    if one.reading is None:
        return [*([0.0] * (len(_ACCOUNT) - 1)), 1.0]
    counts = count_leftovers(one.leftovers)
    extra = dict.fromkeys(_EXTRA, 0.0)
    for part in one.reading.extra:
        extra[_EXTRA_OF[part.kind]] += 1
    coverage = one.reading.coverage
    return [
        coverage, best - coverage, min(float(len(one.leftovers) - least), _MOST),
        *(min(float(counts[kind]), _MOST) for kind in LEFTOVERS), *(min(count, _MOST) for count in extra.values()), 0.0,
    ]  # fmt: skip

"""What the trust model weighs of each group of equal results; nothing here identifies a database or a question."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..account.question import Prepared
from ..linking.doubts import SchemaWords
from ..select.forms import read_form
from ..select.grouping import group_results, read_table
from ..select.names import SchemaNames
from ..select.soundness import SOUNDNESS, soundness_features
from ..select.vote import candidate_weights
from ..select.wording import wording_features
from .checks import find_repeats, find_spellings, find_unstored
from .counted_kinds import find_counted_kinds
from .leftover import IMPORTANT, LEFTOVERS, count_leftovers, find_leftovers
from .support import find_outside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..account.reading import Reading
    from ..schema.schema import Schema
    from ..select.base import Executed, SelectionContext
    from ..select.forms import Form
    from ..select.grouping import Group
    from .leftover import Leftover

__all__ = ["FEATURES", "Basis", "GroupFacts", "SchemaFacts", "describe_groups"]

#: What a group's probability rests on, most of all: see `GroupFacts.basis`.
Basis = Literal["agreed", "single", "blocked"]
_FAMILIES = ("sketch", "phrases", "other")
_FACTS_OF_FAMILY = ("asked", "weight", "lead", "first")
# Of the sketch and the phrases: whether both have the result as their first, whether they have any first in common, and
# the product of their weights. Generators that were made apart rarely err alike.
_AGREEMENT = ("both_first", "firsts_agree", "joint_weight")
_SUPPORT = (
    *(f"{family}_{fact}" for family in _FAMILIES for fact in _FACTS_OF_FAMILY), "families", "share", *_AGREEMENT,
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
_WORDING = ("shown_named", "shown_unnamed", "shown_ordered", "shown_ids", "ids_asked", "used_named")
_ACCOUNT = ("coverage", "coverage_behind", "important_behind", *(f"unused_{kind}" for kind in LEFTOVERS), "unread")
# Of the question, whatever the group. Its length, its share of known words and what literals it has are left out: they
# tell the style of a set of questions more than how hard one of them is, and do not carry over to other styles.
_QUESTION = ("doubts", "best_coverage", "best_unused")
# A generator's word counts for less where the account speaks against it, and the two weigh differently by generator:
# phrases explain what they read, the sketch may be right by what it learned of words that the account does not know.
_CROSSED = ("coverage", "coverage_behind")
_CROSSES = tuple(
    f"{family}_{fact}_by_{by}" for by in _CROSSED for family in ("sketch", "phrases") for fact in _FACTS_OF_FAMILY[1:]
)
FEATURES: tuple[str, ...] = (
    *_SUPPORT, *_RESULT, *_FORM, *_LINKS, *SOUNDNESS, *_WORDING, *_ACCOUNT, *_QUESTION, *_CROSSES,
)  # fmt: skip
_LEAST = 0.01  # a link score below counts as this
_MOST = 3.0  # of each count
_MOST_WORDS = 4.0  # of a question


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
        families: How many families of generators found it.
    """

    members: tuple[int, ...]
    representative: int
    reading: Reading | None
    leftovers: tuple[Leftover, ...]
    empty: bool
    families: int = 1

    @property
    def blocked(self) -> bool:
        """Whether something important of the question is left out."""
        return any(one.kind in IMPORTANT for one in self.leftovers)

    @property
    def basis(self) -> Basis:
        """ "blocked" where something important is left out, else whether several families of generators agree."""
        return "blocked" if self.blocked else "agreed" if self.families > 1 else "single"


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
    support, accounts = _support(case, weights), _accounts(case)
    blocks = (support, _results(case), _forms(case), _links(case), _wordings(case), accounts, _question(case, readings))
    return chosen, np.hstack([*blocks, _crosses(support, accounts)])


def _crosses(support: NDArray[np.float64], accounts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Products of the generators' words and the account, as `_CROSSES` names them."""
    words = [place for place, name in enumerate(_SUPPORT) if name.startswith(("sketch_", "phrases_"))]
    words = [place for place in words if not _SUPPORT[place].endswith("_asked")]
    return np.hstack([support[:, words] * accounts[:, [_ACCOUNT.index(by)]] for by in _CROSSED])


def _question(case: _Case, readings: Mapping[str, Reading]) -> NDArray[np.float64]:
    """What all groups share: words that mean nothing, and the most that any query explains."""
    unused = [len(reading.unused) for reading in readings.values()]
    row = [
        min(float(len(case.context.doubts)), _MOST_WORDS),
        max((reading.coverage for reading in readings.values()), default=0.0),
        min(float(min(unused, default=0)), _MOST_WORDS),
    ]
    return np.tile(np.array(row, dtype=np.float64), (len(case.groups), 1))


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
            reading = readings[sql]
            seen = (
                *find_repeats(reading, sql, result, facts.schema.dialect),
                *find_unstored(reading, context, result),
                *find_spellings(reading, sql, context),
                *find_counted_kinds(reading, sql, context, result),
            )
            lost[sql] = (*find_leftovers(reading, context, facts.words), *seen)

    def rank(index: int) -> tuple[float, float, float, int, int]:
        sql = executed[index].sql
        extra = len(readings[sql].extra) if sql in readings else 99
        return (len(lost.get(sql, ())), extra, -round(weights.get(index, 0.0), 9), len(sql), index)

    best = min(group.members, key=rank)
    sql = executed[best].sql
    empty = not group.table.shape[0] or group.table.nulls == 1
    families = len({_family(executed[index].candidate.generator) for index in group.members})
    return GroupFacts(group.members, best, readings.get(sql), lost.get(sql, ()), empty, families)


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
    agree = any(first["sketch"] in group.members and first["phrases"] in group.members for group in case.groups)
    rows = []
    for place, group in enumerate(case.groups):
        row: list[float] = []
        for family in _FAMILIES:
            others = (other[family] for rank, other in enumerate(held) if rank != place)
            mine = held[place][family]
            best = max(others, default=0.0)
            row += [float(first[family] >= 0), mine, mine - best, float(first[family] in group.members)]
        members = [index for index in group.members if index in weights]
        row += [
            max(len({families[index] for index in members}) - 1.0, 0.0), len(members) / len(weights),
            float(first["sketch"] in members and first["phrases"] in members), float(agree),
            held[place]["sketch"] * held[place]["phrases"],
        ]  # fmt: skip
        rows.append(row)
    return np.array(rows, dtype=np.float64)


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
    """Soundness on the schema, and the names of what is shown."""
    width = len(SOUNDNESS) + len(_WORDING)
    text = case.context.question
    rows = []
    for form in case.forms:
        if form is None:
            rows.append([0.0] * width)
            continue
        rows.append([
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
    coverage = one.reading.coverage
    return [
        coverage, best - coverage, min(float(len(one.leftovers) - least), _MOST),
        *(min(float(counts[kind]), _MOST) for kind in LEFTOVERS), 0.0,
    ]  # fmt: skip

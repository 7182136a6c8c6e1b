"""What the ranked selector weighs: support, structure, form, fit to the question, schema, values, execution, account.

Nothing here knows who wrote a candidate or where it stood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import InputError

from ..account import Accountant
from .forms import HEADS, read_form
from .grouping import Group, ResultTable, group_results, read_table
from .names import SchemaNames
from .soundness import SOUNDNESS, soundness_features
from .wording import PLACED, WORDING, literal_features, placed_features, wording_features

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ..database.database import ResultSet
    from ..generate.base import Candidate
    from ..schema.hits import ValueHit
    from ..schema.linked import Linked
    from .forms import Form

__all__ = ["FEATURES", "Case", "Evidence", "case_features", "collect_evidence"]

_LEAST = 0.01  # a probability below counts as this: one surprising fact must not decide alone
_SUPPORT = (
    "share", "log_share", "log_size", "lead", "first", "rank", "bare_share", "wider_share", "narrower_share",
    "more_rows_share", "fewer_rows_share", "same_tables", "same_shown", "row_overlap", "column_overlap", "consensus",
    "log_candidates", "log_groups", "top_share", "failed_share",
)  # fmt: skip
_EXECUTION = ("empty", "empty_share", "null", "nulls", "zero", "single", "one_row", "one_column", "log_rows", "cut")
_SCHEMA = ("columns_known", "columns_fit", "columns_least", "columns_missing", "tables_least", "tables_missing",
           "shown_fit", "shown_least", "n_columns")  # fmt: skip
_VALUES = ("texts_asked", "texts_exact", "texts_none", "hits_used", "numbers_asked", "numbers_used", "n_texts")
_OWN = ("own", "own_bare", "own_any")
#: Which facts of a form belong together.
_PARTS = {
    "shown": ("items", "plain", "distinct", "sum", "avg", "min", "max", "arithmetic", "case", "functions"),
    "counted": ("rows_counted", "column_counted", "distinct_counted"),
    "where": ("conditions", "like", "or", "between", "unequal", "compared", "strict", "null"),
    "group": ("group", "having"),
    "order": ("order", "limit", "extreme"),
    "tables": ("tables", "outer", "compound", "nested", "not_in"),
}
_FORM = (
    "expected",
    "expected_best",
    "expected_least",
    "log_length",
    "unparsed",
    *(f"expects_{name}" for name in _PARTS),
)
_SENSE = ("schema_known", *SOUNDNESS, *WORDING, *PLACED)
_ACCOUNT = ("unused_words", "unused_share", "unasked_parts")
_MOST_PARTS = 6  # unused words or unasked parts that count
FEATURES: tuple[str, ...] = (*_SUPPORT, *_EXECUTION, *_SCHEMA, *_VALUES, *_OWN, *_SENSE, *_ACCOUNT, *_FORM)


@dataclass(frozen=True)
class Evidence:
    """What is known beside the candidates; all of it may be empty.

    Attributes:
        columns: Probability that the question needs a column, by (table, column) in lower case.
        tables: Likewise for tables.
        hits: Stored values that the question mentions, each with its likelihood, table and column (in lower case).
        own: Results of a generator of one's own for the same question, each with its probability.
        names: The schema.
        value_hits: The same stored values as the account of the question reads them.
    """

    columns: Mapping[tuple[str, str], float] = field(default_factory=dict)
    tables: Mapping[str, float] = field(default_factory=dict)
    hits: Sequence[tuple[str, float, str, str]] = ()
    own: Sequence[tuple[ResultTable, float]] = ()
    names: SchemaNames | None = None
    value_hits: Sequence[ValueHit] = ()

    @cached_property
    def accounts(self) -> dict[tuple[str, str], list[float] | None]:
        """What `case_features` read before, by question and text: the same candidates may be ranked again and again."""
        return {}


@dataclass(frozen=True)
class Case:
    """One question's candidates.

    Attributes:
        question: The user's words, the evidence after a newline.
        sqls: Every candidate's text.
        tables: Results by index, of those that ran.
        expected: Log-probabilities of the facts of the SQL, by name.
        evidence: What else is known.
    """

    question: str
    sqls: Sequence[str]
    tables: Mapping[int, ResultTable]
    expected: Mapping[str, NDArray[np.float64]]
    evidence: Evidence = Evidence()


def collect_evidence(
    linked: Linked, own: Sequence[Candidate] = (), run: Callable[[str], ResultSet | None] | None = None
) -> Evidence:
    """The evidence of a linked schema, and of the candidates of the library's own generator.

    Args:
        linked: The linked schema of the question; its value hits are used as well.
        own: Candidates with their probabilities as scores (the sketch generator's).
        run: Runs one SQL text and gives None for one that fails. Without it `own` is not used.
    """
    results = [(run(one.sql), one.score) for one in own] if run is not None else []
    return Evidence(
        columns={(ref.table.lower(), ref.column.lower()): float(score) for ref, score in linked.scores.items()},
        tables={name.lower(): float(score) for name, score in linked.table_scores.items()},
        hits=tuple((hit.value, hit.likelihood, hit.ref.table.lower(), hit.ref.column.lower()) for hit in linked.hits),
        own=tuple((read_table(result), score) for result, score in results if result is not None),
        names=SchemaNames(linked.full),
        value_hits=tuple(linked.hits),
    )


def case_features(case: Case) -> tuple[list[Group], NDArray[np.float64]]:
    """The groups of equal results, largest first, and float64 (n_groups, len(FEATURES))."""
    groups = group_results(case.tables)
    forms = {index: read_form(case.sqls[index]) for index in case.tables}
    blocks = (
        _support(case, groups, forms),
        _execution(groups),
        _means(groups, case, forms, _schema, len(_SCHEMA)),
        _means(groups, case, forms, _values, len(_VALUES)),
        _own(groups, case.evidence.own),
        _means(groups, case, forms, _sense, len(_SENSE)),
        _account(groups, case),
        _forms(groups, case, forms),
    )
    return groups, np.hstack(blocks) if groups else np.zeros((0, len(FEATURES)))


def _support(case: Case, groups: Sequence[Group], forms: Mapping[int, Form | None]) -> NDArray[np.float64]:
    # Shares are of the candidates that ran; how many failed is a feature of its own.
    total = len(case.tables)
    shares = [len(group.members) / total for group in groups]
    facts = _fact_shares([form for form in forms.values() if form is not None])
    rows = []
    for rank, group in enumerate(groups):
        mine = [forms[index] for index in group.members]
        known = [form for form in mine if form is not None]
        others = [share for place, share in enumerate(shares) if place != rank]
        above = sum(share > shares[rank] for share in shares)  # groups of one size share a rank: places must not count
        kin = _kin(group.table, groups, total)
        my_tables, my_shown = {form.tables for form in known}, {form.shown for form in known}
        rows.append([
            shares[rank], math.log(shares[rank]), math.log(len(group.members)), shares[rank] - max(others, default=0.0),
            float(above == 0), 1 / (1 + above), *kin,
            sum(form is not None and form.tables in my_tables for form in forms.values()) / total,
            sum(form is not None and form.shown in my_shown for form in forms.values()) / total,
            *_overlaps(group.table, groups, total),
            _mean([sum(facts[name][value] for name, value in form.facts.items()) for form in known]),
            math.log(len(case.sqls)), math.log(len(groups)), shares[0], 1 - total / len(case.sqls),
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64).reshape(len(groups), len(_SUPPORT))


def _kin(table: ResultTable, groups: Sequence[Group], total: int) -> list[float]:
    """Shares of the candidates with the same rows but for duplicates, with more and fewer columns or rows."""
    same = wider = narrower = more = fewer = 0
    for group in groups:
        other, size = group.table, len(group.members)
        same += size * (other.bare == table.bare)
        # The group itself and empty results have no wider or narrower relatives.
        if other.key == table.key or not other.rows or not table.rows:
            continue
        if other.shape[1] != table.shape[1]:
            wider += size * (other.shape[1] > table.shape[1] and table.columns <= other.columns)
            narrower += size * (other.shape[1] < table.shape[1] and other.columns <= table.columns)
        else:
            more += size * (table.rows < other.rows)
            fewer += size * (other.rows < table.rows)
    return [value / total for value in (same, wider, narrower, more, fewer)]


def _overlaps(table: ResultTable, groups: Sequence[Group], total: int) -> list[float]:
    """Mean over all candidates of the share of rows, and of whole columns, that their results have in common."""
    rows = sum(len(other.members) * _common(table.rows, other.table.rows) for other in groups)
    columns = sum(len(other.members) * _common(table.columns, other.table.columns) for other in groups)
    return [rows / total, columns / total]


def _common(first: frozenset[int], second: frozenset[int]) -> float:
    if not first or not second:
        return float(first == second)
    return len(first & second) / len(first | second)


def _fact_shares(forms: Sequence[Form]) -> dict[str, NDArray[np.float64]]:
    """Log of the share of candidates with each value of each fact."""
    found = {}
    for name, size in HEADS.items():
        # Additive smoothing: a fact that no candidate has keeps a finite logarithm.
        counts = np.bincount([form.facts[name] for form in forms], minlength=size) + 0.2
        found[name] = np.log(counts / counts.sum())
    return found


def _execution(groups: Sequence[Group]) -> NDArray[np.float64]:
    total = sum(len(group.members) for group in groups)
    empty = sum(len(group.members) for group in groups if not group.table.shape[0]) / max(total, 1)
    rows = []
    for group in groups:
        count, width = group.table.shape
        none = float(count == 0)
        rows.append([
            none, none * empty, float(count > 0 and group.table.nulls == 1), group.table.nulls, float(group.table.zero),
            float((count, width) == (1, 1)), float(count == 1), float(width == 1), math.log1p(count),
            float(count >= 1_000),
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64).reshape(len(groups), len(_EXECUTION))


def _means(
    groups: Sequence[Group],
    case: Case,
    forms: Mapping[int, Form | None],
    row: Callable[[Form, Case], list[float]],
    width: int,
) -> NDArray[np.float64]:
    """Means over the different texts of each group."""
    rows = []
    for group in groups:
        # Each text counts once: twenty samples of one text are one opinion about its form.
        distinct = {case.sqls[index]: forms[index] for index in group.members}
        found = [row(form, case) for form in distinct.values() if form is not None]
        rows.append(np.mean(found, axis=0) if found else np.zeros(width))
    return np.array(rows, dtype=np.float64).reshape(len(groups), width)


def _schema(form: Form, case: Case) -> list[float]:
    evidence = case.evidence
    if not evidence.columns:
        return [0.0] * len(_SCHEMA)
    used, missing, shown = [], [], []
    for (table, column), chance in evidence.columns.items():
        if table in form.tables and column in form.columns:
            used.append(max(chance, _LEAST))
            if column in form.shown:
                shown.append(max(chance, _LEAST))
        else:
            missing.append(min(chance, 1 - _LEAST))
    tables = [max(chance, _LEAST) for name, chance in evidence.tables.items() if name in form.tables]
    left = [min(chance, 1 - _LEAST) for name, chance in evidence.tables.items() if name not in form.tables]
    return [
        1.0, _mean(np.log(used)), math.log(min(used, default=1.0)), -float(np.log1p(-np.array(missing)).sum()),
        math.log(min(tables, default=1.0)), -float(np.log1p(-np.array(left)).sum()),
        _mean(np.log(shown)), math.log(min(shown, default=1.0)), float(len(used)),
    ]  # fmt: skip


def _values(form: Form, case: Case) -> list[float]:
    return literal_features(form, case.question, [hit[:2] for hit in case.evidence.hits])


def _sense(form: Form, case: Case) -> list[float]:
    names = case.evidence.names
    if names is None:
        return [0.0] * len(_SENSE)
    return [
        1.0,
        *soundness_features(form.scopes, names),
        *wording_features(form, case.question, names),
        *placed_features(form, case.evidence.hits, names),
    ]


def _account(groups: Sequence[Group], case: Case) -> NDArray[np.float64]:
    """Words of the question that a group's texts leave out, and parts of them that no word asks for; means."""
    if case.evidence.names is None:
        return np.zeros((len(groups), len(_ACCOUNT)))
    question, _, told = case.question.partition("\n")
    accounts = case.evidence.accounts
    unread = sorted({case.sqls[index] for group in groups for index in group.members})
    if unread := [sql for sql in unread if (case.question, sql) not in accounts]:
        accountant = Accountant(question, case.evidence.names.schema, case.evidence.value_hits, evidence=told)
        accounts.update({(case.question, sql): _accounted(accountant, sql) for sql in unread})
    rows = []
    for group in groups:
        distinct = sorted({case.sqls[index] for index in group.members})
        found = [row for sql in distinct if (row := accounts[case.question, sql]) is not None]
        rows.append(np.mean(found, axis=0) if found else np.zeros(len(_ACCOUNT)))
    return np.array(rows, dtype=np.float64).reshape(len(groups), len(_ACCOUNT))


def _accounted(accountant: Accountant, sql: str) -> list[float] | None:
    try:
        reading = accountant.read(sql)
    except InputError:  # no SELECT that can be parsed: `unparsed` says so
        return None
    words = sum(len(span.text.split()) for span in reading.unused)
    return [
        float(min(words, _MOST_PARTS)), 1 - reading.coverage, float(min(len(reading.extra), _MOST_PARTS)),
    ]  # fmt: skip


def _own(groups: Sequence[Group], own: Sequence[tuple[ResultTable, float]]) -> NDArray[np.float64]:
    rows = [
        [
            sum(chance for table, chance in own if table.key == group.table.key),
            sum(chance for table, chance in own if table.bare == group.table.bare),
            float(bool(own)),
        ]
        for group in groups
    ]
    return np.array(rows, dtype=np.float64).reshape(len(groups), len(_OWN))


def _forms(groups: Sequence[Group], case: Case, forms: Mapping[int, Form | None]) -> NDArray[np.float64]:
    rows = []
    for group in groups:
        distinct = {case.sqls[index]: forms[index] for index in group.members}
        known = [form for form in distinct.values() if form is not None]
        found = np.array([[case.expected[name][form.facts[name]] for name in HEADS] for form in known])
        # Bounded below: one impossible fact must not outweigh all others.
        found = np.maximum(found, math.log(_LEAST)) if known else np.full((1, len(HEADS)), -0.5)
        sums = found.sum(axis=1)
        length = _mean([math.log(form.length) for form in known]) if known else 5.0
        head = [sums.mean(), sums.max(), sums.min(), length, 1 - len(known) / len(distinct)]
        means = dict(zip(HEADS, found.mean(axis=0), strict=True))
        rows.append([*head, *(sum(means[name] for name in names) for names in _PARTS.values())])
    return np.array(rows, dtype=np.float64).reshape(len(groups), len(_FORM))


def _mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    return float(np.mean(values)) if len(values) else 0.0

"""Policies over a schema: what they choose and what the shared closure adds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.policies import Request
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.linking.policy import JoinablePolicy, JoiningPolicy, TopTablesPolicy
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table


def wide(n_tables: int = 6, n_columns: int = 9) -> Schema:
    """Tables in a row, each key pointing at the next; the key is the last column but one, the reference the last."""
    names = [*(f"c{i}" for i in range(n_columns - 2)), "id", "next"]
    columns = tuple(Column(name, "INT", primary_key=name == "id") for name in names)
    tables = tuple(Table(f"t{i}", columns) for i in range(n_tables))
    return Schema("s", tables, tuple(ForeignKey(f"t{i}", ("next",), f"t{i + 1}", ("id",)) for i in range(n_tables - 1)))


def select(policy: JoiningPolicy, schema: Schema, scores: dict[str, float]) -> dict[str, set[str]]:
    context = SchemaContext(schema)
    names = [table.name for table in schema.tables]
    units = [scores.get(names[context.table_units.index(i)] if ref is None else ".".join(ref), 0.0)
             for i, ref in enumerate(context.refs)]  # fmt: skip
    kept = policy.select(Request("q", context, np.array(units, np.float32), np.zeros(len(units), np.int64))).kept
    small = context.render(np.flatnonzero(kept).tolist())
    return {table.name: {column.name for column in table.columns} for table in small.tables}


def test_top_tables_keep_the_best_of_each_and_the_keys():
    scores = {"t0": 0.9, "t2": 0.8, "t5": 0.1, "t0.c3": 0.5, "t0.c1": 0.4, "t2.c6": 0.9}
    kept = select(TopTablesPolicy(tables=2, columns=2), wide(), scores)
    assert kept == {"t0": {"c1", "c3", "id"}, "t2": {"c0", "c6", "id"}}


def test_the_keys_between_kept_tables_are_not_lost_in_a_wide_one():
    kept = select(TopTablesPolicy(tables=2, columns=2), wide(), {"t0": 0.9, "t1": 0.8})
    assert kept == {"t0": {"c0", "c1", "id", "next"}, "t1": {"c0", "c1", "id"}}


def test_equal_scores_stay_in_schema_order_and_ranking_rounds():
    scores = {"t3": 0.50001, "t1": 0.50002, "t0": 0.4, "t3.c4": 0.331, "t3.c5": 0.334}
    kept = select(TopTablesPolicy(tables=1, columns=1), wide(), {**scores, "t1": 0.50004})
    assert kept == {"t1": {"c0", "id"}}
    assert select(TopTablesPolicy(tables=1, columns=1), wide(), {**scores, "t1": 0.4})["t3"] == {"c4", "id"}


def test_bridges_only_when_asked():
    scores = {"t0": 0.9, "t2": 0.8}
    assert set(select(TopTablesPolicy(tables=2, columns=1), wide(), scores)) == {"t0", "t2"}
    assert set(select(TopTablesPolicy(tables=2, columns=1, longest=2), wide(), scores)) == {"t0", "t1", "t2"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: TopTablesPolicy(tables=0),
        lambda: TopTablesPolicy(columns=0),
        lambda: TopTablesPolicy(longest=-1),
        lambda: JoinablePolicy(most=-1),
        lambda: JoinablePolicy(columns=float("inf")),
    ],
)
def test_numbers_out_of_range(make):
    with pytest.raises(UsageError):
        make()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([JoinablePolicy(0.5), JoinablePolicy(3, most=2), TopTablesPolicy(2, 2), TopTablesPolicy(9, 9, 3)]),
    st.lists(st.floats(0, 1, width=32), min_size=60, max_size=60),
)
def test_what_is_kept_can_be_joined(policy: JoiningPolicy, values: list[float]):
    schema = wide()
    names = [*(table.name for table in schema.tables), *(".".join(ref) for ref in schema.refs())]
    kept = select(policy, schema, dict(zip(names, values, strict=True)))
    assert kept
    for name, columns in kept.items():
        assert "id" in columns
        following = f"t{int(name[1:]) + 1}"
        assert following not in kept or "next" in columns
    assert {ColumnRef(t, c) for t, columns in kept.items() for c in columns} <= set(schema.refs())

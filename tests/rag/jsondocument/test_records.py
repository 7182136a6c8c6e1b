"""Records of a list as a table, against the slow way: each cell looked up by its keys."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctxprune.rag.jsondocument.records import record_table

SCALARS = st.sampled_from(["a", "", 1, -2.5, True, None, [], [1, "b"], [{"a": "x"}], {}])
VALUES = st.recursive(SCALARS, lambda inner: st.dictionaries(st.sampled_from("abc."), inner, max_size=3), max_leaves=6)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c", "a.b"]), VALUES, max_size=4), max_size=5)


@settings(max_examples=400, deadline=None)
@example([{"a": 1, "b": 2}, {"b": 3, "a": 4}, {"a": 5}])
@given(RECORDS)
def test_a_table_has_what_each_record_says_at_the_keys_of_its_columns(records: list[dict[str, Any]]) -> None:
    cells = [dict(leaves(record)) for record in records]
    columns = list(dict.fromkeys(keys for row in cells for keys in row))
    found = record_table([json.dumps(record) for record in records], range(len(records)), "t")
    if sum(map(len, cells)) <= 0.5 * len(cells) * len(columns):
        assert found is None
        return
    assert found is not None
    grid, keys = found
    assert keys == tuple(columns)
    assert grid.header == tuple(map(".".join, columns))
    assert grid.rows == tuple(tuple(row.get(column, "") for column in columns) for row in cells)


def leaves(value: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """What is no object, with the keys that lead there."""
    found = []
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            found += leaves(inner, (*above, key))
        else:
            found.append(((*above, key), said(inner)))
    return found


def said(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        return ", ".join(map(said, value))
    return "" if value is None else json.dumps(value)

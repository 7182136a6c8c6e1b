"""The best rows of all parts are those of a sort of the whole."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.rag.tables.pool import Pool
from ctxprune.rag.tables.probe import Hits
from ctxprune.rag.tables.table_file import Part


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(-3, 3)), max_size=60),
    st.integers(1, 5),
    st.integers(1, 9),
    st.sampled_from([None, 0]),
    st.booleans(),
)
def test_what_is_remembered(rows: list[tuple[int, int]], size: int, step: int, order: int | None, alone: bool) -> None:
    weights = np.asarray([1.0, 2.0, 4.0])  # the bits as a number, then
    pool = Pool(size, order, alone=alone)
    for first in range(0, len(rows), step):
        some = rows[first : first + step]
        bits, values = np.asarray([bit for bit, _ in some], np.uint64), np.asarray([float(value) for _, value in some])
        batch = pa.record_batch({"number": range(first, first + len(some))})
        pool.add(Part([], batch), first, Hits(bits, (values,), np.zeros((0, 3), np.int64)), weights)
    ranked = sorted(
        range(len(rows)),
        key=lambda row: (0 if alone else -rows[row][0], 0 if order is None else -rows[row][1], row),
    )
    if not rows:
        assert len(pool) == 0
        return
    best = pool.best(size, weights).tolist()
    assert best == [row for row in ranked[:size] if order is not None or rows[row][0]]
    numbers, table = pool.rows(weights)
    assert numbers.tolist() == table["number"].to_pylist()
    assert {row for row in ranked[:size] if order is not None or rows[row][0]} <= {*numbers.tolist()}
    assert len(numbers) == min(size, len(rows))

"""The stores of the library against the conformance tests, and against one another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.values import index_files as files
from ctxprune.sql.values.index import ValueIndex
from ctxprune.sql.values.index_arrays import MergeSource, ValueBatch, map_batch
from ctxprune.sql.values.minhash import Signer
from ctxprune.sql.values.postings import bounds, directory
from ctxprune.sql.values.stores import ArrayStore, DictStore

from .store_conformance import CODES, TOWNS, StoreConformance


class TestArrayStore(StoreConformance):
    @pytest.fixture
    def store(self, part, column_starts):
        return ArrayStore(part, column_starts)


class TestDictStore(StoreConformance):
    @pytest.fixture
    def store(self, part, column_starts):
        return DictStore.of(part, column_starts)


class TestDirectory(StoreConformance):
    @pytest.fixture
    def store(self, part, signer, tmp_path):
        columns = [
            {"table": "a", "column": "a", "values": len(TOWNS)},
            {"table": "b", "column": "b", "values": len(CODES)},
        ]
        rows = np.arange(len(part.ends), dtype=np.uint32)
        manifest = {"columns": columns, "permutations": signer.permutations.tolist()}
        with files.locked(tmp_path / "index"):
            files.write(tmp_path / "index", manifest, [MergeSource.of(part, rows)])
        return ValueIndex.open(tmp_path / "index")._store


ENTRIES = st.lists(st.tuples(st.integers(0, 2**32 - 1) | st.integers(0, 9), st.integers(0, 99)), max_size=120)


@settings(max_examples=80, deadline=None)
@given(entries=ENTRIES, asked=st.lists(st.tuples(st.integers(0, 2**32 - 1) | st.integers(0, 9), st.integers(0, 63))))
def test_bounds_equal_a_scan(entries, asked):
    array = np.sort(np.array([(key << 32) | row for key, row in entries], dtype=np.uint64))
    low = np.array([key & ~63 for key, _more in asked], dtype=np.uint32)
    high = np.array([(key & ~63) | more for key, more in asked], dtype=np.uint32)
    first, last = bounds(array, directory(array), low, high)
    keys = array >> np.uint64(32)
    for a, b, x, y in zip(low, high, first, last, strict=True):
        assert array[x:y].tolist() == array[(keys >= a) & (keys <= b)].tolist()


def test_a_key_that_many_share_is_found_whole():
    crowd = np.arange(5000, dtype=np.uint64) | np.uint64(7 << 32)
    array = np.sort(np.concatenate((crowd, np.arange(0, 2**63, 2**52, dtype=np.uint64))))
    first, last = bounds(array, directory(array), np.array([7, 8], np.uint32), np.array([7, 8], np.uint32))
    assert (last - first).tolist() == [5000, 0]


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.text(max_size=12), min_size=1, max_size=20, unique=True), question=st.text(max_size=40))
def test_both_stores_give_the_same_hits(values, question):
    permutations = np.arange(2, 194, dtype=np.uint32).reshape(2, 96) | np.uint32(1)
    part = map_batch(ValueBatch(sorted(values), np.ones(len(values), dtype=np.bool_)), Signer(permutations))
    starts = np.array([0, len(values)])
    manifest = {
        "columns": [{"table": "t", "column": "c", "values": len(values)}],
        "permutations": permutations.tolist(),
    }
    asked = f"{question} {values[0]}"
    fast, plain = (ValueIndex(manifest, store) for store in (ArrayStore(part, starts), DictStore.of(part, starts)))
    assert fast.lookup(asked) == plain.lookup(asked)

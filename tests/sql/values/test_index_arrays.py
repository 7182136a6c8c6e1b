"""Map and reduce: any cut of the work, in memory or on disk, in one process or several, gives the same arrays."""

from __future__ import annotations

import pickle
import random
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import IndexBuildError
from ctxprune.sql.values import ValueIndex, index_arrays, run_buffer, sorting
from ctxprune.sql.values.index_arrays import (
    DROPPED,
    IndexArrays,
    MergeSource,
    ValueBatch,
    concatenate,
    map_batch,
    merge,
)
from ctxprune.sql.values.keys import acronym_key, part_key, prefix_key, stem_key, symbol_key, value_keys
from ctxprune.sql.values.minhash import Signer
from ctxprune.sql.values.reuse import PreviousIndex
from ctxprune.sql.values.sorting import in_order
from ctxprune.sql.values.spans import MAX_WORDS, key_words
from ctxprune.sql.values.words import WordTable
from ctxprune.text.words import STOP_WORDS

from .conftest import same_arrays

TEXTS = st.text(max_size=14) | st.sampled_from(
    ["O'Neill's house", "the 's of it", "São Paulo", "東京タワー", "C++", "running boxes", "a\0b\nc", "ﬁnes", "\ud800x"]
)


@pytest.fixture(scope="module")
def signer():
    return Signer(np.arange(2, 194, dtype=np.uint32).reshape(2, 96) | np.uint32(1))


def batch(values, fuzzy=True):
    return ValueBatch(list(values), np.full(len(values), fuzzy, dtype=np.bool_))


def equal(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in IndexArrays.names())


@settings(max_examples=100, deadline=None)
@given(values=st.lists(TEXTS, max_size=12))
def test_words_of_a_batch_are_those_of_each_value(values):
    table = WordTable.of(values)
    assert table.counts.sum() == len(table.starts)
    for row, value in enumerate(values):
        assert table.text_of(np.flatnonzero(table.owner == row)) == key_words(value)
    rows = np.flatnonzero(table.counts)
    codes, lengths = table.marked(rows)
    text = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    ends = np.cumsum(lengths)
    marked = [text[a:b] for a, b in zip(ends - lengths, ends, strict=True)]
    assert marked == [f"^{' '.join(key_words(values[row]))}$" for row in rows]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(TEXTS | st.text(alphabet="ab c", max_size=90), max_size=12))
def test_keys_of_a_batch_are_those_of_each_value(values):
    found = [set() for _value in values]
    for entry in value_keys(values, WordTable.of(values)).tolist():
        found[entry & 0xFFFFFFFF].add(entry >> 32)
    assert found == [keys_of(value, key_words(value)) for value in values]


def keys_of(value, words):
    """All keys of one value, computed one by one: the slow reference."""
    if not words:
        return {symbol_key(value)}
    if len(words) > 40:
        return set()
    keys = {stem_key(words)}
    if len(words) <= 5 and (len(words) > 1 or len(words[0]) > 2):
        keys.add(prefix_key(words))
    if 1 < len(words) <= MAX_WORDS:
        keys |= {part_key(word) for word in words if len(word) > 1 and word not in STOP_WORDS}
        telling = [word for word in words if word not in STOP_WORDS]
        keys |= {acronym_key("".join(word[0] for word in some)) for some in (words, telling) if len(some) > 1}
    return keys


@settings(max_examples=40, deadline=None)
@given(values=st.lists(TEXTS, max_size=20, unique=True), cuts=st.lists(st.integers(0, 20), max_size=4))
def test_a_merge_of_batches_is_the_map_of_all(signer, values, cuts):
    values = sorted(values)
    edges = sorted({0, len(values), *(min(cut, len(values)) for cut in cuts)})
    pieces = [map_batch(batch(values[a:b]), signer) for a, b in pairwise(edges)]
    whole = map_batch(batch(values), signer)
    assert equal(merge(concatenate(pieces)), whole if values else merge([]))
    half = len(pieces) // 2
    if half:
        merged = [merge(concatenate(some)) for some in (pieces[:half], pieces[half:])]
        assert equal(merge(concatenate(merged)), whole)


@settings(max_examples=40, deadline=None)
@given(old=st.sets(TEXTS, max_size=15), new=st.sets(TEXTS, min_size=1, max_size=15))
def test_a_merge_takes_some_rows_and_puts_others_between(signer, old, new):
    values, before, fresh = sorted(new), sorted(old), sorted(new - old)
    place = {value: row for row, value in enumerate(values)}
    rows = np.array([place.get(value, int(DROPPED)) for value in before], dtype=np.uint32)
    sources = [
        MergeSource.of(map_batch(batch(before), signer), rows),
        MergeSource.of(map_batch(batch(fresh), signer), np.array([place[value] for value in fresh], dtype=np.uint32)),
    ]
    assert equal(merge(sources), map_batch(batch(values), signer))


def test_pieces_of_any_size_join_to_the_same(signer, monkeypatch):
    values = sorted({f"{a} {b} harbour" for a in ("Oslo", "Lima", "Quito") for b in range(60)})
    pieces = [map_batch(batch(values[a : a + 25]), signer) for a in range(0, len(values), 25)]
    whole = merge(concatenate(pieces))
    monkeypatch.setattr(index_arrays, "_PIECE", 50)
    monkeypatch.setattr(index_arrays, "_ROW_PIECE", 7)
    assert equal(merge(concatenate(pieces)), whole)


def test_batches_and_parts_can_be_sent_to_another_process(signer):
    one = batch(["Oslo", "Lima"])
    sent, signs = pickle.loads(pickle.dumps((one, signer)))
    assert equal(pickle.loads(pickle.dumps(map_batch(sent, signs))), map_batch(one, signer))


def test_no_more_values_than_rows_can_number(signer, monkeypatch):
    monkeypatch.setattr(index_arrays, "_MOST_VALUES", 2)
    with pytest.raises(IndexBuildError, match="2 values"):
        merge(concatenate([map_batch(batch(["a", "b"]), signer)]))
    with run_buffer.RunBuffer(signer) as some:
        some.add(["a"], np.array([-1]), PreviousIndex.empty(), fuzzy=True)
        with pytest.raises(IndexBuildError, match="2 values"):
            some.add(["b"], np.array([-1]), PreviousIndex.empty(), fuzzy=True)


@settings(max_examples=40, deadline=None)
@given(batches=st.lists(st.lists(TEXTS, max_size=6), max_size=6), chunk=st.integers(1, 5))
def test_values_are_sorted_in_bounded_memory(tmp_path_factory, batches, chunk):
    folder = tmp_path_factory.mktemp("sort")
    wanted = sorted({value for values in batches for value in values})
    assert list(in_order(batches, folder, chunk=chunk)) == list(in_order(batches)) == wanted
    encoded = [value.encode("utf-8", "surrogatepass") for value in wanted]
    assert encoded == sorted(encoded), "order of code points is order of bytes"
    assert list(folder.iterdir()) == []


@pytest.fixture
def mixed(database):
    """A database of awkward columns: many values, few, long ones, numbers among texts, nothing but NULL."""
    state = random.Random(3)
    names = [f"{state.choice('ABCDE')}{k} {state.choice(('harbour', 'quay', 'pier'))}" for k in range(300)]
    rows = [
        (name, k if k % 3 else f"no {k}", None, f"{k:032x}", f"{k} " + "word " * 60 if k % 50 == 0 else f"note {k}")
        for k, name in enumerate(names)
    ]
    return database(
        "CREATE TABLE t (name TEXT, mixed, empty TEXT, token TEXT, note TEXT); CREATE TABLE u (c TEXT);"
        "INSERT INTO u VALUES ('Oslo'), ('');",
        ("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows),
    )


def test_a_spilled_build_equals_one_in_memory(mixed, tmp_path, monkeypatch):
    clean = ValueIndex.build(mixed)
    reports = {column.column: (column.values, column.too_long, column.skipped) for column in clean.columns}
    assert reports["mixed"] == (100, 0, "")
    assert reports["empty"] == (0, 0, "no text")
    assert reports["token"] == (0, 0, "UUIDs or tokens")
    assert reports["note"] == (294, 6, "")
    monkeypatch.setattr(run_buffer, "_SPILL", 20_000)
    monkeypatch.setattr(run_buffer, "_BATCH", 40)
    monkeypatch.setattr(sorting, "_CHUNK", 64)
    assert same_arrays(ValueIndex.for_database(mixed, tmp_path / "index"), clean)


def test_any_number_of_workers_gives_the_same(mixed, monkeypatch):
    clean = ValueIndex.build(mixed)
    monkeypatch.setattr(run_buffer, "_BATCH", 60)
    assert same_arrays(ValueIndex.build(mixed, workers=2), clean)


@pytest.mark.parametrize("method", ["submit", "result"])
def test_a_worker_that_dies_is_told(mixed, tmp_path, monkeypatch, method):
    class Pool:
        """Stands for a pool whose process was killed for memory."""

        def submit(self, *_args):
            if method == "submit":
                raise BrokenProcessPool
            (future := Future()).set_exception(BrokenProcessPool())
            return future

    monkeypatch.setattr(run_buffer.RunBuffer, "_processes", lambda _self: Pool())
    with pytest.raises(IndexBuildError, match="has died"):
        ValueIndex.for_database(mixed, tmp_path / "index", workers=2)
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == [".lock"]


def test_a_column_that_the_database_cannot_tell_apart_is_read_as_it_is(database, monkeypatch):
    from ctxprune.sql.values import column_reader

    rows = [(f"quay {k % 200}",) for k in range(500)]
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", rows))
    clean = ValueIndex.build(one)
    assert len(clean) == 200
    monkeypatch.setattr(column_reader, "_MOST_DISTINCT", 30)
    assert same_arrays(ValueIndex.build(one), clean)


def test_values_of_a_megabyte_are_counted_and_left_out(database):
    rows = [(f"{k} " + "x" * 1_000_000,) for k in range(30)] + [(f"quay {k}",) for k in range(150)]
    random.Random(1).shuffle(rows)
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", rows))
    (column,) = ValueIndex.build(one).columns
    assert (column.values, column.too_long, column.skipped) == (150, 30, "")

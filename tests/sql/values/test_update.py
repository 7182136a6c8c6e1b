"""An updated index equals a rebuilt one; a build that was stopped goes on; what is there is not read twice."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex, index_arrays, index_builder, run_buffer, sorting
from ctxprune.sql.values.index_arrays import IndexArrays

from .conftest import same_arrays

VALUES = st.sets(st.sampled_from([f"quay {k}" for k in range(20)] + ["Oslo", "São Paulo", "+", "", "12", "a\0b"]))


def change(database, script):
    with closing(sqlite3.connect(database.path)) as connection:
        connection.executescript(script)
        connection.commit()
    database.refresh()


def fill(database, table, values):
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute(f"DELETE FROM {table}")
        connection.executemany(f"INSERT INTO {table} VALUES (?)", [(value,) for value in sorted(values)])
        connection.commit()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.tuples(VALUES, VALUES), second=st.tuples(VALUES, VALUES))
def test_an_update_equals_a_rebuild(database, first, second):
    one = database("DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS u; CREATE TABLE t (c TEXT); CREATE TABLE u (d TEXT);")
    for table, values in zip("tu", first, strict=True):
        fill(one, table, values)
    old = ValueIndex.build(one)
    for table, values in zip("tu", second, strict=True):
        fill(one, table, values)
    new, clean = old.update(one), ValueIndex.build(one)
    assert same_arrays(new, clean)
    assert new.columns == clean.columns
    assert new.lookup("quay 7 or Oslo in Sao Paulo") == clean.lookup("quay 7 or Oslo in Sao Paulo")
    one.close()


SCRIPTS = {
    "a row": "INSERT INTO t VALUES ('Cusco', 'new');",
    "nothing left": "DELETE FROM t;",
    "a column added": "ALTER TABLE t ADD COLUMN e TEXT; UPDATE t SET e = 'Cusco ' || rowid;",
    "a column dropped": "CREATE TABLE n AS SELECT d FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    "a column renamed": "ALTER TABLE t RENAME COLUMN c TO b;",
    "a table before": "CREATE TABLE a (c TEXT); INSERT INTO a VALUES ('Quito'), ('Zagreb');",
    "text becomes numbers": "UPDATE t SET c = rowid || '.5';",
    "numbers become rows": "UPDATE t SET c = rowid;",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_whatever_changed_the_saved_index_equals_a_rebuild(database, tmp_path, script):
    rows = [(f"quay {k}", f"pier of {k % 7}") for k in range(120)]
    one = database("CREATE TABLE t (c TEXT, d TEXT)", ("INSERT INTO t VALUES (?, ?)", rows))
    ValueIndex.for_database(one, tmp_path / "index")
    change(one, script)
    assert same_arrays(ValueIndex.for_database(one, tmp_path / "index"), clean := ValueIndex.build(one))
    assert ValueIndex.open(tmp_path / "index").columns == clean.columns


def test_only_new_values_are_mapped(database, tmp_path, monkeypatch):
    rows = [(f"quay {k}",) for k in range(300)]
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", rows))
    old = ValueIndex.for_database(one, tmp_path / "index")
    change(one, "DELETE FROM t WHERE c = 'quay 7'; INSERT INTO t VALUES ('quay 9 bis'), ('a first'), ('z last');")
    mapped = []
    real = index_arrays.map_batch
    monkeypatch.setattr(
        run_buffer, "map_batch", lambda batch, signer: mapped.extend(batch.values) or real(batch, signer)
    )
    new = old.update(one)
    assert mapped == ["a first", "quay 9 bis", "z last"]
    assert new.directory == tmp_path / "index"
    monkeypatch.undo()
    assert same_arrays(new, ValueIndex.build(one))
    assert old.lookup("boats at 'quay 7'")[0].value == "quay 7", "who holds the old index keeps it"


def test_an_update_keeps_what_was_excluded(database):
    one = database("CREATE TABLE t (c TEXT, mail TEXT); INSERT INTO t VALUES ('Quito', 'ann');")
    old = ValueIndex.build(one, exclude=[ColumnRef("t", "mail")])
    change(one, "INSERT INTO t VALUES ('Lima', 'bob');")
    assert [value for _ref, value in old.update(one)] == ["Lima", "Quito"]


@pytest.fixture
def stopped(database, tmp_path, monkeypatch):
    """A build over four columns that was stopped before the last one, and the directory that it left."""
    rows = [tuple(f"{name} {k}" for name in ("quay", "pier", "dock", "port")) for k in range(200)]
    one = database("CREATE TABLE t (a TEXT, b TEXT, c TEXT, d TEXT)", ("INSERT INTO t VALUES (?, ?, ?, ?)", rows))
    monkeypatch.setattr(run_buffer, "_SPILL", 30_000)
    monkeypatch.setattr(run_buffer, "_BATCH", 50)
    monkeypatch.setattr(sorting, "_CHUNK", 64)

    def stop(done, _total, _name):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ValueIndex.for_database(one, tmp_path / "index", progress=stop)
    (work,) = (tmp_path / "index").glob("build-*")
    return one, work


def resumed(one, directory):
    steps = []
    found = ValueIndex.for_database(one, directory, progress=lambda done, _total, _name: steps.append(done))
    return found, steps


def test_a_build_goes_on_where_it_was_stopped(stopped):
    one, work = stopped
    found, steps = resumed(one, work.parent)
    assert steps == [3, 4]
    assert same_arrays(found, ValueIndex.build(one))
    assert sorted(path.name.partition("-")[0] for path in work.parent.iterdir()) == [".lock", "data", "manifest.json"]


DAMAGES = {
    "a run changed": lambda work: flip(next(work.glob("run-*/keys.npy"))),
    "a run cut": lambda work: next(work.glob("run-*/text.npy")).write_bytes(b""),
    "a run gone": lambda work: next(work.glob("run-*/bands.npy")).unlink(),
    "no state": lambda work: (work / "state.json").unlink(),
    "half a state": lambda work: (work / "state.json").write_text('{"reports": [{}'),
    "another state": lambda work: (work / "state.json").write_text("[]"),
    "a foreign file": lambda work: (work / "sort-00001.text").write_bytes(b"half"),
}


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(("name", "damage"), DAMAGES.items(), ids=DAMAGES.keys())
def test_what_is_not_whole_is_built_again(stopped, name, damage):
    one, work = stopped
    damage(work)
    found, steps = resumed(one, work.parent)
    assert steps[0] == (3 if name == "a foreign file" else 0)
    assert same_arrays(found, ValueIndex.build(one))


def test_a_stopped_build_of_other_data_is_removed(stopped):
    one, work = stopped
    change(one, "INSERT INTO t VALUES ('new', 'new', 'new', 'new')")
    found, steps = resumed(one, work.parent)
    assert steps[0] == 0
    assert not work.exists()
    assert same_arrays(found, ValueIndex.build(one))


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(path.read_bytes()[:-8]), flip], ids=["cut", "flipped"]
)
@pytest.mark.parametrize("name", IndexArrays.names())
def test_a_damaged_older_index_is_rebuilt(database, tmp_path, name, damage):
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(f"quay {k}",) for k in range(50)]))
    ValueIndex.for_database(one, tmp_path / "index")
    damage(next((tmp_path / "index").glob(f"data-*/{name}.npy")))
    change(one, "INSERT INTO t VALUES ('new')")
    assert same_arrays(ValueIndex.for_database(one, tmp_path / "index"), ValueIndex.build(one))


def test_a_store_of_another_kind_is_rebuilt_and_not_saved(database, tmp_path):
    from ctxprune.errors import UsageError
    from ctxprune.sql.values.stores import DictStore

    one = database("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('Quito');")
    index = ValueIndex.build(one)
    starts = index_builder.column_starts(index._manifest)
    other = ValueIndex(index._manifest, DictStore.of(index._store.part, starts))
    assert other.lookup("to quito") == index.lookup("to quito")
    with pytest.raises(UsageError, match="DictStore"):
        other.save(tmp_path / "index")
    assert same_arrays(other.update(one), index)
    assert np.array_equal(starts, [0, 1])


def test_masked_columns_are_hashed_again_and_equal_a_rebuild(database, tmp_path, monkeypatch):
    monkeypatch.setattr(run_buffer, "_SPILL", 10_000)
    monkeypatch.setattr(sorting, "_CHUNK", 16)
    rows = [(f"quay {k}", f"Ann {k}", f"pier {k}") for k in range(60)]
    one = database("CREATE TABLE t (a TEXT, b TEXT, c TEXT)", ("INSERT INTO t VALUES (?, ?, ?)", rows))
    told = {"mask": [ColumnRef("t", "b")]}
    ValueIndex.for_database(one, tmp_path / "index", **told)
    change(one, "INSERT INTO t VALUES ('new', 'Bob', 'new'); DELETE FROM t WHERE b = 'Ann 7';")
    found, clean = ValueIndex.for_database(one, tmp_path / "index"), ValueIndex.build(one, **told)
    assert same_arrays(found, clean)
    assert [hit.value for hit in found.lookup("is it BOB or Ann 7?") if hit.masked] == ["BOB"]
    shown = ValueIndex.for_database(one, tmp_path / "index", mask=[])
    assert same_arrays(shown, ValueIndex.build(one))

"""What is on disk, and what happens when it is not what it should be."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import FormatError, IndexBuildError, SchemaError
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex, index_files
from ctxprune.sql.values.index import default_directory
from ctxprune.storage.sealed import seal

ASKED = "who lives in Sprinfield, sao paulo or eur?"


@pytest.fixture
def saved(towns, tmp_path):
    return towns.save(tmp_path / "index")


def data_folder(directory):
    return directory / json.loads((directory / "manifest.json").read_text())["data"]


def reseal(path, manifest):
    """Write a manifest that was changed on purpose, with a checksum that fits."""
    del manifest["crc32"]
    path.write_text(seal(manifest))


def test_an_opened_index_equals_the_built_one(towns, saved):
    found = ValueIndex.open(saved)
    assert found.lookup(ASKED) == towns.lookup(ASKED) != []
    assert found.columns == towns.columns
    assert found.directory == saved
    assert len(found) == len(towns)


def test_the_layout_names_format_version_and_fingerprints(saved):
    manifest = json.loads((saved / "manifest.json").read_text())
    assert (manifest["format"], manifest["version"]) == ("ctxprune.values", 3)
    assert manifest["data_fingerprint"]
    assert manifest["schema_fingerprint"]
    assert sorted(path.stem for path in data_folder(saved).iterdir()) == sorted(index_files.ARRAYS)
    assert set(manifest["arrays"]) == set(index_files.ARRAYS)


@pytest.mark.parametrize("name", index_files.ARRAYS)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "longer", "object"])
def test_a_damaged_array_is_refused(saved, name, damage):
    path = data_folder(saved) / f"{name}.npy"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "object":
        np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes({"empty": b"", "cut": whole[:-1], "longer": whole + b"x"}[damage])
    with pytest.raises(FormatError, match="ctxprune sql index"):
        ValueIndex.open(saved)


def test_a_planted_pickle_of_the_right_size_is_not_run(saved):
    path = data_folder(saved) / "ends.npy"
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["arrays"]["ends"]["bytes"] = path.stat().st_size
    reseal(saved / "manifest.json", manifest)
    with pytest.raises(FormatError, match="pickle"):
        ValueIndex.open(saved)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("\x80", "cannot be read"),
        ("[]", "not a value index"),
        ('{"format": "other"}', "not a value index"),
        ('{"format": "ctxprune.values", "version": 4}', "upgrade ctxprune"),
        ('{"format": "ctxprune.values", "version": 1}', "rebuild the index"),
        ('{"format": "ctxprune.values", "version": 2}', "rebuild the index"),
        ('{"format": "ctxprune.values", "version": 3}', "has no checksum"),
        (seal({"format": "ctxprune.values", "version": 3}), "damaged"),
        (seal({"format": "ctxprune.values", "version": 3, "data": 7}), "damaged"),
        (seal({"format": "ctxprune.values", "version": 3}).replace("values", "valuez"), "not a value index"),
        (seal({"format": "ctxprune.values", "version": 3, "data": 7}).replace("7", "6"), "differs from its checksum"),
        ("[" * 200_000, "too deep"),
    ],
)
def test_a_foreign_newer_or_broken_manifest_is_refused(saved, text, says):
    (saved / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(FormatError, match=says):
        ValueIndex.open(saved)


def test_a_manifest_cannot_lead_out_of_the_directory(saved):
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["data"] = f"../{saved.name}/{manifest['data']}/../../elsewhere"
    reseal(saved / "manifest.json", manifest)
    with pytest.raises(FormatError, match="damaged"):
        ValueIndex.open(saved)


def test_columns_must_be_in_the_manifest(saved):
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["columns"] = [{"nonsense": 1}]
    reseal(saved / "manifest.json", manifest)
    with pytest.raises(FormatError, match="columns"):
        ValueIndex.open(saved)


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: None], ids=["empty", "absent"])
def test_no_index_is_said_so(tmp_path, make):
    make(tmp_path / "index")
    with pytest.raises(FormatError, match="no value index"):
        ValueIndex.open(tmp_path / "index")


def test_a_directory_of_other_files_is_left_alone(towns, database, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.txt").write_text("dear")
    one = database("CREATE TABLE t (c TEXT)", name="other")
    for write in (towns.save, lambda path: ValueIndex.for_database(one, path)):
        with pytest.raises(FormatError, match="letter"):
            write(tmp_path / "notes")
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["letter.txt"]


def test_a_foreign_manifest_that_cannot_be_read_is_left_alone(towns, saved, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "manifest.json").write_text("// not JSON")
    with pytest.raises(FormatError, match=r"manifest\.json"):
        towns.save(tmp_path / "app")
    assert (tmp_path / "app" / "manifest.json").read_text() == "// not JSON"
    (saved / "manifest.json").write_text("{")
    towns.save(saved)
    assert len(ValueIndex.open(saved)) == len(towns)


@pytest.mark.parametrize("name", ["data-2023", "build-notes", "data-deadbeef.zip"])
def test_folders_with_names_like_ours_are_not_removed(towns, saved, tmp_path, name):
    for directory in (tmp_path / "notes", saved):
        (directory / name).mkdir(parents=True)
        (directory / name / "letter.txt").write_text("dear")
    with pytest.raises(FormatError, match=name):
        towns.save(tmp_path / "notes")
    towns.save(saved)
    assert all((directory / name / "letter.txt").exists() for directory in (tmp_path / "notes", saved))


def test_a_place_that_cannot_be_written_is_named(towns, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexBuildError, match="file"):
        towns.save(tmp_path / "file" / "index")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the super-user may write anywhere")
def test_a_read_only_directory_is_named(towns, tmp_path):
    (tmp_path / "fixed").mkdir(mode=0o555)
    with pytest.raises(IndexBuildError, match="fixed"):
        towns.save(tmp_path / "fixed")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_keeps_the_old_index(towns, saved, monkeypatch, error):
    calls = []

    def fail(_handle):
        calls.append(1)
        if len(calls) == 4:
            raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(IndexBuildError if isinstance(error, OSError) else KeyboardInterrupt):
        towns.save(saved)
    monkeypatch.undo()
    assert ValueIndex.open(saved).lookup(ASKED) == towns.lookup(ASKED)
    assert len(list(saved.glob("data-*"))) == 1


def test_an_interrupt_behind_the_last_step_keeps_the_new_index(towns, saved, monkeypatch):
    before, real = data_folder(saved), index_files._sync

    def sync(directory):
        real(directory)
        if directory == saved:
            raise KeyboardInterrupt

    monkeypatch.setattr(index_files, "_sync", sync)
    with pytest.raises(KeyboardInterrupt):
        towns.save(saved)
    assert data_folder(saved) != before
    assert ValueIndex.open(saved).lookup(ASKED) == towns.lookup(ASKED)


READ_ONLY = OSError(errno.EROFS, "Read-only file system")
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(("error", "says"), [(READ_ONLY, "Read-only"), (FULL, "No space")])
@pytest.mark.parametrize("method", ["mkdir", "open"])
def test_a_file_system_that_refuses_is_named(database, tmp_path, monkeypatch, method, error, says):
    one = database("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('Quito');")
    directory = tmp_path / "index"
    ValueIndex.for_database(one, directory)
    with closing(sqlite3.connect(one.path)) as connection:
        connection.execute("INSERT INTO t VALUES ('Lima')")
        connection.commit()
    real = getattr(Path, method)

    def fail(path, *args, **options):
        if path.name.startswith(("build-", "data-")) or path.suffix == ".npy":
            raise error
        return real(path, *args, **options)

    monkeypatch.setattr(Path, method, fail)
    with pytest.raises(IndexBuildError, match=says):
        ValueIndex.for_database(one, directory)
    monkeypatch.undo()
    assert [value for _ref, value in ValueIndex.open(directory)] == ["Quito"]
    assert list(directory.glob("build-*")) == []


LIMITED = """
import resource, sys
from ctxprune.errors import IndexBuildError
from ctxprune.sql.database.database import Database
from ctxprune.sql.values import ValueIndex, run_buffer
run_buffer._SPILL = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with Database(sys.argv[1], isolated=False) as database:
    try:
        ValueIndex.for_database(database, sys.argv[2])
    except IndexBuildError as error:
        print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs limits of the system")
@pytest.mark.parametrize("spill", [50_000, 50_000_000], ids=["while it spills", "while it merges"])
def test_no_more_room_keeps_the_old_index_and_nothing_else(database, tmp_path, spill):
    """The limit on the size of a file stands for the quota of a disk."""
    one = database("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('Quito');")
    ValueIndex.for_database(one, tmp_path / "index")
    with closing(sqlite3.connect(one.path)) as connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(f"harbour {k}",) for k in range(2000)])
        connection.commit()
    command = [sys.executable, "-c", LIMITED, str(one.path), str(tmp_path / "index"), str(spill)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "the index cannot be written" in done.stdout
    assert [value for _ref, value in ValueIndex.open(tmp_path / "index")] == ["Quito"]
    left = sorted(path.name.partition("-")[0] for path in (tmp_path / "index").iterdir())
    assert left == [".lock", "data", "manifest.json"]


def test_what_a_killed_writer_left_is_removed(towns, saved):
    (saved / "data-deadbeef").mkdir()
    (saved / "data-deadbeef" / "text.npy").write_bytes(b"half")
    assert len(ValueIndex.open(saved)) == len(towns)
    towns.save(saved)
    assert len(list(saved.glob("data-*"))) == 1


def test_two_builders_at_once_both_end_and_one_builds(database, tmp_path):
    one = database("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('Quito');")
    barrier, built = threading.Barrier(4), []

    def work(number):
        barrier.wait()
        return ValueIndex.for_database(one, tmp_path / "index", progress=lambda *_a: built.append(number))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(work, range(4)))
    assert len(set(built)) == 1
    assert {index.lookup("to quito")[0].value for index in made} == {"Quito"}


def test_a_lock_that_is_never_freed_is_an_error(tmp_path):
    with (
        index_files.locked(tmp_path / "index"),
        pytest.raises(IndexBuildError, match="another process"),
        index_files.locked(tmp_path / "index", seconds=0.1),
    ):
        pass


def test_readers_and_a_writer_at_once(towns, saved):
    stop, seen = threading.Event(), []

    def read():
        while not stop.is_set():
            seen.append(ValueIndex.open(saved).lookup(ASKED))

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for _ in range(10):
            towns.save(saved)
        stop.set()
        for reader in readers:
            reader.result()
    assert seen
    assert all(hits == towns.lookup(ASKED) for hits in seen)


def test_a_reader_follows_a_writer_that_is_always_ahead(towns, saved, monkeypatch):
    real, behind = index_files.read_arrays, [3]

    def read(directory, manifest):
        if behind[0]:
            behind[0] -= 1
            towns.save(saved)
        return real(directory, manifest)

    monkeypatch.setattr(index_files, "read_arrays", read)
    assert ValueIndex.open(saved).lookup(ASKED) == towns.lookup(ASKED)
    assert behind == [0]


def test_an_open_index_survives_its_replacement(database, tmp_path):
    rows = [(f"Quay {k}",) for k in range(3000)]
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", rows))
    old = ValueIndex.for_database(one, tmp_path / "index")
    ValueIndex.build(one).save(tmp_path / "index")
    assert old.lookup("boats at 'quay 7'")[0].value == "Quay 7"


def test_for_database_reuses_only_what_fits(database, tmp_path):
    one = database("CREATE TABLE t (c TEXT, d TEXT); INSERT INTO t VALUES ('Quito', 'Lima');")
    built = []

    def get(**options):
        built.clear()
        found = ValueIndex.for_database(one, tmp_path / "index", progress=lambda *_a: built.append(1), **options)
        return bool(built), {hit.value for hit in found.lookup("from Quito to Lima to Cusco")}

    assert get() == (True, {"Quito", "Lima"})
    assert get() == (False, {"Quito", "Lima"})
    assert get(exclude=[ColumnRef("t", "d")]) == (True, {"Quito"})
    assert get() == (False, {"Quito"})  # what was hidden stays hidden until something else is asked for
    assert get(exclude=[]) == (True, {"Quito", "Lima"})
    with closing(sqlite3.connect(one.path)) as connection:
        connection.execute("UPDATE t SET d = 'Cusco'")
        connection.commit()
    assert get() == (True, {"Quito", "Cusco"})
    next((tmp_path / "index").glob("data-*/text.npy")).unlink()
    assert get() == (True, {"Quito", "Cusco"})
    with pytest.raises(SchemaError):
        get(exclude=[ColumnRef("t", "nothing")])


def test_the_default_place_is_the_cache_and_never_beside_the_database(database, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = database("CREATE TABLE t (c TEXT)", name="a b'c")
    two = database("CREATE TABLE t (c TEXT)", name="a b_c")
    assert default_directory(one) != default_directory(two)
    found = ValueIndex.for_database(one)
    assert found.directory == default_directory(one)
    assert found.directory.parent == tmp_path / "cache" / "ctxprune" / "values"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a b'c.sqlite", "a b_c.sqlite", "cache"]


def test_the_same_data_give_the_same_bytes(database, tmp_path):
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(f"Quay of {k}",) for k in range(200)]))
    first, second = ValueIndex.build(one).save(tmp_path / "a"), ValueIndex.build(one).save(tmp_path / "b")
    for name in index_files.ARRAYS:
        assert (data_folder(first) / f"{name}.npy").read_bytes() == (data_folder(second) / f"{name}.npy").read_bytes()

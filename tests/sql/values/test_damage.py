"""Flipped bits, links and headers: an index answers as before, or says that it is damaged."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import suppress

import numpy as np
import pytest

from ctxprune.errors import FormatError, IndexBuildError
from ctxprune.sql.database.database import Database
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex, index_files, run_buffer
from ctxprune.sql.values.disk import header_of, mapped
from ctxprune.sql.values.privacy import Privacy
from ctxprune.storage.sealed import parse_json

from .conftest import asked_of, make


def flip(path, place):
    """Flip one bit of a file, numbered from its start."""
    data = bytearray(path.read_bytes())
    data[place >> 3] ^= 1 << (place & 7)
    path.write_bytes(data)


def answers(directory, questions):
    """All hits, or "refused"."""
    try:
        index = ValueIndex.open(directory)
        return [index.lookup(question) for question in questions]
    except FormatError:
        return "refused"


@pytest.fixture(scope="module")
def harbours(tmp_path_factory):
    """A saved index of 4,000 values, and questions about it."""
    folder = tmp_path_factory.mktemp("harbours")
    rows = [(f"Oslo {k}", f"quay of {k * 7}") for k in range(2_000)]
    make(folder / "db.sqlite", "CREATE TABLE t (c TEXT, d TEXT)", [("INSERT INTO t VALUES (?, ?)", rows)])
    with Database(folder / "db.sqlite", isolated=False) as source:
        index = ValueIndex.for_database(source, folder / "index")
    return folder / "index", ["How many ships lie in Oslo 55?", *asked_of(index, 6)]


@pytest.mark.parametrize("name", ["manifest.json", *index_files.ARRAYS])
def test_a_flipped_bit_never_gives_another_answer(harbours, tmp_path, name):
    saved, questions = harbours
    right = answers(saved, questions)
    assert {hit.value for hit in right[0]} >= {"Oslo 55"}
    shutil.copytree(saved, directory := tmp_path / "index")
    path = directory / name if name.endswith("json") else next(directory.glob(f"data-*/{name}.npy"))
    whole, bits = path.read_bytes(), random.Random(name)
    seen = set()
    for _ in range(10):
        flip(path, bits.randrange(8 * len(whole)))
        found = answers(directory, questions)
        assert found in ("refused", right)
        seen.add(str(found) == "refused")
        if name != "manifest.json":  # its bit in blank space is one that no answer rests on
            with pytest.raises(FormatError, match="ctxprune sql index"):
                ValueIndex.verify(directory)
        path.write_bytes(whole)
    assert True in seen


def test_the_letter_that_counted_another_city(harbours, tmp_path):
    saved, questions = harbours
    shutil.copytree(saved, directory := tmp_path / "index")
    path = next(directory.glob("data-*/text.npy"))
    data = path.read_bytes()
    at = data.index(b"Oslo 55") + len("Oslo 5")
    flip(path, 8 * at)  # "Oslo 54"
    index = ValueIndex.open(directory)  # which reads none of the text
    with pytest.raises(FormatError, match=r"bytes \d+ to \d+ .* damaged.*text.npy.*ctxprune sql index"):
        index.lookup(questions[0])


def test_what_was_not_read_is_compared_before_it_is_saved(harbours, tmp_path):
    saved, _questions = harbours
    shutil.copytree(saved, directory := tmp_path / "index")
    path = next(directory.glob("data-*/bands.npy"))
    flip(path, 8 * path.stat().st_size - 1)
    with pytest.raises(FormatError, match="damaged"):
        ValueIndex.open(directory).save(tmp_path / "copy")
    assert not (tmp_path / "copy" / "manifest.json").exists()


def test_verify_counts_the_bytes_of_a_sound_index(harbours):
    saved, _questions = harbours
    assert ValueIndex.verify(saved) == sum(path.stat().st_size for path in saved.glob("data-*/*.npy"))


def test_verify_reads_the_manifest_once(harbours, monkeypatch):
    saved, _questions = harbours
    reads = []
    real = index_files.read_arrays
    monkeypatch.setattr(index_files, "read_arrays", lambda *given: (reads.append(given), real(*given))[1])
    ValueIndex.verify(saved)
    assert len(reads) == 1


def test_damage_is_marked_once_it_is_found(harbours, tmp_path):
    saved, _questions = harbours
    assert index_files.mark_if_damaged(tmp_path / "nothing", every_byte=True) is None
    assert not (tmp_path / "nothing").exists()
    shutil.copytree(saved, directory := tmp_path / "index")
    assert index_files.mark_if_damaged(directory, every_byte=True) is None
    flip(next(directory.glob("data-*/text.npy")), 8 * 1000)
    assert index_files.mark_if_damaged(directory, every_byte=False) is None
    ValueIndex.open(directory)
    assert index_files.mark_if_damaged(directory, every_byte=True).hint.endswith("--repair")
    with pytest.raises(FormatError, match="no checksum"):
        ValueIndex.open(directory)
    assert index_files.mark_if_damaged(directory, every_byte=True) is None  # the next build makes it anew already


def test_an_index_marked_as_damaged_is_built_anew_from_the_same_sample(database, tmp_path):
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(f"Quay {k}",) for k in range(4000)]))
    ValueIndex.for_database(one.sampled(100), tmp_path / "index", mask=[ColumnRef("t", "c")])
    index_files.mark_damaged(tmp_path / "index")
    with pytest.raises(FormatError, match="no checksum"):
        ValueIndex.open(tmp_path / "index")
    calls = []
    found = ValueIndex.for_database(one, tmp_path / "index", progress=lambda *_a: calls.append(1))
    assert calls
    assert 0 < len(found) < 1000
    assert found.columns[0].masked


@pytest.mark.parametrize("version", [1, 2])
def test_an_index_of_an_older_version_is_rebuilt_with_what_it_was_told(database, tmp_path, version):
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(f"Quay {k}",) for k in range(4000)]))
    ValueIndex.for_database(one.sampled(100), tmp_path / "index", mask=[ColumnRef("t", "c")])
    manifest = json.loads((tmp_path / "index" / "manifest.json").read_text())
    del manifest["crc32"]
    (tmp_path / "index" / "manifest.json").write_text(json.dumps(manifest | {"version": version}))
    with pytest.raises(FormatError, match="rebuild the index"):
        ValueIndex.open(tmp_path / "index")
    found = ValueIndex.for_database(one, tmp_path / "index")
    assert 0 < len(found) < 1000
    assert found.columns[0].masked


def test_hidden_columns_stay_hidden_whatever_bit_is_flipped(database, tmp_path):
    one = database("CREATE TABLE t (a TEXT, c TEXT)", ("INSERT INTO t VALUES (?, ?)", [("Oslo", "Quito")]))
    schema, told = one.schema(), Privacy(mask=frozenset({ColumnRef("t", "c")}))
    told.keep(tmp_path)
    path = tmp_path / "privacy.json"
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), 3):
        flip(path, place)
        with suppress(FormatError):
            assert Privacy.saved(tmp_path, schema) == told
        path.write_bytes(whole)


def test_a_damaged_record_of_hidden_columns_is_made_good_by_the_manifest(database, tmp_path):
    one = database("CREATE TABLE t (a TEXT, c TEXT)", ("INSERT INTO t VALUES (?, ?)", [("Oslo", "Quito")]))
    ValueIndex.for_database(one, tmp_path / "index", mask=[ColumnRef("t", "c")])
    (tmp_path / "index" / "privacy.json").write_text("{")
    assert Privacy.saved(tmp_path / "index", one.schema()).mask == {ColumnRef("t", "c")}
    assert ValueIndex.for_database(one, tmp_path / "index").hidden == (ColumnRef("t", "c"),)


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "null", "7", '{"exclude": null, "mask": [["t", "c"]], "mask_personal": false}',
     '{"exclude": [], "mask": [["t"]], "mask_personal": false}',
     '{"exclude": [], "mask": "tc", "mask_personal": false}',
     '{"exclude": [], "mask": [["t", "c"]], "mask_personal": "yes"}'],
)  # fmt: skip
def test_a_record_of_another_form_does_not_show_what_was_hidden(database, tmp_path, text):
    """It was read as one that hides nothing."""
    one = database("CREATE TABLE t (a TEXT, c TEXT)", ("INSERT INTO t VALUES (?, ?)", [("Oslo", "Quito")]))
    ValueIndex.for_database(one, tmp_path / "index", mask=[ColumnRef("t", "c")])
    (tmp_path / "index" / "privacy.json").write_text(text)
    assert Privacy.saved(tmp_path / "index", one.schema()).mask == {ColumnRef("t", "c")}
    (tmp_path / "index" / "manifest.json").unlink()
    with pytest.raises(FormatError, match="which columns are hidden cannot be read"):
        ValueIndex.for_database(one, tmp_path / "index")


@pytest.mark.parametrize("kind", ["build", "data", "lock", "privacy"])
def test_a_link_in_the_directory_is_never_followed(database, tmp_path, monkeypatch, kind):
    """A build removes what others have left in its work folder: behind a link that would be somebody's files."""
    one = database("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(f"Quay {k}",) for k in range(300)]))
    monkeypatch.setattr(run_buffer, "_SPILL", 1)
    (precious := tmp_path / "precious").mkdir()
    (precious / "letter.txt").write_text("dear")
    (directory := tmp_path / "index").mkdir()
    monkeypatch.setattr(index_files, "_digest", lambda _wanted: "01234567")
    if kind == "build":
        (directory / "build-01234567").symlink_to(precious, target_is_directory=True)
    elif kind == "data":
        (directory / "data-deadbeef").symlink_to(precious, target_is_directory=True)
    elif kind == "lock":
        (directory / ".lock").symlink_to(tmp_path / "made")
    else:
        (directory / "privacy.tmp").symlink_to(precious / "letter.txt")
        (directory / ".lock").touch()
    if kind == "lock":
        with pytest.raises(IndexBuildError, match="cannot be written"):
            ValueIndex.for_database(one, directory)
        assert not (tmp_path / "made").exists()
    elif kind == "privacy":
        Privacy(mask_personal=True).keep(directory)
    else:
        assert len(ValueIndex.for_database(one, directory)) == 300
    assert [path.name for path in precious.iterdir()] == ["letter.txt"]
    assert (precious / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<u8', 'fortran_order': True, 'shape': (1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<u8', 'fortran_order': False, 'shape': (999999999999999,), }",
        "{'descr': '<u8', 'fortran_order': False, 'shape': (0001,), }",
        "{'descr': '<u8', 'fortran_order': False, 'shape': (1L,), }",
        "(" * 110,
        "[" * 110,
        "\x00" * 40,
    ],
)
def test_a_strange_header_is_refused_without_being_parsed(tmp_path, text):
    header = b"\x93NUMPY\x01\x00v\x00" + text.encode().ljust(117) + b"\n"
    (tmp_path / "a.npy").write_bytes(header + bytes(8))
    with pytest.raises(ValueError, match=r"no plain array|another size"):
        mapped(tmp_path / "a.npy")


def test_headers_are_those_of_numpy(tmp_path):
    for array in (np.arange(7, dtype="<u4"), np.zeros((3, 23456), dtype="<u8"), np.zeros(0, dtype="|u1")):
        path = tmp_path / "a.npy"
        path.write_bytes(header_of(array.dtype, array.shape) + array.tobytes())
        assert np.array_equal(np.load(path), array)
        assert np.array_equal(mapped(path), array)


@pytest.mark.parametrize("change", [{"rows": 5}, {"reports": []}, {"runs": []}])
def test_the_state_of_an_unfinished_build_carries_a_checksum(database, tmp_path, monkeypatch, change):
    """Without it, a flipped bit in the number of rows would shift every value behind it."""
    monkeypatch.setattr(run_buffer, "_SPILL", 1)
    one = database("CREATE TABLE t (c TEXT, d TEXT)", ("INSERT INTO t VALUES (?, ?)", [("Quito", "Lima")] * 3))

    def stop(done, _total, _name):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ValueIndex.for_database(one, tmp_path / "index", progress=stop)
    state = next((tmp_path / "index").glob("build-*/state.json"))
    told = parse_json(state.read_bytes())
    state.write_text(json.dumps(told | change))
    read = []
    ValueIndex.for_database(one, tmp_path / "index", progress=lambda done, *_a: read.append(done))
    assert read[0] == 0  # from the start

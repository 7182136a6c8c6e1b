"""The table of word vectors that comes with the library."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import FormatError
from ctxprune.models.vectors import FORMAT, VERSION, WordVectors, load_vectors
from ctxprune.text.words import stem


def near(one: str, other: str) -> float:
    vectors = load_vectors().of([stem(one), stem(other)])
    return float(vectors[0] @ vectors[1])


@pytest.mark.parametrize(
    ("word", "synonym", "other"),
    [
        ("salary", "wage", "city"),
        ("singer", "vocalist", "stadium"),
        ("town", "city", "price"),
        ("cost", "price", "name"),
    ],
)
def test_synonyms_are_nearer_than_other_words(word: str, synonym: str, other: str):
    assert near(word, synonym) > 0.6 > 0.4 > near(word, other)


def test_vectors_have_unit_length_and_unknown_stems_none():
    vectors = load_vectors().of(["salary", "qzxv", ""])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 0])
    assert load_vectors().of([]).shape == (0, vectors.shape[1])


def test_an_unknown_word_borrows_from_its_known_beginning():
    known, longer = load_vectors().of(["salary", "salaryqq"])
    assert longer == pytest.approx(known * 6 / 8)
    assert not load_vectors().of(["agezzz"]).any()


def write(path: Path, **changes: object) -> Path:
    meta = {"format": FORMAT, "version": VERSION}
    arrays = {
        "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8),
        "stems": np.frombuffer(b"one\ntwo", np.uint8),
        "vectors": np.ones((2, 3), np.int8),
    }
    np.savez(path, **{**arrays, **changes})  # type: ignore[arg-type]
    return path


def test_a_table_is_read_back(tmp_path: Path):
    vectors = WordVectors.read(write(tmp_path / "v.npz"))
    assert vectors.rows == {"one": 0, "two": 1}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"meta": np.frombuffer(b'{"format": "other"}', np.uint8)}, "not word vectors"),
        ({"meta": np.frombuffer(b"[1]", np.uint8)}, "not word vectors"),
        ({"meta": np.frombuffer(b"{", np.uint8)}, "damaged"),
        ({"vectors": np.ones((3, 3), np.int8)}, "2 stems but 3 vectors"),
        ({"vectors": np.array([object()])}, "damaged"),
    ],
)
def test_damage_is_told(tmp_path: Path, changes: dict[str, object], words: str):
    with pytest.raises(FormatError, match=words):
        WordVectors.read(write(tmp_path / "v.npz", **changes))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04cut"])
def test_no_archive_is_told(tmp_path: Path, content: bytes):
    path = tmp_path / "v.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="damaged"):
        WordVectors.read(path)


def test_all_weights_together_stay_under_two_megabytes():
    weights = (("ctxprune.sql.linking", "ranked.json"), ("ctxprune.models", "vectors.npz"))
    sizes = [len(files(package).joinpath(name).read_bytes()) for package, name in weights]
    assert sum(sizes) < 2_000_000

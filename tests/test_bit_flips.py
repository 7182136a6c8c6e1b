"""A few of the flipped bits of benchmarks/stress/bit_flips.py, in every kind of file that the library writes."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path

import pytest

COUNT = 25
SCRIPT = importlib.import_module("benchmarks.stress.bit_flips")
PLAIN = [name for name in SCRIPT.KINDS if name not in ("index in Redis", *SCRIPT.BY_HAND)]
TRAINED = [
    *("KV cache", "KV gates", "KV filters", "KV log", "shrunk model", "shrunk deltas", "shrink log"),
    *("training checkpoint", "taught windows"),
]


@pytest.mark.parametrize("name", PLAIN)
def test_a_flipped_bit_gives_the_same_answer_or_an_error_of_ours(name: str) -> None:
    if name == "parquet target":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    found = SCRIPT.flip_bits(name, COUNT)
    assert (found["wrong"], found["raw"]) == (0, 0), found


@pytest.mark.skipif(not (find_spec("torch") and find_spec("transformers")), reason="needs the train extra")
@pytest.mark.parametrize("name", TRAINED)
def test_a_flipped_bit_in_a_file_of_the_train_extra(name: str) -> None:
    assert set(TRAINED) <= set(importlib.import_module("benchmarks.stress._torch_kinds").KINDS)
    found = SCRIPT.flip_bits(name, COUNT)
    assert (found["wrong"], found["raw"]) == (0, 0), found


def test_a_flipped_bit_in_redis(redis_url: str) -> None:
    assert redis_url  # skipped where there is no server
    found = SCRIPT.flip_bits("index in Redis", COUNT)
    assert (found["wrong"], found["raw"]) == (0, 0), found


def test_what_people_edit_by_hand_carries_no_checksum_and_raises_nothing_of_others() -> None:
    for name in SCRIPT.BY_HAND:
        assert SCRIPT.flip_bits(name, 4 * COUNT)["raw"] == 0


def test_outcomes_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\0")

    def ask() -> int:
        found = path.read_bytes()[0]
        if found == 1:
            raise SCRIPT.CtxpruneError("refused")
        if found == 2:
            raise KeyError(found)
        return found & ~4

    specimen = SCRIPT.Specimen([path], ask)
    told = []
    for place in range(4):
        told.append(SCRIPT._outcome(specimen, path, place, 0)[0])
        path.write_bytes(b"\0")
    assert told == ["refused", "raw", "same", "wrong"]

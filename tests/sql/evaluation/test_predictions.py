"""Files of predictions: what each format gives, and what is wrong with an entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import InputError
from ctxprune.sql.evaluation.predictions import Prediction, read_predictions

TAB = "\t----- bird -----\t"


def read(tmp_path: Path, text: str):
    path = tmp_path / "predictions"
    path.write_text(text, encoding="utf-8")
    return read_predictions(path)


def test_bird_object_in_file_order(tmp_path: Path):
    found = read(tmp_path, json.dumps({
        "7": f"SELECT 1{TAB}shop", "0": "  SELECT 2 ", "x": 5, "y": None, "z": f"a{TAB}b{TAB}c", "e": f" {TAB}shop",
    }))  # fmt: skip
    assert found.form == "bird"
    assert found.entries == (
        Prediction("SELECT 1", "shop"),
        Prediction("SELECT 2", "financial", "no_separator"),
        Prediction(" ", "financial", "not_text"),
        Prediction(" ", "financial", "not_text"),
        Prediction(f"a{TAB}b{TAB}c", "financial", "no_separator"),
        Prediction(" ", "shop", "empty"),
    )


def test_json_arrays_and_json_lines(tmp_path: Path):
    entries = ["SELECT 1", {"sql": "SELECT\n2", "db_id": "shop"}, {"query": 3}, "", {"predicted_sql": "SELECT 4"}, {}]
    wanted = (
        Prediction("SELECT 1"), Prediction("SELECT\n2", "shop"), Prediction(" ", "", "not_text"),
        Prediction("", "", "empty"), Prediction("SELECT 4"), Prediction(" ", "", "not_text"),
    )  # fmt: skip
    assert read(tmp_path, json.dumps(entries)).entries == wanted
    rows = [entry for entry in entries if isinstance(entry, dict)]
    lines = "\n".join(map(json.dumps, rows))
    assert read(tmp_path, lines).entries == (wanted[1], wanted[2], wanted[4], wanted[5])
    assert read(tmp_path, '{"sql": "SELECT 1"}\n').entries == (Prediction("SELECT 1"),)


@pytest.mark.parametrize(
    ("text", "sqls", "stops"),
    [
        ("a\nb\n", ["a", "b"], False),
        ("a\tx\n  b \tdb", ["a", "b "], False),
        ("a\nb\n\n", ["a", "b"], False),
        ("a\n\nb\n", ["a", "", "b"], True),
        ("a\nb\n\n\n", ["a", "b", "", ""], True),
        ("\na\n", ["", "a"], True),
        ("a\r\nb\r\n", ["a", "b"], False),
        ("", [], True),
    ],
)
def test_lines_and_sessions(tmp_path: Path, text: str, sqls: list[str], stops: bool):
    found = read(tmp_path, text)
    assert [entry.sql for entry in found.entries] == sqls
    assert bool(found.stops) is stops


def test_damaged_files(tmp_path: Path):
    with pytest.raises(InputError, match="damaged JSON"):
        read(tmp_path, '{"0": "SELECT 1"')
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(tmp_path / "nowhere")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(tmp_path / "binary")


def test_the_digest_tells_predictions_apart(tmp_path: Path):
    one = read(tmp_path, "SELECT 1\n")
    assert one.digest == read(tmp_path, "SELECT 1").digest != read(tmp_path, "SELECT 2").digest


def test_a_path_with_a_nul_character() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(Path("a\0.json"))

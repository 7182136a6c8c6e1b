"""Published predictions and how they are joined to the items of a set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import InputError, UnknownNameError
from ctxprune.sql.evaluation.candidates import Candidates, read_candidates
from ctxprune.sql.evaluation.datasets import Item


def items(*names: str, ids: str = "") -> list[Item]:
    return [Item(i, name, f"q{i}", "SELECT 1", question_id=ids[i : i + 1]) for i, name in enumerate(names)]


def read(tmp_path: Path, *rows: dict) -> Candidates:
    path = tmp_path / "c.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return read_candidates(path)


def row(sql: str, **place: object) -> dict:
    return {**place, "candidates": {"one": sql}}


def test_on_question_id(tmp_path: Path):
    found = read(tmp_path, row("B", question_id=7, db_id="b"), row("A", question_id=5, db_id="a"),
                 row("C", question_id=6, db_id="other"))  # fmt: skip
    assert found.of("one", items("a", "b", "c", "d", ids="576")) == {0: "A", 1: "B"}


def test_line_by_line_where_the_databases_agree(tmp_path: Path):
    found = read(tmp_path, row("A", index=41, db_id="a", question="x"), row("B", index=42, db_id="b", question="y"))
    assert found.of("one", items("a", "b")) == {0: "A", 1: "B"}


def test_by_index_into_a_complete_set(tmp_path: Path):
    found = read(tmp_path, row("A", index=1, db_id="a", question="x"), row("B", index=2, db_id="b", question="y"))
    assert found.of("one", items("z", "a", "b")) == {1: "A", 2: "B"}


def test_by_question_otherwise(tmp_path: Path):
    found = read(tmp_path, row("A", index=90, db_id="a", question="q2"), row("B", index=91, db_id="b", question="q0"))
    assert found.of("one", items("b", "c", "a")) == {0: "B", 2: "A"}


def test_what_is_no_text_is_left_out(tmp_path: Path):
    found = read(tmp_path, row(None, index=0, db_id="a"), row("B", index=1, db_id="b"))  # type: ignore[arg-type]
    assert found.of("one", items("a", "b")) == {1: "B"}


def test_an_unknown_system_lists_the_known(tmp_path: Path):
    found = read(tmp_path, {"db_id": "a", "candidates": {"x": "1", "y": "2"}})
    with pytest.raises(UnknownNameError, match="known: x, y"):
        found.of("z", items("a"))


@pytest.mark.parametrize("text", ["{", "[1]", '{"candidates": []}', "\xff"])
def test_other_files_are_refused(tmp_path: Path, text: str):
    path = tmp_path / "c.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"c\.jsonl"):
        read_candidates(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_candidates(tmp_path / "absent.jsonl")


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path):
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps(row("a\u2028b", db_id="a"), ensure_ascii=False) + "\n", encoding="utf-8")
    found = read_candidates(path)
    assert found.of("one", items("a")) == {0: "a\u2028b"}
    assert (found.name, len(found.fingerprint), found.systems) == ("c.jsonl", 16, ["one"])


def test_a_path_with_a_nul_character() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_candidates(Path("a\0.jsonl"))

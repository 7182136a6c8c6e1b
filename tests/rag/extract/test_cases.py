"""The memory of cases: bounded, by likeness, saved as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.rag.extract import Case, CaseMemory


def test_the_latest_stay_and_the_likest_are_shown(tmp_path: Path) -> None:
    memory = CaseMemory(3)
    for number in range(5):
        memory.add(Case("Toy", f"kite number {number}", [{"n": number}]))
    memory.add(Case("Toy", "a red ball", [{}]))
    memory.add(Case("Toy", "a blue ball", [{"n": "x"}], "n: is no number"))
    memory.add(Case("Other", "a red ball", []))
    assert len(memory) == 4
    assert [case.text for case in memory.select("Toy", "the red ball", 2)] == ["a red ball", "a blue ball"]
    assert [case.problem for case in memory.select("Toy", "the red ball", 1)] == [""]
    assert memory.select("Toy", "x", 0) == memory.select("None", "x", 3) == []
    memory.save(tmp_path / "cases.json")
    again = CaseMemory.load(tmp_path / "cases.json")
    assert again.select("Toy", "ball", 9) == memory.select("Toy", "ball", 9)
    assert again.size == 3


def test_an_equal_case_is_kept_once_and_long_texts_are_cut() -> None:
    memory = CaseMemory()
    memory.add(Case("Toy", "x" * 5_000, []))
    memory.add(Case("Toy", "x" * 5_000, []))
    assert len(memory) == 1
    assert len(memory.select("Toy", "x", 1)[0].text) == 1_000
    with pytest.raises(InputError):
        memory.add(Case("Toy", "x", {1, 2}))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"format": "ctxprune.extraction-cases", "version": 2}', "\x00"]
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(FormatError):
        CaseMemory.load(path)
    document = {"format": "ctxprune.extraction-cases", "version": 1, "size": 2, "cases": [{"schema": 1}]}
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match="lacks"):
        CaseMemory.load(path)


def test_missing_files_and_sizes(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        CaseMemory.load(tmp_path / "none.json")
    with pytest.raises(InputError):
        CaseMemory().save(tmp_path / "none" / "x.json")
    with pytest.raises(UsageError):
        CaseMemory(0)

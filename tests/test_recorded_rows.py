"""A further run of a benchmark adds to the rows that are recorded, and measures none of them twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.common.recorded_rows import RecordedRows
from ctxprune.errors import UsageError

TITLE = {"recipe": "a", "target": "latency=0.5", "seed": 0, "steps": 0, "calibration": 16}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    row = TITLE | {"loss": 1.0, "command": "python old.py", "commit": "abc"}
    document = {"data": {"model": "m"}, "figures": {"rows": [row], "full": {"ms": 5.0}}}
    (tmp_path / "some.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


def refuse() -> dict[str, object]:
    raise AssertionError("measured twice")


def test_a_recorded_row_is_not_measured_again_unless_asked(folder: Path) -> None:
    rows = RecordedRows("some", {"model": "m"}, folder=folder)
    assert rows.figures["full"] == {"ms": 5.0}
    assert rows.row(TITLE, refuse)["loss"] == 1.0
    again = RecordedRows("some", {"model": "m"}, folder=folder, again=True)
    found = again.row(TITLE, lambda: {"loss": 2.0})
    assert found["loss"] == 2.0
    assert found["command"].startswith("python ")
    assert found["command"] != "python old.py"
    assert again.rows == [found]


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"target": "latency=0.75"}, {"steps": 9, "rate": 0.1}, {"recipe": "b"}]
)
def test_other_seeds_targets_and_settings_are_rows_of_their_own(folder: Path, change: dict[str, object]) -> None:
    rows = RecordedRows("some", {"model": "m"}, folder=folder)
    rows.row(TITLE | change, lambda: {"loss": 3.0})
    assert sorted(row["loss"] for row in rows.rows) == [1.0, 3.0]
    assert next(row for row in rows.rows if row["loss"] == 1.0)["commit"] == "abc"


def test_rows_of_another_model_are_not_mixed_in(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"other data \(model\)"):
        RecordedRows("some", {"model": "n"}, folder=folder)
    assert RecordedRows("none", {"model": "n"}, folder=folder).rows == []


def test_a_row_that_failed_is_measured_again(folder: Path) -> None:
    rows = RecordedRows("some", {"model": "m"}, folder=folder)
    assert rows.row(TITLE | {"seed": 1}, lambda: {"status": "out of memory"})["status"] == "out of memory"
    assert rows.row(TITLE | {"seed": 1}, lambda: {"status": "done", "loss": 2.0})["loss"] == 2.0
    assert rows.row(TITLE | {"seed": 1}, refuse)["loss"] == 2.0

"""`benchmarks/report/changed.py`: which figures count as changed."""

from __future__ import annotations

import importlib


def test_figures_are_compared_and_times_are_not():
    module = importlib.import_module("benchmarks.report.changed")
    before = {"recall": 0.5, "seconds": 1.0, "rows": [{"kept": 1, "ms_per_page": 3}], "programs": 2}
    assert list(module.differences(before, {**before, "seconds": 9.0}, "x")) == []
    found = list(module.differences(before, {**before, "recall": 0.6, "programs": 3}, "x"))
    assert found == [("x / programs: 2 became 3", False), ("x / recall: 0.5 became 0.6", False)]
    assert list(module.differences(before, {**before, "rows": [{"kept": 2, "ms_per_page": 8}]}, "x")) == [
        ("x / rows [0] / kept: 1 became 2", False)
    ]
    found = list(module.differences(before, {**before, "rows": []}, "x"))
    assert found == [(f"x / rows: {before['rows']} became []", False)]
    found = list(module.differences(before, {"recall": 0.5, "rows": before["rows"], "speeds": 2, "peer": 1}, "x"))
    assert found == [("x / peer: None became 1", True), ("x / programs: 2 became None", True),
                     ("x / speeds: None became 2", True)]  # fmt: skip


def test_the_committed_figures_do_not_differ_from_themselves(monkeypatch):
    module = importlib.import_module("benchmarks.report.changed")
    monkeypatch.setattr("sys.argv", ["changed.py", "spider"])
    monkeypatch.setattr(module, "committed", lambda name, commit: __import__("json").loads(
        (module.ROOT / module.RESULTS / f"{name}.json").read_text()
    ))  # fmt: skip
    assert module.main() == 0

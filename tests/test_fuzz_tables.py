"""A few of the inputs of benchmarks/fuzz_tables.py."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)


@pytest.mark.parametrize(
    ("kind", "count"), [("csv", 200), ("markdown", 200), ("html", 50), ("lists", 200), ("frames", 200), ("files", 50)]
)
def test_made_inputs(kind: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, fuzz = load("fuzz_tables", monkeypatch), load("_fuzz", monkeypatch).fuzz
    monkeypatch.setattr(tables.csv_file, "_BLOCK", 256)  # and back again
    figures = fuzz(kind, *tables.KINDS[kind], count=count)
    assert (figures["failed"], figures["over_limit"]) == (0, 0), figures
    assert figures["refused"] < count / 2

"""A few of the inputs of benchmarks/fuzz_json.py."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("jsonschema_rs")

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


@pytest.mark.parametrize("kind", ["schemas", "tools", "witness"])
def test_made_inputs(kind: str) -> None:
    make, check = load("fuzz_json").KINDS[kind]
    figures = load("_fuzz").fuzz(kind, make, check, count=200)
    assert (figures["failed"], figures["over_limit"]) == (0, 0), figures
    assert figures["refused"] < 150

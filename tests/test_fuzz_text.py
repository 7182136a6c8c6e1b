"""A few of the inputs of benchmarks/fuzz_text.py, and the runner itself."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ctxprune.errors import UsageError

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


@pytest.mark.parametrize("kind", ["json", "logs", "dedup"])
def test_made_inputs(kind: str) -> None:
    make, check = load("fuzz_text").KINDS[kind]
    figures = load("_fuzz").fuzz(kind, make, check, count=200)
    assert (figures["failed"], figures["over_limit"]) == (0, 0), figures
    assert figures["refused"] < 150


def test_failures_hangs_and_refusals_are_told_apart() -> None:
    fuzz, refusable = load("_fuzz").fuzz, load("_fuzz").refusable

    def check(given: int) -> None:
        if given == 0:
            with refusable():
                raise UsageError("no")
        assert given != 1
        while given == 2:
            pass

    figures = fuzz("self", lambda state: state.randrange(4), check, count=40, limit=0.02)
    assert figures["refused"] >= 1
    assert figures["failed"] >= 1
    assert figures["over_limit"] >= 1
    assert figures["refused"] + figures["failed"] + figures["over_limit"] < 40
    assert figures == {**fuzz("self", lambda state: state.randrange(4), check, count=40, limit=0.02),
                       "slowest_seconds": figures["slowest_seconds"]}  # fmt: skip


def test_written_text_that_cannot_be_read_is_a_failure() -> None:
    module, text = load("_fuzz"), load("fuzz_text")

    class Broken(text.JsonDocument):  # type: ignore[misc, name-defined]
        def render(self, kept):  # type: ignore[no-untyped-def]
            return super().render(kept) if len(kept) == len(self.units) else "{broken"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "JsonDocument", Broken)
        figures = module.fuzz("json", *text.KINDS["json"], count=30)
    assert figures["failed"] > 5
    assert "this is no JSON" in figures["first_failures"][0]["error"]

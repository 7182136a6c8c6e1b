"""A few of the inputs of the fuzz scripts in tests/fuzz, and their runner itself."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from ctxprune.errors import UsageError

pytest.importorskip("jsonschema_rs")

FOLDER = Path(__file__).resolve().parent / "fuzz"
KINDS = {
    "fuzz_json": {"schemas": 200, "tools": 200, "witness": 200},
    "fuzz_tables": {"csv": 200, "markdown": 200, "html": 50, "lists": 200, "frames": 200, "files": 50},
    "fuzz_text": {"json": 200, "logs": 200, "dedup": 200},
}


def load(name: str) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        return importlib.import_module(name)


@pytest.mark.parametrize(
    ("script", "kind", "count"), [(script, *case) for script, cases in KINDS.items() for case in cases.items()]
)
def test_made_inputs(script: str, kind: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if script == "fuzz_tables":
        monkeypatch.setattr(load(script).csv_file, "_BLOCK", 256)  # and back again
    figures = load("fuzz_runner").fuzz(kind, *load(script).KINDS[kind], count=count)
    assert (figures["failed"], figures["over_limit"]) == (0, 0), figures
    assert figures["refused"] < 0.75 * count


def test_failures_hangs_and_refusals_are_told_apart() -> None:
    fuzz, refusable = load("fuzz_runner").fuzz, load("fuzz_runner").refusable

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
    module, text = load("fuzz_runner"), load("fuzz_text")

    class Broken(text.JsonDocument):  # type: ignore[misc, name-defined]
        def render(self, kept):  # type: ignore[no-untyped-def]
            return super().render(kept) if len(kept) == len(self.units) else "{broken"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "JsonDocument", Broken)
        figures = module.fuzz("json", *text.KINDS["json"], count=30)
    assert figures["failed"] > 5
    assert "this is no JSON" in figures["first_failures"][0]["error"]


def test_a_property_that_is_not_dropped_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    schemas = load("fuzz_json")

    class Whole(schemas.JsonSchema):  # type: ignore[misc, name-defined]
        def render(self, kept):  # type: ignore[no-untyped-def]
            return super().render(range(len(self.units)))

    monkeypatch.setattr(schemas, "JsonSchema", Whole)
    figures = load("fuzz_runner").fuzz("schemas", *schemas.KINDS["schemas"], count=60)
    assert figures["failed"] > 5

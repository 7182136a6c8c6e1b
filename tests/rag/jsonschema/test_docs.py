"""docs/tasks/json_schemas.md: its Python runs as it stands and says what the page says."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
from doc_pages import ROOT, blocks, page

pytest.importorskip("jsonschema_rs")

RESULTS = ROOT / "benchmarks" / "results"
PAGE = page("tasks/json_schemas")
WITNESS, PROJECTION, COMPLIANCE = blocks("tasks/json_schemas")


def run(code: str) -> str:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(code, {"__name__": "page"})
    return shown.getvalue()


def test_the_witness_and_the_proof() -> None:
    first, second = run(WITNESS).splitlines()
    assert first.startswith("satisfiable {")
    assert "verdict='unsatisfiable'" in second
    assert "the name of the required member 'lines' is not allowed" in second


def test_the_projection() -> None:
    assert run(PROJECTION) == "Projection(instances=50, broken=(), verdict='satisfiable', reason='')\n"


def test_the_compliance() -> None:
    assert run(COMPLIANCE) == "('book: /properties/night: format',)\n"


def read_figures(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return figures


def test_the_tables_are_the_records() -> None:
    record, projection = read_figures("json_schema_suite"), read_figures("json_schema_projection")
    suite = record["figures"]
    parts = {name.removeprefix("draft"): found for name, found in suite["drafts"].items()} | {"all": suite["total"]}
    for name, found in parts.items():
        valid = found["valid_right"] + found.get("valid_unknown", 0)
        invalid = found["invalid_right"] + found.get("invalid_unknown", 0)
        unsound = sum(found.get(f"{noun}_unsound", 0) for noun in ("valid", "invalid", "schemas"))
        row = f"| {name} | {found['valid_right']} of {valid} | {found['invalid_right']} of {invalid} | {unsound} |"
        assert f"{row} {found['remote']} |" in PAGE
    for name, found in suite["keywords"].items():
        if min(found.get("valid_right_percent", 100), found.get("invalid_right_percent", 100)) < 100:
            valid, invalid = (
                found.get(f"{noun}_right", 0) + found.get(f"{noun}_unknown", 0) for noun in ("valid", "invalid")
            )
            assert (
                f"| {name} | {found['valid_right']} of {valid} | {found.get('invalid_right', 0)} of {invalid} |" in PAGE
            )
    assert f"`{record['commit']}`" in PAGE
    found = projection["figures"]
    assert found["changed_right"] == found["changed"]
    text = " ".join(PAGE.split())
    assert f"Of {found['valid']:,} valid instances {found['without_units']:,} are of schemas without a property" in text
    assert f"for {found['dropped']} something is dropped, which changes {found['changed']} of the instances" in text

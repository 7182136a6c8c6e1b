"""docs/tasks/json_schemas.md: its Python runs as it stands and says what the page says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

pytest.importorskip("jsonschema_rs")

PAGE = (Path(__file__).parents[3] / "docs" / "tasks" / "json_schemas.md").read_text(encoding="utf-8")
WITNESS, PROJECTION, COMPLIANCE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


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
    assert run(PROJECTION) == "Projection(instances=50, broken=())\n"


def test_the_compliance() -> None:
    assert run(COMPLIANCE) == "('book: /properties/night: format',)\n"

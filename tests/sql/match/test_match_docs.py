"""docs/tasks/schema_matching.md: its Python runs as pasted, and its figures are those that were recorded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "tasks" / "schema_matching.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "results"


def test_its_python_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=200
    )
    assert done.stdout == shown


def test_its_figures_are_recorded() -> None:
    matching = json.loads((RESULTS / "matching.json").read_text())["figures"]
    migration = json.loads((RESULTS / "migration.json").read_text())["figures"]
    assert f"| ours | {matching['matchers']['ours']['mean']} |" in PAGE
    best = matching["best peer"]
    assert f"| {best} | {matching['matchers'][best]['mean']} |" in PAGE
    labels = ("with values", "no values", "no values, `--names-alone`")
    for way, label in zip(("with values", "no values", "no values, names trusted"), labels, strict=True):
        row = migration[way]
        shares = (row["carried of the carriable, %"], row["carried of all, %"])
        assert f"| {label} | {shares[0]} % | {shares[1]} % | {row['wrong']} |" in PAGE

"""The table of benchmarks/README.md: which script made which file of figures, and when it was last run."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report._card import table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TABLES"]

ROOT = Path(__file__).resolve().parents[2]


def results_table() -> str:
    rows = []
    for path in [*(ROOT / "benchmarks" / "results").glob("*.json"), *(ROOT / "benchmarks" / "stress").glob("*.json")]:
        document = json.loads(path.read_text(encoding="utf-8"))
        if "command" in document:
            script = document["command"].split()[1]
            rows.append([f"`{script}`", f"`{path.relative_to(ROOT / 'benchmarks')}`", _purpose(ROOT / script)])
    return table(["script", "figures", "what it measures"], sorted(rows))


def _purpose(script: Path) -> str:
    """The first sentence of the script's docstring."""
    text = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


TABLES: dict[str, Callable[[], str]] = {"results": results_table}

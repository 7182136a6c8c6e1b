"""Notebooks for the tests: run one, and look at its outputs."""

from __future__ import annotations

import re

import pytest
from nbformat import NotebookNode

from benchmarks.report import notebooks

# A user's folder, a temporary one or a drive; "/v1" of a URL is none.
_PATHS = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|Users|work|var|usr|private|opt)/|\b[A-Z]:\\\\?\w")
_WARNINGS = re.compile(r"\w*Warning\b|\bwarning:", re.IGNORECASE)


def check_run(name: str) -> None:
    """Run a notebook: no cell fails, nothing odd is printed, and what has to stay the same does."""
    stored = notebooks.read(name)
    executed = notebooks.execute(stored)
    found = notebooks.differences(stored, executed)
    assert not found, "\n".join([f"run make notebooks, and look at {name}.ipynb", *found])
    assert find_odd_outputs(executed) == []


def find_odd_outputs(notebook: NotebookNode) -> list[str]:
    """What outputs may not hold: errors, the error stream, warnings, paths of a machine."""
    found = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            text = output_text(output)
            odd = [
                *(["an error"] if output.output_type == "error" else []),
                *(["the error stream"] if output.get("name") == "stderr" else []),
                *_WARNINGS.findall(text),
                *_PATHS.findall(text),
            ]
            found += [f"{cell.id}: {words}" for words in odd]
    return found


def output_text(output: NotebookNode) -> str:
    """All text of an output."""
    data = output.get("data", {})
    return "\n".join([output.get("text", ""), *(value for kind, value in data.items() if kind.startswith("text/"))])


def need_tools() -> None:
    """Skip where notebooks cannot be run."""
    for name in ("nbclient", "ipykernel", "matplotlib"):
        pytest.importorskip(name, reason=f"{name} is not installed")

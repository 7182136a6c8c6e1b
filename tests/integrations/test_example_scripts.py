"""The scripts of examples/ run as they stand, each where its framework is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# The package that a script needs, and what it has to print.
SCRIPTS = {
    "plain_script": ("ctxprune", ("It opened in 1933.  [history.md:53-71]", "São Paulo", "((2,),)")),
    "fastapi_backend": ("fastapi", ("It opened in 1933.", "tokens_after")),
    "langchain_agent": ("langchain", ("tool: ", '"rows": [[2]]', "Two customers are in São Paulo.")),
    "langchain_retriever": ("langchain_core", ("It opened in 1933.", "dropped from visit (budget")),
    "llama_index_query": ("llama_index", ("open in 1933.", "1")),
    "haystack_pipeline": ("haystack", ("open in 1933.",)),
    "ray_job": ("ray", ("PruneReport(", "It opened in 1900.")),
}


def test_every_script_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SCRIPTS)
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}.py)" in table for name in SCRIPTS)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_the_script_runs(name: str, tmp_path: Path) -> None:
    package, parts = SCRIPTS[name]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for part in parts:
        assert part in done.stdout

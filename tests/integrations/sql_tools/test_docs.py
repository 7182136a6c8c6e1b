"""docs/tasks/sql_tools.md: its blocks run, each where its framework is installed, and its table is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_pages import blocks, page

pytest.importorskip("pydantic", reason="no framework is installed")

from ctxprune.integrations.sql_tools.budget import DEFAULT_TOKENS
from ctxprune.integrations.sql_tools.toolbox import TOOLS

PAGE = page("tasks/sql_tools")
BLOCKS = blocks("tasks/sql_tools")
SHOWN = {
    "langchain": ("(country:TEXT", '"rows": [["São Paulo"]]', "only a SELECT query may run, not DELETE"),
    "llama_index": ("SQL: SELECT", "[[1]] answered []", '["Springfield"]'),
    "haystack": ("SQL: SELECT", "[[1]] answered []", '["Springfield"]'),
}
PACKAGES = {"langchain": "langchain_core", "llama_index": "llama_index.core", "haystack": "haystack"}


@pytest.mark.parametrize("framework", SHOWN)
def test_the_python_runs(
    framework: str, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(PACKAGES[framework], reason=f"{framework} is not installed")
    monkeypatch.chdir(shop.parent)
    (block,) = (text for text in BLOCKS if f"ctxprune.integrations.{framework}" in text)
    names: dict = {}
    exec(compile(block, "sql_tools.md", "exec"), names)
    told = capsys.readouterr().out
    for part in SHOWN[framework]:
        assert part in told
    if framework == "haystack":
        names["pipeline"].get_component("shop").close()


def test_the_table_lists_the_tools() -> None:
    assert len(BLOCKS) == len(SHOWN)
    shown = re.findall(r"^\| `(\w+)\((.*?)\)` \|", PAGE, re.MULTILINE)
    assert shown == [(name, ", ".join(tool.arguments.model_fields)) for name, tool in TOOLS.items()]
    assert f"({DEFAULT_TOKENS:,} by default)" in PAGE

"""docs/tasks/mcp.md: its Python runs, its commands are there, and what it says of tools and limits is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import blocks, page

from ctxprune.cli import main
from ctxprune.integrations.mcp import DEFAULT_TOKENS, ReplyStore
from ctxprune.integrations.mcp.tools import TOOLS
from ctxprune.serve.config import LimitsConfig

PAGE = page("tasks/mcp")
(PYTHON,) = blocks("tasks/mcp")
(BASH,) = blocks("tasks/mcp", "bash")


def test_the_python_runs(shop: Path) -> None:
    # The SDK hands on no variables, and this checkout may not be the one that is installed.
    environment = f"env={{'PYTHONPATH': {os.environ.get('PYTHONPATH', '')!r}}}, args="
    (shop.parent / "page.py").write_text(PYTHON.replace("args=", environment), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=shop.parent, check=True, capture_output=True, text=True, timeout=200
    )
    assert "(country:TEXT" in done.stdout
    assert "of 8 columns are shown" in done.stdout
    assert "[[1]]" in done.stdout
    assert "(currency:" in done.stdout


def test_the_commands_are_there(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shop.parent)
    (shop.parent / "service.toml").write_text("[server]\nport = 8080\n", encoding="utf-8")
    commands = [line.partition("#")[0].split() for line in BASH.splitlines() if line.startswith("ctxprune ")]
    assert len(commands) == 3
    for words in commands:
        assert main([*words[1:], *([] if "--print-config" in words else ["--print-config"])]) == 0
        (entry,) = json.loads(capsys.readouterr().out)["mcpServers"].values()
        assert entry.get("url", "http://127.0.0.1:8080/v1/mcp") in PAGE


def test_the_tools_and_the_limits_are_those() -> None:
    shown = re.findall(r"^\| `(\w+)\((.*?)\)` \|", PAGE, re.MULTILINE)
    assert [name for name, _ in shown] == list(TOOLS)
    for name, arguments in shown:
        assert set(arguments.split(", ")) - {""} == set(TOOLS[name].arguments.model_fields)
    assert f"{DEFAULT_TOKENS:,} tokens" in PAGE
    assert f"at most {LimitsConfig().rows:,} rows are read" in PAGE
    limits = ReplyStore().limits
    assert (limits.account_items, limits.account_bytes, limits.total_bytes) == (1_000, 64 * 10**6, 256 * 10**6)

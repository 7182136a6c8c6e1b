"""The README's Python runs as it stands, and the commands that it names are there."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import textwrap
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.errors import GuardError
from ctxprune.sql.schema import Column, Schema, Table

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^ *```python\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
BLOCKS = [textwrap.dedent(block) for block in FENCED]
COMMANDS = sorted(set(re.findall(r"(?:^|`)ctxprune ((?:sql |bench )?[a-z]+)(?= |`)", README, re.MULTILINE)))


@pytest.fixture
def folder(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README speaks of."""
    (shop.parent / "history.txt").write_text("The bridge is long. It opened in 1933.", encoding="utf-8")
    monkeypatch.chdir(shop.parent)
    return shop.parent


def run(block: str, **names: object) -> dict[str, object]:
    code = compile(block, "README.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.iscoroutine(result):
        asyncio.run(result)
    return names


def test_ten_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(BLOCKS[0])
    assert "It opened in 1933." in names["kept"].output
    assert names["answer"].rows
    assert "ctxprune-trace" in capsys.readouterr().out


def test_langchain(folder: Path) -> None:
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")
    model = fake.FakeListChatModel(responses=["```sql\nSELECT name FROM city\n```"])
    names = run(BLOCKS[1], your_chat_model=model)
    assert {"chat.v1", "sketch.v1"} >= {candidate.generator for candidate in names["answer"].trace.candidates}
    assert "SELECT name FROM city" in [candidate.sql for candidate in names["answer"].trace.candidates]


def test_the_guard(folder: Path) -> None:
    schema = Schema("shop", (Table("city", (Column("name"),)),), (), "postgres")
    run(BLOCKS[2], schema=schema, sql="SELECT * FROM city")
    with pytest.raises(GuardError):
        run(BLOCKS[2], schema=schema, sql="SELECT * FROM secret")


def test_every_block_is_run() -> None:
    assert len(BLOCKS) == 3
    assert len(COMMANDS) == 7


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert command in capsys.readouterr().out


def table(title: str) -> list[list[str]]:
    """Cells of the table whose first data row starts with `title`, without its head."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line.startswith("|")
    ]
    start = next(number for number, row in enumerate(rows) if row[0].startswith(title))
    end = next((n for n in range(start, len(rows)) if set(rows[n][0]) <= {"-"} and rows[n][0]), len(rows) + 1)
    return rows[start : end - 1]


def results(name: str) -> dict[str, dict[str, float]]:
    figures = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))["figures"]
    return figures.get("rows", figures)


def test_the_figures_without_a_model_are_the_recorded_ones() -> None:
    figures = results("spider")
    sets = {
        "Spider dev": "spider",
        "Spider-Syn dev": "spider_syn",
        "Spider-DK": "spider_dk",
        "KaggleDBQA": "kaggledbqa",
    }
    rows = table("Spider dev")
    assert [row[0] for row in rows] == list(sets)
    for title, *cells in rows:
        names = ("items", "ex", "executable", "ms_per_question", "ms_p95")
        assert [float(cell) for cell in cells] == [figures[sets[title]][name] for name in names]


def test_the_figures_with_a_model_are_the_recorded_ones() -> None:
    figures = results("chat_plain_vs_pipeline")
    rows = table("plain")
    assert [row[0].partition(":")[0] for row in rows] == list(figures)
    for title, *cells in rows:
        names = ("ex", "executable", "tokens_in", "seconds_model")
        assert [float(cell) for cell in cells] == [figures[title.partition(":")[0]][name] for name in names]

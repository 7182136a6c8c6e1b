"""The README is short, its Python runs as it stands, and the commands, links and figures that it names are there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import DOCS, ROOT, blocks, page, run

from ctxprune.cli import main

README = page("README")
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
_FENCED = re.compile(r"```(?:console|bash)\n(.*?)```", re.DOTALL)
_COMMAND = re.compile(r"(?:^|`)ctxprune ((?:sql |bench |train )?[a-z]+)(?= |`)", re.MULTILINE)


def commands(text: str) -> list[str]:
    """Commands that a page shows, in fenced blocks or between backticks."""
    quoted = re.findall(r"`ctxprune [^`]*`", text)
    return [name for part in (*_FENCED.findall(text), *quoted) for name in _COMMAND.findall(part)]


COMMANDS = sorted({name for text in (README, *PAGES.values()) for name in commands(text)})


def test_it_is_short() -> None:
    assert len(README.encode()) <= 8_000


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("langchain_core.documents")
    monkeypatch.chdir(tmp_path)
    assert len(blocks("README")) == 3
    assert run("README", "prune(")["kept"].output == "The bridge is long. It opened in 1933 [2]."
    capsys.readouterr()
    run("README", "PruningCompressor")
    assert capsys.readouterr().out.startswith("a The bridge is long. It opened in 1933 [2]. {'source': 'bridge.md', ")
    answer = run("README", "Pipeline(database)")["answer"]
    assert answer.rows == ((2,),)
    assert "São Paulo" in answer.sql


def test_the_commands_of_the_table_are_all() -> None:
    assert len(COMMANDS) >= 34


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("script", ["readme.py", "plots.py"])
def test_the_figures_are_the_recorded_ones(script: str) -> None:
    done = subprocess.run([sys.executable, ROOT / "benchmarks" / "report" / script, "--check"], check=False)
    assert done.returncode == 0, f"run: python benchmarks/report/{script}"


@pytest.mark.parametrize("name", ["README.md", *sorted(PAGES)])
def test_links_and_pictures_lead_somewhere(name: str) -> None:
    text, folder = (ROOT / name).read_text(encoding="utf-8"), (ROOT / name).parent
    links = re.findall(r'(?:src|srcset)="([^"]+)"', text) + re.findall(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)", text)
    # Pages of the reference are made while the site is built.
    missing = [link for link in links if not (folder / link).exists() and "reference/" not in link]
    assert missing == []


def test_a_figure_changed_by_hand_would_be_seen() -> None:
    readme = importlib.import_module("benchmarks.report.readme")
    names = [name for text in PAGES.values() for name in re.findall(r"<!-- figures: (\w+) -->", text)]
    assert set(names) == set(readme.TABLES)
    for text in (README, *PAGES.values()):
        assert readme.filled(text, readme.TABLES) == text
    card = readme.CARD.read_text(encoding="utf-8")
    assert sorted(re.findall(r"<!-- figures: (\w+) -->", card)) == sorted(readme._card.TABLES)
    assert readme.filled(card, readme._card.TABLES) == card
    figure = re.search(r"<!-- figure: trust -->([\d.]+)", README)
    changed = README.replace(figure[0], figure[0].replace(figure[1], "99.9"))
    assert changed != README
    assert readme.filled(changed, readme.TABLES) == README

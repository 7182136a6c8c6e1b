"""docs/tasks/corpus.md: its Python runs as it stands, its commands are there, and its figures are those on record."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import ROOT, blocks, page

from ctxprune.cli import main

PAGE = page("tasks/corpus")
PYTHON = blocks("tasks/corpus")
(BASH,) = blocks("tasks/corpus", "bash")


def test_the_python_runs(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text("\n".join(PYTHON), encoding="utf-8")
    done = subprocess.run([sys.executable, "page.py"], cwd=tmp_path, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("['a', 'c'] {")
    assert "('b', '" in lines[1]
    assert "('d', '" in lines[1]
    assert lines[2].startswith("a ")
    assert (tmp_path / "own.json").is_file()


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": place, "url": place, "text": "A tower.", "body": "A tower."} for place in range(40)]
    Path("passages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = BASH.splitlines()
    assert len(lines) == 2
    assert main(lines[0].split()[1:]) == 0
    assert len(Path("kept.jsonl").read_text().splitlines()) == 36
    assert len(Path("dropped.jsonl").read_text().splitlines()) == 4
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    parquet.write_table(pa.Table.from_pylist(rows), "passages.parquet")
    assert main(lines[1].split()[1:]) == 0
    assert parquet.read_table("kept.parquet").num_rows == 38


def test_the_figures_are_on_record() -> None:
    sets = json.loads((ROOT / "benchmarks" / "results" / "corpus.json").read_text(encoding="utf-8"))["figures"]["sets"]
    rows = re.findall(r"^\| (\w+(?: \+ pages)?) \| (\d+) % \((\d+) %\) \| (\d+) % \((\d+) %\)", PAGE, re.MULTILINE)
    assert {row[0] for row in rows} == {*sets}
    for name, *shares in rows:
        found = [sets[name][one][key] for one in ("surface.v1", "length.v1") for key in ("equal", "within_5")]
        assert [int(share) for share in shares] == [round(100 * value) for value in found]

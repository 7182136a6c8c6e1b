"""The command line takes DuckDB files where it takes SQLite's."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.cli._console import write_file
from ctxprune.errors import InputError

duckdb = pytest.importorskip("duckdb")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with closing(duckdb.connect(str(tmp_path / "harbour.db"))) as connection:
        connection.execute("CREATE TABLE ship (ship_id INTEGER PRIMARY KEY, flag VARCHAR, launched DATE)")
        connection.execute("INSERT INTO ship VALUES (1, 'Norway', DATE '2001-02-03'), (2, 'Peru', NULL)")
    return tmp_path / "harbour.db"


def test_a_question_is_answered(path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["sql", "ask", str(path), "How many ships have the flag Norway?", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [[1]]


def test_it_is_a_schema_too(path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["sql", "check", "SELECT * FROM ship", "--dialect", "duckdb", "--schema", str(path), "--json"]
    assert main(words) == 0
    assert "launched" in json.loads(capsys.readouterr().out)["sql"]
    assert main(["sql", "link", str(path), "Which flags are there?"]) == 0
    assert "flag" in capsys.readouterr().out


def test_it_is_never_written(path: Path):
    content = path.read_bytes()
    for target in (path, path.with_name("harbour.db.wal")):
        with pytest.raises(InputError, match="not written"):
            write_file(target, "new", path)
    with pytest.raises(InputError, match="this is a database"):
        write_file(path, "new")
    assert path.read_bytes() == content

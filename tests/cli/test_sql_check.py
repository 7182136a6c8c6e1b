"""`ctxprune sql check`: a verdict is an answer, so it exits 0 either way."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ctxprune.cli import main


def check(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["sql", "check", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    path = tmp_path / "schema.json"
    path.write_text('{"loaf": ["id", "kind"]}', encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_allowed_and_refused(capsys: pytest.CaptureFixture[str], dialect: str):
    good = check(capsys, "--dialect", dialect, "--", "SELECT kind FROM loaf -- a comment")
    assert good == {"allowed": True, "reason": "", "sql": "SELECT kind FROM loaf"}
    bad = check(capsys, "--dialect", dialect, "--", "DELETE FROM loaf")
    assert (bad["allowed"], bad["sql"]) == (False, "")
    assert bad["reason"]


def test_a_schema_bounds_tables_and_expands_stars(capsys: pytest.CaptureFixture[str], mapping: str):
    star = check(capsys, "--dialect", "postgres", "--schema", mapping, "--", "SELECT * FROM loaf")
    assert star["allowed"]
    assert "*" not in star["sql"]
    assert "kind" in star["sql"]
    other = check(capsys, "--dialect", "postgres", "--schema", mapping, "--", "SELECT * FROM secret")
    assert not other["allowed"]
    assert "secret" in other["reason"]


def test_a_statement_from_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"SELECT 1; SELECT 2")))
    assert check(capsys, "--dialect", "sqlite", "-")["allowed"] is False


def test_people_see_one_line(capsys: pytest.CaptureFixture[str]):
    assert main(["sql", "check", "--dialect", "sqlite", "--", "PRAGMA x"]) == 0
    assert capsys.readouterr().out.strip()


def test_wrong_words(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["sql", "check", "--dialect", "oracle", "--", "SELECT 1"]) == 2
    assert main(["sql", "check", "--dialect", "sqlite", "--schema", str(tmp_path / "none.json"), "--", "SELECT 1"]) in {
        1,
        2,
    }
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    capsys.readouterr()
    assert main(["sql", "check", "--dialect", "sqlite", "--schema", str(broken), "--", "SELECT 1"]) == 1
    assert capsys.readouterr().err.count("\n") == 1

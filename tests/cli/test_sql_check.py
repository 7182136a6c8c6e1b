"""`ctxprune sql check`: a verdict is an answer, so it exits 0 either way."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.cli._schema_argument import read_schema
from ctxprune.errors import InputError
from ctxprune.sql.schema.schema import Column, Schema, Table


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


SPIDER = {
    "db_id": "bakery",
    "table_names_original": ["loaf"],
    "table_names": ["loaf"],
    "column_names_original": [[-1, "*"], [0, "id"], [0, "kind"]],
    "column_names": [[-1, "*"], [0, "id"], [0, "kind"]],
    "column_types": ["text", "number", "text"],
    "primary_keys": [1],
    "foreign_keys": [],
}
OWN = Schema("bakery", (Table("loaf", (Column("id"), Column("kind"))),)).to_dict()
FORMS = {
    "a list of columns": {"loaf": ["id", "kind"]},
    "types by column": {"loaf": {"id": "INTEGER", "kind": "TEXT"}},
    "under tables": {"tables": {"loaf": ["id", "kind"]}},
    "a list of tables": {"tables": [{"name": "loaf", "columns": [{"name": "id", "type": "INTEGER"}, "kind"]}]},
    "a bare list of tables": [{"table": "loaf", "columns": ["id", "kind"]}],
    "one database of Spider": SPIDER,
    "a list of one database": [SPIDER],
    "our own": OWN,
}


@pytest.mark.parametrize("form", FORMS)
def test_schema_forms(capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(FORMS[form]), encoding="utf-8")
    found = check(capsys, "--schema", str(path), "--", "SELECT * FROM loaf")
    assert found["sql"] == 'SELECT loaf."id", loaf."kind" FROM loaf'
    assert not check(capsys, "--schema", str(path), "--", "SELECT price FROM loaf")["allowed"]


def test_a_schema_from_statements_and_from_a_database(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    ddl = "CREATE TABLE loaf (id INTEGER PRIMARY KEY, kind TEXT, UNIQUE (kind)); CREATE TABLE oven (id INT);"
    written, stored = tmp_path / "schema.sql", tmp_path / "bakery.sqlite"
    written.write_text(ddl, encoding="utf-8")
    with closing(sqlite3.connect(stored)) as connection:
        connection.executescript(ddl)
    for path in (written, stored):
        assert check(capsys, "--schema", str(path), "--", "SELECT * FROM loaf, oven")["sql"].count('"id"') == 2
        assert not check(capsys, "--schema", str(path), "--", "SELECT price FROM loaf")["allowed"]


def test_one_of_several_databases(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    path = tmp_path / "tables.json"
    path.write_text(json.dumps([SPIDER, {**SPIDER, "db_id": "other"}]), encoding="utf-8")
    words = ["--schema", str(path), "--", "SELECT kind FROM loaf"]
    assert check(capsys, "--db-id", "other", *words)["allowed"]
    assert main(["sql", "check", *words]) == 1
    assert "--db-id" in capsys.readouterr().err
    assert main(["sql", "check", "--db-id", "third", *words]) == 1
    assert "bakery, other" in capsys.readouterr().err


def test_statements_give_types_and_keys(tmp_path: Path):
    path = tmp_path / "schema.sql"
    path.write_text(
        "CREATE TABLE oven (id INT PRIMARY KEY, a INT, b TEXT, UNIQUE (a, b));"
        "CREATE TABLE loaf (oven_id INT REFERENCES oven(id), a INT, b VARCHAR(9), other INT REFERENCES oven,"
        " lost INT REFERENCES nowhere(id), PRIMARY KEY (a, b), FOREIGN KEY (a, b) REFERENCES OVEN (a, b));",
        encoding="utf-8",
    )
    schema = read_schema(path)
    loaf = schema.table("loaf")
    assert [(c.name, c.type, c.primary_key) for c in loaf.columns[1:3]] == [
        ("a", "INT", True),
        ("b", "VARCHAR(9)", True),
    ]
    assert {(key.columns, key.ref_table, key.ref_columns) for key in schema.foreign_keys} == {
        (("oven_id",), "oven", ("id",)),
        (("other",), "oven", ("id",)),
        (("a", "b"), "oven", ("a", "b")),
    }


def test_names_with_a_namespace(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    path = tmp_path / "schema.json"
    path.write_text('{"shop.loaf": ["id"], "main.oven": ["id"]}', encoding="utf-8")
    found = check(capsys, "--dialect", "postgresql", "--schema", str(path), "--", "SELECT id FROM shop.loaf")
    assert found["sql"] == "SELECT id FROM shop.loaf"
    assert check(capsys, "--schema", str(path), "--", 'SELECT id FROM "shop.loaf"')["allowed"]
    assert check(capsys, "--schema", str(path), "--", "SELECT id FROM oven")["allowed"]


@pytest.mark.parametrize(
    "content",
    ["{}", "[]", '{"loaf": "id"}', '{"loaf": [1]}', '{"tables": [{"columns": ["id"]}]}', "SELECT 1", "", "\xff"],
)
def test_a_file_without_a_schema(capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str):
    path = tmp_path / "schema.json"
    path.write_bytes(content.encode("latin-1"))
    assert main(["sql", "check", "--schema", str(path), "--", "SELECT 1"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "CP005" in error


def test_other_names_of_dialects_and_a_stray_option(capsys: pytest.CaptureFixture[str]):
    for name in ("PostgreSQL", "mariadb", "sqlite3", "DUCKDB"):
        assert check(capsys, "--dialect", name, "--", "SELECT 1")["sql"] == "SELECT 1"
    assert main(["sql", "check", "--db-id", "x", "--", "SELECT 1"]) == 2
    assert "--schema" in capsys.readouterr().err


def test_json_holds_three_keys_for_any_text(capsys: pytest.CaptureFixture[str]):
    for sql in ("", "SELECT '\u20ac😀'", "SELECT '\udc80'", "SELECT \x00", "x" * 200_000):
        found = check(capsys, "--", sql)
        assert list(found) == ["allowed", "reason", "sql"]
        assert found["allowed"] is ("\u20ac" in sql)


@pytest.mark.parametrize("size", [0, 1])
def test_a_schema_without_an_end_is_refused(tmp_path, monkeypatch, size: int) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text := '{"city": ["name", "people"]}' + " " * size)
    monkeypatch.setattr("ctxprune.cli._schema_argument._MOST_BYTES", len(text) - size)
    if size:
        with pytest.raises(InputError, match="more than 28 bytes"):
            read_schema(path)
    else:
        assert [table.name for table in read_schema(path).tables] == ["city"]

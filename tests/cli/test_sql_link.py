"""`ctxprune sql link`: text on stdout, the account on stderr, one line for an error."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.sql.schema.schema import Column, Schema, Table

SPIDER = [
    {
        "db_id": name,
        "table_names_original": ["ship"],
        "table_names": ["ship"],
        "column_names_original": [[-1, "*"], [0, "ship_id"], [0, "tonnage"], [0, "flag"]],
        "column_names": [[-1, "*"], [0, "ship id"], [0, "tonnage"], [0, "flag"]],
        "column_types": ["text", "number", "number", "text"],
        "primary_keys": [1],
        "foreign_keys": [],
    }
    for name in ("harbour", "canal")
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def schema_file(tmp_path: Path) -> Path:
    path = tmp_path / "tables.json"
    path.write_text(json.dumps(SPIDER), encoding="utf-8")
    return path


def test_a_database(shop: Path, capsys: pytest.CaptureFixture[str]):
    before = hashlib.sha256(shop.read_bytes()).hexdigest()
    assert main(["sql", "link", str(shop), "Which cities are in brazil?"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("【DB_ID】 shop\n【Schema】\n# Table: city\n[\n(name:VARCHAR(40), Primary Key, Examples: [")
    assert "(country:TEXT, Examples: [Brazil" in out
    assert err.startswith("ctxprune: ")
    assert "tokens (ctxprune-bpe.v1)" in err
    assert "of 8 columns" in err
    assert hashlib.sha256(shop.read_bytes()).hexdigest() == before


def test_a_cache_that_cannot_be_written_is_said_and_done_without(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for command in ("link", "ask"):
        assert main(["sql", command, str(shop), "Which cities are in brazil?"]) == 0
        out, err = capsys.readouterr()
        assert "Brazil" in out
        assert err.startswith("ctxprune: the value index is not kept: CP120 ")


def test_explain_lists_a_reason_for_each_kept_column(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["sql", "link", str(shop), "Which cities are in brazil?", "--explain", "--form", "compact"]) == 0
    text, _, reasons = capsys.readouterr().out.partition("\n\n")
    assert "city(" in text
    assert any(line.startswith("city.country  ") and "value: Brazil" in line for line in reasons.splitlines())
    assert text.count(",") + text.count("(") - text.count("=") <= len(reasons.splitlines()) + 1


def test_json_is_one_document(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["sql", "link", str(shop), "price of orders in EUR", "--json", "--form", "ddl"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["text"].startswith("CREATE TABLE")
    assert document["tokens_after"] <= document["tokens_before"]
    assert {"table": "order items", "column": "currency", "value": "EUR"}.items() <= document["hits"][0].items()
    kept = [(table["name"], column["name"]) for table in document["tables"] for column in table["columns"]]
    assert ("order items", "price") in kept
    assert len(kept) == document["columns_after"] < document["columns_before"] == 8
    assert all(column["reasons"] for table in document["tables"] for column in table["columns"])
    assert Schema.from_dict(document["schema"]).n_columns == len(kept)


def test_a_schema_file_of_several_databases(schema_file: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["sql", "link", str(schema_file), "total tonnage", "--db-id", "canal"]) == 0
    assert capsys.readouterr().out.startswith("【DB_ID】 canal\n【Schema】\n# Table: ship\n")
    assert main(["sql", "link", str(schema_file), "total tonnage"]) == 1
    assert "give --db-id, one of: canal, harbour" in capsys.readouterr().err
    assert main(["sql", "link", str(schema_file), "total tonnage", "--db-id", "ocean"]) == 1
    assert "no schema 'ocean'" in capsys.readouterr().err


def test_a_schema_of_our_own_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(Schema("own", (Table("t", (Column("height"),)),)).to_dict()), encoding="utf-8")
    assert main(["sql", "link", str(path), "height", "--form", "compact", "--evidence", "tall means height"]) == 0
    assert capsys.readouterr().out == "t(height)\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("schema.json", '{"boat": ["height", "flag"]}'),
        ("schema", '{"tables": [{"name": "boat", "columns": ["height", "flag"]}]}'),
        ("schema.sql", "CREATE TABLE boat (height REAL, flag TEXT)"),
        ("schema.txt", "-- boats\nCREATE TABLE boat (height REAL, flag TEXT)"),
    ],
)
def test_what_check_takes_link_takes(name: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert main(["sql", "link", str(path), "height of the boat", "--form", "compact"]) == 0
    assert capsys.readouterr().out.startswith("boat(height")


def test_a_database_may_have_any_name(shop: Path, capsys: pytest.CaptureFixture[str]):
    path = shop.rename(shop.with_suffix(".json"))
    assert main(["sql", "link", str(path), "Which cities are in brazil?"]) == 0
    assert "Examples: [Brazil" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.json", None, "cannot be read"),
        ("broken.json", "[{", "not JSON"),
        ("other.json", '{"format": "something"}', "not a schema"),
        ("empty.json", "[]", "holds no table"),
        ("text.sqlite", "no database", "not a database"),
        ("missing.sqlite", None, "missing.sqlite"),
    ],
)
def test_bad_files_end_with_one_line(
    name: str, content: str | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert main(["sql", "link", str(path), "x"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


def test_the_index_may_be_kept_elsewhere(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "index"
    assert main(["sql", "index", str(shop), "--index", str(folder), "--exclude", "city.country"]) == 0
    capsys.readouterr()
    assert main(["sql", "link", str(shop), "Which cities are in brazil?", "--index", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hits"] == []
    assert not (tmp_path / "cache").exists()


def test_a_schema_file_has_no_index(schema_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["sql", "link", str(schema_file), "x", "--db-id", "canal", "--index", str(tmp_path / "index")]
    assert main(words) == 2
    assert "a schema file has no values" in " ".join(capsys.readouterr().err.split())


def test_usage_errors(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["sql", "link", str(shop), " "]) == 1
    assert "question is empty" in capsys.readouterr().err
    assert main(["sql", "link", str(shop), "x", "--form", "xml"]) == 2
    assert "no renderer is named 'xml'" in capsys.readouterr().err
    assert main(["sql", "link", str(shop)]) == 2


def test_a_page_that_explains(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "page.html"
    assert main(["sql", "link", str(shop), "Which cities are in brazil?", "--explain", "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert '<mark class="value">brazil</mark>' in text
    assert "value: Brazil" in text
    assert main(["sql", "link", str(shop), "Which cities?", "--html", str(shop)]) == 1
    assert "this file is read, so it is not written" in capsys.readouterr().err

"""`ctxprune sql learn` in-process."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.sql.knowledge import QUESTION_KINDS, KnowledgeFile

PAIR = ("--pair", "How many cities are there?", "SELECT count(*) FROM city")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["sql", "learn", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_teach_list_and_forget(capsys: pytest.CaptureFixture[str], shop: Path, tmp_path: Path) -> None:
    code, out, err = run(capsys, shop, *PAIR)
    assert code == 0
    assert "1 learned" in err
    name = out.strip()
    assert run(capsys, shop, *PAIR)[2].startswith("ctxprune: 0 learned, 0 replaced, 1 known before")
    assert run(capsys, shop, "--term", "big city", "population > 1000000")[0] == 0
    assert run(capsys, shop, "--note", "city.name", "in the local spelling")[0] == 0
    code, out, err = run(capsys, shop, "--list")
    assert code == 0
    assert [line.split()[0][0] for line in out.splitlines()] == ["p", "t", "n"]
    assert "[city.population]" in out
    (kept,) = (tmp_path / "config" / "ctxprune" / "knowledge").iterdir()
    assert kept.name in err
    code, out, _ = run(capsys, shop, "--remove", name[:6], "--json")
    assert code == 0
    assert json.loads(out)["removed"][0]["id"] == name
    assert len(json.loads(run(capsys, shop, "--list", "--json")[1])["entries"]) == 2
    assert run(capsys, shop, "--remove", name)[0] == 1


def test_knowledge_in_a_file_of_the_team(capsys: pytest.CaptureFixture[str], shop: Path, tmp_path: Path) -> None:
    mine = tmp_path / "repository" / "shop.jsonl"
    code, out, _ = run(capsys, shop, *PAIR, "--knowledge", mine, "--json")
    assert code == 0
    assert json.loads(out)["file"] == str(mine)
    assert len(KnowledgeFile(mine).read()) == 1
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--pair", "q", "DROP TABLE city"), "only a SELECT query may run, not DROP"),
        (("--pair", "q", "SELECT mayor FROM city"), "mayor"),
        (("--pair", "q", "SELECT * FROM towns"), "towns is not in the schema"),
        (("--pair", "q", "SELECT"), "cannot be learned"),
        (("--pair", " ", "SELECT 1"), "question is ' ', not a text"),
        (("--note", "city.mayor", "n"), "no column 'city.mayor'"),
        (("--term", "t", "m", "--column", "city.mayor"), "no column 'city.mayor'"),
        (("--from", "absent.json"), "cannot be read"),
        (("--note", "mayor", "n"), "write TABLE.COLUMN"),
        (("--instruction", "sum", "i"), "give one of"),
        (("--note", "city.name", "n", "--for", "sum"), "question_kind is 'sum'"),
        (("--instruction", "share", "city.mayor counts", "--column", "city.mayor"), "no column 'city.mayor'"),
        (("--list",), "no such file of knowledge yet"),
        (("--check",), "teach it with --pair"),
        (("--remove", "p1"), "no such file of knowledge"),
    ],
)
def test_clear_errors(capsys: pytest.CaptureFixture[str], shop: Path, words: tuple[str, ...], message: str) -> None:
    code, out, err = run(capsys, shop, *words)
    assert code == 1
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        (*PAIR, "--list"),
        ("--list", "--check"),
        ("--column", "city.name"),
        ("--pair", "only one"),
        ("--list", "--for", "share"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], shop: Path, words: tuple[str, ...]) -> None:
    assert run(capsys, shop, *words)[0] == 2


def test_instructions_and_kinds(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    assert run(capsys, shop, "--instruction", "total", "totals are of city.population")[0] == 0
    assert run(capsys, shop, "--term", "size", "population", "--for", "superlative")[0] == 0
    lines = run(capsys, shop, "--list")[1].splitlines()
    assert lines[0].split(None, 1)[1] == "instruction  total  =>  totals are of city.population [city.population]"
    assert "size (for superlative)" in lines[1]
    (told, term) = json.loads(run(capsys, shop, "--list", "--json")[1])["entries"]
    assert (told["kind"], told["question_kind"], told["columns"]) == ("instruction", "total", ["city.population"])
    assert term["question_kind"] == "superlative"


def test_the_help_names_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "learn", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split()).replace("per- group", "per-group")
    assert ", ".join(QUESTION_KINDS) in said


def test_running_what_is_learned(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    overflow = ("--pair", "q", "SELECT abs(-9223372036854775807 - 1) FROM city")
    assert run(capsys, shop, *overflow)[0] == 0
    code, _, err = run(capsys, shop, *overflow, "--run")
    assert code == 1
    assert "its query fails: integer overflow" in err


def test_learning_a_file_keeps_the_good_and_names_the_rest(
    capsys: pytest.CaptureFixture[str], shop: Path, tmp_path: Path
) -> None:
    source = tmp_path / "train.json"
    items = [
        {"db_id": "shop", "question": "How many?", "query": "SELECT count(*) FROM city"},
        {"db_id": "shop", "question": "Bad?", "query": "SELECT x FROM city"},
        {"db_id": "other", "question": "Other?", "query": "SELECT 1"},
    ]
    source.write_text(json.dumps(items))
    code, out, err = run(capsys, shop, "--from", source, "--json")
    assert code == 1
    document = json.loads(out)
    assert [entry["question"] for entry in document["learned"]] == ["How many?"]
    assert [entry["question"] for entry in document["refused"]] == ["Bad?"]
    assert "not learned" in err
    code, _, err = run(capsys, shop, "--from", source, "--knowledge", source)
    assert code == 1
    assert "this file is read" in err


def test_questions_without_a_query_do_not_keep_the_others_out(
    capsys: pytest.CaptureFixture[str], shop: Path, tmp_path: Path
) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("question,sql\nHow many cities?,SELECT COUNT(*) FROM city\nWhich ones?,\n", encoding="utf-8")
    code, out, err = run(capsys, shop, "--from", table, "--json")
    assert code == 1
    assert "not learned: line 3: the question 'Which ones?' has no query" in err
    assert "1 learned, 0 replaced, 0 known before, 0 refused, 1 without a query" in err
    document = json.loads(out)
    assert len(document["learned"]) == 1
    assert document["empty"] == ["line 3: the question 'Which ones?' has no query"]


def test_what_is_stale_is_listed(capsys: pytest.CaptureFixture[str], shop: Path) -> None:
    run(capsys, shop, *PAIR)
    run(capsys, shop, "--term", "big city", "population > 1000000")
    assert run(capsys, shop, "--check")[:2] == (0, "")
    with closing(sqlite3.connect(shop)) as connection, connection:
        connection.execute("ALTER TABLE city RENAME COLUMN population TO people")
    code, out, err = run(capsys, shop, "--check")
    assert code == 1
    assert "big city" in out
    assert "no column 'city.population'" in out
    assert "1 stale of 2" in err
    entries = json.loads(run(capsys, shop, "--check", "--json")[1])["entries"]
    assert [bool(entry["stale"]) for entry in entries] == [False, True]


def test_traces_teach_what_their_queries_confirm(
    capsys: pytest.CaptureFixture[str], shop: Path, tmp_path: Path
) -> None:
    def trace(question: str, *queries: str) -> str:
        candidates = [{"sql": text, "ran": ""} for text in queries]
        head = {"format": "ctxprune-trace", "version": 1, "question": question, "database": "shop"}
        return json.dumps(head | {"candidates": candidates, "chosen": 0}) + "\n"

    traces, mine = tmp_path / "traces.jsonl", tmp_path / "mine.jsonl"
    agreed = ("SELECT count(*) FROM city", "SELECT count(name) FROM city")
    traces.write_text(
        trace("How many cities?", *agreed)
        + trace("Which is the largest [red]city[/red]?", "DROP TABLE city", "SELECT 1")
        + trace("Count the cities", *agreed)
    )
    assert run(capsys, shop, "--pair", "Count the cities", "SELECT 4", "--knowledge", mine)[0] == 0
    code, out, err = run(capsys, shop, "--from-traces", traces, "--knowledge", mine, "--json")
    assert code == 0
    document = json.loads(out)
    assert [(entry["question"], entry["why"]) for entry in document["learned"]] == [
        ("How many cities?", "2 different queries give the same 1 row")
    ]
    assert [entry["why"] for entry in document["left"]] == [
        "the chosen query fails: only a SELECT query may run, not DROP",
        "another query is taught for this question",
    ]
    assert "1 learned, 0 known before, 2 left" in err
    assert "[red]city[/red]" in err
    assert [entry.sql for entry in KnowledgeFile(mine).read()] == ["SELECT 4", agreed[0]]
    code, out, err = run(capsys, shop, "--from-traces", traces, "--knowledge", mine)
    assert code == 0
    assert out.startswith("p")
    assert "0 learned, 1 known before, 2 left" in err
    assert "kept: " in err
    assert run(capsys, shop, "--from-traces", traces, "--knowledge", traces)[0] == 1
    assert run(capsys, shop, "--from-traces", traces, "--list")[0] == 2
    assert run(capsys, shop, "--from-traces", traces, "--agree", "1")[0] == 2
    code, _, err = run(capsys, shop, "--from-traces", tmp_path / "absent")
    assert code == 1
    assert "the traces cannot be read" in err
    with closing(sqlite3.connect(shop)) as connection:
        assert connection.execute("SELECT count(*) FROM city").fetchone() == (4,)

"""The demo: its database and its eight answers, five of them checked against reference queries."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.cli._demo_database import make_database
from ctxprune.cli.demo import QUESTIONS
from ctxprune.sql.evaluation.spider import equal_results

REFERENCES = (
    "SELECT s.supplier_name FROM supplier s JOIN country c ON s.iso_code = c.iso_code WHERE c.name = 'Ethiopia'",
    "SELECT roast, count(*) FROM product GROUP BY roast",
    'SELECT product_name FROM product ORDER BY "Unit Price" DESC LIMIT 1',
    "SELECT count(*) FROM \"order\" WHERE order_date BETWEEN '2023-03-01' AND '2023-05-31'",
    "SELECT count(*) FROM customer JOIN city USING (city_id) WHERE city.name = 'São Paulo'",
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "coffee.sqlite"
    make_database(path)
    return path


def test_the_database_is_as_large_as_promised_and_always_the_same(database: Path, tmp_path: Path):
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = sum(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names)
        dump = list(connection.iterdump())
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert (len(names) >= 8, rows >= 20_000) == (True, True)
    again = tmp_path / "again.sqlite"
    make_database(again)
    with closing(sqlite3.connect(again)) as connection:
        assert list(connection.iterdump()) == dump
    with pytest.raises(FileExistsError):
        make_database(again)


def test_eight_answers(database: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["demo", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["question"] for answer in answers] == [question for _, question in QUESTIONS]
    with closing(sqlite3.connect(database)) as connection:
        for answer, sql in zip(answers, REFERENCES, strict=False):
            expected = connection.execute(sql).fetchall()
            got = [tuple(row) for row in answer["rows"]]
            assert equal_results(expected, got, ordered="ORDER BY" in sql), answer["sql"]
    assert answers[-1]["refused"]
    assert answers[-1]["refusal"]["kind"] == "write_request"
    assert [answer["outcome"] for answer in answers[-3:]] == ["tentative", "unanswered", "unanswered"]
    assert any("organic" in doubt["message"] for doubt in answers[-3]["doubts"])
    assert "shoe" in answers[-2]["reason"]
    linked = [answer["trace"]["linked"] for answer in answers[:-1]]
    assert all(0 < link["tokens_after"] < link["tokens_before"] for link in linked)


def test_people_see_schema_candidates_and_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "kept.sqlite"
    assert main(["demo", "--steps", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    for part in ("candidate", "schema", "tokens", "São Paulo", "refused", "Ethiopia", "doubt", "tentative", "organic"):
        assert part in shown.out
    assert "sql ask" in shown.err
    assert out.exists()
    assert main(["demo", "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_without_steps_a_question_takes_a_few_lines(capsys: pytest.CaptureFixture[str]):
    assert main(["demo"]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("\n") < 100
    for part in ("It opened in 1933", "SELECT", "outcome", "Ethiopia", "refused", "tentative"):
        assert part in shown.out
    assert "candidate" not in shown.out
    assert "--steps" in shown.err


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "kept.sqlite"
    path.write_text("kept", encoding="utf-8")
    assert main(["demo", "--out", str(path)]) == 1
    assert capsys.readouterr().err.startswith("ctxprune: CP005 the database cannot be made (File exists)")
    assert path.read_text(encoding="utf-8") == "kept"

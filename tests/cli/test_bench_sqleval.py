"""`ctxprune bench sqleval` and `ctxprune bench trust` on sets made here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.errors import InputError
from ctxprune.sql.evaluation.trust.ehrsql import open_ehrsql
from ctxprune.sql.evaluation.trust.sqleval import load_sqleval

ITEMS = [
    {"id": 0, "db_id": "shop", "question": "How many cities are there?", "evidence": "", "category": "count",
     "golds": ["SELECT count(*) FROM nowhere", "SELECT count(name) FROM city"]},
    {"id": 1, "db_id": "shop", "question": "What are the names of all cities?", "category": "list",
     "golds": ["SELECT name FROM city"]},
    {"id": 2, "db_id": "shop", "question": "How many cities are there?", "category": "count",
     "golds": ["SELECT 17"]},
    {"id": 3, "db_id": "absent", "question": "How many cities are there?", "category": "count",
     "golds": ["SELECT 1"]},
]  # fmt: skip
WITHOUT = [{"db_id": "shop", "question": "Is there a meaning to suffering in life?"}]
KEYS = {
    "ex", "ex_lenient", "answered", "answered_right", "tentative", "refused", "false_refusals", "ece", "oracle",
    "by_category", "by_database",
}  # fmt: skip


@pytest.fixture
def sqleval(tmp_path: Path, shop: Path) -> Path:
    data = tmp_path / "sqleval"
    place = data / "database" / "shop" / "shop.sqlite"
    place.parent.mkdir(parents=True)
    shop.rename(place)
    (data / "items.json").write_text(json.dumps(ITEMS), encoding="utf-8")
    (data / "unanswerable.json").write_text(json.dumps(WITHOUT), encoding="utf-8")
    return data


@pytest.fixture
def ehrsql(tmp_path: Path) -> Path:
    data = tmp_path / "ehrsql"
    data.mkdir()
    (data / "schema.sql").write_text(
        "DROP TABLE IF EXISTS PATIENTS;\nCREATE TABLE PATIENTS (ROW_ID INT PRIMARY KEY, GENDER VARCHAR(5));",
        encoding="utf-8",
    )
    rows = [
        {"id": "a", "db_id": "hospital", "question": "How many patients are there?", "answerable": True, "sql": "x"},
        {"id": "b", "db_id": "hospital", "question": "Who fed the horse of the queen?", "answerable": False},
    ]
    (data / "valid.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return data


def test_figures(sqleval: Path, run_bench: Callable[..., dict]):
    report = run_bench("sqleval", "--data", sqleval, "--items")
    assert report.keys() >= KEYS
    assert (report["questions"], report["unanswerable"], report["skipped"]) == (3, 1, 1)
    judged = {one["index"]: one for one in report["judgements"]}
    assert sorted(judged) == [0, 1, 2, 4]
    assert (judged[0]["right"], judged[1]["right"], judged[2]["right"]) == (True, True, False)
    assert report["ex"] == report["ex_lenient"] == pytest.approx(66.67)
    assert report["oracle"] >= report["ex"]
    assert report["by_generator"]["sketch.v1"]["oracle"] >= report["by_generator"]["sketch.v1"]["first"] > 0
    assert {name: one["questions"] for name, one in report["by_category"].items()} == {"count": 2, "list": 1}
    assert report["by_category"]["list"]["ex"] == 100.0
    assert report["by_database"]["shop"]["refused"] == report["refused"]
    shares = report["answered"] + report["tentative"] + report["false_refusals"]
    assert shares == pytest.approx(100, abs=0.05)


def test_a_stopped_run_goes_on_from_its_log(
    sqleval: Path, tmp_path: Path, run_bench: Callable[..., dict], capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "run.log"
    words = ("sqleval", "--data", sqleval, "--items", "--log", log)
    whole = run_bench(*words)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]) + lines[3][:20])  # two questions done, the third cut short
    again = run_bench(*words)
    assert [one["index"] for one in again["judgements"]] == [0, 1, 2, 4]
    kept = [{**one, "ms": 0} for one in again["judgements"]]
    assert kept == [{**one, "ms": 0} for one in whole["judgements"]]
    assert again["judgements"][:2] == whole["judgements"][:2]  # with their times: they were not asked again
    assert again["judgements"][2]["ms"] != whole["judgements"][2]["ms"]
    assert main(["bench", "sqleval", "--data", str(sqleval), "--log", str(log), "--candidates", "2"]) == 1
    assert "another run" in capsys.readouterr().err


def test_the_log_never_replaces_an_input(sqleval: Path, capsys: pytest.CaptureFixture[str]):
    database = sqleval / "database" / "shop" / "shop.sqlite"
    before = database.read_bytes()
    assert main(["bench", "sqleval", "--data", str(sqleval), "--log", str(database)]) == 1
    assert "CP005" in capsys.readouterr().err
    assert database.read_bytes() == before


def test_a_limit_takes_of_each_kind(sqleval: Path, run_bench: Callable[..., dict]):
    report = run_bench("sqleval", "--data", sqleval, "--limit", 2)
    assert (report["questions"], report["unanswerable"], report["skipped"]) == (1, 1, 1)


def test_a_sample_follows_its_seed(sqleval: Path):
    questions = load_sqleval(sqleval)
    samples = {tuple(one.index for one in questions.limited(2, seed=seed).questions) for seed in range(12)}
    assert len(samples) > 1
    assert questions.limited(2, seed=3).questions == questions.limited(2, seed=3).questions
    assert all(sorted(sample) == list(sample) and 4 in sample for sample in samples)


def test_a_table_for_people(sqleval: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "sqleval", "--data", str(sqleval)]) == 0
    shown = capsys.readouterr()
    assert "ex, list" in shown.out
    assert "1 question left out: the database is absent" in shown.err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("items.json", "{", "not a JSON file"),
        ("items.json", "{}", "no array of JSON objects"),
        ("items.json", '[{"db_id": "shop", "question": "?"}]', "lacks golds"),
        ("items.json", '[{"db_id": "shop", "question": 7, "golds": ["SELECT 1"]}]', "lacks question"),
        ("items.json", '[{"db_id": "../shop", "question": "?", "golds": ["SELECT 1"]}]', "lacks db_id"),
        ("items.json", '[{"db_id": "a/../../shop", "question": "?", "golds": ["SELECT 1"]}]', "no path"),
        ("unanswerable.json", '[{"question": "?"}]', "lacks db_id"),
        ("items.json", "[]", "no question has a database"),
    ],
)
def test_damaged_files(sqleval: Path, name: str, content: str, message: str, capsys: pytest.CaptureFixture[str]):
    (sqleval / name).write_text(content, encoding="utf-8")
    if content == "[]":
        (sqleval / "unanswerable.json").unlink()
    assert main(["bench", "sqleval", "--data", str(sqleval)]) == 1
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1


def test_a_folder_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "sqleval", "--data", str(tmp_path / "absent")]) == 1
    assert main(["bench", "sqleval", "--data", str(tmp_path)]) == 1
    assert main(["bench", "trust", "--data", str(tmp_path)]) == 1
    assert "no question set found" in capsys.readouterr().err
    with pytest.raises(InputError, match="no such folder"):
        load_sqleval(tmp_path / "absent")


def test_trust_over_several_sets(sqleval: Path, ehrsql: Path, tmp_path: Path, run_bench: Callable[..., dict]):
    plot, log = tmp_path / "curve.svg", tmp_path / "run.log"
    words = ("trust", "--data", sqleval.parent, "--plot", plot, "--log", log)
    report = run_bench(*words)
    assert list(report["sets"]) == ["sqleval", "ehrsql"]
    assert report["sets"]["ehrsql"]["ex"] is None  # nothing can be checked there
    assert (report["sets"]["ehrsql"]["questions"], report["sets"]["ehrsql"]["unanswerable"]) == (1, 1)
    assert report["all"]["unanswerable"] == 2
    curve = report["sets"]["sqleval"]["curve"]
    assert [point["coverage"] for point in curve] == sorted(point["coverage"] for point in curve)
    assert all(0 <= point["right"] <= 100 for point in curve)
    assert report["all"]["bins"]
    drawn = plot.read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "ehrsql" not in drawn
    assert (tmp_path / "run.log.ehrsql").exists()
    assert run_bench(*words) == report  # from the logs


def test_trust_takes_one_set_and_named_sets(sqleval: Path, ehrsql: Path, run_bench: Callable[..., dict]):
    assert list(run_bench("trust", "--data", ehrsql)["sets"]) == ["ehrsql"]
    assert list(run_bench("trust", "--data", sqleval.parent, "--sets", "ehrsql")["sets"]) == ["ehrsql"]


def test_trust_never_writes_over_a_database(sqleval: Path, capsys: pytest.CaptureFixture[str]):
    database = sqleval / "database" / "shop" / "shop.sqlite"
    assert main(["bench", "trust", "--data", str(sqleval), "--plot", str(database)]) == 1
    assert "CP005" in capsys.readouterr().err
    assert database.read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("statement", ["ATTACH '{0}' AS other", "PRAGMA journal_mode = off", "VACUUM INTO '{0}'", "?"])
def test_a_schema_may_only_make_tables(ehrsql: Path, tmp_path: Path, statement: str):
    target = tmp_path / "written"
    with (ehrsql / "schema.sql").open("a", encoding="utf-8") as file:
        file.write("\n" + statement.format(target) + ";")
    with pytest.raises(InputError, match="cannot be created"), open_ehrsql(ehrsql):
        pass
    assert not target.exists()


def test_the_empty_database_goes_with_its_set(ehrsql: Path):
    with open_ehrsql(ehrsql, answerable=0) as questions:
        (path,) = questions.databases.values()
        assert path.is_file()
        assert [one.answerable for one in questions.questions] == [False]
    assert not path.exists()
    (ehrsql / "valid.jsonl").write_text('{"db_id": "hospital", "question": "?"}', encoding="utf-8")
    with pytest.raises(InputError, match="answerable"), open_ehrsql(ehrsql):
        pass
    shutil.rmtree(ehrsql)
    with pytest.raises(InputError, match="holds no EHRSQL"), open_ehrsql(ehrsql):
        pass

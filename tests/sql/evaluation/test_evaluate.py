"""The runner: bad input in both modes, workers and order, nothing damaged, differences explained."""

from __future__ import annotations

import json
import runpy
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.sql.database.database import Limits
from ctxprune.sql.evaluation import _scorer
from ctxprune.sql.evaluation.datasets import load, with_gold
from ctxprune.sql.evaluation.differences import differences
from ctxprune.sql.evaluation.evaluate import RunConfig, evaluate
from ctxprune.sql.evaluation.predictions import Prediction, Predictions, gold_as_predictions, read_predictions
from ctxprune.sql.evaluation.rules import BIRD, BIRD_OLD, SPIDER

bakery = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "bakery.py")))
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
HUGE = "SELECT zeroblob(900000000), zeroblob(900000000)"


def listed(*sql: str) -> Predictions:
    return Predictions(tuple(Prediction(text) for text in sql), "list")


@pytest.fixture
def bird(tmp_path: Path):
    return load(bakery.make_bird(tmp_path / "bird"))


@pytest.fixture
def spider(tmp_path: Path):
    return load(bakery.make_spider(tmp_path / "spider"))


@pytest.mark.parametrize("mode", ["official", "safe"])
def test_gold_as_prediction_is_all_right(bird, spider, mode: str):
    for bench, rule in ((bird, BIRD), (bird, BIRD_OLD), (spider, SPIDER)):
        figures = evaluate(bench, gold_as_predictions(bench.items), RunConfig(rule, mode=mode)).to_dict()
        assert (figures["ex"], figures["items"], figures["skipped"]) == (100, 6, 1)
        assert figures["errors"] == {}
        assert figures["clean"] == {key: figures[key] for key in figures["clean"] if key != "left_out"} | {
            "left_out": []
        }
        if rule is SPIDER:
            assert figures["exact_match"] == 100
            assert sum(level["items"] for level in figures["by_hardness"].values()) == 6
        else:
            assert figures["soft_f1"] == 100
            assert {name: level["items"] for name, level in figures["by_difficulty"].items()} == {
                "simple": 3, "moderate": 2, "challenging": 1,
            }  # fmt: skip


BAD = {
    "tab": ("SELECT\tcount(*)\tFROM loaf", True, "", True, ""),
    "newline": ("SELECT count(*)\nFROM loaf", True, "", True, ""),
    "rejected": ("SELECT nothing FROM loaf", False, "rejected", False, "rejected"),
    "no text of SQL": ("I do not know.", False, "rejected", False, "rejected"),
    "empty": ("", False, "", False, "empty"),
    "drop": ("DROP TABLE loaf", False, "gold", False, "refused"),
    "delete": ("DELETE FROM loaf", False, "", False, "refused"),
    "two statements": ("SELECT 1; DROP TABLE loaf", False, "rejected", False, "rejected"),
    "endless": (ENDLESS, False, "timeout", False, "timeout"),
    "huge": (HUGE, False, "memory", False, "memory"),
    "attach": ("ATTACH '{outside}' AS x", False, "rejected", False, "refused"),
    "vacuum into": ("VACUUM INTO '{outside}'", False, "rejected", False, "refused"),
    "vacuum into a URI": ("VACUUM INTO 'file:{outside}'", False, "rejected", False, "refused"),
    "vacuum into an escaped URI": ("VACUUM INTO 'file:{escaped}?mode=rwc'", False, "rejected", False, "refused"),
    "attach a URI": ("ATTACH 'file://localhost{outside}?mode=rwc' AS x", False, "rejected", False, "refused"),
    "attach a computed URI": ("ATTACH 'file' || ':{outside}' AS x", False, "rejected", False, "refused"),
    "temporary folder": ("PRAGMA temp_store_directory = '{folder}'", False, "rejected", False, "refused"),
    "null character": ("SELECT 1\0", False, "rejected", False, "rejected"),
    "lone surrogate": ("SELECT '\ud800'", False, "rejected", False, "rejected"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_predictions_on_bird(tmp_path: Path, bird, name: str):
    text, right, error, safe_right, safe_error = BAD[name]
    text = text.replace("{outside}", str(tmp_path / "outside.db")).replace("{folder}", str(tmp_path))
    text = text.replace("{escaped}", str(tmp_path / "outside.db").replace("/", "%2F", 1))
    before = bakery.snapshot(tmp_path)
    bench = replace(bird, items=bird.items[:1])
    predictions = read_predictions(bakery.bird_predictions(tmp_path.parent / f"{tmp_path.name}.json", [text]))
    seconds = 1.5 if name == "endless" else 30.0
    rule = replace(BIRD, seconds=seconds)
    official = evaluate(bench, predictions, RunConfig(rule, memory=600_000_000))
    limits = Limits(seconds=seconds, memory=64_000_000)
    safe = evaluate(bench, predictions, RunConfig(rule, mode="safe", limits=limits))
    assert (official.results[0].right, official.results[0].error) == (right, error)
    assert (safe.results[0].right, safe.results[0].error) == (safe_right, safe_error)
    assert bakery.snapshot(tmp_path) == before  # no file made, none changed
    assert official.results[0].gold_error == ""
    assert safe.results[0].gold_error == ""


@pytest.mark.parametrize(
    "name",
    ["file:/tmp/x", "FILE:x", "file:x?mode=ro", "file:%2e%2e/x", "../x", "/x", "x/../../x", None, "file::memory:"],
)
def test_no_name_of_a_file_leads_out_of_the_folder(tmp_path: Path, monkeypatch, name: str | None):
    """Whether SQLite reads names as URIs is decided when it is built, so the rule is the same for both."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    assert _scorer._inside(sqlite3.SQLITE_ATTACH, name) == sqlite3.SQLITE_DENY
    for inside in ("", ":memory:", "x", "./x", "y/x"):
        assert _scorer._inside(sqlite3.SQLITE_ATTACH, inside) == sqlite3.SQLITE_OK


def test_a_deletion_is_right_where_the_reference_then_finds_nothing(bird):
    """Both queries run on one connection, the prediction first: BIRD's script, but not safe mode."""
    bench = replace(bird, items=bird.items[1:2])
    official = evaluate(bench, listed("DELETE FROM loaf"), RunConfig(BIRD))
    safe = evaluate(bench, listed("DELETE FROM loaf"), RunConfig(BIRD, mode="safe"))
    assert official.results[0].right
    found = differences(official, safe)
    assert [(one["index"], one["official"]["right"], one["safe"]["error"]) for one in found] == [(1, True, "refused")]
    assert "does more than read" in found[0]["why"]


def test_a_damaged_database_does_not_reach_the_next_item(bird):
    sql = ["DROP TABLE loaf", *bakery.RIGHT[1:]]
    run = evaluate(bird, listed(*sql), RunConfig(BIRD))
    assert [one.right for one in run.results] == [False, True, True, True, True, True]
    figures = run.to_dict()
    assert figures["changed"] == [0]
    assert figures["clean"]["left_out"] == []  # the prediction, not the reference, is to blame


def test_endless_queries_do_not_hold_up_the_others(bird):
    sql = [ENDLESS, *bakery.RIGHT[1:]]
    run = evaluate(bird, listed(*sql), RunConfig(replace(BIRD, seconds=0.7)))
    assert [one.error for one in run.results] == ["timeout", "", "", "", "", ""]


@pytest.mark.parametrize("mode", ["official", "safe"])
def test_workers_and_order_do_not_matter(tmp_path: Path, mode: str):
    bench = load(bakery.make_spider(tmp_path / "many", gold=bakery.GOLD * 4, copies=3))
    sql = [
        *bakery.RIGHT,
        "SELECT 1",
        "DROP TABLE loaf",
        *reversed(bakery.RIGHT),
        *bakery.RIGHT,
        "x",
        "SELECT 2",
        ";",
        ";",
    ]
    whole = evaluate(bench, listed(*sql), RunConfig(SPIDER, mode=mode)).to_dict(items=True)
    assert evaluate(bench, listed(*sql), RunConfig(SPIDER, mode=mode, workers=4)).to_dict(items=True) == whole
    order = list(range(len(bench.items)))[::-1]
    turned = replace(bench, items=tuple(bench.items[at] for at in order))
    entries = [*sql, *["SELECT 1"] * (len(bench.items) - len(sql))]
    other = evaluate(turned, listed(*(entries[at] for at in order)), RunConfig(SPIDER, mode=mode, workers=2))
    verdicts = {one["index"]: one for one in other.to_dict(items=True)["verdicts"]}
    assert {one["index"]: one for one in whole["verdicts"]} == {index: verdicts[index] for index in range(len(sql))}


def test_short_and_long_predictions(spider):
    short = evaluate(spider, listed(*bakery.RIGHT[:2]), RunConfig(SPIDER))
    assert short.to_dict()["unpredicted"] == 5
    safe = evaluate(spider, listed(*bakery.RIGHT[:2]), RunConfig(SPIDER, mode="safe"))
    for found in (short, safe):  # a file that was cut off must not score higher than a whole one
        assert [one.error for one in found.results] == ["", "", "missing", "missing", "missing", "missing"]
        assert found.to_dict()["ex"] == pytest.approx(33.33)
    for mode in ("official", "safe"):
        long = evaluate(spider, listed(*bakery.RIGHT, "SELECT 1", "x", "y"), RunConfig(SPIDER, mode=mode)).to_dict()
        assert (long["ex"], long["extra_predictions"]) == (100, 2)


def test_lines_of_text_for_spider(tmp_path: Path, spider):
    path = tmp_path / "predicted.txt"
    path.write_text("\n".join(f"{sql}\tbakery" for sql in bakery.RIGHT) + "\n\n", encoding="utf-8")  # one session
    assert evaluate(spider, read_predictions(path), RunConfig(SPIDER)).to_dict()["ex"] == 100
    lines = [*bakery.RIGHT[:2], "", *bakery.RIGHT[3:]]
    path.write_text("\n".join(lines), encoding="utf-8")
    predictions = read_predictions(path)
    with pytest.raises(InputError, match="2 sessions"):
        evaluate(spider, predictions, RunConfig(SPIDER))
    safe = evaluate(spider, predictions, RunConfig(SPIDER, mode="safe"))
    assert [one.error for one in safe.results] == ["", "", "empty", "", "", ""]
    assert sum(one.right for one in safe.results) == 5


def test_wrong_databases_and_lost_separators_on_bird(tmp_path: Path, bird):
    sql = [*bakery.RIGHT[:4], 7, "SELECT name FROM loaf WHERE price > 100"]
    path = bakery.bird_predictions(tmp_path / "p.json", sql)
    entries = json.loads(path.read_text())
    entries["1"] = entries["1"].replace("\tbakery", "\tabsent")
    entries["3"] = "  SELECT name, price FROM loaf  "
    path.write_text(json.dumps(entries), encoding="utf-8")
    predictions = read_predictions(path)
    new = evaluate(bird, predictions, RunConfig(BIRD))
    assert [one.right for one in new.results] == [True, True, True, True, False, True]
    safe = evaluate(bird, predictions, RunConfig(BIRD, mode="safe"))
    assert [one.error for one in safe.results] == ["", "wrong_database", "", "no_separator", "not_text", ""]
    with pytest.raises(InputError, match="prediction 3"):
        evaluate(bird, predictions, RunConfig(BIRD_OLD))
    entries["3"] = entries["2"]
    path.write_text(json.dumps(entries), encoding="utf-8")
    old = evaluate(bird, read_predictions(path), RunConfig(BIRD_OLD))
    assert [one.error for one in old.results] == ["", "no_database", "", "", "no_database", ""]


def test_failing_references(tmp_path: Path):
    gold = [*bakery.GOLD[:2], ("?", "SELECT nothing FROM loaf", "simple"), ("?", "SELECT name FROM nowhere", "simple")]
    bird = load(bakery.make_bird(tmp_path / "bird", gold=gold))
    spider = load(bakery.make_spider(tmp_path / "spider", gold=gold))
    sql = [one[1] for one in gold]
    for mode in ("official", "safe"):
        figures = evaluate(bird, listed(*sql), RunConfig(BIRD, mode=mode)).to_dict()
        assert figures["ex"] == 50
        assert figures["clean"]["ex"] == 100
        assert figures["clean"]["left_out"] == [2, 3]
    figures = evaluate(spider, listed(*sql), RunConfig(SPIDER)).to_dict()
    assert figures["stops"] == [2, 3]
    assert figures["by_hardness"]["unknown"]["items"] == 2
    assert evaluate(spider, listed(*sql), RunConfig(SPIDER, mode="safe")).to_dict()["stops"] == []


def test_what_the_official_parser_cannot_read_is_still_executed(tmp_path: Path):
    """Where the script would end, the figures are as if it went on, and say where."""
    gold = [("?", "SELECT CASE WHEN 1 THEN 2 END", "simple"), *bakery.GOLD[:1]]
    spider = load(bakery.make_spider(tmp_path / "spider", gold=gold))
    run = evaluate(spider, listed("SELECT 2", bakery.RIGHT[0]), RunConfig(SPIDER))
    assert [one.right for one in run.results] == [True, True]
    assert [bool(one.stop) for one in run.results] == [True, False]
    assert run.to_dict()["stops"] == [0]
    assert (run.results[0].level, run.results[0].exact) == ("", None)


def test_leftovers_are_test_databases_in_official_mode_only(spider):
    path = spider.databases["bakery"]
    leftover = path.with_name(path.name + "-wal.old")
    leftover.write_bytes(b"")
    official = evaluate(spider, listed(*bakery.RIGHT), RunConfig(SPIDER)).to_dict()
    assert official["stops"] == [0, 1, 2, 3, 4, 5]
    leftover.rename(path.with_name("old.sqlite-wal"))
    assert evaluate(spider, listed(*bakery.RIGHT), RunConfig(SPIDER)).to_dict()["ex"] == 0
    assert evaluate(spider, listed(*bakery.RIGHT), RunConfig(SPIDER, mode="safe")).to_dict()["ex"] == 100


def test_a_database_with_a_log_beside_it_that_somebody_has_open(bird):
    path = bird.databases["bakery"]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("INSERT INTO loaf VALUES (50, 'New', 'rye', 1, 1)")
        connection.commit()
        before = bakery.snapshot(path.parent)
        for mode in ("official", "safe"):
            run = evaluate(bird, listed("SELECT 8", *bakery.RIGHT[1:]), RunConfig(BIRD, mode=mode, workers=2))
            assert [one.right for one in run.results] == [True] * 6  # the row in the log is seen
        after = bakery.snapshot(path.parent)
    assert {name: content for name, (_, content) in before.items() if "shm" not in name} == {
        name: content for name, (_, content) in after.items() if "shm" not in name
    }


def test_r_ves(bird):
    run = evaluate(bird, listed(bakery.RIGHT[0], "SELECT 1", *bakery.RIGHT[2:]), RunConfig(BIRD, repeat=4))
    assert run.results[0].ratio > 0
    assert run.results[1].ratio == 0
    assert 0 < run.to_dict()["r_ves"] < 112
    one = evaluate(bird, listed(*bakery.RIGHT), RunConfig(BIRD, repeat=1))
    assert one.to_dict()["r_ves"] == 0  # no value lies within zero deviations of the mean
    assert one.to_dict()["ex"] == 100


def test_gold_files(tmp_path: Path, bird):
    path = tmp_path / "gold.sql"
    lines = [f"{sql}\tbakery" for sql in bakery.RIGHT] + ["SELECT 1\tabsent"]
    path.write_text("\n".join(["SELECT 99\tbakery", *lines[1:]]), encoding="utf-8")
    bench = with_gold(bird, path)
    assert not evaluate(bench, listed(*bakery.RIGHT), RunConfig(BIRD)).results[0].right
    for broken in (lines[:-1], ["SELECT 1", *lines[1:]], ["SELECT\t1\tbakery", *lines[1:]]):
        path.write_text("\n".join(broken), encoding="utf-8")
        with pytest.raises(InputError):
            with_gold(bird, path)


@pytest.mark.parametrize(
    ("change", "text"),
    [({"mode": "fast"}, "mode"), ({"workers": 0}, "workers"), ({"repeat": -1}, "repeat"), ({"memory": 5}, "memory"),
     ({"mode": "safe", "repeat": 3}, "official mode only")],
)  # fmt: skip
def test_wrong_settings(change: dict, text: str):
    with pytest.raises(UsageError, match=text):
        RunConfig(BIRD, **change)


def test_no_item_to_score(bird):
    with pytest.raises(UsageError, match="no item"):
        evaluate(replace(bird, databases={}), listed("SELECT 1"), RunConfig(BIRD))


def test_partial_matches_as_the_official_script_prints_them(spider):
    """Accuracy where the prediction has the part, recall where the reference has it; AND and OR with sides mixed up."""
    sql = [bakery.RIGHT[0], "SELECT name FROM loaf", *bakery.RIGHT[2:]]
    partial = evaluate(spider, listed(*sql), RunConfig(SPIDER)).to_dict()["partial"]
    assert partial["where"] == {"acc": 100, "rec": 66.67, "f1": 80}
    assert partial["group"] == {"acc": 0, "rec": 0, "f1": 100}
    assert partial["and/or"] == {"acc": 100, "rec": 100, "f1": 100}
    two = "SELECT name FROM loaf WHERE flour = 'rye' AND price > 1"
    partial = evaluate(spider, listed(bakery.RIGHT[0], two, *bakery.RIGHT[2:]), RunConfig(SPIDER)).to_dict()["partial"]
    assert partial["and/or"] == {"acc": 100, "rec": 83.33, "f1": 90.91}


def test_a_level_whose_items_all_failed_has_zero(bird):
    figures = evaluate(bird, listed(*bakery.RIGHT[:4], "x", bakery.RIGHT[5]), RunConfig(BIRD)).to_dict()
    assert figures["by_difficulty"]["challenging"] == figures["by_difficulty"]["challenging"] | {"ex": 0, "soft_f1": 0}


def test_a_stray_log_beside_a_database_does_no_harm_and_stays(bird):
    path = bird.databases["bakery"]
    path.with_name(path.name + "-wal").write_bytes(b"no log at all" * 100)
    before = bakery.snapshot(path.parent)
    assert evaluate(bird, listed(*bakery.RIGHT), RunConfig(BIRD)).to_dict()["ex"] == 100  # on a copy, which loses it
    safe = evaluate(bird, listed(*bakery.RIGHT), RunConfig(BIRD, mode="safe"))
    assert {one.error for one in safe.results} == {"damaged_database"}  # what is in it only writing could tell
    assert "write-ahead log" in safe.results[0].message
    assert bakery.snapshot(path.parent) == before

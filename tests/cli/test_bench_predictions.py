"""`bench bird`, `bench spider --predictions` and `bench compare` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.cli import main

Capture = pytest.CaptureFixture[str]


def test_bird_official_safe_and_both(tmp_path: Path, bakery: SimpleNamespace, run_bench: Callable[..., dict]):
    data = bakery.make_bird(tmp_path / "bird")
    sql = ["DROP TABLE loaf", *bakery.RIGHT[1:], "SELECT 1", "SELECT 2"]
    path = bakery.bird_predictions(tmp_path / "p.json", sql)
    before = bakery.snapshot(data)
    official = run_bench("bird", "--data", data, "--predictions", path)
    assert (official["ex"], official["items"], official["skipped"], official["extra_predictions"]) == (83.33, 6, 1, 1)
    assert official["mode"] == "official"
    assert official["soft_f1"] == 83.33
    assert official["by_difficulty"]["simple"] == official["by_difficulty"]["simple"] | {"ex": 66.67, "items": 3}
    assert official["changed"] == [0]
    safe = run_bench("bird", "--data", data, "--predictions", path, "--mode", "safe")
    assert (safe["ex"], safe["errors"]) == (83.33, {"refused": 1})
    both = run_bench("bird", "--data", data, "--predictions", path, "--mode", "both", "--html", tmp_path / "p.html")
    assert both["ex"] == both["safe_ex"] == 83.33
    assert [one["index"] for one in both["differences"]] == [0]
    assert "more than read" in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert bakery.snapshot(data) == before


def test_spider_and_compare(tmp_path: Path, capsys: Capture, bakery: SimpleNamespace, run_bench: Callable[..., dict]):
    data = bakery.make_spider(tmp_path / "spider")
    files = []
    for name, sql in (("a", bakery.RIGHT), ("b", ("SELECT 1", *bakery.RIGHT[1:5], "SELECT name FROM loaf"))):
        path = tmp_path / f"{name}.txt"
        path.write_text("\n".join(sql) + "\n", encoding="utf-8")
        log, out = tmp_path / f"{name}.log", tmp_path / f"{name}.json"
        words = ("spider", "--data", data, "--predictions", path, "--items", "--log", log, "--workers", 2)
        document = run_bench(*words)
        assert run_bench(*words) == document  # from the log
        out.write_text(json.dumps(document), encoding="utf-8")
        files += [(log, out)]
        assert document["exact_match"] is not None
        assert document["partial"]["select"]["rec"] == {"a": 100, "b": 83.33}[name]
        assert sum(level["items"] for level in document["by_hardness"].values()) == 6
        assert len(document["verdicts"]) == 6
    found = run_bench("compare", files[0][0], files[1][1], "--html", tmp_path / "cmp.html")
    assert found["metrics"]["ex"]["difference"] == -33.33
    assert found["mcnemar"]["only_a"] == 2
    assert "<svg" in (tmp_path / "cmp.html").read_text(encoding="utf-8")
    assert main(["bench", "compare", str(files[0][1]), str(files[1][1])]) == 0
    assert "McNemar p = 0.5" in capsys.readouterr().out


def test_self_check_and_table_for_people(
    tmp_path: Path, capsys: Capture, bakery: SimpleNamespace, run_bench: Callable[..., dict]
):
    data = bakery.make_spider(tmp_path / "spider")
    assert run_bench("spider", "--data", data, "--self-check")["ex"] == 100
    bird = bakery.make_bird(tmp_path / "bird")
    assert run_bench("bird", "--data", bird, "--self-check", "--script", "old")["rule"] == "bird-old"
    assert main(["bench", "bird", "--data", str(bird), "--self-check"]) == 0
    assert "challenging" in capsys.readouterr().out


def test_a_generator_on_bird(tmp_path: Path, bakery: SimpleNamespace, run_bench: Callable[..., dict]):
    data = bakery.make_bird(tmp_path / "bird")
    found = run_bench("bird", "--data", data, "--generator", "sketch", "--limit", 3)
    assert (found["items"], found["skipped"], found["rule"]) == (3, 1, "bird")
    assert found["soft_f1"] is not None
    assert found["by_difficulty"]


def test_a_run_of_a_generator_goes_on_and_is_compared(
    tmp_path: Path, capsys: Capture, bakery: SimpleNamespace, run_bench: Callable[..., dict]
):
    data = bakery.make_bird(tmp_path / "bird")
    log, page, out = tmp_path / "run.log", tmp_path / "page.html", tmp_path / "a.json"
    words = ("bird", "--data", data, "--generator", "sketch", "--items", "--log", log, "--html", page)
    first = run_bench(*words)
    log.write_text("".join(log.read_text(encoding="utf-8").splitlines(keepends=True)[:4]), encoding="utf-8")  # killed
    again = run_bench(*words)
    assert [one["ms"] for one in again["verdicts"]][:3] == [one["ms"] for one in first["verdicts"]][:3]  # from the log
    assert again["ex"] == first["ex"]
    assert "Execution accuracy by level" in page.read_text(encoding="utf-8")
    out.write_text(json.dumps(again), encoding="utf-8")
    for run in (out, log):
        found = run_bench("compare", run, out)
        assert found["items"] == again["items"]
        assert found["metrics"]["ex"]["difference"] == 0
    assert main(["bench", *map(str, words), "--seed", "1"]) == 1
    assert "the log belongs to another run (different: seed)" in capsys.readouterr().err
    assert main(["bench", "bird", "--data", str(data), "--self-check", "--log", str(log)]) == 1
    assert "the log belongs to another run" in capsys.readouterr().err


def test_a_file_that_was_cut_off_scores_no_higher(tmp_path: Path, capsys: Capture, bakery: SimpleNamespace):
    data = bakery.make_bird(tmp_path / "bird")
    path = bakery.bird_predictions(tmp_path / "p.json", [bakery.RIGHT[0], "SELECT 1"])
    assert main(["bench", "bird", "--data", str(data), "--predictions", str(path), "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert (found["ex"], found["items"]) == (16.67, 6)
    assert found["errors"]["missing"] == 4
    assert "without a prediction: wrong here" in shown.err
    assert main(["bench", "bird", "--data", str(data), "--predictions", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "unpredicted" in shown
    assert "5 items wrong:" in shown
    assert "predicted: SELECT 1\n  reference: " in shown
    assert "(there is no prediction): " in shown


def test_a_missing_database_is_named(tmp_path: Path, capsys: Capture, bakery: SimpleNamespace):
    data = bakery.make_bird(tmp_path / "bird")
    for file in (data / "dev_databases").rglob("*.sqlite"):
        file.unlink()
    assert main(["bench", "bird", "--data", str(data), "--self-check"]) == 1
    err = capsys.readouterr().err
    assert "looked for bird/dev_databases/" in err
    assert "--schemas" not in err


def test_outputs_never_replace_inputs(tmp_path: Path, capsys: Capture, bakery: SimpleNamespace):
    data = bakery.make_bird(tmp_path / "bird")
    database = data / "dev_databases" / "bakery" / "bakery.sqlite"
    before = bakery.snapshot(data)
    for option in ("--html", "--log"):
        assert main(["bench", "bird", "--data", str(data), "--self-check", option, str(database)]) == 1
    assert "CP005" in capsys.readouterr().err
    assert bakery.snapshot(data) == before


def test_predictions_of_a_part_are_told_by_their_databases(tmp_path: Path, capsys: Capture, bakery: SimpleNamespace):
    data = bakery.make_bird(tmp_path / "bird")
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"5": "SELECT 1\t----- bird -----\telsewhere"}), encoding="utf-8")
    assert main(["bench", "bird", "--data", str(data), "--predictions", str(path)]) == 0
    assert "1 prediction names another database than the item at the same place" in capsys.readouterr().err
    path.write_text("{}", encoding="utf-8")
    assert main(["bench", "bird", "--data", str(data), "--predictions", str(path)]) == 1
    assert "the n-th prediction belongs to the n-th item" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bird", "spider"])
def test_options_of_the_other_use(tmp_path: Path, capsys: Capture, name: str, bakery: SimpleNamespace):
    data = getattr(bakery, f"make_{name}")(tmp_path / name)
    words = ["bench", name, "--data", str(data)]
    assert main([*words, "--self-check", "--predictions", str(tmp_path / "p.txt")]) == 2
    capsys.readouterr()
    assert main([*words, "--self-check", "--limit", "1"]) == 0
    assert "--limit is not used: it belongs to a generator" in capsys.readouterr().err
    assert main([*words, "--limit", "1", "--mode", "safe"]) == 0
    assert "--mode is not used: it belongs to --predictions" in capsys.readouterr().err


def test_figures_are_not_lost_with_the_page(tmp_path: Path, capsys: Capture, bakery: SimpleNamespace):
    data = bakery.make_bird(tmp_path / "bird")
    page = tmp_path / "absent" / "page.html"
    assert main(["bench", "bird", "--data", str(data), "--self-check", "--json", "--html", str(page)]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["ex"] == 100
    assert "cannot be written" in shown.err

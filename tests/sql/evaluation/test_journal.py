"""The log: killed at any moment a run goes on from it, and its result is that of an undisturbed run, byte for byte."""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import ctxprune
from ctxprune.errors import FormatError, InputError
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.evaluate import RunConfig, evaluate
from ctxprune.sql.evaluation.journal import Journal, read_log
from ctxprune.sql.evaluation.outcome import Result
from ctxprune.sql.evaluation.predictions import Prediction, Predictions, gold_as_predictions
from ctxprune.sql.evaluation.rules import BIRD

HERE = Path(__file__).parent
bakery = SimpleNamespace(**runpy.run_path(str(HERE / "bakery.py")))
RESULT = Result(0, "bakery", "easy", "SELECT 1", right=True, seconds=0.25)
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT count(*) FROM n"


def start(folder: Path, log: Path, out: Path, workers: int = 2) -> subprocess.Popen:
    copies = log.parent / "copies"  # a run that is killed leaves its private copies, the next one removes them
    copies.mkdir(exist_ok=True)
    env = os.environ | {"PYTHONPATH": str(Path(ctxprune.__file__).resolve().parent.parent), "TMPDIR": str(copies)}
    words = [sys.executable, str(HERE / "kill_run.py"), str(folder), str(log), str(out), "official", str(workers)]
    return subprocess.Popen(words, env=env, stderr=subprocess.PIPE)


def lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_killed_ten_times_equals_undisturbed(tmp_path: Path):
    gold = [("?", SLOW.replace("count(*)", f"count(*), {at}"), "simple") for at in range(60)]
    folder = bakery.make_spider(tmp_path / "spider", gold=gold, copies=3)
    undisturbed = start(folder, tmp_path / "whole.log", tmp_path / "whole.json")
    _, errors = undisturbed.communicate(timeout=120)
    assert undisturbed.returncode == 0, errors
    rng = random.Random(0)
    log, out, kills = tmp_path / "run.log", tmp_path / "run.json", 0
    targets = sorted(rng.sample(range(1, 56), 10))  # the log's length at each kill, a moment more or less
    for target in targets:
        process = start(folder, log, out)
        until = time.monotonic() + 60
        while lines(log) < target and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.02)
        kills += process.poll() is None
        process.kill()
        process.wait()
        process.stderr.close()
        assert not out.exists() or process.returncode == 0
    last = start(folder, log, out)
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors
    assert kills == 10
    assert out.read_bytes() == (tmp_path / "whole.json").read_bytes()
    indexes = [json.loads(line)["index"] for line in log.read_text().splitlines()[1:]]
    assert sorted(indexes) == list(range(60))  # none lost, none twice
    assert list((tmp_path / "copies").iterdir()) == []


def test_a_line_cut_short_is_dropped(tmp_path: Path):
    log = tmp_path / "log"
    with Journal(log, {"a": 1}, Result.load) as journal:
        journal.add(RESULT)
        journal.add(RESULT)  # once only
    text = log.read_bytes()
    for cut in range(len(text) + 1):
        log.write_bytes(text[:cut])
        with Journal(log, {"a": 1}, Result.load) as journal:
            assert list(journal.done) == ([0] if cut == len(text) else [])
            journal.add(RESULT)
        assert log.read_bytes() == text
    assert read_log(log) == ({"a": 1}, (RESULT,))


def test_other_runs_and_other_files_are_refused(tmp_path: Path):
    log = tmp_path / "log"
    with Journal(log, {"data": "x", "mode": "safe"}, Result.load) as journal:
        with pytest.raises(InputError, match="another run is writing"):
            Journal(log, {"data": "x", "mode": "safe"}, Result.load)
        journal.add(RESULT)
    with pytest.raises(InputError, match="different: data"):
        Journal(log, {"data": "y", "mode": "safe"}, Result.load)
    for content in (b"hello\n", b"hello", b'{"format": "other", "version": 1, "run": {}}\n', b"[1]\n"):
        log.write_bytes(content)
        with pytest.raises(FormatError):
            Journal(log, {}, Result.load)
        assert log.read_bytes() == content
    log.write_bytes(b'{"format": "ctxprune-bench-log", "version": 3, "run": {}}\n')
    with pytest.raises(FormatError, match="version 3"):
        Journal(log, {}, Result.load)
    log.write_bytes(b'{"format": "ctxprune-bench-log", "version": 1, "run": {}}\n{"index": 1}\n')
    with pytest.raises(InputError, match="line 2"):
        Journal(log, {}, Result.load)
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path / "no" / "log", {}, Result.load)


def test_an_item_line_says_all(tmp_path: Path):
    bench = load(bakery.make_bird(tmp_path / "bird"))
    log = tmp_path / "log"
    predictions = Predictions(tuple(Prediction(sql) for sql in ["SELECT x", *bakery.RIGHT[1:]]), "list")
    run = evaluate(bench, predictions, RunConfig(BIRD), log=log)
    header, *items = map(json.loads, log.read_text().splitlines())
    assert header["run"]["predictions"] == predictions.digest
    first = next(item for item in items if item["index"] == 0)
    assert (first["sql"], first["right"], first["error"]) == ("SELECT x", False, "rejected")
    assert first["message"] == "OperationalError: no such column: x"
    other = next(item for item in items if item["index"] == 1)
    assert (other["rows"], other["gold_rows"], other["error"]) == (3, 3, "")
    assert all(item["seconds"] > 0 for item in items)
    assert evaluate(bench, predictions, RunConfig(BIRD, workers=3), log=log).to_dict(items=True) == run.to_dict(
        items=True
    )
    with pytest.raises(InputError, match="different: predictions"):
        evaluate(bench, gold_as_predictions(bench.items), RunConfig(BIRD), log=log)

"""Verdicts equal to those of the official scripts, on published predictions; runs the official code from a folder.

    python benchmarks/peers/parity.py --official DIR [--python PYTHON] [--limit N]     # benchmarks/results/parity.json

DIR holds checkouts of taoyds/test-suite-sql-eval (`test-suite-sql-eval/`), bird-bench/mini_dev (`mini_dev/`) and the
older BIRD script (`bird_old/evaluation.py`). PYTHON has their requirements (nltk with punkt, sqlparse, func_timeout,
tqdm, numpy); none of it is part of this repository. Each item sees the database as it was published, in both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.common.record import SHARED, record
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.evaluate import RunConfig, evaluate
from ctxprune.sql.evaluation.predictions import Prediction, Predictions
from ctxprune.sql.evaluation.rules import BIRD, SPIDER

HOME = SHARED / "data" / "nl2sql"
SETS = (
    ("spider", "spider", "dev", "dev.json", "spider_dev_candidates.jsonl", ""),
    ("bird", "bird_dev", "dev", "dev.json", "bird_dev_candidates.jsonl", "question_id"),
    ("bird_mini_dev", "bird_dev", "mini_dev", "mini_dev_sqlite.json", "bird_mini_dev_candidates.jsonl", "question_id"),
)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--official", type=Path, required=True)
    options.add_argument("--python", default=sys.executable)
    options.add_argument("--limit", type=int, default=None, help="systems per set")
    words = options.parse_args()
    figures, data = {}, {}
    for name, folder, split, questions, candidates, key in SETS:
        bench = load(HOME / folder, split=split)
        rows = json.loads((HOME / folder / questions).read_text(encoding="utf-8"))
        lines = (HOME / "candidates" / candidates).read_text(encoding="utf-8").split("\n")
        found = enumerate(map(json.loads, filter(None, lines)))
        by_key = {row.get(key, at): row["candidates"] for at, row in found}  # Spider: line by line, as the items stand
        places = [at for at, item in enumerate(bench.items) if item.db_id in bench.databases]
        systems = {}
        for system in sorted({one for found in by_key.values() for one in found})[: words.limit]:
            chosen = [at for at in places if system in by_key.get(_key(rows[at], at, key), {})]
            part = replace(bench, items=tuple(bench.items[at] for at in chosen))
            sql = [_text(by_key[_key(rows[at], at, key)][system], name) for at in chosen]
            systems[system] = _compare(words, part, sql, name, HOME / folder / "tables.json")
            sys.stderr.write(f"{name} {system} {systems[system]['equal']}\n")
        figures[name], data[name] = _sums(systems), bench.fingerprint
    record("parity", figures, seed=None, data=data)


def _key(row: dict, at: int, key: str) -> int:
    return row.get(key, at)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        return " "
    return value.replace("\n", " ").replace("\t", " ").strip() or "SELECT 1" if name == "spider" else value


def _compare(words, bench, sql, name, tables) -> dict:
    rule = SPIDER if name == "spider" else BIRD
    predictions = Predictions(tuple(map(Prediction, sql)), "list")
    ours = evaluate(bench, predictions, RunConfig(rule)).results
    job = [
        {"path": str(bench.databases[item.db_id]), "db_id": item.db_id, "gold": item.gold, "predicted": text}
        for item, text in zip(bench.items, sql, strict=True)
    ]
    theirs = _official(words, job, name, tables)
    equal: dict[str, int] = {}
    for one, other in zip(ours, theirs, strict=True):
        mine = _verdicts(one, name)
        for metric, value in other.items():
            equal[metric] = equal.get(metric, 0) + (mine[metric] == value)
    return {"items": len(ours), "equal": equal}


def _verdicts(result, name: str) -> dict:
    if name == "spider":
        parts = {name: part[0] for name, part in result.parts.items()}
        exact = int(bool(result.exact))
        return {"ex": int(result.right), "exact_match": exact, "partial": parts, "hardness": result.level}
    return {"ex": int(result.right), "old_ex": int(result.right), "soft_f1": result.soft_f1 or 0}


def _official(words, job: list[dict], name: str, tables: Path) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.json"
        task.write_text(json.dumps({"items": job, "set": name, "tables": str(tables)}), encoding="utf-8")
        runner = Path(__file__).with_name("parity_official.py")
        command = [words.python, "-W", "ignore", str(runner), str(words.official), str(task)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return json.loads(done.stdout.splitlines()[-1])


def _sums(systems: dict) -> dict:
    items = sum(one["items"] for one in systems.values())
    metrics = sorted({metric for one in systems.values() for metric in one["equal"]})
    equal = {metric: sum(one["equal"].get(metric, 0) for one in systems.values()) for metric in metrics}
    return {"verdicts": items, "equal": equal, "systems": len(systems), "by_system": systems}


if __name__ == "__main__":
    main()

"""Calls the official functions for one task of `parity.py`; runs under the interpreter that has their requirements.

python benchmarks/peers/parity_official.py OFFICIAL TASK.json      # verdicts as JSON in the last line of stdout
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import shutil
import sys
import tempfile
import types
from pathlib import Path


def main() -> None:
    home, task = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    for name in ("psycopg2", "pymysql"):  # drivers of other databases
        sys.modules.setdefault(name, types.ModuleType(name))
    setup = home / "setup.py"  # for what this machine needs, such as a place for punkt
    if setup.is_file():
        _module("setup", setup)
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        judge = _spider(home, task) if task["set"] == "spider" else _bird(home)
        found = [judge(item, Path(folder)) for item in task["items"]]
    print(json.dumps(found))


def _spider(home: Path, task: dict):
    sys.path.insert(0, str(home / "test-suite-sql-eval"))
    import evaluation
    from exec_eval import eval_exec_match
    from process_sql import Schema, get_schema, get_sql

    keys = evaluation.build_foreign_key_map_from_json(task["tables"])
    evaluator = evaluation.Evaluator()
    empty = {"except": None, "from": {"conds": [], "table_units": []}, "groupBy": [], "having": [], "intersect": None,
             "limit": None, "orderBy": [], "select": [False, []], "union": None, "where": []}  # fmt: skip

    def judge(item: dict, folder: Path) -> dict:
        path = str(_fresh(Path(item["path"]), folder))
        schema = Schema(get_schema(path))
        text = item["predicted"].replace("value", "1")
        gold = get_sql(schema, item["gold"])
        found = {"hardness": evaluator.eval_hardness(gold)}
        try:
            predicted = get_sql(schema, text)
        except Exception:  # noqa: BLE001
            predicted = json.loads(json.dumps(empty))
        found["ex"] = eval_exec_match(path, text, item["gold"], False, False, False)
        sides = []
        for side in (gold, predicted):
            units = evaluation.build_valid_col_units(side["from"]["table_units"], schema)
            sides.append(evaluation.rebuild_sql_col(units, evaluation.rebuild_sql_val(side), keys[item["db_id"]]))
        found["exact_match"] = int(evaluator.eval_exact_match(sides[1], sides[0]))
        found["partial"] = {name: part["f1"] for name, part in evaluator.partial_scores.items()}
        return found

    return judge


def _bird(home: Path):
    sys.path.insert(0, str(home / "mini_dev" / "evaluation"))
    import evaluation_ex
    import evaluation_f1

    old = _module("old_evaluation", home / "bird_old" / "evaluation.py")

    def judge(item: dict, folder: Path) -> dict:
        def ask(function, *more: str) -> float:
            path = str(_fresh(Path(item["path"]), folder))
            return function(item["predicted"], item["gold"], path, 0, 30.0, *more)["res"]

        return {
            "ex": ask(evaluation_ex.execute_model, "SQLite"),
            "soft_f1": ask(evaluation_f1.execute_model, "SQLite"),
            "old_ex": ask(old.execute_model),
        }

    return judge


_KEPT: dict[Path, bytes] = {}


def _fresh(path: Path, folder: Path) -> Path:
    """A private copy, made anew unless it is still as it was."""
    place = folder / path.stem / path.name
    content = _KEPT.setdefault(path, path.read_bytes())
    if place.parent.is_dir() and [one.name for one in place.parent.iterdir()] == [path.name]:
        if place.read_bytes() == content:
            return place
        shutil.rmtree(place.parent)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(content)
    return place


def _module(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()

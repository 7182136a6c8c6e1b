"""Verdicts that the official scripts gave on our own generated cases, held by `make test`.

`official/cases.json` was recorded by running bird-bench/mini_dev, the older BIRD script and taoyds/test-suite-sql-eval
(with the versions of its tokenizers that the file names) on `official/bakery.sql`; nothing of their code is here.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ctxprune.errors import InputError
from ctxprune.sql.evaluation.exact_match import exact_match, foreign_key_map
from ctxprune.sql.evaluation.hardness import hardness
from ctxprune.sql.evaluation.official import OfficialScorer
from ctxprune.sql.evaluation.rules import BIRD, SPIDER
from ctxprune.sql.evaluation.spider_structure import EMPTY, parse

PLACE = Path(__file__).parent / "official"
RECORD = json.loads(Path(os.environ.get("CTXPRUNE_CASES", PLACE / "cases.json")).read_text(encoding="utf-8"))
CASES = RECORD["cases"]


def line(sql: str) -> str:
    return sql.replace("\n", " ").replace("\t", " ").strip() or "SELECT 1"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two test databases in one folder, as a Spider test suite has them."""
    folder = tmp_path_factory.mktemp("database") / "bakery"
    folder.mkdir()
    for name in ("bakery", "bakery_more"):
        with closing(sqlite3.connect(folder / f"{name}.sqlite")) as connection:
            connection.executescript((PLACE / f"{name}.sql").read_text(encoding="utf-8"))
    return folder / "bakery.sqlite"


def disagreements(database: Path, rule, expected) -> list[tuple[str, str, object, object]]:
    found = []
    with OfficialScorer(rule) as scorer:
        for case in CASES:
            wanted = expected(case)
            if wanted is None:
                continue
            gold, predicted = case["gold"], case["predicted"]
            if rule.text.value_as_one:
                gold, predicted = line(gold), line(predicted)
            outcome = scorer.score(database, gold, predicted)
            got: object = int(outcome.right)
            if rule.gold_must_run and outcome.error == "gold":
                got = "stop"
            if isinstance(wanted, str) and wanted.startswith("stop"):
                wanted = "stop"
            if got != wanted:
                found.append((gold, predicted, wanted, outcome))
    return found


def spider_verdict(case):
    return case["spider"].get("exec", case.get("exec"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SPIDER, spider_verdict),
        (replace(SPIDER, text=replace(SPIDER.text, keep_distinct=True)), lambda case: case.get("keep")),
        (replace(SPIDER, text=replace(SPIDER.text, plug_value=True)), lambda case: case.get("plug")),
    ],
    ids=["default", "keep_distinct", "plug_value"],
)
def test_spider_execution(database: Path, rule, expected):
    assert disagreements(database, rule, expected) == []


def test_bird_ex_new_and_old_script(database: Path):
    assert disagreements(database, BIRD, lambda case: case["bird"]["ex"]) == []
    assert all(case["bird"]["old"] == case["bird"]["ex"] for case in CASES)


def test_bird_soft_f1_to_the_last_digit(database: Path):
    with OfficialScorer(BIRD) as scorer:
        got = [scorer.score(database, case["gold"], case["predicted"]).soft_f1 or 0 for case in CASES]
    assert got == [case["bird"]["f1"] for case in CASES]


def test_spider_exact_match_parts_and_hardness(database: Path):
    keys = foreign_key_map(RECORD["tables"])
    with OfficialScorer(SPIDER) as scorer:
        schema = scorer.tables(database)
    differ = []
    for case in CASES:
        predicted, wanted = line(case["predicted"]).replace("value", "1"), case["spider"]
        try:
            gold = parse(line(case["gold"]), schema)
        except InputError:
            got: dict[str, object] = {"stop": True}
            wanted = {"stop": True} if "stop" in wanted else wanted
        else:
            got = {"hardness": hardness(gold)}
            try:
                structure = parse(predicted, schema)
            except InputError:
                structure, got["unparsed"] = EMPTY, True
            try:
                match = exact_match(structure, gold, keys=keys, schema=schema)
                got |= {"exact": int(match.exact), "partial": dict(match.parts)}
            except InputError:
                got["exact"] = "stop:TypeError"
            wanted = {name: value for name, value in wanted.items() if name != "exec"}
        if got != wanted:
            differ.append((case["gold"], case["predicted"], wanted, got))
    assert differ == []


def test_the_record_covers_every_verdict():
    assert len(CASES) >= 200
    assert {spider_verdict(case) for case in CASES} >= {0, 1, "stop"}
    assert {case["bird"]["ex"] for case in CASES} == {0, 1}
    assert any(0 < case["bird"]["f1"] < 1 for case in CASES)
    assert any(case["spider"].get("exact") == 1 for case in CASES)

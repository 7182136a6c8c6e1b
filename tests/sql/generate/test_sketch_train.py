"""Training the sketch generator on a small made-up folder in Spider's layout."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ctxprune.sql.evaluation.sketch_training.examples import execute, folds, learn_related, read_examples
from ctxprune.sql.evaluation.sketch_training.fitting import fit_slots
from ctxprune.sql.evaluation.sketch_training.train import main
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.sketch import SketchGenerator

if TYPE_CHECKING:
    from pathlib import Path

THINGS = ("boat", "lamp", "tree", "shoe", "bell")
PATTERNS = (
    ("How many {0}s are there?", "SELECT count(*) FROM {0}"),
    ("What are the colors of all {0}s?", "SELECT color FROM {0}"),
    ("Show the color and price of each {0}.", "SELECT color , price FROM {0}"),
    ("What is the average price of {0}s?", "SELECT avg(price) FROM {0}"),
    ("Show the colors of {0}s with a price above 3.", "SELECT color FROM {0} WHERE price > 3"),
    ("How many {0}s are there of each color?", "SELECT color , count(*) FROM {0} GROUP BY color"),
    ("What is the color of the priciest {0}?", "SELECT color FROM {0} ORDER BY price DESC LIMIT 1"),
    ("How many {0}s are red?", "SELECT count(*) FROM {0} WHERE color = 'red'"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("spider")
    tables, items = [], []
    for thing in THINGS:
        tables.append(
            {
                "db_id": f"db_{thing}",
                "table_names": [thing],
                "table_names_original": [thing],
                "column_names": [[-1, "*"], [0, f"{thing} id"], [0, "color"], [0, "price"]],
                "column_names_original": [[-1, "*"], [0, f"{thing}_id"], [0, "color"], [0, "price"]],
                "column_types": ["text", "number", "text", "number"],
                "primary_keys": [1],
                "foreign_keys": [],
            }
        )
        items += [
            {"db_id": f"db_{thing}", "question": question.format(thing), "query": sql.format(thing)}
            for question, sql in PATTERNS
        ]
        place = root / "database" / f"db_{thing}"
        place.mkdir(parents=True)
        with closing(sqlite3.connect(place / f"db_{thing}.sqlite")) as connection:
            connection.execute(f"CREATE TABLE {thing} ({thing}_id INTEGER PRIMARY KEY, color TEXT, price REAL)")
            rows = [(1, "red", 2.0), (2, "blue", 5.0), (3, "red", 7.5)]
            connection.executemany(f"INSERT INTO {thing} VALUES (?, ?, ?)", rows)
            connection.commit()
    (root / "tables.json").write_text(json.dumps(tables), encoding="utf-8")
    (root / "train_spider.json").write_text(json.dumps(items), encoding="utf-8")
    return root


def test_training_writes_weights_that_answer(folder: Path, tmp_path: Path) -> None:
    main(["--data", str(folder), "--out", str(tmp_path), "--seed", "3"])
    (weights,) = tmp_path.glob("*.npz")
    figures = json.loads((tmp_path / "figures.json").read_text())["cross_validation"]
    assert figures["items"] == len(THINGS) * len(PATTERNS)
    assert figures["oracle_all"] > 0.5
    assert figures["ex"] <= figures["oracle_4"] <= figures["oracle_all"]
    generator = SketchGenerator(weights)
    made = [generator.generate(Request(one.question, one.view.schema, n=8)) for one in read_examples(folder)]
    assert sum(len(candidates) > 1 for candidates in made) > len(made) / 2


def test_the_same_seed_gives_the_same_bytes(folder: Path) -> None:
    examples = read_examples(folder)[:16]
    assert fit_slots(examples, 3).save() == fit_slots(examples, 3).save()


def test_no_database_is_on_both_sides(folder: Path) -> None:
    examples = read_examples(folder)
    fold = folds(examples, 4, 0)
    assert fold == folds(examples, 4, 0)
    assert set(fold) == {f"db_{thing}" for thing in THINGS}
    assert sorted(fold.values()) == [0, 0, 1, 2, 3]


def test_words_that_go_with_unnamed_columns_are_learned(folder: Path) -> None:
    """The word "priciest" names no column, yet its queries need the price; a known relation is kept as it is."""
    examples = [example for example in read_examples(folder) if "priciest" in example.question]
    fillers = [example for example in read_examples(folder) if "priciest" not in example.question]
    related = learn_related(examples[:1] + fillers, {"dear": {"price": 0.7}})
    assert related == {"dear": {"price": 0.7}}  # one database is no evidence


def test_statements_run_read_only_and_bounded(folder: Path) -> None:
    path = folder / "database" / "db_boat" / "db_boat.sqlite"
    before = path.read_bytes()
    endless = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r"
    found = execute(path, ["SELECT count(*) FROM boat", "DELETE FROM boat", endless, "SELECT nope FROM boat"])
    assert found == [[(3,)], None, None, None]
    assert path.read_bytes() == before

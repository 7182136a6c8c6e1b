"""Trains `ranked.v1` on Spider's training questions and writes its weights.

Run as `python benchmarks/select_weights.py [ITEMS]`. Candidates are variants of gold SQL (`_mutations`) in sets as
several systems would give them (`_simulated`). What a question lets one expect of its SQL is read by a model that did
not see its database. No published prediction is read here; `TEMPERATURE` was found on those that a licence allows.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from _expectations import train_expectations
from _ranking import Shape, train
from _record import SHARED
from _simulated import POPULARITY, draw, pool_of

import ctxprune.sql.select as package
from ctxprune.sql.database import Database, Limits
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.selection import Runner, gather_known
from ctxprune.sql.select.features import Evidence
from ctxprune.sql.select.ranked import RankingWeights

FOLDER = SHARED / "data" / "nl2sql"
FOLDS, LINKED, LARGEST = 4, 600, 500_000
LIMITS = Limits(seconds=0.1, rows=800)
# Simulated sets are easier than real ones, so the network is too sure. The temperature is the one of the least loss on
# the candidates of DIN-SQL, DAIL-SQL and C3SQL for Spider dev; by it the simulation was chosen among five, too.
TEMPERATURE = 2.2
TRAINED_ON = (
    "variants of the gold SQL of Spider train",
    "answers of the sketch generator to questions of Spider train",
    "questions and gold SQL of Spider train and of the BIRD train sample",
    f"one number, the temperature {TEMPERATURE}, and the choice among five simulations: DIN-SQL (MIT), DAIL-SQL "
    "(Apache-2.0) and C3SQL (MIT) on Spider dev",
)


def main() -> None:
    """Train and write."""
    spider, bird = load(FOLDER / "spider", split="train"), load(FOLDER / "bird_train_mini", split="train")
    names = sorted({item.db_id for item in spider.items})
    random.Random(1).shuffle(names)
    fold = {name: place % FOLDS for place, name in enumerate(names)}
    blind = [train_expectations([*(i for i in spider.items if fold[i.db_id] != k), *bird.items]) for k in range(FOLDS)]
    items = [item for item in spider.present if spider.databases[item.db_id].stat().st_size < LARGEST]
    rng = random.Random(0)
    rng.shuffle(items)
    items = items[: int(sys.argv[1]) if len(sys.argv) > 1 else None]
    linked = {item.index for item in items[:LINKED]}
    numbers, sets = np.random.default_rng(7), []
    for name in sorted({item.db_id for item in items}):
        mine = [item for item in items if item.db_id == name]
        with Database(spider.databases[name], limits=LIMITS, isolated=False) as database:
            runner = Runner(database)
            known = gather_known(spider, [item for item in mine if item.index in linked], runner)
            pools = [pool_of(item, spider.schemas[name], runner, rng) for item in mine]
        for pool in filter(None, pools):
            expected = blind[fold[name]](pool.item.question, "")
            facts = known.get(pool.item.index, Evidence())
            sets.append(draw(pool, expected, facts, POPULARITY, numbers))
    made = [one for one in sets if one is not None]
    owner = np.repeat(np.arange(len(made)), [len(rows) for rows, _ in made])
    rows, right = np.vstack([rows for rows, _ in made]), np.concatenate([flags for _, flags in made])
    network = train(Shape(0, 30, decay=1e-2, drop=0.2), rows, owner, right, np.ones(len(made)))
    network = replace(network, out=network.out / TEMPERATURE, bias=network.bias / TEMPERATURE)
    weights = RankingWeights(train_expectations([*spider.items, *bird.items]), (network,), TRAINED_ON)
    path = Path(package.__file__).parent / "ranked.json"
    path.write_text(json.dumps(weights.to_dict(), separators=(",", ":")) + "\n", encoding="utf-8")
    sys.stderr.write(f"{len(made)} sets of candidates; wrote {path.name}, {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()

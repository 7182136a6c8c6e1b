"""Foreign keys found again where they are hidden: names alone against names checked by values.

    python benchmarks/quality/linking_keys.py    # benchmarks/results/linking_keys.json

Every Spider database that is present and has keys; keys of a table to itself and composite keys are left out. A pair
of columns counts in either direction. Some of the pairs that count as wrong are joined by a third table only.
"""

from __future__ import annotations

import time
from dataclasses import replace

from benchmarks.common.record import SHARED, record
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.linking.contained import contained_keys
from ctxprune.sql.schema.joins import inferred_keys

DATA = SHARED / "data" / "nl2sql" / "spider"


def main() -> None:
    sets = [load(DATA, split=split) for split in ("train", "dev")]
    paths = {name: path for benchmark in sets for name, path in benchmark.databases.items()}
    counts = {"declared": 0, "names": [0, 0], "names_and_values": [0, 0]}
    times = []
    for name, path in sorted(paths.items()):
        schema = sets[0].schemas[name]
        declared = pairs(key for key in schema.foreign_keys if key.table.casefold() != key.ref_table.casefold())
        bare = replace(schema, foreign_keys=())
        with Database(path, name=name, isolated=False) as database:
            start = time.perf_counter()
            checked = pairs(contained_keys(database, bare))
            times.append(1e3 * (time.perf_counter() - start))
        counts["declared"] += len(declared)
        for label, found in (("names", pairs(inferred_keys(bare))), ("names_and_values", checked)):
            counts[label][0] += len(found & declared)
            counts[label][1] += len(found)
    figures = {
        "databases": len(paths),
        "declared": counts["declared"],
        "ms_per_database": round(sum(times) / len(times), 1),
    }
    for label in ("names", "names_and_values"):
        hit, all_ = counts[label]
        precision, recall = round(100 * hit / all_, 1), round(100 * hit / counts["declared"], 1)
        figures[label] = {"found": all_, "right": hit, "precision": precision, "recall": recall}
    record(
        "linking_keys",
        figures,
        seed=None,
        data=dict(zip(("spider train", "spider dev"), (b.fingerprint for b in sets), strict=True)),
    )


def pairs(keys):
    return {
        frozenset(
            (
                (key.table.casefold(), key.columns[0].casefold()),
                (key.ref_table.casefold(), key.ref_columns[0].casefold()),
            )
        )
        for key in keys
        if len(key.columns) == 1
    }


if __name__ == "__main__":
    main()

"""Tables in files larger than what may be held: time, memory, and whether the rows that questions need are kept.

    python benchmarks/speed/tables_large.py                # 5,000,000 rows: benchmarks/results/tables_large.json
    python benchmarks/speed/tables_large.py --rows 200000  # fewer, not recorded

Orders of a shop are made here with a fixed seed, and a few rows that the questions are about are planted among them:
their values stand in no other row, or at an end of a column. Each question is asked of a Parquet file (one row group a
half million rows), of the same rows in one row group, and of CSV; each in a process of its own, of which the peak is
its VmHWM, all of Python included. "kept" says whether the planted row is in the output of at most 2,000 tokens.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from benchmarks.common.record import record
from ctxprune.rag.tables import Table, prune_file

SEED = 11
ROWS = 5_000_000
STEP = 500_000
FIRST = ["Alma", "Bruno", "Carla", "Dmitri", "Edda", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Lev"]
LAST = ["Aalto", "Berg", "Costa", "Dahl", "Ebert", "Fontana", "Gallo", "Haas", "Ivanov", "Jensen", "Koch", "Lund"]
LANDS = ["Norway", "Peru", "Japan", "Kenya", "Brazil", "Canada", "France", "Germany", "India", "Italy"]
PLANTED = [
    ("Which customer placed order 12345678?", {"order_id": 12_345_678}),
    ("What did Zdenka Quist order?", {"customer": "Zdenka Quist"}),
    ("Which orders were delivered to Liechtenstein?", {"country": "Liechtenstein"}),
    ("What was ordered on 29 February 1996?", {"ordered": date(1996, 2, 29)}),
    ("Which order has the highest amount?", {"amount": 99_999.5}),
    ("Which order has the lowest amount in Peru?", {"amount": -75.25, "country": "Peru"}),
    ("Which orders have more than 500 items?", {"items": 640}),
    ("Which order carries the voucher QX7714?", {"note": "paid by voucher QX7714"}),
]


def chunk(first, size, rng):
    names = [f"{a} {b}" for a in FIRST for b in LAST]
    days = np.datetime64("2015-01-01") + rng.integers(0, 3650, size)
    columns = {
        "order_id": np.arange(first, first + size) + 20_000_000,
        "customer": np.asarray(names, dtype=object)[rng.integers(0, len(names), size)],
        "country": np.asarray(LANDS, dtype=object)[rng.integers(0, len(LANDS), size)],
        "ordered": days.astype("datetime64[D]"),
        "amount": np.round(rng.gamma(2.0, 60.0, size), 2),
        "items": rng.integers(1, 40, size).astype(np.int32),
        "note": np.asarray([f"parcel {number:010x} packed" for number in rng.integers(0, 1 << 40, size)], dtype=object),
    }
    return {name: pa.array(values) for name, values in columns.items()}


def planted(rows):
    """The number of the row that each question is about: spread over the file."""
    return [rows * (2 * place + 1) // (2 * len(PLANTED)) for place in range(len(PLANTED))]


def write(folder, rows):
    rng, places = np.random.default_rng(SEED), planted(rows)
    writers = {}
    for first in range(0, rows, STEP):
        columns = chunk(first, min(STEP, rows - first), rng)
        for place, (_, values) in zip(places, PLANTED, strict=True):
            if first <= place < first + STEP:
                for name, value in values.items():
                    mask = np.arange(len(columns[name])) == place - first
                    columns[name] = pa.compute.if_else(
                        pa.array(mask), pa.scalar(value, columns[name].type), columns[name]
                    )
        table = pa.table(columns)
        if not writers:
            writers["parquet"] = pq.ParquetWriter(folder / "orders.parquet", table.schema)
            writers["csv"] = pa_csv.CSVWriter(folder / "orders.csv", table.schema)
        for writer in writers.values():
            writer.write_table(table)
    for writer in writers.values():
        writer.close()
    one = pq.ParquetWriter(folder / "one_group.parquet", table.schema)
    one.write_table(pq.read_table(folder / "orders.parquet"), row_group_size=rows)
    one.close()


def ask(path, number):
    """In a process of its own: one question of one file."""
    question, values = PLANTED[number]
    start = time.perf_counter()
    result = prune_file(path, question)
    seconds = time.perf_counter() - start
    (grid,) = Table(result.output).grids
    wanted = {str(value) for value in values.values()}
    status = Path("/proc/self/status").read_text()
    figures = {
        "seconds": round(seconds, 2),
        "peak_mib": round(int(status.partition("VmHWM:")[2].split()[0]) / 1024),
        "kept": any(wanted <= {*row} for row in grid.rows),
        "rows_kept": result.rows[0],
        "rows": result.rows[1],
        "columns_kept": result.columns[0],
        "tokens": result.pruned.tokens_after,
    }
    sys.stdout.write(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--ask", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        return ask(Path(options.ask[0]), int(options.ask[1]))
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options.rows)
        for path in sorted(folder.iterdir()):
            answers = []
            for number in range(len(PLANTED)):
                command = [sys.executable, __file__, "--ask", str(path), str(number)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                answers.append({"question": PLANTED[number][0], **json.loads(done.stdout)})
            figures[path.name] = {
                "mb": round(path.stat().st_size / 1e6),
                "rows": answers[0]["rows"],
                "kept": sum(answer["kept"] for answer in answers),
                "questions": len(answers),
                "seconds_most": max(answer["seconds"] for answer in answers),
                "peak_mib_most": max(answer["peak_mib"] for answer in answers),
                "answers": answers,
            }
    if options.rows == ROWS:
        record("tables_large", figures, seed=SEED, data={})
    else:
        sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()

"""What the guard spends on over a hundred shapes of statements at 6 to 50 kB, with a schema and without.

    python benchmarks/stress/guard_costs.py [--shape NAME]

Seconds are of processor time, bytes what the resident memory grows by at most; each statement has a process of its own
with limits (tests/guard_fuzz/costs.py). Above 2 s or 200 MB is a fault. Writes benchmarks/stress/guard_costs.json; with
--shape nothing. Three minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.common.parts import say
from benchmarks.common.record import record

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the servers and generators of the tests

from guard_fuzz.costs import run
from guard_fuzz.shapes import SHAPES

HERE = Path(__file__).resolve().parent

SIZES = (6_000, 12_000, 25_000, 50_000)
SECONDS, BYTES = 2.0, 200_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", choices=list(SHAPES), help="one shape only")
    given = parser.parse_args()
    names = [given.shape] if given.shape else list(SHAPES)
    figures = {mode: measure(names, closed=mode == "closed") for mode in ("closed", "open")}
    if not given.shape:
        record("guard_costs", figures, seed=None, data={}, folder=HERE)
    return int(any(mode["faults"] for mode in figures.values()))


def measure(names: list[str], *, closed: bool) -> dict[str, Any]:
    """Figures by shape: lists over the sizes, and the slowest and largest of all."""
    shapes: dict[str, dict[str, Any]] = {}
    rows = []
    for row in run(names, SIZES, closed=closed):
        rows.append(row)
        entry = shapes.setdefault(
            row["shape"], {"dialect": row["dialect"], "seconds": [], "megabytes": [], "allowed": [], "reason": ""}
        )
        entry["seconds"].append(row["seconds"])
        entry["megabytes"].append(None if row["bytes"] is None else round(row["bytes"] / 1e6, 1))
        entry["allowed"].append(row["allowed"])
        entry["reason"] = row["reason"]
        if row["size"] == SIZES[-1]:
            say(f"{row['shape']}: {entry['seconds']} s, {entry['megabytes']} MB {row['reason']}")
    ended = [row for row in rows if row["seconds"] is None]
    whole = [row for row in rows if row["seconds"] is not None]
    over = [row for row in whole if row["seconds"] > SECONDS or row["bytes"] > BYTES]
    return {
        "sizes": SIZES,
        "shapes": len(shapes),
        "slowest_seconds": max(row["seconds"] for row in whole),
        "largest_megabytes": round(max(row["bytes"] for row in whole) / 1e6, 1),
        "faults": [f"{row['shape']} at {row['size']}" for row in [*ended, *over]],
        "by_shape": shapes,
    }


if __name__ == "__main__":
    sys.exit(main())

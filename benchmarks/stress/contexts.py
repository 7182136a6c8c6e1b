"""What pruning costs whose context is 5 MB of an odd shape: seconds and memory, 40 shapes of each of nine kinds.

    python benchmarks/stress/contexts.py                              # all, into contexts.json beside this file
    python benchmarks/stress/contexts.py --kind csv --again           # those of a kind, measured once more
    python benchmarks/stress/contexts.py --size 1000000 --dry         # shown, not recorded

Each shape has a process of its own, in which the context is read and pruned from the start three times: by BM25 under
a budget of 500 tokens, by BM25 under a budget of 30 % of the tokens (of tables: 30 % of the cells), and by the default
scorer under 500 tokens. "seconds" is the wall time of reading and pruning, "cpu" the time on all cores, by which the
limit of 5 s is judged; "mb" is the most memory that the process has held, Python and the text itself included, up to
the end of that run. What has no end after 60 seconds of a core or in 2 GB is recorded as "killed". A shape that is
recorded is not measured again, unless that is asked for.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.common import record as _record
from benchmarks.stress.shapes import QUESTION, SHAPES

HERE = Path(__file__).resolve().parent

SIZE = 5_000_000
SECONDS, BYTES = 60, 2_000_000_000
MOST_SECONDS, MOST_MB = 5.0, 500.0
RUNS = ("lexical, budget", "lexical, share", "default, budget")
_PATIENCE = 10  # of wall time to time of a core, on a machine with other work
BUDGET, SHARE = 500, 0.3


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--kind", choices=sorted(SHAPES), action="append")
    words.add_argument("--shape", help="the one of that name")
    words.add_argument("--size", type=int, default=SIZE, help="characters")
    words.add_argument("--run", choices=RUNS, action="append")
    words.add_argument("--seconds", type=int, default=SECONDS, help="of a core, for each run")
    words.add_argument("--again", action="store_true", help="what is recorded, too")
    words.add_argument("--dry", action="store_true", help="record nothing")
    words.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    asked = words.parse_args()
    runs = tuple(asked.run or RUNS)
    if asked.child:
        measure_here(asked.kind[0], asked.shape, asked.size, runs, asked.seconds)
        return
    kept = HERE / "contexts.json"
    figures = json.loads(kept.read_text())["figures"]["shapes"] if kept.exists() and not asked.dry else {}
    for kind in asked.kind or sorted(SHAPES):
        for shape in [asked.shape] if asked.shape else SHAPES[kind]:
            known = figures.setdefault(kind, {}).setdefault(shape, {})
            wanted = tuple(run for run in runs if asked.again or run not in known)
            if wanted:
                known |= measure(kind, shape, asked.size, wanted, asked.seconds)
                print(f"{kind}: {shape}: {json.dumps(known)}", flush=True)
            if wanted and not asked.dry:
                write(figures, asked.size)
    print(json.dumps(summary(figures), indent=1))


def write(figures: dict[str, dict[str, object]], size: int) -> None:
    whole = {"characters": size, "limits": {"seconds": MOST_SECONDS, "mb": MOST_MB}}
    ordered = {kind: figures[kind] for kind in sorted(figures)}
    _record.record("contexts", {**whole, "summary": summary(figures), "shapes": ordered}, seed=0, data={}, folder=HERE)


def summary(figures: dict[str, dict[str, dict[str, dict[str, float]]]]) -> dict[str, dict[str, object]]:
    """By run: how many shapes there are, how many keep to both limits, how many are refused, and the worst."""
    told = {}
    for run in RUNS:
        rows = [
            (f"{kind}: {shape}", found[run])
            for kind, shapes in figures.items()
            for shape, found in shapes.items()
            if run in found
        ]
        if rows:
            slowest = max(rows, key=lambda row: row[1]["cpu"])
            largest = max(rows, key=lambda row: row[1]["mb"])
            told[run] = {
                "shapes": len(rows),
                "within": sum(within(row) for _, row in rows),
                "refused": sum(row["outcome"].startswith("CP") for _, row in rows),
                "over": [name for name, row in rows if not within(row)],
                "slowest": [slowest[0], slowest[1]["cpu"]],
                "largest": [largest[0], largest[1]["mb"]],
            }
    return told


def within(row: dict[str, float]) -> bool:
    """Whether both limits are kept, by the time on all cores: other work on the machine adds less to it."""
    return row["cpu"] <= MOST_SECONDS and row["mb"] <= MOST_MB and row["outcome"][:2] in ("CP", "ok")


def measure(kind: str, shape: str, size: int, runs: tuple[str, ...], seconds: int) -> dict[str, dict[str, object]]:
    """What the child says of each run; "killed" of one that it did not come to the end of."""
    words = ["--child", "--kind", kind, "--shape", shape, "--size", str(size), "--seconds", str(seconds)]
    words += [word for run in runs for word in ("--run", run)]
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        written, errors = child.communicate(timeout=_PATIENCE * seconds * len(runs))
    except subprocess.TimeoutExpired:
        child.kill()
        written, errors = child.communicate()
    found = {row.pop("run"): row for row in map(json.loads, written.splitlines())}
    over = {"outcome": "killed", "seconds": float(seconds), "cpu": float(seconds), "mb": BYTES / 1e6}
    return {run: found.get(run, {**over, "error": errors[-300:]}) for run in runs}


def measure_here(kind: str, shape: str, size: int, runs: tuple[str, ...], seconds: int) -> None:
    text = SHAPES[kind][shape](size)
    for run in runs:
        prune_once(SHAPES[kind][shape](100), kind, run)  # imports, and models where there are any
    default = "default, budget" in runs
    # The model's runtime reserves addresses that it never fills.
    resource.setrlimit(resource.RLIMIT_AS, (BYTES * (2 if default else 1),) * 2)
    for run in runs:
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + seconds, resource.RLIM_INFINITY))
        started, cpu = time.perf_counter(), time.process_time()
        outcome = prune_once(text, kind, run)
        row = {
            "run": run,
            "outcome": outcome,
            "seconds": round(time.perf_counter() - started, 2),
            "cpu": round(time.process_time() - cpu, 2),
            "mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 * 1.048576, 1),
        }
        print(json.dumps(row), flush=True)


def prune_once(text: str, kind: str, run: str) -> str:
    """Read and prune; "ok", or the code of our error and what it says."""
    from ctxprune.errors import CtxpruneError
    from ctxprune.policies import CellShare, TableBudget, TokenBudget
    from ctxprune.pruning.pruner import Pruner
    from ctxprune.rag.kinds import TABLES, read_context
    from ctxprune.scorers import DEFAULT_SCORER, SCORERS
    from ctxprune.scorers.combined.structured import structured
    from ctxprune.tokens import as_counter

    scorer, how_much = run.split(", ")
    try:
        context = read_context(text, kind)
        if how_much == "budget":
            policy = TableBudget(BUDGET) if kind in TABLES else TokenBudget(BUDGET)
        elif kind in TABLES:
            policy = CellShare(SHARE)
        else:
            policy = TokenBudget(max(BUDGET, int(SHARE * as_counter().count(text))))
        named = SCORERS.get("lexical.v1" if scorer == "lexical" else DEFAULT_SCORER)()
        Pruner(structured(named), policy).prune(QUESTION, context)
    except CtxpruneError as error:
        return f"{error.code}: {error.what[:120]}"
    except MemoryError:
        return "memory"
    return "ok"


if __name__ == "__main__":
    main()

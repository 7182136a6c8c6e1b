"""Bulk pruning of a Parquet corpus: Ray with two workers against one process, by turns; the cost of a million passages.

    .venv-ray/bin/python benchmarks/speed/ray_prune.py [--rounds 3] [--rows 3000]    # `make framework-ray` makes
    .venv-ray

Writes benchmarks/results/ray_prune.json. The corpus is the passages of lost_in_middle_nq, each with its question. Both
sides run `prune_parquet` from nothing to all files written: one process from its start (one thread, as a worker has),
Ray from the call, with the start of its workers, on a cluster that stands. Both targets must be equal byte for byte.
The ratio is that of the clock and means something where two cores are free: the load is recorded before, between
and after. Costs are processor time of the one process without its start, which other load disturbs little.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from benchmarks.common.parts import say
from benchmarks.common.record import SHARED, record

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # its servers listen on loopback only, as they do on those

import pyarrow as pa
import pyarrow.parquet as pq
import ray

from ctxprune import Pruner
from ctxprune.integrations.parquet import PruneRows, prune_parquet
from ctxprune.integrations.ray import RayPool
from ctxprune.rag import PassagePruner

CORPUS = SHARED / "data" / "rag" / "lost_in_middle_nq" / "dev.jsonl.gz"
SCORERS = ("cascade.v1", "lexical.v1")
WORKERS, PARTITION = 2, 100
ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--child", nargs=3, metavar=("SCORER", "SOURCE", "TARGET"), help="the side of one process")
    options = parser.parse_args()
    if options.child:
        scorer, source, target = options.child
        prune = rows_of(scorer)
        prune(pq.read_table(source).slice(0, 1))  # loads what the first row needs
        start = process_time()
        prune_parquet(source, target, prune, rows=PARTITION)
        print(process_time() - start)
        return
    ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False, object_store_memory=200_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_corpus(folder / "corpus.parquet", options.rows)
        figures = {
            "rows": options.rows,
            "characters_a_passage": round(sum(map(len, corpus["text"].to_pylist())) / options.rows),
            "workers": WORKERS,
            "rows_a_partition": PARTITION,
            "scorers": {scorer: compare(scorer, folder, options) for scorer in SCORERS},
        }
    print(json.dumps(figures, indent=1))
    record("ray_prune", figures, seed=None, data={CORPUS.parent.name: digest(CORPUS)})


def rows_of(scorer: str) -> PruneRows:
    return PruneRows(PassagePruner(Pruner(scorer)))


def write_corpus(path: Path, rows: int) -> pa.Table:
    with gzip.open(CORPUS, "rt", encoding="utf-8") as file:
        items = [json.loads(line) for line in file]
    pairs = [(item["question"], " ".join(document["sentences"])) for item in items for document in item["docs"]][:rows]
    if len(pairs) < rows:
        raise SystemExit(f"there are {len(pairs)} passages only")
    table = pa.table({"id": range(rows), "query": [pair[0] for pair in pairs], "text": [pair[1] for pair in pairs]})
    pq.write_table(table, path)
    return table


def compare(scorer: str, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    source, one, many = folder / "corpus.parquet", folder / f"{scorer}-one", folder / f"{scorer}-ray"
    taken = []
    for number in map(str, range(options.rounds)):
        loads = [os.getloadavg()[0]]
        start = perf_counter()
        cpu = one_process(scorer, source, one / number)
        alone = perf_counter() - start
        loads.append(os.getloadavg()[0])
        start = perf_counter()
        prune_parquet(source, many / number, rows_of(scorer), rows=PARTITION, run=RayPool(WORKERS))
        together = perf_counter() - start
        loads.append(os.getloadavg()[0])
        if contents(one / number) != contents(many / number):
            raise SystemExit("the targets differ")
        row = {"one": alone, "one, cpu": cpu, "ray": together}
        taken.append({name: round(value, 2) for name, value in row.items()} | {"load": [round(x, 2) for x in loads]})
        say(f"{scorer}: {taken[-1]}")
    target = pa.concat_tables(map(pq.read_table, sorted((one / "0").glob("*.parquet"))))
    cpu = median(row["one, cpu"] for row in taken)
    return {
        "rounds": taken,
        "equal": True,
        "ratio": round(median(row["one"] / row["ray"] for row in taken), 2),
        "cpu_ms_a_passage": three(1000 * cpu / options.rows),
        "core_hours_a_million": three(cpu / options.rows * 1e6 / 3600),
        "megabytes_a_million": {
            "source": megabytes(target.select(["id", "query", "text"]), folder),
            "target": megabytes(target, folder),
            "target, without query and text": megabytes(target.drop_columns(["query", "text"]), folder),
            "target, spans and tokens alone": megabytes(
                target.drop_columns(["query", "text", "ctxprune_text"]), folder
            ),
        },
    }


def one_process(scorer: str, source: Path, target: Path) -> float:
    """Runs it and gives the processor seconds of pruning, the start of the process left out."""
    command = [sys.executable, __file__, "--child", scorer, str(source), str(target)]
    done = subprocess.run(
        command, env={**os.environ, **ONE_THREAD}, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    return float(done.stdout)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def megabytes(table: pa.Table, folder: Path) -> float:
    """Megabytes of a million rows: bytes of a row, in one file of all."""
    pq.write_table(table, folder / "one.parquet")
    return three((folder / "one.parquet").stat().st_size / len(table))


def three(value: float) -> float:
    return float(f"{value:.3g}")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


if __name__ == "__main__":
    main()

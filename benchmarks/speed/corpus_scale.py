"""Memory and speed of static pruning of a corpus of ten million passages.

    python benchmarks/speed/corpus_scale.py [--passages N] [--folder FOLDER]

`memory`: a generated file of so many short passages is pruned with the quality "length.v1" in a process of its own;
what its memory grows by from the first million passages on, and at most, in MB. `quality`: passages a second of
processor time with "surface.v1" on 20,000 passages of real text (scifact's abstracts, 600 characters, repeated).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from benchmarks.common.record import record
from benchmarks.quality._corpus_pools import fingerprints, rows
from ctxprune.rag import PassageQuality, prune_corpus_file

REAL = 20_000


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def measure_memory(folder: Path, count: int) -> dict[str, float]:
    source = folder / "corpus.jsonl"
    with source.open("w") as file:
        for number in range(count):
            file.write(f'{{"id": {number}, "text": "Tower {number} of London, built in {number % 2000}."}}\n')
    seen: dict[str, float] = {}

    def progress(step: str, done: int) -> None:
        if step == "copy":
            seen["judged"] = peak()
        elif done >= min(count, 1_000_000):
            seen.setdefault("first", peak())

    started = time.process_time()
    report = prune_corpus_file(source, folder / "kept.jsonl", quality="length.v1", progress=progress)
    return {
        "passages": report.passages,
        "dropped": report.dropped,
        "file_mb": round(source.stat().st_size / 1e6, 1),
        "mb_after_a_million": round(seen["first"], 1),
        "mb_when_judged": round(seen["judged"], 1),
        "mb_at_most": round(peak(), 1),
        "processor_seconds": round(time.process_time() - started, 1),
    }


def measure_speed() -> dict[str, float]:
    real = [" ".join(row["sentences"])[:600] for row in rows("scifact", "corpus")]
    texts = (real * (REAL // len(real) + 1))[:REAL]
    quality = PassageQuality()
    started = time.process_time()
    quality.score(texts)
    seconds = time.process_time() - started
    return {
        "passages_a_second": round(REAL / seconds),
        "megabytes_a_second": round(sum(map(len, texts)) / 1e6 / seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where two files of 70 bytes a passage have room")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        memory = measure_memory(Path(folder), options.passages)
    figures = {"memory": memory, "quality": measure_speed()}
    record("corpus_scale", figures, seed=None, data=fingerprints(["scifact"]))


if __name__ == "__main__":
    main()

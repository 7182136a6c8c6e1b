"""Speed and bytes of the bundled pruner against the float32 graph of the one that it was made from, in one process.

    python benchmarks/speed/shrunk_pruner.py FLOAT [--model FOLDER] [--rounds 21]

Writes benchmarks/results/shrunk_pruner.json. FLOAT is a model folder whose graph is float32: `float_folder` below makes
it of benchmarks/models/pruner-v1 (int8 weights read as the numbers that they stand for), with torch. Ten passages of
200 tokens with one question, one thread, by turns: the scorer as users call it (tokens, windows, model, BM25,
probabilities) with each of three models: float32, the same unshrunk one in int8, the bundled one. CPU time counts: it
is what the wall clock shows on an idle machine. The ratio is the median over rounds of what each round gave. All three
run with the same options of onnxruntime, which make the float32 graph no slower than its own ones do.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from benchmarks.common.parts import say
from benchmarks.common.record import RESULTS, record
from benchmarks.speed.pruner_speed import PASSAGES, QUESTION, TOKENS, passages, spread
from ctxprune.models.pruner import bundled
from ctxprune.rag import Passages
from ctxprune.scorers.neural.pruner import PrunerScorer

UNSHRUNK = RESULTS.parent / "models" / "pruner-v1"


def float_folder(source: Path, out: Path) -> None:
    """The float32 graph of a model folder, with its tokenizer and weights of BM25 and model."""
    from ctxprune.models.pruner import read_manifest
    from ctxprune.train.export import export_float, write_manifest
    from ctxprune.train.graph_reader import read_network

    out.mkdir(parents=True, exist_ok=True)
    export_float(read_network(source), out / "model.onnx")
    (out / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    manifest = read_manifest(source)
    weights = {"unit": dict(manifest.unit), "document": dict(manifest.document)}
    write_manifest(out, f"{manifest.name} float32", manifest.limit, weights, version=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("float", type=Path, help="folder of the float32 model; made where it is not there")
    parser.add_argument("--model", type=Path, default=bundled(), help="folder that is read in place of the bundled one")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    if not (options.float / "manifest.json").is_file():
        float_folder(UNSHRUNK, options.float)
    folders = {"float32": options.float, "unshrunk int8": UNSHRUNK, "bundled": options.model}
    scorers = {name: PrunerScorer(model=folder) for name, folder in folders.items()}
    context = Passages(passages(scorers["float32"].loaded._tokenizer, TOKENS))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in scorers}
    for number in range(options.rounds + 2):  # two to warm up
        for name, scorer in scorers.items():
            wall, cpu = perf_counter(), process_time()
            scorer.score(QUESTION, context)
            if number >= 2:
                taken[name].append((perf_counter() - wall, process_time() - cpu))
        say(f"round {number + 1} of {options.rounds + 2}")
    sizes = {name: (folder / "model.onnx").stat().st_size for name, folder in folders.items()}
    ratios = {
        name: [whole / own for (_, whole), (_, own) in zip(taken["float32"], times, strict=True)]
        for name, times in taken.items()
    }
    figures = {
        "ms": {name: spread(times, 1000) for name, times in taken.items()},
        "times_as_fast": {name: round(median(found), 2) for name, found in ratios.items()},
        "bytes": sizes,
        "part_of_bytes": {name: round(sizes["float32"] / size, 2) for name, size in sizes.items()},
        "passages": PASSAGES,
        "tokens_a_passage": TOKENS,
        "rounds": options.rounds,
        "models": {name: scorer.fingerprint for name, scorer in scorers.items()},
    }
    print(json.dumps(figures, indent=1))
    record("shrunk_pruner", figures, seed=None, data={})


if __name__ == "__main__":
    main()

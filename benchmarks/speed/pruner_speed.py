"""Speed of the shipped pruner against a float32 encoder of the same input; load time, size of the wheel, imports.

    python benchmarks/speed/pruner_speed.py MINILM.onnx [--rounds 21]

Writes benchmarks/results/pruner_speed.json. MINILM.onnx is all-MiniLM-L6-v2 in float32 with its tokenizer.json beside
it (`ctxprune.train.export.export_encoder`). Ten passages of 200 tokens with one question, one thread, same process, by
turns: the scorer pruner.v1 as users call it (tokens, windows, model, BM25, probabilities); pruning with it from text to
kept text; the encoder over each passage with the question as one batch, and one by one, tokens included. The faster
way of the encoder counts, and the ratio is the median over rounds of what each round gave. Run it on an idle machine;
where other work runs, trust the CPU time ("cpu"), which with one thread is what the wall clock shows on an idle one.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np

from benchmarks.common.parts import say
from benchmarks.common.record import RESULTS, SHARED, record

ROOT = RESULTS.parent.parent
TEXT = SHARED / "data" / "rag" / "long_text" / "nietzsche_beyond_good_and_evil.txt.gz"
QUESTION = "What do philosophers say about the will to truth?"
PASSAGES, TOKENS = 10, 200
HEAVY = ("torch", "onnxruntime", "transformers", "tokenizers", "sqlalchemy", "sqlglot")
TIMED = """
import sys, time
{before}
wall, cpu = time.perf_counter(), time.process_time()
{code}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
LOAD = "from ctxprune.models.pruner import load_pruner; load_pruner()"
IMPORT = "import ctxprune"


def passages(tokenizer, size: int) -> list[str]:
    """The first texts of the book, each of `size` tokens, cut where a word begins."""
    words = gzip.decompress(TEXT.read_bytes()).decode("utf-8", "replace").split()
    found, at = [], 0
    while len(found) < PASSAGES:
        low, high = at + 1, at + size  # a word is a token or more
        while low < high:
            middle = (low + high + 1) // 2
            if len(tokenizer.encode(" ".join(words[at:middle]), add_special_tokens=False).ids) <= size:
                low = middle
            else:
                high = middle - 1
        found.append(" ".join(words[at:low]))
        at = low
    return found


class Encoder:
    """The peer: float32, one thread."""

    def __init__(self, path: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.tokenizer = Tokenizer.from_file(str(path.with_name("tokenizer.json")))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def together(self, question: str, texts: list[str]) -> None:
        encoded = self.tokenizer.encode_batch([(question, text) for text in texts])
        longest = max(len(entry.ids) for entry in encoded)
        arrays = np.zeros((3, len(encoded), longest), dtype=np.int64)
        for place, entry in enumerate(encoded):
            size = len(entry.ids)
            arrays[:, place, :size] = entry.ids, entry.type_ids, entry.attention_mask
        feeds = dict(zip(("input_ids", "token_type_ids", "attention_mask"), arrays, strict=True))
        self.session.run(None, {entry.name: feeds[entry.name] for entry in self.session.get_inputs()})

    def one_by_one(self, question: str, texts: list[str]) -> None:
        for text in texts:
            self.together(question, [text])


def speed(path: Path, rounds: int) -> dict[str, object]:
    from ctxprune import Pruner, Threshold
    from ctxprune.rag import Passages
    from ctxprune.scorers.neural.pruner import PrunerScorer

    encoder, scorer = Encoder(path), PrunerScorer()
    texts = passages(encoder.tokenizer, TOKENS)
    pruner = Pruner(scorer, Threshold(0.1))
    context = Passages(texts)
    ways = {
        "pruner.v1, scores": lambda: scorer.score(QUESTION, context),
        "pruner.v1, text to kept text": lambda: pruner.prune(QUESTION, Passages(texts)),
        "float32 MiniLM-L6, one batch": lambda: encoder.together(QUESTION, texts),
        "float32 MiniLM-L6, one by one": lambda: encoder.one_by_one(QUESTION, texts),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 2):  # two to warm up
        for name, way in ways.items():
            wall, cpu = perf_counter(), process_time()
            way()
            if number >= 2:
                taken[name].append((perf_counter() - wall, process_time() - cpu))
        say(f"round {number + 1} of {rounds + 2}")
    return summary(taken, rounds) | {
        "passages": PASSAGES,
        "tokens_a_passage": TOKENS,
        "sentences": len(context.units),
        "windows": windows(scorer, context),
        "model": scorer.fingerprint,
    }


def summary(taken: dict[str, list[tuple[float, float]]], rounds: int) -> dict[str, object]:
    peers = [name for name in taken if name.startswith("float32")]
    fastest = min(peers, key=lambda name: median(cpu for _, cpu in taken[name]))
    pairs = list(zip(taken[fastest], taken["pruner.v1, scores"], strict=True))
    return {
        "rounds": rounds,
        "ms": {name: spread(times, 1000) for name, times in taken.items()},
        "fastest_float32": fastest,
        "ratio": round(median(peer / own for (peer, _), (own, _) in pairs), 2),
        "ratio_of_cpu_time": round(median(peer / own for (_, peer), (_, own) in pairs), 2),
    }


def spread(times: list[tuple[float, float]], scale: float) -> dict[str, float]:
    walls, cpus = zip(*times, strict=True)
    named = {"median": median(walls), "least": min(walls), "cpu": median(cpus)}
    return {name: float(f"{scale * value:.4g}") for name, value in named.items()}


def windows(scorer, context) -> dict[str, int]:
    """How the shipped model reads the input."""
    from ctxprune.models.reading import Layout
    from ctxprune.models.windows import Tokens

    model, layout = scorer.loaded, Layout(context)
    ids = model.encode([QUESTION, *(unit.text for unit in context.units)])
    documents = [Tokens([], [ids[1 + index] for index in members]) for members in layout.members]
    made = model.windows(ids[0], documents, layout.kind)
    return {"number": len(made), "tokens": sum(len(window.ids) for window in made)}


def seconds(code: str, times: int, before: str = "") -> dict[str, float]:
    """What a fresh process says that it took."""
    lines = [python("-c", TIMED.format(before=before, code=code)).split() for _ in range(times)]
    return spread([(float(wall), float(cpu)) for wall, cpu in lines], 1)


def python(*words: str, stderr: bool = False) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stderr if stderr else done.stdout


def loaded_by(*words: str) -> list[str]:
    """Heavy packages that a fresh process imports."""
    lines = python("-X", "importtime", *words, stderr=True)
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines.splitlines() if "|" in line}
    return sorted(names & set(HEAVY))


def wheel() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        python("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, str(ROOT))
        file = next(Path(folder).glob("*.whl"))
        return {"file": re.sub(r"-\d.*?-", "-*-", file.name, count=1), "mb": round(file.stat().st_size / 1e6, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path, help="float32 ONNX file of all-MiniLM-L6-v2")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--processes", type=int, default=7, help="fresh processes for each time of loading")
    options = parser.parse_args()
    figures = {
        "speed": speed(options.encoder, options.rounds),
        "load_seconds": {
            "all, with imports": seconds(LOAD, options.processes),
            "model alone": seconds(LOAD, options.processes, before="import numpy, onnxruntime, tokenizers"),
        },
        "import_seconds": seconds(IMPORT, options.processes),
        "imported": {
            "import ctxprune": loaded_by("-c", "import ctxprune"),
            "ctxprune --help": loaded_by("-m", "ctxprune", "--help"),
        },
        "wheel": wheel(),
    }
    print(json.dumps(figures, indent=1))
    data = {TEXT.name: hashlib.sha256(TEXT.read_bytes()).hexdigest()[:16]}
    record("pruner_speed", figures, seed=None, data=data)


if __name__ == "__main__":
    main()

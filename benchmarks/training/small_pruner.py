"""A pruner under 6 MB and eight times as fast as float32, out of the bundled one and its teacher.

    python benchmarks/training/small_pruner.py BASE OUT [--shape 4x320,…] [--tokens 7500000] [--more 4500000]

BASE is a folder of all-MiniLM-L6-v2, whose word embeddings are taken; OUT gets the model folder, and in `run` the
windows, the checkpoint, the log and the float32 graph. What is there already is not made again, so that a run that was
ended goes on. Weights and data: as those of the bundled model, whose card names the sets and their licences.

1. benchmarks/models/pruner-v1, the teacher, reads windows of the training mixture, as an int8 graph: twice as fast as
   in bfloat16, and it is the model that recall is compared with.
2. Words become product codes (`ctxprune.train.product_codes`): a code vector for each three numbers.
3. First weights from the bundled model: in every layer the heads and neurons that add most, the matrices after them
   fitted by least squares. The shape was chosen by Fisher information of gates against their cost in time.
4. Training towards the teacher's states and logits, at a low rate: at 5e-4 the first weights are lost, and a short run
   does not win them back.
5. Export, and weights of BM25 and model from examples set aside.

Writes no figures: `benchmarks/quality/small_pruner.py` measures the folder. Needs the train extra.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch

from benchmarks.common.parts import say
from benchmarks.common.record import RESULTS, SHARED
from ctxprune.cli.train_pruner import parts_of
from ctxprune.models.pruner import bundled
from ctxprune.train.distil_pruner import DistilPlan, view_shards, vocabulary_of
from ctxprune.train.distillation import DistilRecipe, DistilRun
from ctxprune.train.export_int8 import export_int8
from ctxprune.train.graph_reader import read_network
from ctxprune.train.mixture import fingerprint
from ctxprune.train.product_codes import round_to_product_codes
from ctxprune.train.pruner_network import EncoderShape, LayerShape
from ctxprune.train.student import build_student
from ctxprune.train.teacher_targets import TeacherTargets, target_batches, window_columns
from ctxprune.train.train_pruner import export_trained, report_run

TEACHER = RESULTS.parent / "models" / "pruner-v1"
SHAPE = "4x320,3x320,3x256,3x256,3x192,3x192"
SHARDS, WINDOWS_SEED = 8, 3
WORD_BITS = 3


class Teacher:
    """The unshrunk model as an int8 graph, which gives last states as well."""

    def __init__(self, place: Path, order: np.ndarray) -> None:
        import onnxruntime

        network = read_network(TEACHER)
        export_int8(network, place)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # what it makes of a sum and its norm takes six times as long
        slower = ["SkipLayerNormFusion"]
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(
            str(place), options, providers=providers, disabled_optimizers=slower
        )
        self.order, self.width = order, network.shape.width

    def read(self, views) -> TeacherTargets:
        """One window after the other: activations are rounded by window."""
        whole = window_columns(views)
        starts, size = whole["starts"], len(whole["ids"])
        logits, scales = np.zeros((size, 2), dtype=np.float16), np.zeros(size, dtype=np.float16)
        states = np.zeros((size, self.width), dtype=np.int8)
        for row, (start, end) in enumerate(pairwise(starts)):
            ids = self.order[whole["ids"][start:end]][None]
            types = np.ones_like(ids)
            types[0, : whole["question"][row]] = 0
            keep, relevance, last = self.session.run(["keep", "relevance", "states"], {"ids": ids, "types": types})
            logits[start:end] = np.stack([keep[0], relevance[0]], axis=1)
            largest = np.abs(last[0]).max(axis=1).astype(np.float16)
            scales[start:end] = largest
            states[start:end] = (last[0] * (127 / largest.astype(np.float32))[:, None]).round().clip(-127, 127)
        return TeacherTargets(**whole, logits=logits, states=states, scales=scales)


def shape_of(text: str) -> EncoderShape:
    pairs = (part.split("x") for part in text.split(","))
    return EncoderShape(positions=256, layers=tuple(LayerShape(int(heads), int(inner)) for heads, inner in pairs))


def read_shards(parts, folder: Path, order: np.ndarray, text: str) -> list[Path]:
    """Files of windows with the teacher's targets; those that are there stay."""
    from tokenizers import Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04d}.npz" for number in range(SHARDS)]
    if all(path.is_file() for path in paths):
        return paths
    teacher = Teacher(folder / "teacher.onnx", order)
    plan = DistilPlan(shards=SHARDS, seed=WINDOWS_SEED)
    views = view_shards(parts.train, Tokenizer.from_str(text), plan)
    for path, own in zip(paths, views, strict=True):
        if not path.is_file():
            teacher.read(own).save(path)
            say(f"the teacher has read {path.name}")
    return paths


def first_weights(parts, shape: EncoderShape, shard: Path, order: np.ndarray):
    """The bundled model's, as far as they fit in, with words as product codes of the base model's."""
    read = TeacherTargets.load(shard)
    counts = torch.from_numpy(np.bincount(read.ids, minlength=len(order)).astype(np.float32))
    words = round_to_product_codes(parts.network.words.weight.detach()[torch.from_numpy(order)], counts)
    windows = islice(target_batches(read, tokens=4096, rng=random.Random(0)), 10)
    batches = [(batch.ids, batch.types, batch.mask) for batch in windows]
    every = range(len(shape.layers))
    return build_student(read_network(bundled()), shape, every, batches, range(len(order)), words=words)


def train(network, recipe: DistilRecipe, folder: Path, mark: str, paths: list[Path]) -> DistilRun:
    """The network trained in place, from the folder's checkpoint where there is one."""
    run = DistilRun(network, recipe, folder, fingerprint=mark)
    run.resume()
    run.train(paths)
    return run


def main() -> int:
    options = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    parts = parts_of(SHARED / "data", options.base)
    order, text = vocabulary_of(bundled(), parts)
    folder = options.out / "run"
    paths = read_shards(parts, folder / "taught", order, text)
    network = first_weights(parts, shape_of(options.shape), paths[0], order)
    recipe = DistilRecipe(tokens=options.tokens, rate=options.rate, head_rate=options.rate, seed=options.seed)
    data = fingerprint(parts.train)
    mark = f"{data} {options.shape} {SHARDS} {WINDOWS_SEED}"
    runs = [train(network, recipe, folder, mark, paths)]
    if options.more:
        again = replace(recipe, tokens=options.more, seed=options.seed + 1)
        runs.append(train(network, again, folder / "more", f"{mark} {options.tokens}", paths))
    network.eval()
    export_trained(network, text, parts.aside, options.out, name="pruner.v3", limit=256, words=WORD_BITS)
    report = {
        "shape": network.shape.to_dict(),
        "shards": SHARDS,
        "runs": [report_run(run, parts, data) for run in runs],
    }
    (options.out / "training.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    say(f"{sum(run.step for run in runs)} steps in {sum(run.seconds for run in runs):.0f} s")
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("out", type=Path)
    parser.add_argument("--shape", default=SHAPE, help="heads x neurons of each layer")
    parser.add_argument("--tokens", type=int, default=7_500_000)
    parser.add_argument("--more", type=int, default=0, help="tokens of a second run that begins where the first ended")
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

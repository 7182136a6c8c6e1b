"""Learned dropping on a tiny model: held-out perplexity against the share of the context that is really held.

    python benchmarks/quality/kv_learned.py --work FOLDER

Trains a language model on wikitext2, then the same model on with gates at three prices, and, to compare, without
gates, and behind a window that holds as much as the strongest gates. Every run goes on from its last checkpoint. What
was trained on without gates is what the windows and the random tokens are measured on. `recall` is a made text whose
questions ask for a value named some way back, three seeds.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch

from benchmarks.common.held import Coin, Window, by_layer, coin_of, perplexity, stepwise, throughput, window_of
from benchmarks.common.recall import recall
from benchmarks.common.record import SHARED, record
from benchmarks.common.tiny_lm import EVERY, VOCABULARY, encoded, fingerprint, model, split, tokenizer
from ctxprune.kv.gates.forward import GatedForward
from ctxprune.kv.gates.gates import Gates
from ctxprune.kv.gates.training import GateRecipe, GateTraining

LENGTH = 256
LM = GateRecipe(steps=1500, length=LENGTH, alphas=(1.0,), rate=2e-3, decay=0.1, strength=0.0)
TUNED = GateRecipe(
    steps=300,
    batch=4,
    length=LENGTH,
    alphas=(1.0, 1.0, 1.5, 2.0, 4.0, math.inf),
    rate=2e-4,
    gate_rate=5e-3,
    decay=0.1,
    seed=1,
)
BIAS = 5.0
STRENGTHS = (0.03, 0.1, 0.4)
COINS = (0,)


def trained(name: str, network, gates, recipe: GateRecipe, *, work: Path, ids: torch.Tensor) -> GateTraining:
    """A run in its own folder, from where it stands to its end."""

    def tell(line: dict) -> None:
        sys.stderr.write(f"{name} {line}\n")
        sys.stderr.flush()

    training = GateTraining(network, gates, recipe, work / name)
    training.run(ids, progress=tell)
    return training


def gated(base, strength: float, windows: torch.Tensor, *, work: Path, ids: torch.Tensor):
    """The model trained on with gates at a price: (model, gates, its row)."""
    network, gates = copy.deepcopy(base), Gates.of(base, bias=BIAS)
    run = trained(f"gates-{strength}", network, gates, replace(TUNED, strength=strength), work=work, ids=ids)
    gates.save(work / f"gates-{strength}.safetensors", network, strength=strength)
    with torch.no_grad():
        row = {
            "method": "gates",
            "strength": strength,
            **perplexity(network, windows, GatedForward(network, gates, math.inf)),
            "held_by_layer": by_layer(network, windows[:32], gates),
            "train_seconds": round(run.seconds, 1),
        }
    sys.stderr.write(f"{row}\n")
    return network, gates, row


def beside(control, share: float, windows: torch.Tensor) -> list[dict]:
    """Rows of a window and of random tokens that hold the same share, on the model trained on without gates."""
    width = window_of(share, LENGTH)
    rows = [{"method": "window", "width": width, **perplexity(control, windows, Window(control, width))}]
    rows += [
        {"method": "random", "seed": seed, **perplexity(control, windows, Coin(control, coin_of(share, LENGTH), seed))}
        for seed in COINS
    ]
    return rows


def tuned_window(base, share: float, windows: torch.Tensor, *, work: Path, ids: torch.Tensor) -> dict:
    """The model trained on behind a window that holds this share."""
    network, width = copy.deepcopy(base), window_of(share, LENGTH)
    with Window(network, width):
        run = trained(f"window-{width}", network, None, TUNED, work=work, ids=ids)
    row = {"method": "window, tuned", "width": width, **perplexity(network, windows, Window(network, width))}
    return {**row, "train_seconds": round(run.seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where checkpoints, logs, tokenizer and gates go")
    parser.add_argument("--seed", type=int, default=0, help="of the language model's first weights")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = SHARED / "data/rag/wikitext2/valid.txt.gz"
    train, held = split(source)
    words = tokenizer(train, options.work / "tokenizer.json")
    ids, test = encoded(words, train), encoded(words, held)
    windows = test[: len(test) // LENGTH * LENGTH].view(-1, LENGTH)
    where = {"work": options.work, "ids": ids}
    base = model(options.seed)
    lm = trained("lm", base, None, LM, **where)
    control = copy.deepcopy(base)
    plain = trained("control", control, None, TUNED, **where)
    rows = [
        {"method": "full, before", **perplexity(base, windows), "train_seconds": round(lm.seconds, 1)},
        {"method": "full", **perplexity(control, windows), "train_seconds": round(plain.seconds, 1)},
    ]
    networks = []
    figures = {
        "split": {
            "by": f"article, every {EVERY}th held out",
            "train": {"articles": len(train), "tokens": len(ids)},
            "held_out": {"articles": len(held), "tokens": len(test), "windows": len(windows), "length": LENGTH},
        },
        "model": {
            "kind": "llama, 4 layers of 128, 4 heads, float32",
            "parameters": sum(weight.numel() for weight in base.parameters()),
            "vocabulary": VOCABULARY,
            "gate_parameters": sum(weight.numel() for weight in Gates.of(base).parameters()),
        },
        "recipes": {"lm": _plain(LM), "tuned": _plain(TUNED)},
        "rows": rows,
    }

    def write() -> None:
        record("kv_learned", figures, seed=options.seed, data={"wikitext2/valid": fingerprint(source)})

    for strength in STRENGTHS:
        network, gates, row = gated(base, strength, windows, **where)
        networks.append((strength, network, gates))
        rows += [row, *beside(control, row["held"], windows)]
        last = row["held"]
        write()  # a run that is cut leaves what it has
    figures["stepwise"] = [
        {
            "strength": strength,
            "float32": stepwise(network, windows[:4], gates),
            "float64": stepwise(network.double(), windows[:4], gates.double()),
        }
        for strength, network, gates in copy.deepcopy(networks)
    ]
    write()
    rows.append(tuned_window(base, last, windows, **where))
    write()
    figures["recall"] = [row for seed in (0, 1, 2) for row in recall(options.work, seed)]
    write()
    speed = figures["generation"] = []
    for batch in (1, 8):
        prompt = windows[:batch, :16]
        speed.append({"method": "full", **throughput(control, prompt, length=1024)})
        for strength, network, gates in networks:
            speed.append({"method": "gates", "strength": strength, **throughput(network, prompt, gates, length=1024)})
            sys.stderr.write(f"{speed[-1]}\n")
    write()


def _plain(recipe: GateRecipe) -> dict:
    return {**asdict(recipe), "alphas": [str(alpha) for alpha in recipe.alphas]}


if __name__ == "__main__":
    main()

"""A text whose every question asks for the last value that was named, 8 to 13 words of noise before."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.common.held import Coin, Window, coin_of, window_of
from benchmarks.common.tiny_lm import random_llama
from ctxprune.kv.gates.forward import GatedForward
from ctxprune.kv.gates.gates import Gates
from ctxprune.kv.gates.training import GateRecipe, GateTraining

LENGTH, NOISE, VALUES, ASK = 64, 3, 8, 28
LM = GateRecipe(steps=700, batch=16, length=LENGTH, alphas=(1.0,), rate=5e-3, strength=0.0)
TUNED = GateRecipe(steps=200, batch=16, length=LENGTH, rate=1e-3, gate_rate=1e-2)
STRENGTHS = (0.1,)


def stream(tokens: int, seed: int) -> torch.Tensor:
    """Token ids: noise 0 to 2, values 12 to 19, 28 asks, and the value follows."""
    draw = torch.Generator().manual_seed(seed)

    def below(least: int, most: int) -> int:
        return int(torch.randint(least, most, (1,), generator=draw))

    said: list[int] = []
    while len(said) < tokens:
        value = 12 + below(0, VALUES)
        said.append(value)
        for _ in range(2):
            said += [below(0, NOISE) for _ in range(below(8, 14))] + [ASK, value]
    return torch.tensor(said[:tokens])


def network(seed: int):
    return random_llama(
        seed, vocab_size=32, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.15,
    )  # fmt: skip


@torch.no_grad()
def accuracy(model, windows, seen=None) -> float:
    """Share of right answers among questions in the second half of the windows."""
    with nullcontext() if seen is None else seen:
        said = model(input_ids=windows, use_cache=False).logits[:, :-1].argmax(dim=-1)
    asked = (windows[:, :-1] == ASK) & (torch.arange(LENGTH - 1) > LENGTH // 2 - 4)
    return round(float(((said == windows[:, 1:]) & asked).sum() / asked.sum()), 4)


def recall(work: Path, seed: int) -> list[dict]:
    """Rows of one seed: the whole context, gates at a price, and what holds as much beside them."""
    ids, windows = stream(20_000, 2 * seed), stream(LENGTH * 200, 2 * seed + 1).view(-1, LENGTH)
    base = network(seed)
    GateTraining(base, None, replace(LM, seed=seed), work / f"recall-{seed}").run(ids)
    rows: list[dict] = [{"method": "full", "seed": seed, "held": 1.0, "accuracy": accuracy(base, windows)}]
    for strength in STRENGTHS:
        model = network(seed)
        model.load_state_dict(base.state_dict())
        gates = Gates.of(model, width=8, bias=4.0, seed=seed)
        recipe = replace(TUNED, strength=strength, seed=seed)
        GateTraining(model, gates, recipe, work / f"recall-{seed}-{strength}").run(ids)
        hard = GatedForward(model, gates, math.inf)
        right, held = accuracy(model, windows, hard), hard.held()
        width, chance = window_of(held, LENGTH), coin_of(held, LENGTH)
        about = {"seed": seed, "strength": strength, "held": round(held, 4)}
        rows += [
            {"method": "gates", **about, "accuracy": right},
            {"method": "window", **about, "width": width, "accuracy": accuracy(base, windows, Window(base, width))},
            {"method": "random", **about, "accuracy": accuracy(base, windows, Coin(base, chance, seed))},
        ]
    return rows

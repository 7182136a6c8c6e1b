"""What a tiny model says when only a share of the context is held: windows, random tokens, gates."""

from __future__ import annotations

import math
import time

import torch

from ctxprune.kv.gates.dropping import dropping, gated_bytes, gated_cache
from ctxprune.kv.gates.forward import BiasedForward, GatedForward
from ctxprune.kv.gates.layer import GatedLayer

SINKS = 4


class Window(BiasedForward):
    """Each token sees the first four and the last `width`, its own among them (StreamingLLM)."""

    def __init__(self, model, width: int) -> None:
        super().__init__(model, list(range(model.config.num_hidden_layers)))
        self.width = width

    def log(self, layer: int, hidden):  # noqa: ARG002
        places = torch.arange(hidden.shape[1])
        far = places[:, None] - places[None] >= self.width
        far[:, :SINKS] = False
        return torch.zeros(far.shape).masked_fill(far, -math.inf)[None]


class Coin(BiasedForward):
    """Each layer drops each token behind its own step with the same chance, for good."""

    def __init__(self, model, share: float, seed: int) -> None:
        super().__init__(model, list(range(model.config.num_hidden_layers)))
        self.share, self.stream = share, torch.Generator().manual_seed(seed)

    def log(self, layer: int, hidden):  # noqa: ARG002
        rows, count = hidden.shape[:2]
        kept = torch.rand(rows, 1, count, generator=self.stream) < self.share
        kept = kept | torch.eye(count, dtype=torch.bool)
        return torch.zeros(kept.shape).masked_fill(~kept, -math.inf)


def window_share(width: int, length: int) -> float:
    """Share of the context that a window holds, over all steps."""
    held = sum(min(n + 1, SINKS + width) for n in range(length))
    return held / (length * (length + 1) / 2)


def window_of(share: float, length: int) -> int:
    """The narrowest window that holds at least this share."""
    return next(width for width in range(1, length + 1) if window_share(width, length) >= share)


def coin_of(share: float, length: int) -> float:
    """The chance to stay with which the expected share is this."""
    own = length / (length * (length + 1) / 2)
    return max((share - own) / (1 - own), 0.0)


@torch.no_grad()
def perplexity(model, windows, seen: BiasedForward | None = None, *, batch: int = 16) -> dict:
    """Held-out perplexity per token, over all places and over the second half, and the share held."""
    losses, shares = [], []
    for at in range(0, len(windows), batch):
        part = windows[at : at + batch]
        if seen is None:
            logits = model(input_ids=part, use_cache=False).logits
        else:
            with seen:
                logits = model(input_ids=part, use_cache=False).logits
            shares += [seen.held()] * len(part)
        losses.append(torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), part[:, 1:], reduction="none"))
    all_ = torch.cat(losses)
    late = all_[:, all_.shape[1] // 2 :]
    return {
        "held": round(sum(shares) / len(shares), 4) if shares else 1.0,
        "perplexity": round(math.exp(float(all_.mean())), 3),
        "perplexity_late": round(math.exp(float(late.mean())), 3),
    }


@torch.no_grad()
def by_layer(model, windows, gates) -> list[float]:
    """Share held by each layer with hard gates."""
    with GatedForward(model, gates, math.inf) as seen:
        model(input_ids=windows, use_cache=False)
    count = windows.shape[1]
    lower = torch.ones(count, count, dtype=torch.bool).tril()
    return [round(float(((log > -math.inf) & lower).sum() / lower.sum() / len(log)), 4) for log in seen.logs.values()]


@torch.no_grad()
def stepwise(model, windows, gates) -> dict:
    """Token by token with tokens really removed: largest difference from the dense forward, share held."""
    with GatedForward(model, gates, math.inf) as seen:
        expected = model(input_ids=windows, use_cache=False).logits
    cache, worst, held = gated_cache(model, gates), 0.0, 0
    with dropping(model, gates):
        for at in range(windows.shape[1]):
            ours = model(input_ids=windows[:, at : at + 1], cache=cache).logits[:, 0]
            worst = max(worst, float((ours - expected[:, at]).abs().max()))
            held += sum(int(layer.held.sum()) for layer in cache.layers if isinstance(layer, GatedLayer))
    whole = windows.shape[1] * (windows.shape[1] + 1) / 2 * len(windows) * len(gates.layers)
    return {"max_difference": worst, "held": round(held / whole, 4), "held_forward": round(seen.held(), 4)}


@torch.no_grad()
def throughput(model, prompt, gates=None, *, length: int, seed: int = 0) -> dict:
    """Tokens per second of sampling up to `length` tokens, best of two, and bytes held at the end."""
    from contextlib import nullcontext

    from transformers import DynamicCache

    best = math.inf
    for _ in range(2):
        cache = DynamicCache(config=model.config) if gates is None else gated_cache(model, gates)
        torch.manual_seed(seed)
        started = time.perf_counter()
        with nullcontext() if gates is None else dropping(model, gates):
            said = model.generate(
                prompt, cache=cache, max_length=length, min_length=length, do_sample=True, eos_token_id=None
            )
        best = min(best, time.perf_counter() - started)
    if gates is None:
        held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    else:
        held = gated_bytes(cache)
    rate = len(said) * (said.shape[1] - prompt.shape[1]) / best
    return {"batch": len(prompt), "length": length, "tokens_per_s": round(rate, 1), "cache_bytes": held}

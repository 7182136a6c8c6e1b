"""Caches under a budget while tokens are read: perplexity and bytes of 2,000 tokens, and the peak of a chunked prefill.

    python benchmarks/quality/kv_decoding.py MODEL [--texts 1] [--presses snapkv tova ...] [--chunked 8192]

MODEL is a folder or a .gguf file, say what ../shared/models/get-small-coder prints. Texts are from wikitext2 valid,
read from an empty cache on in calls of `every` tokens: presses then act where they act in calls of one token, and a
cache is largest at the end of a call. Perplexity is over the tokens behind the first 512, where the budget is full.
`nbytes` rows have the bytes of 512 unpacked tokens for everything that the cache holds. It goes on from what an earlier
run finished.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
from pathlib import Path

import torch

from benchmarks.common.parts import say
from benchmarks.common.record import RESULTS, SHARED, record
from ctxprune.kv import (
    Decoding,
    Kivi,
    ObservedAttention,
    PrunedCache,
    Random,
    SnapKV,
    StreamingLLM,
    Tova,
    compress,
    load_decoder,
)
from ctxprune.kv.model.attention import attentions_of, find_argument

TOKENS, BUDGET, EVERY, WINDOW = 2000, 512, 64, 32
SHORT = 32, 16  # the same where inputs of the window are to fit into the bytes: they weigh more than keys and values
PRESSES = {
    "snapkv": SnapKV(window=WINDOW),
    "streaming_llm": StreamingLLM(),
    "observed_attention": ObservedAttention(),
    "random": Random(),
    "tova": Tova(),
}
STORED = {"plain": None, "kivi4": Kivi(bits=4)}
IN_BYTES = ("kivi4", "plain")


def token_bytes(model) -> int:
    """Bytes of one unpacked token of the whole cache."""
    config = model.config
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return config.num_hidden_layers * config.num_key_value_heads * 2 * width * model.dtype.itemsize


@torch.no_grad()
def read(model, ids, session, size: int) -> dict:
    """Perplexity behind the first BUDGET tokens, and the most bytes and tokens held after a call."""
    cache, lost, most, held = PrunedCache(model), [], 0, 0
    if session is not None:
        session.begin(cache)
    for start in range(0, TOKENS, size):
        part = ids[:, start : min(start + size, TOKENS)]
        logits = model(part, cache=cache).logits[0].float()
        after = ids[0, start + 1 : start + 1 + part.shape[1]]
        lost += torch.nn.functional.cross_entropy(logits, after, reduction="none").tolist()
        most = max(most, cache.nbytes)
        layer = cache.layers[0]
        mean = 0.0 if layer.kept is None else float(layer.kept.counts.each.float().mean())
        held = max(held, mean + layer.keys.shape[-2])
    scored = lost[BUDGET:]
    return {"loss": sum(scored) / len(scored), "most_bytes": most, "most_tokens": held}


def cells(model, names: list[str]) -> dict[str, tuple]:
    """Name, storage and `Decoding`, by key; None for the whole cache."""
    made: dict[str, tuple] = {"whole": ("whole cache", "plain", None)}
    limit = BUDGET * token_bytes(model)
    for stored in IN_BYTES:
        made[f"snapkv {stored} bytes"] = (
            "snapkv",
            stored,
            Decoding(SnapKV(window=SHORT[1]), every=SHORT[0], nbytes=limit),
        )
    for name in names:
        made[f"{name} tokens"] = name, "plain", Decoding(PRESSES[name], every=EVERY, budget=BUDGET)
    return made


def chunked_peak(model, ids, chunk: int = 512) -> dict:
    """Peak of a prefill at a quarter that is pressed between chunks, as a share of the whole cache."""
    peak = [0]

    def look(module, args, kwargs, _) -> None:
        peak[0] = max(peak[0], find_argument(module, "cache", args, kwargs).nbytes)

    # In front of the hooks that press: each layer is counted with the whole chunk.
    handles = [each.module.register_forward_hook(look, with_kwargs=True, prepend=True) for each in attentions_of(model)]
    cache = compress(model, ids, SnapKV(0.75, window=WINDOW), chunk=chunk)
    for handle in handles:
        handle.remove()
    whole = ids.shape[1] * token_bytes(model)
    return {
        "tokens": ids.shape[1],
        "chunk": chunk,
        "press": "snapkv",
        "ratio": 0.75,
        "peak_ratio": round(peak[0] / whole, 4),
        "end_ratio": round(cache.nbytes / whole, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", type=int, default=1, help=f"texts of {TOKENS:,} tokens")
    parser.add_argument("--presses", nargs="+", choices=PRESSES, default=["snapkv", "streaming_llm"])
    parser.add_argument("--chunked", type=int, default=0, help="tokens of a chunked prefill to measure; 0: none")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    source = SHARED / "data" / "rag" / "wikitext2" / "valid.txt.gz"
    text = gzip.decompress(source.read_bytes()).decode()
    model, tokenizer = load_decoder(asked.model)
    log = RESULTS / "kv_decoding.part.json"
    if asked.fresh:
        log.unlink(missing_ok=True)
    known = json.loads(log.read_text()) if log.exists() else {}
    # From a tenth on, as in kv_presses.py.
    ids = tokenizer(text[len(text) // 10 :][: 8 * (asked.texts * (TOKENS + 1) + asked.chunked)])["input_ids"]
    for number in range(asked.texts):
        own = torch.tensor([ids[number * (TOKENS + 1) : (number + 1) * (TOKENS + 1)]])
        for key, (name, stored, press) in cells(model, asked.presses).items():
            if f"{number} {key}" in known:
                continue
            known[f"{number} {key}"] = found = read(
                model,
                own,
                None if press is None else press(model, storage=STORED[stored]),
                EVERY if press is None else press.every,
            )
            say(f"text {number}, {name}, {stored}: {math.exp(found['loss']):.3f}, {found['most_bytes']} bytes")
            log.write_text(json.dumps(known))
    if asked.chunked and "chunked" not in known:
        known["chunked"] = chunked_peak(model, torch.tensor([ids[: asked.chunked]]))
        say(f"chunked: {known['chunked']}")
        log.write_text(json.dumps(known))
    rows, limit = [], BUDGET * token_bytes(model)
    for key, (name, stored, press) in cells(model, asked.presses).items():
        found = [known[f"{number} {key}"] for number in range(asked.texts)]
        rows.append(
            {
                "press": name,
                "storage": stored,
                "budget": "none" if press is None else "tokens" if press.budget else "bytes",
                "perplexity": round(math.exp(sum(each["loss"] for each in found) / len(found)), 3),
                "most_bytes": max(each["most_bytes"] for each in found),
                "most_tokens": max(each["most_tokens"] for each in found),
            }
        )
    figures = {
        "model": asked.model.name,
        "texts": asked.texts,
        "tokens": TOKENS,
        "budget": BUDGET,
        "every": EVERY,
        "window": WINDOW,
        "short": SHORT,
        "budget_bytes": limit,
        "rows": rows,
        "chunked": known.get("chunked"),
    }
    record(
        "kv_decoding",
        figures,
        seed=0,
        data={"wikitext2 valid": hashlib.sha256(source.read_bytes()).hexdigest()[:16]},
    )


if __name__ == "__main__":
    main()

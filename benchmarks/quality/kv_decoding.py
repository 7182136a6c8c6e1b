"""Caches under a budget while tokens are read: perplexity and bytes of 2,000 tokens, and the peak of a chunked prefill.

    python benchmarks/quality/kv_decoding.py MODEL [--presses snapkv tova ...] [--texts NAME ...] [--chunked 8192]

MODEL is a folder or a .gguf file, say what ../shared/models/get-small-coder prints. Texts are two stretches of
wikitext2 valid, a book, and passages of a RAG set one after the other. Each is read from an empty cache on in calls of
`every` tokens: presses then act where they act in calls of one token, and a cache is largest at the end of a call.
Perplexity is over the tokens behind the first 512, where the budget is full; that of all texts is of the mean loss.
`nbytes` rows have the bytes of 512 unpacked tokens for everything that the cache holds. It goes on from what an earlier
run finished. Nothing is tuned here: windows and budgets are those that the documentation names.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import math
from pathlib import Path
from statistics import fmean

import torch

from benchmarks.common.kv_coder import xquad
from benchmarks.common.parts import Parts, say
from benchmarks.common.record import SHARED, record
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
from ctxprune.kv.model.files import model_fingerprint

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
FILES = {
    "wikitext2": "wikitext2/valid.txt.gz",
    "wikitext2, second half": "wikitext2/valid.txt.gz",
    "book": "long_text/nietzsche_beyond_good_and_evil.txt.gz",
    "passages": "xquad_en/test_passages.jsonl.gz",
}
STARTS = {"wikitext2": 0.1, "wikitext2, second half": 0.5, "book": 0.1}  # as shares: 0.1 as in kv_presses.py


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


def read_text(name: str) -> str:
    """One of the texts, at least as long as is read of it."""
    if name == "passages":
        return "\n\n".join(" ".join(passage["sentences"]) for passage in xquad()[0])
    # The book has a few letters of another encoding.
    text = gzip.decompress((SHARED / "data" / "rag" / FILES[name]).read_bytes()).decode(errors="replace")
    return text[int(len(text) * STARTS[name]) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--texts", nargs="+", choices=FILES, default=list(FILES), help=f"{TOKENS:,} tokens of each")
    parser.add_argument("--presses", nargs="+", choices=PRESSES, default=["snapkv", "streaming_llm"])
    parser.add_argument("--chunked", type=int, default=0, help="tokens of a chunked prefill to measure; 0: none")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    asked = parser.parse_args()
    if asked.chunked < 0:
        parser.error("--chunked is a number of tokens, 0 or more")
    asked.texts, asked.presses = (list(dict.fromkeys(each)) for each in (asked.texts, asked.presses))
    torch.set_num_threads(1)
    model, tokenizer = load_decoder(asked.model)
    parts = Parts("kv_decoding", keep=not asked.fresh)
    made, limit = cells(model, asked.presses), BUDGET * token_bytes(model)
    about = model_fingerprint(model), TOKENS, BUDGET, EVERY, SHORT

    def ids(name: str, count: int) -> torch.Tensor:
        found = tokenizer(read_text(name)[: 8 * count])["input_ids"]
        if len(found) < count:
            parser.error(f"{name} has {len(found)} tokens, and {count} are asked for")
        return torch.tensor([found[:count]])

    chunked = None
    if asked.chunked:
        chunked = parts.row(
            f"chunked {asked.chunked}", about, lambda: chunked_peak(model, ids("wikitext2", asked.chunked))
        )
        say(f"chunked: {chunked}")
    found: dict[str, dict[str, dict]] = {key: {} for key in made}
    for text in asked.texts:
        own = ids(text, TOKENS + 1)
        for key, (_, stored, press) in made.items():
            session = None if press is None else press(model, storage=STORED[stored])
            size = EVERY if press is None else press.every
            row = parts.row(
                f"{text}: {key}", about, lambda own=own, session=session, size=size: read(model, own, session, size)
            )
            found[key][text] = row
            say(f"{text}, {key}: {math.exp(row['loss']):.3f}, {row['most_bytes']} bytes")
    figures = {
        "model": asked.model.name,
        "texts": asked.texts,
        "tokens": TOKENS,
        "budget": BUDGET,
        "every": EVERY,
        "window": WINDOW,
        "short": SHORT,
        "budget_bytes": limit,
        "rows": [summarise(made[key], by_text) for key, by_text in found.items()],
        "chunked": chunked,
    }
    record(
        "kv_decoding",
        figures,
        seed=0,
        data={
            name: hashlib.sha256((SHARED / "data" / "rag" / FILES[name]).read_bytes()).hexdigest()[:16]
            for name in asked.texts
        },
    )


def summarise(cell: tuple, by_text: dict[str, dict]) -> dict:
    """Perplexity over all texts and of each, and the most that was held on any."""
    name, stored, press = cell
    return {
        "press": name,
        "storage": stored,
        "budget": "none" if press is None else "tokens" if press.budget else "bytes",
        "perplexity": round(math.exp(fmean(row["loss"] for row in by_text.values())), 3),
        "by_text": {text: round(math.exp(row["loss"]), 3) for text, row in by_text.items()},
        "most_bytes": max(row["most_bytes"] for row in by_text.values()),
        "most_tokens": max(row["most_tokens"] for row in by_text.values()),
    }


if __name__ == "__main__":
    main()

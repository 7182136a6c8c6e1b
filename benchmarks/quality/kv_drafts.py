"""Steps of the model that drafts from retrieved text save on answers that copy, beside transformers' prompt lookup.

    python benchmarks/quality/kv_drafts.py MODEL.gguf [--prompts N] [--checked N]

Writes benchmarks/results/kv_drafts.json. MODEL.gguf is the 0.5B that ../shared/models/get-small-coder prints; the
environment needs gguf and accelerate. A third each: repeat the sentence of a passage that answers a question (xquad_en,
three passages), quote the last two sentences of a passage (xquad_en), copy a row of a table (wikitablequestions). One
thread, bfloat16, greedy, 40 tokens at most; the prompt is read once, and each way goes on from a copy of its cache.

A step is a call of the model, without the one that reads the prompt, which all have. "lookup" is transformers' own
class for `prompt_lookup_num_tokens=10` with its defaults, played on the text that was generated, which gives the steps
that it takes. The first `--checked` prompts are generated in every way as well: greedy, by that lookup (its steps must
be those played), and with half of the prompt's cache dropped (SnapKV), beside greedy from that cache. "index" times
the lookup alone over a passage of 200,000 tokens. Finished prompts are kept in results/kv_drafts.part.jsonl; `--fresh`
measures all anew.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from transformers.generation.candidate_generator import PromptLookupCandidateGenerator

from benchmarks.common.kv_coder import GREEDY, HEAD, TAIL, Coder, xquad
from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import SHARED, record
from ctxprune.kv import DraftIndex, Drafts, SnapKV, prefill

TABLES = SHARED / "data" / "rag" / "wikitablequestions" / "dev_tables.jsonl.gz"
SYSTEM = "You copy text exactly as it stands, and say nothing else."
TOKENS = 40


def tasks(count: int) -> list[dict]:
    """Prompts of the three kinds in turn: passages, and what to do with them."""
    passages, questions = xquad()
    texts = [" ".join(each["sentences"]) for each in passages]
    with gzip.open(TABLES, "rt", encoding="utf-8") as file:
        tables = [json.loads(line) for line in file]
    tables = [table for table in tables if 4 <= len(table["header"]) <= 7 and 8 <= len(table["rows"]) <= 25]
    found = []
    for number in range(count):
        kind, place = number % 3, number // 3
        if kind == 0:
            question = questions[(place * 61 + 7) % len(questions)]
            own = question["passage_id"]
            ask = f"Repeat the sentence of the passages that answers this question: {question['question']}"
            found.append({"kind": "sentence", "texts": [texts[own - 1], texts[own], texts[own - 2]], "ask": ask})
        elif kind == 1:
            found.append(
                {
                    "kind": "quote",
                    "texts": [texts[(place * 17 + 3) % len(texts)]],
                    "ask": "Quote the last two sentences of the passage word for word.",
                }
            )
        else:
            table = tables[place * 5 % len(tables)]
            row = table["rows"][len(table["rows"]) // 2]
            lines = [" | ".join(cells) for cells in (table["header"], *table["rows"])]
            ask = f'Copy the row of the table that begins with "{row[0]} | {row[1]}".'
            found.append({"kind": "row", "texts": ["\n".join(lines)], "ask": ask})
    return found


class Bench:
    def __init__(self, coder: Coder) -> None:
        self.coder, self.model = coder, coder.model

    def prompt(self, task: dict, *, checked: bool) -> dict:
        coder, model = self.coder, self.model
        text = (
            HEAD.format(SYSTEM) + "".join(f"Passage: {each}\n\n" for each in task["texts"]) + TAIL.format(task["ask"])
        )
        ids = coder.ids(text)
        index = DraftIndex([coder.ids(each)[0].tolist() for each in task["texts"]])
        read = prefill(model, ids[:, :-1])
        drafts = {"custom_generate": Drafts(index)}
        said, report = self.measured(ids, read.cache, drafts)
        row: dict = {
            "kind": task["kind"],
            "prompt_tokens": ids.shape[1],
            "drafts": report,
            "lookup": {"tokens": len(said), "steps": self.played(ids, said)},
            "copied": round(copied(said, [coder.ids(each)[0].tolist() for each in task["texts"]]), 3),
            "said": coder.text(said),
        }
        if checked:
            greedy, row["greedy"] = self.measured(ids, read.cache, {})
            looked_up, real = self.measured(ids, read.cache, {"prompt_lookup_num_tokens": 10})
            row["lookup"] |= {"same": looked_up == greedy, "steps_of_a_run": real["steps"], "cpu_ms": real["cpu_ms"]}
            row["drafts"]["same"] = said == greedy
            pruned = read.press(SnapKV(0.5))
            one, row["pruned"] = self.measured(ids, pruned, drafts)
            two, row["pruned_greedy"] = self.measured(ids, pruned, {})
            row["pruned"]["same"] = one == two
        return row

    def played(self, ids: torch.Tensor, said: list[int]) -> int:
        """Steps of prompt lookup on the way to a known text."""
        lookup = PromptLookupCandidateGenerator(
            eos_token_id=torch.tensor([self.coder.tokenizer.eos_token_id]), max_length=ids.shape[1] + TOKENS
        )
        steps = done = 0
        while done < len(said):
            now = torch.cat([ids, ids.new_tensor([said[:done]])], dim=1)
            draft = lookup.get_candidates(now)[0][0, now.shape[1] :].tolist()
            right = next(
                (at for at, pair in enumerate(zip(draft, said[done:], strict=False)) if pair[0] != pair[1]), None
            )
            done += (min(len(draft), len(said) - done) if right is None else right) + 1
            steps += 1
        return steps

    def measured(self, ids: torch.Tensor, cache, options: dict) -> tuple[list[int], dict]:
        calls: list[int] = []
        handle = self.model.model.register_forward_hook(lambda *_: calls.append(1))
        start = time.process_time()
        try:
            made = self.model.generate(
                ids, cache=cache.copy(), max_new_tokens=TOKENS, do_sample=False, **GREEDY, **options
            )
        finally:
            handle.remove()
        ms = round(1000 * (time.process_time() - start))
        said = made[0, ids.shape[1] :].tolist()
        return said, {"tokens": len(said), "steps": len(calls), "cpu_ms": ms}


def copied(said: list[int], texts: list[list[int]]) -> float:
    """Share of the answer's neighbouring pairs of tokens that stand in a passage too."""
    known = {pair for text in texts for pair in pairwise(text)}
    pairs = list(pairwise(said))
    return fmean(pair in known for pair in pairs) if pairs else 0.0


def index_speed() -> dict:
    """Milliseconds to index 200,000 tokens with a natural spread, and microseconds a lookup."""
    rng = np.random.default_rng(0)
    text = (rng.zipf(1.3, 200_000) % 30_000).tolist()
    start = time.perf_counter()
    index = DraftIndex([text])
    built = time.perf_counter() - start
    ends = rng.integers(100, len(text), 1000)
    start = time.perf_counter()
    for end in ends:
        index.find(text[end - 64 : end])
    return {
        "tokens": len(text),
        "build_ms": round(1000 * built),
        "lookup_us": round(1e6 * (time.perf_counter() - start) / len(ends)),
    }


def summary(rows: list[dict]) -> dict:
    def saved(name: str, chosen: list[dict]) -> float:
        steps, tokens = (sum(row[name][part] for row in chosen) for part in ("steps", "tokens"))
        return round(100 * (1 - steps / tokens), 1)

    figures: dict = {"prompts": len(rows)}
    checked = [row for row in rows if "greedy" in row]
    for name in ("drafts", "lookup"):
        figures[name] = {
            "steps_saved_percent": saved(name, rows),
            "steps_saved_percent_by_kind": {
                kind: saved(name, chosen)
                for kind in ("sentence", "quote", "row")
                if (chosen := [row for row in rows if row["kind"] == kind])
            },
        }
    figures["checked"] = {
        "prompts": len(checked),
        "same_text": {name: sum(row[name]["same"] for row in checked) for name in ("drafts", "lookup", "pruned")},
        "lookup_steps_as_played": sum(row["lookup"]["steps"] == row["lookup"]["steps_of_a_run"] for row in checked),
        "cpu_ms": {
            name: sum(row[name]["cpu_ms"] for row in checked)
            for name in ("greedy", "drafts", "lookup", "pruned", "pruned_greedy")
        },
    }
    if checked:
        figures["checked"]["pruned_steps_saved_percent"] = saved("pruned", checked)
    figures["copied_percent"] = round(100 * fmean(row["copied"] for row in rows), 1)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--prompts", type=int, default=21)
    parser.add_argument("--checked", type=int, default=6)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    coder = Coder(options.model)
    bench, parts = Bench(coder), Parts("kv_drafts", keep=not options.fresh)
    chosen, rows = tasks(options.prompts), []
    for number, task in enumerate(chosen, start=1):
        checked = number <= options.checked
        what = (task, coder.fingerprint, checked)
        rows.append(parts.row(f"prompt {number}", what, lambda: bench.prompt(task, checked=checked)))  # noqa: B023
        say(f"prompt {number} of {len(chosen)}")
    figures = {**summary(rows), "index": index_speed(), "rows": rows}
    data = {"prompts": fingerprint(chosen), "model": coder.fingerprint}
    record("kv_drafts", figures, seed=None, data=data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

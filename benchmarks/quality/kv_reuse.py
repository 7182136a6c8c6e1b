"""Caches of passages joined for a question against the full prefill, and text pruning against cache pruning.

    python benchmarks/quality/kv_reuse.py MODEL.gguf [--questions N]

Writes benchmarks/results/kv_reuse.json. MODEL.gguf is the 0.5B that ../shared/models/get-small-coder prints; the
environment needs gguf and accelerate. Questions of xquad_en, one a title, with the passage that holds the answer among
three others of the title; one thread, bfloat16, greedy, 12 tokens at most.

Joining: milliseconds of CPU time with the caches of prefix and passages at hand, logits of the question's tokens beside
the full prefill's, and whether the answer holds a gold one. "lead" rows read passages behind the prefix, the "bare" one
from position 0.

Equal bytes: the cache of prefix and passages may take 1/2, 1/4 or 1/8 of its bytes. "cache" is SnapKV for the question
on the whole text; "text" is the bundled pruner on the passages, their sentences kept to that many tokens; "both" prunes
the text to the root of the share and the cache to the rest; "joined" is SnapKV on a joined cache, of which no more than
a fifth was read again. Finished questions are kept in results/kv_reuse.part.jsonl; `--fresh` measures all anew.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import fmean, median

import torch

from benchmarks.common.kv_coder import HEAD, TAIL, Coder, answers, xquad
from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import record
from ctxprune import Pruner, TokenBudget
from ctxprune.kv import PassageStore, PrunedCache, SnapKV, as_prefilled, exactness, join, prefill
from ctxprune.rag import Passages
from ctxprune.scorers.neural.pruner import PrunerScorer

SHARES = {"1/2": 0.5, "1/4": 0.25, "1/8": 0.125}
RECOMPUTE = (0, 0.1, 0.2, 0.5, 1)
SYSTEM = "Answer the question from the passages with as few words as possible."
OTHERS, TOKENS = 3, 12


def tasks(count: int) -> list[dict]:
    """One question a title: its passages in an order that moves the right one, and gold answers."""
    passages, questions = xquad()
    by_title: dict[str, list[dict]] = {}
    for passage in passages:
        by_title.setdefault(passage["title"], []).append(passage)
    found, seen = [], set()
    for question in questions:
        right = passages[question["passage_id"]]
        if right["title"] in seen:
            continue
        seen.add(right["title"])
        others = [each for each in by_title[right["title"]] if each["id"] != right["id"]][:OTHERS]
        place = len(found) % (len(others) + 1)
        chosen = [*others[:place], right, *others[place:]]
        texts = [" ".join(each["sentences"]) for each in chosen]
        found.append({"question": question["question"], "answers": question["answers"], "texts": texts})
    return found[:count]


class Bench:
    def __init__(self, coder: Coder) -> None:
        self.coder, self.model = coder, coder.model
        self.prefix = coder.ids(HEAD.format(SYSTEM))
        self.scorer = PrunerScorer()

    def question(self, task: dict) -> dict:
        coder = self.coder
        asked = coder.ids(TAIL.format(f"Question: {task['question']}\nShort answer:"))
        parts = [coder.ids(_passage(text)) for text in task["texts"]]
        context = torch.cat([self.prefix, *parts], dim=1)
        whole = torch.cat([context, asked], dim=1)
        row: dict = {"tokens": context.shape[1], "question_tokens": asked.shape[1]}

        said: list[int] = []

        def right(ids: torch.Tensor, cache: PrunedCache | None) -> bool:
            options = {} if cache is None else {"cache": cache.copy()}
            found = coder.say(ids, TOKENS, [asked[0].tolist() + said] if said else [], **options)
            said[:] = said or found  # the first answer, that of the full prefill, is the others' draft
            return answers(coder.text(found), task["answers"])

        full = PrunedCache(self.model)
        start = time.process_time()
        with torch.no_grad():
            self.model(context, cache=full, logits_to_keep=1)
        row["prefill_ms"] = _ms(start)
        row["full"] = right(whole, full)
        row["closed_book"] = right(torch.cat([self.prefix, asked], dim=1), None)
        row["joined"], joined = self.joined(context, parts, asked, full, lambda cache: right(whole, cache))
        row["equal_bytes"] = self.equal_bytes(task, context, asked, joined, right)
        return row

    def joined(self, context, parts, asked, full, right) -> tuple[dict, PrunedCache]:
        rows, kept = {}, full
        for kind, lead, shares in (("lead", self.prefix, RECOMPUTE), ("bare", None, (0,))):
            store = PassageStore(self.model, lead=lead)
            join(store, self.prefix, parts, recompute=0)  # reads them
            for share in shares:
                start = time.process_time()
                cache = join(store, self.prefix, parts, recompute=share)
                ms = _ms(start)
                far = exactness(self.model, context, cache, asked, full=full)
                rows[f"{kind} {share}"] = {"ms": ms, **vars(far), "right": right(cache)}
                if (kind, share) == ("lead", 0.2):
                    kept = cache
        return rows, kept

    def equal_bytes(self, task, context, asked, joined, right) -> dict:
        whole_bytes = prefill_bytes(self.model, context)
        read = prefill(self.model, context, question=asked)
        opened = as_prefilled(self.model, joined, context, question=asked)
        rows: dict = {}
        for name, share in SHARES.items():
            target = int(context.shape[1] * share)
            found = {
                "cache": (context, read.press(SnapKV(1 - share))),
                "joined": (context, opened.press(SnapKV(1 - share))),
            }
            short = self.shortened(task, target)
            found["text"] = (short, prefill(self.model, short).cache)
            some = self.shortened(task, int(context.shape[1] * share**0.5))
            ratio = max(1 - target / some.shape[1], 0.0)
            found["both"] = (some, prefill(self.model, some, question=asked).press(SnapKV(ratio)))
            rows[name] = {
                kind: {
                    "bytes": round(cache.nbytes / whole_bytes, 4),
                    "right": right(torch.cat([ids, asked], dim=1), cache),
                }
                for kind, (ids, cache) in found.items()
            }
        return rows

    def shortened(self, task: dict, target: int) -> torch.Tensor:
        """Prefix and passages with the sentences that the bundled pruner keeps, at most `target` tokens together."""
        budget = target
        while True:
            pruner = Pruner(self.scorer, policy=TokenBudget(max(budget, 0)), counter=self.coder.count)
            texts = pruner.prune(task["question"], Passages(task["texts"])).output
            ids = torch.cat([self.prefix, *(self.coder.ids(_passage(text)) for text in texts if text)], dim=1)
            if ids.shape[1] <= target or budget <= 0:
                return ids
            budget -= ids.shape[1] - target


def prefill_bytes(model, context: torch.Tensor) -> int:
    config = model.config
    width = config.hidden_size // config.num_attention_heads
    per_token = 2 * config.num_hidden_layers * config.num_key_value_heads * width * model.dtype.itemsize
    return context.shape[1] * per_token


def _passage(text: str) -> str:
    return f"Passage: {text}\n\n"


def _ms(start: float) -> float:
    return round(1000 * (time.process_time() - start), 1)


def summary(rows: list[dict]) -> dict:
    def share(values) -> float:
        return round(100 * fmean(values), 1)

    joined = {
        name: {
            "ms_median": round(median(row["joined"][name]["ms"] for row in rows), 1),
            "of_prefill_percent": share(row["joined"][name]["ms"] / row["prefill_ms"] for row in rows),
            "max_difference": round(max(row["joined"][name]["max_difference"] for row in rows), 3),
            "mean_difference": round(fmean(row["joined"][name]["mean_difference"] for row in rows), 4),
            "kl": round(fmean(row["joined"][name]["kl"] for row in rows), 5),
            "top1_percent": share(row["joined"][name]["top1"] for row in rows),
            "right_percent": share(row["joined"][name]["right"] for row in rows),
        }
        for name in rows[0]["joined"]
    }
    equal = {
        name: {
            kind: {
                "bytes_percent": share(row["equal_bytes"][name][kind]["bytes"] for row in rows),
                "right_percent": share(row["equal_bytes"][name][kind]["right"] for row in rows),
            }
            for kind in rows[0]["equal_bytes"][name]
        }
        for name in SHARES
    }
    return {
        "questions": len(rows),
        "tokens_mean": round(fmean(row["tokens"] for row in rows)),
        "prefill_ms_median": round(median(row["prefill_ms"] for row in rows), 1),
        "full_right_percent": share(row["full"] for row in rows),
        "closed_book_right_percent": share(row["closed_book"] for row in rows),
        "joined": joined,
        "equal_bytes": equal,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    coder = Coder(options.model)
    bench, parts = Bench(coder), Parts("kv_reuse", keep=not options.fresh)
    chosen = tasks(options.questions)
    rows = []
    for number, task in enumerate(chosen, start=1):
        start = time.process_time()
        rows.append(parts.row(f"question {number}", (task, coder.fingerprint), lambda: bench.question(task)))  # noqa: B023
        say(f"question {number} of {len(chosen)}: {time.process_time() - start:.1f} s")
    figures = {**summary(rows), "rows": rows}
    record("kv_reuse", figures, seed=None, data={"xquad_en": fingerprint(chosen), "model": coder.fingerprint})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

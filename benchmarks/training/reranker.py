"""Trains a cross-encoder from all-MiniLM-L6-v2 on public pairs: the model that shrink_reranker.py makes smaller.

    python benchmarks/training/reranker.py --base FOLDER --out FOLDER [--steps 1000] [--minutes 10]

`--base` is a local copy of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0); nothing is downloaded. Questions and
wrong passages: benchmarks/common/ranked_questions.py, part "train". A step reads four questions with eight passages
each, 128 tokens at most; the loss is cross entropy over the passages of a question plus binary cross entropy, so that
scores rank and mean something by themselves. `--out` gets the model as transformers saves it, `pairs.jsonl` (300
questions of part "dev") and training.json. A run that was ended goes on from its checkpoint.

Needs the train extra. Weights and pairs are not part of this repository.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path
from statistics import fmean
from time import process_time

import torch
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.ranked_questions import questions_of
from benchmarks.common.record import SHARED
from ctxprune.utils.metrics import ndcg

TOKENS, QUESTIONS, SAVE_EVERY = 128, 4, 50
_SORTED = 256
_SQUAD = 2500  # of the other sets all are taken


def encode(tokenizer, questions, tokens: int = TOKENS):
    """One padded batch of all passages of the questions."""
    rows = [(entry.question, passage) for entry in questions for passage in entry.passages]
    return tokenizer(
        [row[0] for row in rows], [row[1] for row in rows],
        truncation="longest_first", max_length=tokens, padding=True, return_tensors="pt",
    )  # fmt: skip


def loss_of(model, tokenizer, questions):
    """Of a batch of questions; forward in bfloat16."""
    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        logits = model(**encode(tokenizer, questions)).logits[:, 0].float()
    gains = torch.tensor([float(gain > 0) for entry in questions for gain in entry.gains])
    value, at = functional.binary_cross_entropy_with_logits(logits, gains), 0
    for entry in questions:
        own, wanted = (rows[at : at + len(entry.passages)] for rows in (logits, gains))
        value = value - (functional.log_softmax(own, dim=0) * wanted / wanted.sum()).sum() / len(questions)
        at += len(entry.passages)
    return value


def quality(model, tokenizer, questions) -> float:
    """Mean nDCG@10 in percent."""
    found = []
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for entry in questions:
            scores = model(**encode(tokenizer, [entry])).logits[:, 0].float()
            order = scores.argsort(descending=True, stable=True).tolist()
            found.append(ndcg([entry.gains[place] for place in order], entry.attainable))
    model.train()
    return round(100 * fmean(found), 2)


def epoch(questions, seed: str) -> list:
    """Batches of questions of like length, which waste little on padding, in a random order.

    It depends on the seed alone, so that a resumed run reads what it would have read.
    """
    rng = random.Random(seed)
    order = rng.sample(questions, len(questions))
    order = [
        entry
        for at in range(0, len(order), _SORTED)
        for entry in sorted(order[at : at + _SORTED], key=lambda entry: max(map(len, entry.passages)))
    ]
    batches = [order[at : at + QUESTIONS] for at in range(0, len(order) - QUESTIONS + 1, QUESTIONS)]
    return rng.sample(batches, len(batches))


class Run:
    """The training run: model, optimiser and where it stands."""

    def __init__(self, options, questions) -> None:
        torch.manual_seed(options.seed)
        self.options, self.questions = options, questions
        self.folder, self.step, self.seconds, self.losses = Path(options.out), 0, 0.0, []
        self.tokenizer = AutoTokenizer.from_pretrained(options.base)
        self.model = AutoModelForSequenceClassification.from_pretrained(options.base, num_labels=1).train()
        # half of all parameters, of which few steps see few
        self.model.get_input_embeddings().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=options.rate, weight_decay=0.01)
        self.what = fingerprint((options.seed, options.rate, options.steps, questions))
        self.checkpoint = self.folder / "checkpoint.pt"
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.is_file():
            self._resume()

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        if state["what"] != self.what:
            raise SystemExit("the checkpoint is of other options or data: take another folder")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds, self.losses = state["step"], state["seconds"], state["losses"]
        say(f"goes on after step {self.step}")

    def save(self) -> None:
        """Write the checkpoint beside its place, then rename: a kill leaves the one before."""
        state = {"what": self.what, "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"step": self.step, "seconds": self.seconds, "losses": self.losses}
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def train(self) -> None:
        """Steps until all are done or the time is up; the rate then falls to zero with the time."""
        options, started, before = self.options, process_time(), self.seconds
        while self.step < options.steps and self.seconds < 60 * options.minutes:
            done = max(self.step / options.steps, self.seconds / (60 * options.minutes))
            for group in self.optimizer.param_groups:
                group["lr"] = options.rate * min(self.step / (0.06 * options.steps) + 0.01, 1 - done, 1)
            batches = epoch(self.questions, f"{options.seed} {self.step // (len(self.questions) // QUESTIONS)}")
            value = loss_of(self.model, self.tokenizer, batches[self.step % len(batches)])
            value.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.step += 1
            self.seconds = before + process_time() - started
            self.losses.append(round(float(value.detach()), 4))
            if self.step % SAVE_EVERY == 0:
                self.save()
                say(f"step {self.step}: loss {fmean(self.losses[-SAVE_EVERY:]):.3f}, {self.seconds / 60:.1f} minutes")
        self.save()


def write_pairs(path: Path, questions) -> None:
    """JSON lines as `ctxprune shrink run --data` takes them."""
    lines = [
        {"query": entry.question, "passage": passage, "label": float(gain > 0), "source": entry.source}
        for entry in questions
        for passage, gain in zip(entry.passages, entry.gains, strict=True)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10, help="processor time at most")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rag = SHARED / "data" / "rag"
    dev = questions_of(rag, "dev", options.seed)[:300]
    write_pairs_to = Path(options.out) / "pairs.jsonl"
    questions, left = [], _SQUAD
    for entry in questions_of(rag, "train", options.seed):
        left -= entry.source == "squad_pairs"
        if entry.source != "squad_pairs" or left >= 0:
            questions.append(entry)
    run = Run(options, questions)
    write_pairs(write_pairs_to, dev)
    say(f"{len(questions)} questions")
    run.train()
    run.model.eval().save_pretrained(run.folder)
    run.tokenizer.save_pretrained(run.folder)
    report = {
        "steps": run.step,
        "minutes": round(run.seconds / 60, 1),
        "dev_ndcg": quality(run.model, run.tokenizer, dev[:100]),
    }
    report |= {"loss": fmean(run.losses[-100:]), "questions": len(questions), "data": run.what}
    (run.folder / "training.json").write_text(json.dumps(report) + "\n", encoding="utf-8")
    say(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())

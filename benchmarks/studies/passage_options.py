"""What the options that bind sentences to each other cost and bring: evidence recall at an equal share of characters.

    python benchmarks/studies/passage_options.py [--split heldout|train] [--limit N]

Sets that allow training only. A set without a train file of its own is split by document: titles whose sha256 begins
with 0 to b are for choosing defaults (`train`), the others (`heldout`) for what is reported. The budget is a share of
the item's characters over all its documents; sentences by falling score, each with what it needs, passing over what
does not fit.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune import DocumentFusion, LexicalScorer, TitledScorer, TokenBudget
from ctxprune.context.base import shift_unit
from ctxprune.policies import Request
from ctxprune.rag import Neighbours, PassageOptions
from ctxprune.rag.passages.options import bind_units

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARES = (10, 20, 30, 50)
SETS = {
    "selqa": "dev.jsonl.gz",
    "qed": "dev.jsonl.gz",
    "fever_eraser": "dev_passages.jsonl.gz",
    "xquad_en": "test_passages.jsonl.gz",
    "scifact": "sel_{split}.jsonl.gz",
    "hotpotqa": "dev.jsonl.gz",
    "2wikimultihop": "dev.jsonl.gz",
}
VARIANTS: dict[str, tuple[PassageOptions, int, Any]] = {
    "plain": (PassageOptions(), 0, LexicalScorer()),
    "pronouns": (PassageOptions(pronouns=True), 0, LexicalScorer()),
    "first sentence": (PassageOptions(title=True), 0, LexicalScorer()),
    "neighbours": (PassageOptions(), 1, LexicalScorer()),
    "titles read": (PassageOptions(), 0, TitledScorer()),
    "documents count": (PassageOptions(), 0, DocumentFusion()),
    "both": (PassageOptions(), 0, DocumentFusion(TitledScorer())),
}


class Sentences:
    """Documents whose sentences are given; renders as what is kept."""

    def __init__(self, documents: list[list[str]], titles: list[str], options: PassageOptions) -> None:
        units, sources = [], []
        self.titles = titles
        for number, sentences in enumerate(documents):
            spans, start = [], 0
            for sentence in sentences:
                spans.append((start, start + len(sentence)))
                start += len(sentence) + 1
            first = len(units)
            bound = bind_units(" ".join(sentences), spans, options, language="en", levels={})
            units += [shift_unit(unit, first) for unit in bound]
            sources += [number] * len(sentences)
        self.units, self.sources = tuple(units), tuple(sources)

    def render(self, kept: Any) -> Any:
        return kept


def rows(path: Any) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def items(name: str, split: str) -> Iterator[tuple[str, list[list[str]], list[str], set[int], str]]:
    """(question, documents as sentences, titles, indices of the evidence over all, title that decides the split)."""
    folder = SHARED / "rag" if (SHARED / "rag").is_dir() else SHARED / "data" / "rag"
    file = SETS[name].format(split={"heldout": "dev"}.get(split, split))
    found = rows(folder / name / file)
    if "passages" in file:
        pages = {row["id"]: row for row in found}
        for row in rows(folder / name / file.replace("passages", "questions")):
            page = pages[row["passage_id"]]
            yield row["question"], [page["sentences"]], [page["title"]], set(row["evidence"]), page["title"]
        return
    for row in found:
        documents = row.get("docs") or [row]
        labels = [label for document in documents for label in document["labels"]]
        gold = {index for index, label in enumerate(labels) if label}
        title = next((d["title"] for d in documents if any(d["labels"])), "")
        titles = [document["title"] for document in documents]
        yield row["question"], [document["sentences"] for document in documents], titles, gold, title


def in_split(name: str, title: str, split: str) -> bool:
    training = hashlib.sha256(title.encode()).hexdigest()[0] in "0123456789ab"
    return name == "scifact" or training == (split == "train")


def recalls(
    question: str, documents: list[list[str]], titles: list[str], gold: set[int]
) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for variant, (options, k, scorer) in VARIANTS.items():
        context = Sentences(documents, titles, options)
        sizes = np.asarray([len(unit.text) for unit in context.units], dtype=np.int64)
        scores = scorer.score(question, context)
        found[variant] = {}
        for share in SHARES:
            policy: Any = TokenBudget(int(sizes.sum()) * share // 100)
            kept = (Neighbours(policy, k) if k else policy).select(Request(question, context, scores, sizes)).kept
            found[variant][share] = sum(bool(kept[index]) for index in gold) / len(gold)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", choices=("heldout", "train"), default="heldout")
    parser.add_argument("--limit", type=int, default=600)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    for name in SETS:
        sums: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for question, documents, titles, gold, title in items(name, options.split):
            sentences = sum(map(len, documents))
            if not in_split(name, title, options.split) or not 0 < len(gold) < sentences:
                continue
            for variant, by_share in recalls(question, documents, titles, gold).items():
                for share, value in by_share.items():
                    sums[variant][share].append(value)
            if len(sums["plain"][SHARES[0]]) >= options.limit:
                break
        figures[name] = {"items": len(sums["plain"][SHARES[0]])} | {
            variant: {str(share): round(100 * float(np.mean(values)), 1) for share, values in by_share.items()}
            for variant, by_share in sums.items()
        }
        print(name, json.dumps(figures[name]))
    figures["mean"] = {
        variant: {
            str(share): round(float(np.mean([figures[name][variant][str(share)] for name in SETS])), 1)
            for share in SHARES
        }
        for variant in VARIANTS
    }
    print("mean", json.dumps(figures["mean"]))
    if options.split == "heldout":
        record("passage_options", figures, seed=None, data={name: SETS[name] for name in SETS})


if __name__ == "__main__":
    main()

"""Budgets smaller than the best sentence: whole sentences before pieces of better ones, pieces by score, no pieces.

    python benchmarks/studies/oversized.py [--split heldout|train] [--limit N]

The default order was chosen on `train`, the questions whose document falls on that side of the split by title
(`ctxprune.train.sentence_sets.for_training`); `heldout`, the other ones, is what is recorded. Sentences are scored by
BM25. Of each question's documents together a few dozen tokens are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.common.parts import fingerprint
from benchmarks.common.record import SHARED, record
from ctxprune import LexicalScorer, Pruner, TokenBudget
from ctxprune.errors import BudgetError
from ctxprune.rag import Passages
from ctxprune.train.sentence_sets import read_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.train.sentence_sets import Item

SETS = ("fever_eraser", "hotpotqa", "multirc", "policyqa", "qed", "scifact")
BUDGETS = (16, 24, 32, 48)
VARIANTS = ("whole sentences first", "by score", "no pieces")
_WHOLE = 0.9  # of a sentence's characters; its last sign may be cut off by how a set joins its sentences


class _AnyText(Passages):
    """Passages whose pieces keep the order of their scores, as those of a log do."""

    kind = "text"


class Found(NamedTuple):
    """Of one question: shares of its evidence, 0 to 1, and whether anything kept is a piece, or nothing fits."""

    whole: float
    characters: float
    pieces: bool
    nothing: bool


def prune(item: Item, variant: str, budget: int) -> Found:
    """What a variant keeps of an item's evidence."""
    texts = [" ".join(document.sentences) for document in item.documents]
    context = (_AnyText if variant == "by score" else Passages)(texts)
    pruner = Pruner(LexicalScorer(), TokenBudget(budget), on_oversized="drop" if variant == "no pieces" else "cut")
    try:
        kept = [(unit.source, *unit.span) for unit in pruner.prune(item.question, context).kept if unit.span]
    except BudgetError:
        return Found(0, 0, False, True)
    units = {(source, *(unit.span or ())) for source, unit in zip(context.sources, context.units, strict=True)}
    shares = [
        sum(max(0, min(end, high) - max(start, low)) for source, low, high in kept if source == number) / (end - start)
        for number, start, end in evidence_spans(item)
    ]
    return Found(
        sum(share >= _WHOLE for share in shares) / len(shares),
        sum(shares) / len(shares),
        any(span not in units for span in kept),
        False,
    )


def evidence_spans(item: Item) -> list[tuple[int, int, int]]:
    """Number of the document, and characters [start, end), of each sentence that is evidence."""
    found = []
    for number, document in enumerate(item.documents):
        start = 0
        for sentence, label in zip(document.sentences, document.labels, strict=True):
            if label and sentence:
                found.append((number, start, start + len(sentence)))
            start += len(sentence) + 1
    return found


def summarize(found: Sequence[Found]) -> dict[str, float]:
    """Means in percent."""
    return {
        name: round(100 * sum(float(getattr(one, name)) for one in found) / len(found), 1) for name in Found._fields
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", choices=("heldout", "train"), default="heldout")
    parser.add_argument("--limit", type=int, default=150)
    options = parser.parse_args()
    folder = SHARED / "rag" if (SHARED / "rag").is_dir() else SHARED / "data" / "rag"
    figures: dict[str, Any] = {}
    data: dict[str, str] = {}
    for name in SETS:
        mixed = (item for item in read_items(Path(folder, name), split=options.split) if item.mixed)
        items = [item for item in mixed if evidence_spans(item)][: options.limit]
        data[name] = fingerprint(items)
        figures[name] = {"items": len(items)} | {
            str(budget): {variant: summarize([prune(item, variant, budget) for item in items]) for variant in VARIANTS}
            for budget in BUDGETS
        }
        print(name, json.dumps(figures[name]), flush=True)
    figures["mean"] = {
        str(budget): {
            variant: {
                field: round(sum(figures[name][str(budget)][variant][field] for name in SETS) / len(SETS), 1)
                for field in Found._fields
            }
            for variant in VARIANTS
        }
        for budget in BUDGETS
    }
    print("mean", json.dumps(figures["mean"]))
    if options.split == "heldout":
        record("oversized", figures, seed=None, data=data)


if __name__ == "__main__":
    main()

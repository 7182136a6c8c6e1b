"""The mixture: which examples are read how often, without any question that a measured set asks, and what it was."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from typing import TYPE_CHECKING

from ctxprune.storage.json_lines import read_rows
from ctxprune.train.examples import plain
from ctxprune.train.sentence_sets import items_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ctxprune.train.examples import Example

__all__ = ["SHARES", "epoch", "fingerprint", "held_out_questions", "split_examples"]

SHARES = {
    "squad_pairs": 7000, "fever_eraser": 2600, "fairytaleqa": 2000, "hotpotqa": 800, "2wikimultihop": 200,
    "lost_in_middle_nq": 150, "qed": 700, "selqa": 700, "xquad_en": 1000, "scifact": 1300, "scifact_rank": 700,
    "scifact_titles": 800, "pubmedqa": 300, "fairytaleqa_rank": 600, "tatqa": 300, "wikitablequestions": 1500,
    "fetaqa": 700, "spider": 1200, "bird": 700,
}  # fmt: skip
"""Examples of each source in an epoch; a source with fewer is read again until that number is met, twice at most."""
_MEASURED = (
    "wikiqa/dev", "msmarco_sample/all", "multirc/dev_questions", "policyqa/dev_questions", "fever_eraser/dev_questions",
    "hotpotqa/dev", "2wikimultihop/dev", "qed/dev", "selqa/dev", "xquad_en/test_questions", "lost_in_middle_nq/dev",
    "scifact/sel_dev",
)  # fmt: skip


def held_out_questions(data: Path) -> frozenset[str]:
    """Folded questions of the held-out side of every measured set: no training example may ask one of them."""
    questions = set()
    for name in _MEASURED:
        alone = name.startswith(("wikiqa", "msmarco", "multirc", "policyqa", "scifact"))
        for item in items_of(data / "rag" / f"{name}.jsonl.gz"):
            if alone or not item.for_training:
                questions.add(plain(item.question))
    questions |= {plain(row["text"]) for row in read_rows(data / "rag" / "scifact" / "queries_dev.jsonl.gz")}
    return frozenset(questions)


def split_examples(
    examples: Iterable[Example], barred: frozenset[str], *, aside: float = 0.04
) -> tuple[list[Example], list[Example]]:
    """Training examples, and a part set aside by question for calibration and for choosing between runs."""
    train: list[Example] = []
    kept: list[Example] = []
    for example in examples:
        asked = plain(example.question)
        # a question of a measured set is left out even with another document
        if asked in barred:
            continue
        # by the question's hash and not by chance: an example that is added moves no other to the other side
        digest = int(hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16)
        (kept if digest < aside * 2**32 else train).append(example)
    return train, kept


def epoch(examples: Sequence[Example], number: int, *, seed: int = 0, scale: float = 1.0) -> list[Example]:
    """The examples of one epoch in random order; a source that has more than its share continues in the next epoch."""
    by_source: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_source[example.source].append(example)
    chosen: list[Example] = []
    for source in sorted(by_source):
        pool = by_source[source]
        random.Random(f"{seed} {source}").shuffle(pool)
        # a small source that is read more than twice would be learned by heart
        size = min(int(scale * SHARES.get(source, len(pool))), 2 * len(pool))
        # the next epoch goes on where this one ended, so that large sources are read through
        chosen += [pool[(number * size + index) % len(pool)] for index in range(size)]
    random.Random(f"{seed} {number}").shuffle(chosen)
    return chosen


def fingerprint(examples: Iterable[Example]) -> str:
    """sha256 over everything in the examples."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(example).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()

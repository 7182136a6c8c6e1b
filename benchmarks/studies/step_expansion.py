"""Whether a query expanded by steps keeps more evidence: `StepExpander` against the query alone, and others' steps.

    python benchmarks/studies/step_expansion.py MODEL.gguf [--sets hotpotqa,multirc] [--limit 30] [--cache FILE]

Writes benchmarks/results/step_expansion.json: the share of the evidence that is left when 30 % of the characters are
kept. "steps of others" gives each question the steps of the question after it, which shows what any further words do.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from dataclasses import replace
from time import process_time
from typing import Any

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import SHARED, record
from ctxprune.llm.base import Sampling
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.llama_cpp import LlamaCppModel
from ctxprune.rag import Expansion, StepExpander
from ctxprune.rag.evaluation.passages import measure
from ctxprune.scorers import SCORERS
from ctxprune.scorers.base import score_documents_batch
from ctxprune.train.sentence_sets import read_items

SEED = 7
WEIGHTS = (0.25, 0.5, 1.0)
SHARE = "30"


class Expanded:
    """The scores of a scorer mixed over a question and its steps; scores of a question are computed once."""

    def __init__(self, scorer: Any, expansions: dict[str, Expansion]) -> None:
        self.scorer, self.expansions = scorer, expansions
        self.found: dict[tuple[str, str], Any] = {}
        self.expander: StepExpander | None = None

    def score(self, query: str, context: Any) -> Any:
        asked = self.expansions[query].queries if self.expander else (query,)
        # Sets ask the same question of several texts, so that the text belongs to the key.
        text = "\n".join(unit.text for unit in context.units)
        missing = [words for words in asked if (text, words) not in self.found]
        scored = score_documents_batch(self.scorer, missing, [context] * len(missing))
        self.found.update(((text, words), scores) for words, scores in zip(missing, scored, strict=True))
        found = [self.found[text, words] for words in asked]
        return self.expander.mix_scores(found)[0] if self.expander else found[0][0]


def rotated(expansions: dict[str, Expansion]) -> dict[str, Expansion]:
    """To each question the steps of the one after it that has any."""
    used = [expansion for expansion in expansions.values() if expansion.steps]
    others = dict(zip((e.query for e in used), [*used[1:], *used[:1]], strict=True))
    return {q: replace(e, steps=others[q].steps) if q in others else e for q, e in expansions.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--sets", default="hotpotqa,multirc")
    parser.add_argument("--limit", type=int, default=30)
    parser.add_argument("--scorers", default="lexical.v1,mixture.v1")
    parser.add_argument("--cache", help="file of the model's answers, so that a second run need not ask again")
    options = parser.parse_args()
    model: Any = LlamaCppModel(options.model, context=2048, threads=1)
    model = CachedModel(model, GenerationCache(options.cache)) if options.cache else model
    # A deadline that a busy machine cannot reach: what is measured are the steps, not the time.
    expander = StepExpander(model, sampling=Sampling(max_tokens=200, seconds=600.0))
    figures: dict[str, Any] = {}
    data = {}
    for name in options.sets.split(","):
        items = [item for item in read_items(SHARED / "data" / "rag" / name) if item.mixed]
        items = random.Random(SEED).sample(items, min(options.limit, len(items)))
        data[name] = fingerprint(items)
        start = process_time()
        expansions = {item.question: expander.expand(item.question) for item in items}
        asked = sum(not expansion.cached for expansion in expansions.values())
        seconds = process_time() - start
        row: dict[str, Any] = {
            "questions": len(expansions),
            "expanded": sum(bool(expansion.steps) for expansion in expansions.values()),
            "steps": sum(len(expansion.steps) for expansion in expansions.values()),
            "not used": dict(Counter(e.reason for e in expansions.values() if e.reason)),
            "CPU seconds of the model a question": round(seconds / asked, 2) if asked else None,
        }
        for scorer in options.scorers.split(","):
            row[scorer] = recalls(items, SCORERS.get(scorer)(), expander, expansions)
            say(f"{name}, {scorer}: {row[scorer]}")
        say(f"{name}: {row}")
        figures[name] = row
    record("step_expansion", figures, seed=SEED, data=data)


def recalls(items: Any, scorer: Any, expander: StepExpander, expansions: dict[str, Expansion]) -> dict[str, float]:
    """Evidence recall in percent, by what the units were scored for."""
    wrapped = Expanded(scorer, expansions)
    row = {"query alone": measure(items, wrapped).evidence_recall[SHARE]}
    for weight in WEIGHTS:
        wrapped.expander = replace(expander, weight=weight)
        row[f"steps, weight {weight}"] = measure(items, wrapped).evidence_recall[SHARE]
    wrapped.expansions, wrapped.expander = rotated(expansions), replace(expander, weight=0.5)
    row["steps of others, weight 0.5"] = measure(items, wrapped).evidence_recall[SHARE]
    return row


if __name__ == "__main__":
    main()

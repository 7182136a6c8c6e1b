"""How long large input takes: one document of 5 MB, and 10,000 documents, by step.

    python benchmarks/speed/passages_scale.py [--scorer NAME]

Made-up words with a fixed seed; one thread.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import Any

from benchmarks.common.record import record
from ctxprune import Pruner, TokenBudget
from ctxprune.rag import Distinct, PassageOptions, PassagePruner, Passages
from ctxprune.scorers import SCORERS

SEED = 0


def sentences(count: int) -> list[str]:
    rng = random.Random(SEED)
    names = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 9))) for _ in range(5000)]
    return [" ".join(rng.choices(names, k=rng.randint(8, 25))).capitalize() + "." for _ in range(count)]


def timed(texts: list[str], question: str, scorer: str, **options: Any) -> dict[str, Any]:
    start = time.perf_counter()
    passages = Passages(texts, options=PassageOptions(markdown=True))
    split = time.perf_counter() - start
    found: dict[str, Any] = {"units": len(passages.units), "split": round(split, 2)}
    for name, policy in (("budget", TokenBudget(500)), ("budget, distinct", Distinct(TokenBudget(500)))):
        pruner = PassagePruner(Pruner(SCORERS.get(scorer)(), policy), **options)
        start = time.perf_counter()
        result = pruner.prune(question, passages)
        whole = time.perf_counter() - start
        steps = {step: round(seconds, 2) for step, seconds in result.pruned.seconds.items() if step != "score"}
        found[name] = {"seconds": round(whole, 2), **steps, "tokens": result.pruned.tokens_after}
    start = time.perf_counter()
    PassagePruner(Pruner(SCORERS.get(scorer)())).rank(question, passages)
    found["rank"] = round(time.perf_counter() - start, 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scorer", default="lexical.v1")
    scorer = parser.parse_args().scorer
    rows = sentences(50_000)
    question = " ".join(rows[777].split()[:6])
    text = " ".join(rows)
    texts = [" ".join(rows[i : i + 5]) for i in range(0, 50_000, 5)]
    figures = {
        "scorer": scorer,
        "one document of 5 MB": timed([(text + text)[:5_000_000]], question, scorer),
        "10,000 documents": timed(texts, question, scorer, documents=50),
    }
    print(json.dumps(figures, indent=1))
    record("passages_scale", figures, seed=SEED, data={})


if __name__ == "__main__":
    main()

"""What a small chat model's candidate adds to the trust model's judgement beside our own generators, as log-odds.

    python benchmarks/training/chat_support.py MODEL.gguf --cache FOLDER     # benchmarks/results/chat_support.json

Questions of Spider train and Spider-Syn train on a few databases, each answered once by the model and by the sketch
(blind to the database) and phrase generators. The log-odds of a group that the model and one of ours found are fitted
beside the trust model's own logits by maximum likelihood, with "none of them" as a further choice; beside them, for
comparison, those together with the log-odds of a group that only the model found. Figures are of databases left out.
Copy "agreed" to `ctxprune.sql.trust.support` by hand.
FOLDER keeps the two sketch generators (that of `trust_weights.py` does) and the model's answers.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.common.record import SHARED, record
from benchmarks.training._trust_sets import train_sketches
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.chat_models import LlamaCppModel
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.run import score
from ctxprune.sql.generate.phrases import PhraseGenerator
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.pipeline.factory import PromptOptions
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.sql.pipeline.steps import Execute, State
from ctxprune.sql.select.vote import VoteSelector
from ctxprune.sql.trust.features import SchemaFacts, describe_groups
from ctxprune.sql.trust.model import load_weights, read_accounts
from ctxprune.sql.trust.support import find_outside
from ctxprune.sql.values import ValueIndex

FOLDER = SHARED / "data" / "nl2sql"
SEED, DATABASES, OWN, SYNONYMS, LEAST = 5, 18, 4, 3, 15
FOLDS, DECAY = 6, 0.02


@dataclass(frozen=True)
class Case:
    """One question: the trust model's logits of its groups, which are right, and who found them.

    `agreed` and `alone` mark groups that the chat model found with one of ours, and without; `voted` tells whether the
    vote of all candidates is right, `chat` whether the model's own answer is.
    """

    database: str
    logits: np.ndarray
    right: np.ndarray
    agreed: np.ndarray
    alone: np.ndarray
    voted: bool
    chat: bool

    def choose(self, odds: np.ndarray | None) -> bool:
        """Whether the likeliest group is right; of those that ours found where `odds` is None."""
        if not len(self.logits):
            return False
        added = np.where(self.alone > 0, -99.0, 0.0) if odds is None else self.support(odds)
        place = int(np.argmax(self.logits + added))
        return bool(self.right[place]) and not (odds is None and self.alone[place])

    def support(self, odds: np.ndarray) -> np.ndarray:
        return self.agreed * odds[0] + self.alone * odds[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a GGUF file")
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    spider = load(FOLDER / "spider", split="train")
    model = CachedModel(LlamaCppModel(options.model, threads=1), GenerationCache(options.cache / "generations.sqlite"))
    chat = replace(PromptOptions().make_generator(model, plain=False), paths=("full+values",), temperature=0.0)
    halves = train_sketches(spider, FOLDER / "spider", options.cache / "halves").halves
    asked = choose_items(spider)
    cases = [
        case
        for name, items in asked.items()
        for case in read_cases(spider.databases[name], items, (chat, SketchGenerator(halves[name]), PhraseGenerator()))
    ]
    data = {"spider train": spider.fingerprint}
    record("chat_support", {"model": options.model.name} | measure(cases), seed=SEED, data=data)


def choose_items(spider) -> dict[str, list]:
    """Some questions of each of some databases, as Spider and as Spider-Syn word them."""
    rng, by_name = random.Random(SEED), defaultdict(lambda: ([], []))
    for place, benchmark in enumerate((spider, load(FOLDER / "spider_syn", split="train"))):
        for item in benchmark.present:
            by_name[item.db_id][place].append(item)
    names = [name for name in sorted(by_name) if len(by_name[name][0]) >= LEAST and by_name[name][1]]
    rng.shuffle(names)
    chosen = {}
    for name in names[:DATABASES]:
        own, synonyms = by_name[name]
        chosen[name] = [*rng.sample(own, OWN), *rng.sample(synonyms, min(SYNONYMS, len(synonyms)))]
    return chosen


def read_cases(path: Path, items, generators) -> list[Case]:
    """The cases of one database."""
    cases = []
    with Database(path, isolated=False) as database:
        pipeline = Pipeline(database, generators=generators, values=ValueIndex.build(database))
        facts = SchemaFacts.of(pipeline.schema)
        for item in items:
            state = State(item.question, pipeline.schema, item.evidence)
            for step in pipeline.steps:
                state = step.run(state)
                if isinstance(step, Execute) or state.refusal is not None:
                    break
            cases.append(make_case(database, item, state, facts))
            sys.stderr.write(f"\r{path.stem:30} {len(cases)}")
    return cases


def make_case(database: Database, item, state: State, facts: SchemaFacts) -> Case:
    executed, context = state.executed, state.selection_context
    right = [one.result is not None and score(database, item.gold, one.sql) for one in executed]
    groups, rows = describe_groups(context, executed, read_accounts(context, executed, facts.prepared), facts)
    outside = find_outside(executed)
    others = [len(outside.intersection(group.members)) for group in groups]
    agreed = np.array([0 < count < len(group.members) for count, group in zip(others, groups, strict=True)], float)
    alone = np.array([count == len(group.members) for count, group in zip(others, groups, strict=True)], float)
    voted = VoteSelector().select(context.question, executed).index
    return Case(
        item.db_id,
        load_weights().network(rows) if groups else np.zeros(0),
        np.array([right[group.representative] for group in groups], float),
        agreed,
        alone,
        voted is not None and right[voted],
        any(flag for flag, one in zip(right, executed, strict=True) if one.candidate.generator == "chat.v1"),
    )


def measure(cases: list[Case]) -> dict:
    """The log-odds, and the share of right choices with them on databases left out, and without."""
    names = sorted({case.database for case in cases})
    (agreed, _), (both_agreed, both_alone) = (fit(cases, free).round(2).tolist() for free in (1, 2))
    held = {free: {name: fit([c for c in cases if names.index(c.database) % FOLDS != place % FOLDS], free)
                   for place, name in enumerate(names)} for free in (1, 2)}  # fmt: skip
    return {
        "questions": len(cases),
        "databases": len(names),
        "agreed": agreed,
        "both": {"agreed": both_agreed, "alone": both_alone},
        "without the model": percent(case.choose(None) for case in cases),
        "the model alone": percent(case.chat for case in cases),
        "vote": percent(case.voted for case in cases),
        "no log-odds": percent(case.choose(np.zeros(2)) for case in cases),
        "databases left out": percent(case.choose(held[1][case.database]) for case in cases),
        "databases left out, both": percent(case.choose(held[2][case.database]) for case in cases),
        "any candidate": percent(bool(case.right.any()) for case in cases),
    }


def fit(cases: list[Case], free: int) -> np.ndarray:
    """The log-odds of greatest likelihood, with a small penalty since there are few cases; the first `free` of them,
    the others are 0.
    """

    def loss(fitted: np.ndarray) -> float:
        total, odds = 0.0, np.pad(fitted, (0, 2 - free))
        for case in cases:
            raw = np.exp(np.clip(case.logits + case.support(odds), -30.0, 30.0))
            total -= np.log((raw[case.right > 0].sum() if case.right.any() else 1.0) / (1.0 + raw.sum()))
        return total / len(cases) + DECAY * float(odds @ odds)

    return np.pad(minimize(loss, np.zeros(free)).x, (0, 2 - free))


def percent(flags) -> float:
    return round(100 * float(np.mean([bool(flag) for flag in flags])), 2)


if __name__ == "__main__":
    main()

"""Selection with systems and databases left out: the shipped ranker against the plain majority, on the same draws.

Run as `python benchmarks/quality/select_left_out.py`. The network learned from no published prediction. Its temperature
and margin come from the systems of `LEARNED`, a fold of databases left out at a time. So candidates are drawn from the
other systems only, and each database is scored by the part of the weights that did not see it: neither the systems nor
the databases of a draw were learned from. The decay of the fit, one setting, was chosen with these sets in view.
`small` draws from models of at most 14 billion parameters, `all` takes every system at once, those of `LEARNED`
included. The majority is the largest group of equal results, non-empty ones first, ties to the earlier system.
Intervals are 95 % bootstraps, of questions, and of databases and then their questions. `won` and `lost` are shares of
the draws on which only the ranker, or only the majority, is right.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from benchmarks.common.record import SHARED, record
from benchmarks.quality.select_candidates import few, ranked
from ctxprune.sql.evaluation.candidates import read_candidates
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.selection import SelectionCase, allowed_systems, majority_is_right, selection_cases

FOLDER = SHARED / "data" / "nl2sql"
SETS = {
    "spider": ("spider", "spider_dev_candidates.jsonl"),
    "bird_dev": ("bird_dev", "bird_dev_candidates.jsonl"),
    "bird_mini_dev": ("bird_dev", "bird_mini_dev_candidates.jsonl"),
}
LEARNED = ("DIN-SQL", "DAIL-SQL", "C3SQL")
SIZES = {5: 5, 9: 3, 13: 3, 20: 2}  # systems of a draw, and draws
SMALL = ("7B", "Qwen3-8B", "V2-Lite", "llama-3-8b", "phi-3-medium")
SEED, BOOTSTRAPS = 0, 2_000


@dataclass(frozen=True)
class Verdict:
    """One question in one draw."""

    database: str
    question: int
    ranked: bool
    majority: bool


def verdicts(cases: list[SelectionCase], places: list[int]) -> list[Verdict]:
    """Of all cases, with the systems at `places` alone."""
    found = []
    for case in few(cases, places):
        index, _ = ranked(case)
        right = index is not None and case.right[index]
        found.append(Verdict(case.item.db_id, case.item.index, bool(right), majority_is_right(case)))
    return found


def summary(found: list[Verdict], rng: np.random.Generator) -> dict[str, object]:
    """Percentages, the gain in points with its intervals, and the gain by database."""
    by_question: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        by_question[one.database][one.question].append(int(one.ranked) - int(one.majority))
    gains = {name: np.array([np.mean(one) for one in some.values()]) for name, some in by_question.items()}
    every, names = np.concatenate(list(gains.values())), list(gains)
    plain = [rng.choice(every, len(every)).mean() for _ in range(BOOTSTRAPS)]
    drawn = []
    for _ in range(BOOTSTRAPS):
        parts = [gains[names[place]] for place in rng.integers(len(names), size=len(names))]
        drawn.append(np.concatenate([rng.choice(part, len(part)) for part in parts]).mean())
    return {
        "majority": _percent([one.majority for one in found]),
        "ranked": _percent([one.ranked for one in found]),
        "gain": _percent(every),
        "by_questions": [_percent(np.quantile(plain, side)) for side in (0.025, 0.975)],
        "by_databases": [_percent(np.quantile(drawn, side)) for side in (0.025, 0.975)],
        "won": _percent([one.ranked > one.majority for one in found]),
        "lost": _percent([one.ranked < one.majority for one in found]),
        "databases": {name: {"gain": _percent(one), "questions": len(one)} for name, one in sorted(gains.items())},
    }


def _percent(values: object) -> float:
    return round(100 * float(np.mean(values)), 2)


def main() -> None:
    """Measure and record."""
    figures: dict[str, object] = {}
    data: dict[str, str] = {}
    for title, (name, file) in SETS.items():
        bench, candidates = load(FOLDER / name), read_candidates(FOLDER / "candidates" / file)
        data |= {name: bench.fingerprint, file: candidates.fingerprint}
        cases, systems = selection_cases(bench, candidates), allowed_systems(candidates)
        others = [place for place, system in enumerate(systems) if not system.startswith(LEARNED)]
        small = [place for place in others if any(mark in systems[place] for mark in SMALL)]
        rng, chance = random.Random(SEED), np.random.default_rng(SEED)
        every: list[Verdict] = []
        for size, draws in SIZES.items():
            if size <= len(others):
                parts = [sorted(rng.sample(others, size)) for _ in range(draws)]
                found = [one for part in parts for one in verdicts(cases, part)]
                figures[f"{title}, {size} systems"] = summary(found, chance)
                every += found
        figures[f"{title}, all draws"] = summary(every, chance)
        if len(small) > 3:
            parts = [small, *(sorted(rng.sample(small, 4)) for _ in range(3))]
            found = [one for part in parts for one in verdicts(cases, part)]
            figures[f"{title}, small models ({len(small)})"] = summary(found, chance)
        figures[f"{title}, all {len(systems)} systems"] = summary(verdicts(cases, list(range(len(systems)))), chance)
        for row, one in figures.items():
            if row.startswith(f"{title},"):
                sys.stderr.write(f"{row}: {one}\n")
    record("select_left_out", figures, seed=SEED, data=data)


if __name__ == "__main__":
    main()

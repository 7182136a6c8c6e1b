"""Selection among published predictions: the vote and the ranked selector on Spider dev and BIRD dev.

Run as `python benchmarks/quality/select_candidates.py`. Items whose database is absent do not count, nor do systems
that saw
gold schema items. `five` are means over 20 draws of five systems (seed 0). A database whose candidates the weights
learned from is scored by those of them that did not. `seconds`, the processor's, are those of running, linking and
judging all candidates, without and with the results kept from before.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.sql.evaluation.candidates import read_candidates
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.executions import ExecutionCache
from ctxprune.sql.evaluation.selection import SelectionCase, measure, selection_cases
from ctxprune.sql.select.ranked import RankedSelector, load_weights
from ctxprune.sql.select.vote import VoteSelector

FOLDER = SHARED / "data" / "nl2sql"
SETS = {"spider": "spider_dev_candidates.jsonl", "bird_dev": "bird_dev_candidates.jsonl"}
DRAWS, SEED = 20, 0


def vote(case: SelectionCase):
    found = VoteSelector().select(case.item.question, case.executed)
    return found.index, found.confidence


def ranked(case: SelectionCase, *, known: bool = True):
    extra = {"known": case.known} if known else {}
    selector = RankedSelector(weights=load_weights().blind_to(case.item.db_id))
    found = selector.rank(case.item.question, case.executed, evidence=case.item.evidence, **extra)
    return found.index, found.confidence


def bare(case: SelectionCase):
    return ranked(case, known=False)


def few(cases: list[SelectionCase], chosen: list[int]) -> list[SelectionCase]:
    """The same cases with some systems only; groups are named anew by their first member."""
    made = []
    for case in cases:
        old = [case.groups[place] for place in chosen]
        made.append(
            replace(
                case,
                executed=tuple(case.executed[place] for place in chosen),
                right=tuple(case.right[place] for place in chosen),
                groups=tuple(-1 if group < 0 else old.index(group) for group in old),
                empty=tuple(case.empty[place] for place in chosen),
            )
        )
    return made


def timed(bench, candidates, path: Path):
    """The cases, and the processor's seconds of a first and of a second run."""
    seconds, cases = [], []
    for known in (True, True, False, False):
        started = time.process_time()
        target = path if known else path.with_name("bare.sqlite")
        with ExecutionCache(target) as cache:
            made = selection_cases(bench, candidates, with_known=known, cache=cache)
        seconds.append(round(time.process_time() - started, 2))
        cases = made if known else cases
    names = ("first run", "second run", "first run, executions alone", "second run, executions alone")
    return cases, dict(zip(names, seconds, strict=True))


def main() -> None:
    """Measure and record."""
    figures: dict[str, object] = {"trained_on": list(load_weights().trained_on)}
    data: dict[str, str] = {}
    for name, file in SETS.items():
        bench, candidates = load(FOLDER / name), read_candidates(FOLDER / "candidates" / file)
        data |= {name: bench.fingerprint, file: candidates.fingerprint}
        with tempfile.TemporaryDirectory() as folder:
            cases, seconds = timed(bench, candidates, Path(folder) / "executions.sqlite")
        learned = load_weights().learned
        rows = {"vote": vote, "ranked": ranked, "ranked without links, values and own answers": bare}
        figures[name] = {title: measure(choose, cases).to_dict() for title, choose in rows.items()}
        figures[name] |= {"cross_fitted": any(case.item.db_id in learned for case in cases), "seconds": seconds}
        rng, found = random.Random(SEED), []
        for _ in range(DRAWS):
            part = few(cases, sorted(rng.sample(range(len(cases[0].right)), 5)))
            found.append([measure(ranked, part), measure(vote, part)])
        figures[f"{name}, five"] = {
            "ranked": round(float(np.mean([one.ex for one, _ in found])), 2),
            "vote": round(float(np.mean([one.ex for _, one in found])), 2),
            "majority": round(float(np.mean([one.majority for one, _ in found])), 2),
            "any_correct": round(float(np.mean([one.any_correct for one, _ in found])), 2),
        }
        sys.stderr.write(f"{name}: {figures[name]} {figures[f'{name}, five']}\n")
    record("select", figures, seed=SEED, data=data)


if __name__ == "__main__":
    main()

"""Schema matching beside the matchers of Valentine: recall at the size of the ground truth, in four scenarios.

    python benchmarks/quality/matching.py --peer PYTHON       # benchmarks/results/matching.json

PYTHON is an interpreter with `pip install valentine`; without it only our rows are measured and nothing is recorded.
Pairs are fabricated from tables of the reported part (benchmarks/quality/_match_sets.py: 40 databases of Spider and the
dev tables of WikiTableQuestions; weights were made on others) as "Valentine: Evaluating Matching Techniques for Dataset
Discovery" does. Recall at the size of the ground truth: of the n best pairs, n being the number of true ones, the share
that is true; for every matcher the better of its ranking as it is and of that with each column once. `mean` is the
unweighted mean of the four scenarios. `mean of the scorers` is ours without trained weights, `names only` without
values. Cupid and COMA with values read data of NLTK from the home folder (punkt_tab, stopwords, wordnet); in the
recorded run WordNet 3.0 without its lists of irregular forms. `unrelated` counts what is matched (confidence 0.5 or
more) between two tables of different origin.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.common.record import record
from benchmarks.quality._fabricated import SCENARIOS
from benchmarks.quality._match_sets import table_pairs
from benchmarks.training.match_weights import profiles_of
from ctxprune.sql.match.matcher import MatchConfig, match_profiles

SEED, EACH, RESAMPLES = 3, 16, 2_000
PEER = Path(__file__).resolve().parent.parent / "peers" / "valentine_peer.py"
OURS = {
    "ours": ({}, False), "ours, mean of the scorers": ({"learned": False}, False), "ours, names only": ({}, True),
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", help="python with valentine")
    parser.add_argument(
        "--each", type=int, default=EACH, help="pairs a scenario and source; another number records nothing"
    )
    options = parser.parse_args()
    pairs = list(table_pairs("reported", options.each, SEED))
    for number, pair in enumerate(pairs):
        pair.name = f"{pair.name[:40]}"
        pair.number = number
    rows = [row for pair in pairs for row in our_rows(pair)]
    if options.peer:
        rows += list(peer_rows(pairs, options.peer))
    figures = summarise(rows)
    figures["pairs"] = len(pairs)
    figures["unrelated"] = unrelated(pairs)
    figures["calibration"] = calibration(pairs)
    for name, row in figures["matchers"].items():
        sys.stderr.write(f"{name:28} {row}\n")
    sys.stderr.write(f"{figures['unrelated']} {figures['calibration']} {figures.get('ours minus best peer')}\n")
    if options.peer and options.each == EACH:
        record("matching", figures, seed=SEED, data={"spider": "40 databases", "wikitablequestions": "dev tables"})


def our_rows(pair):
    for name, (settings, hide) in OURS.items():
        begin = time.perf_counter()
        left, right, _ = profiles_of(pair, hide=hide)
        found = match_profiles(left, right, MatchConfig(min_confidence=0.0, **settings))
        seconds = time.perf_counter() - begin
        ranked = [(c.source.column, c.target.column) for c in found.candidates]
        once = [(m.source.column, m.target.column) for m in sorted(found.matches, key=lambda m: -m.confidence)]
        yield {
            "matcher": name, "scenario": pair.scenario, "pair": pair.number, "seconds": seconds, "error": "",
            "recall": max(recall(ranked, pair.truth), recall(once, pair.truth)),
        }  # fmt: skip


def peer_rows(pairs, python):
    lines = [
        json.dumps({"name": p.number, "table": p.name, "left": p.left, "right": p.right}, default=str) for p in pairs
    ]
    done = subprocess.Popen([python, str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    out, _ = done.communicate("\n".join(lines) + "\n")
    if done.returncode:
        raise SystemExit(f"the peer ended with {done.returncode}")
    by_number = {p.number: p for p in pairs}
    for line in out.splitlines():
        found = json.loads(line)
        pair = by_number[found["name"]]
        ranked = [(a, b) for a, b, _ in found["ranked"]]
        yield {
            "matcher": found["matcher"], "scenario": pair.scenario, "pair": pair.number, "seconds": found["seconds"],
            "error": found["error"], "recall": max(recall(ranked, pair.truth), recall(each_once(ranked), pair.truth)),
        }  # fmt: skip


def each_once(ranked):
    left, right, out = set(), set(), []
    for a, b in ranked:
        if a not in left and b not in right:
            left.add(a)
            right.add(b)
            out.append((a, b))
    return out


def recall(ranked, truth):
    true = {tuple(pair) for pair in truth}
    return len(true & set(ranked[: len(true)])) / len(true)


def summarise(rows):
    table = defaultdict(lambda: defaultdict(list))
    for row in rows:
        table[row["matcher"]][row["scenario"]].append(row)
    matchers = {}
    for name, scenarios in table.items():
        shares = {s: round(100 * float(np.mean([r["recall"] for r in scenarios[s]])), 2) for s in SCENARIOS}
        every = [r for found in scenarios.values() for r in found]
        matchers[name] = {
            **shares, "mean": round(float(np.mean(list(shares.values()))), 2),
            "ms a pair": round(1000 * float(np.mean([r["seconds"] for r in every])), 1),
            "failed": sum(bool(r["error"]) for r in every),
            "errors": sorted({r["error"] for r in every if r["error"]})[:3],
        }  # fmt: skip
    figures = {"matchers": matchers}
    peers = {name: row["mean"] for name, row in matchers.items() if not name.startswith("ours")}
    if peers:
        best = max(peers, key=peers.get)
        figures["best peer"] = best
        figures["ours minus best peer"] = difference(table["ours"], table[best])
    return figures


def difference(ours, other):
    """Difference of the means over scenarios with a 95 % interval from resampled pairs."""
    rng = np.random.default_rng(SEED)
    gaps = []
    for scenario in SCENARIOS:
        by_pair = {r["pair"]: r["recall"] for r in other[scenario]}
        gaps.append(np.array([r["recall"] - by_pair[r["pair"]] for r in ours[scenario]]))
    draws = [np.mean([rng.choice(gap, len(gap)).mean() for gap in gaps]) for _ in range(RESAMPLES)]
    low, high = np.quantile(draws, (0.025, 0.975))
    return {
        "points": round(100 * float(np.mean([g.mean() for g in gaps])), 2),
        "low": round(100 * float(low), 2),
        "high": round(100 * float(high), 2),
    }


def unrelated(pairs):
    """Matches between tables of different origin, which share nothing but by chance."""
    matched = compared = 0
    for one, two in zip(pairs, pairs[5:], strict=False):
        if one.name != two.name:
            left, _, _ = profiles_of(one)
            _, right, _ = profiles_of(two)
            matched += len(match_profiles(left, right).matches)
            compared += len(left)
    return {"matched": matched, "columns": compared, "note": "equal names and years are among them: no truth says no"}


def calibration(pairs):
    """Mean confidence and share of true ones among all compared pairs by confidence, and their mean gap."""
    chances, truths = [], []
    for pair in pairs:
        left, right, truth = profiles_of(pair)
        for c in match_profiles(left, right, MatchConfig(min_confidence=0.0)).candidates:
            chances.append(c.confidence)
            truths.append((tuple(c.source), tuple(c.target)) in truth)
    chances, truths = np.array(chances), np.array(truths, dtype=float)
    bins = np.minimum((chances * 10).astype(int), 9)
    rows = [
        [round(float(chances[bins == b].mean()), 3), round(float(truths[bins == b].mean()), 3), int((bins == b).sum())]
        for b in range(10)
        if (bins == b).any()
    ]
    error = sum(n * abs(c - t) for c, t, n in rows) / len(chances)
    return {"expected calibration error": round(float(error), 4), "bins": rows}


if __name__ == "__main__":
    main()

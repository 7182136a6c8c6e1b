"""Trains the trust model and writes `sql/trust/trust.json`: `python benchmarks/training/trust_weights.py --cache FOLDER
[--no-write]`.

The folder keeps the sketch generators (two blind to half of Spider's training databases each, one of ten databases
only) and the executed candidates (`_trust_sets`), so that a run that was stopped goes on. A linear model over the
features of each group of equal results competes with "none of them"; what its probabilities mean is read off databases
left out (five folds by database), by isotonic regression. The bars are set on left-out databases, too. "style_left_out"
are choices on databases left out by models that saw no question of that kind either.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import get_args

import numpy as np

import ctxprune.sql.trust as package
from benchmarks.common.ranking_network import fit_linear
from benchmarks.common.record import SHARED, record
from benchmarks.training._trust_sets import TrustSet, choose_questions, read_sets, train_sketches, write_sets
from ctxprune.models.network import Network
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.generate.base import GENERATORS
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.select.vote import VoteSelector
from ctxprune.sql.trust.features import FEATURES, Basis, SchemaFacts, describe_groups
from ctxprune.sql.trust.model import Curve, TrustWeights, read_accounts
from ctxprune.sql.values.column_samples import column_samples
from ctxprune.storage.sealed import seal_text

FOLDER = SHARED / "data" / "nl2sql"
FOLDS, DECAY = 5, 3e-2
WEIGHT = {
    "own": 1.0, "synonym": 1.0, "reworded": 1.0, "few": 1.0, "crossed": 0.7, "offtopic": 0.7, "inserted": 1.0,
    "foreign": 1.0, "variant": 0.5,
}  # fmt: skip
ANSWERABLE = ("own", "synonym", "reworded", "few")
NONE_RIGHT = 0.5  # share of the sets of variants that lose their right candidates
# Weight of questions without an answer where probabilities are calibrated: some one in ten questions are then such.
# With their full weight, one in five, queries that leave a word out would be right far more often than they say.
UNANSWERABLE = 0.5
PRECISION, LOST = 0.915, 0.002
POINTS = 24
TRAINED_ON = (
    "questions of Spider train (CC BY-SA 4.0) and Spider-Syn train (MIT), answered by sketch generators that never saw "
    "their databases",
    "questions of Spider train in other words, made by rules, answered by the same and by one that saw ten databases",
    "the same questions asked of other databases, and with conditions that the schema knows nothing of",
    "questions for what only other databases have",
    "variants of the gold SQL of Spider train",
    "74 lines of small talk",
)


@dataclass(frozen=True)
class Case:
    """One question: features of its groups, which are right, what each rests on, and how simpler choices do.

    `firsts` says of each family of generators whether its own best candidate is right.
    """

    kind: str
    database: str
    rows: np.ndarray
    right: np.ndarray
    bases: np.ndarray
    firsts: dict[str, bool]
    vote: bool


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--no-write", action="store_true", help="only the figures")
    parser.add_argument("--ready", action="store_true", help="use the candidates that the folder holds, make none")
    options, started = parser.parse_args(), time.process_time()
    spider = load(FOLDER / "spider", split="train")
    if not options.ready:
        make_sets(options.cache, spider)
    cases = [case for path in sorted((options.cache / "sets").glob("*.jsonl")) for case in read_cases(path, spider)]
    print(len(cases), "questions,", round(time.process_time() - started), "s")
    fold = _folds({case.database for case in cases})
    raw, chances = left_out(cases, fold)
    figures = measure(cases, chances)
    figures["style_left_out"] = style_left_out(cases, fold)
    weights = _final(cases, raw, figures)
    print(json.dumps(figures, indent=1))
    if not options.no_write:
        path = Path(package.__file__).parent / "trust.json"
        path.write_text(seal_text(json.dumps(weights.to_dict(), separators=(",", ":"))) + "\n", encoding="utf-8")
        data = {"spider train": spider.fingerprint}
        record("trust_weights", {**figures, "bytes": path.stat().st_size}, seed=0, data=data)


def make_sets(cache: Path, spider) -> None:
    """The candidates of all questions, in `cache`/sets."""
    sketches = train_sketches(spider, FOLDER / "spider", cache / "halves")
    talk = files("ctxprune.sql.evaluation.sketch_training").joinpath("offtopic.txt").read_text(encoding="utf-8")
    asked = choose_questions(
        spider,
        load(FOLDER / "spider_syn", split="train"),
        [line for line in talk.splitlines() if line[:1] not in ("", "#")],
        sketches.seen,
    )
    others = tuple(GENERATORS.get(name)() for name in GENERATORS.names() if name.startswith("phrases."))
    writers = {path: (SketchGenerator(path), *others) for path in {*sketches.halves.values(), sketches.few}}
    write_sets(
        asked,
        spider,
        lambda one: writers[sketches.few if one.kind == "few" else sketches.halves[one.db_id]],
        cache / "sets",
    )


def read_cases(path: Path, spider) -> list[Case]:
    """The cases of one database's file."""
    name = path.stem
    with Database(spider.databases[name], isolated=False) as database:
        facts = SchemaFacts.of(database.schema())
        samples = column_samples(database, facts.schema)
    found = [_case(one, name, facts) for one in read_sets(path, facts.schema, samples)]
    sys.stderr.write(f"\r{name:40}")
    return [case for case in found if case is not None]


def _case(one: TrustSet, name: str, facts: SchemaFacts) -> Case | None:
    if one.hollow:  # an empty reference makes every empty result right
        return None
    if one.kind == "variant" and hash_share(one.context.question) < NONE_RIGHT:
        one = without_right(one)
    readings = read_accounts(one.context, one.executed, facts.prepared)
    groups, rows = describe_groups(one.context, one.executed, readings, facts)
    right = np.array([one.right[group.representative] for group in groups], dtype=float)
    bases = np.array([group.basis for group in groups], dtype=object)
    vote = VoteSelector().select(one.context.question, one.executed).index
    return Case(one.kind, name, rows, right, bases, _firsts(one), vote is not None and one.right[vote])


def _firsts(one: TrustSet) -> dict[str, bool]:
    best: dict[str, int] = {}
    for place, item in enumerate(one.executed):
        family = item.candidate.generator.partition(".")[0]
        held = best.setdefault(family, place)
        if item.candidate.score > one.executed[held].candidate.score:
            best[family] = place
    return {family: one.right[place] for family, place in best.items()}


def hash_share(text: str) -> float:
    """A number 0..1 that only depends on the text."""
    return zlib.crc32(text.encode()) / 2**32


def without_right(one: TrustSet) -> TrustSet:
    """The set without its right candidates, as from a model that did not find the query."""
    kept = [place for place, right in enumerate(one.right) if not right]
    executed = tuple(one.executed[place] for place in kept)
    return TrustSet(one.kind, one.context, executed, (False,) * len(kept), one.hollow)


def _folds(names: set[str]) -> dict[str, int]:
    ordered = sorted(names)
    order = np.random.default_rng(1).permutation(len(ordered))
    return {ordered[int(place)]: number % FOLDS for number, place in enumerate(order)}


def fit(cases: list[Case]) -> Network:
    """The network for the cases that have any group."""
    known = [case for case in cases if len(case.rows)]
    owner = np.repeat(np.arange(len(known)), [len(case.rows) for case in known])
    weights = np.array([WEIGHT[case.kind] for case in known])
    right = np.concatenate([case.right for case in known])
    return fit_linear(np.vstack([case.rows for case in known]), owner, right, weights, decay=DECAY)


def raw_chances(network: Network, rows: np.ndarray) -> np.ndarray:
    """Probabilities of the groups of one question, against none of them."""
    if not len(rows):
        return np.zeros(0)
    raw = np.exp(np.clip(network(rows), -30.0, 30.0))
    return raw / (1.0 + raw.sum())


def left_out(cases: list[Case], fold: dict[str, int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Raw and calibrated probabilities of every case, by models and calibrations of other databases alone."""
    raw: list[np.ndarray] = [np.zeros(0)] * len(cases)
    chances: list[np.ndarray] = [np.zeros(0)] * len(cases)
    for number in range(FOLDS):
        network = fit([case for case in cases if fold[case.database] != number])
        for place, case in enumerate(cases):
            if fold[case.database] == number:
                raw[place] = raw_chances(network, case.rows)
    for number in range(FOLDS):
        others = [place for place, case in enumerate(cases) if fold[case.database] != number]
        curves = calibrate([cases[place] for place in others], [raw[place] for place in others])
        for place, case in enumerate(cases):
            if fold[case.database] == number:
                pairs = zip(raw[place], case.bases, strict=True)
                chances[place] = np.array([np.interp(x, curves[b].raw, curves[b].calibrated) for x, b in pairs])
    return raw, chances


def style_left_out(cases: list[Case], fold: dict[str, int]) -> dict[str, float | None]:
    """By kind of answerable questions, the share chosen right where neither database nor kind was learned from."""
    figures = {}
    for kind in ANSWERABLE:
        right: list[bool] = []
        for number in range(FOLDS):
            network = fit([case for case in cases if fold[case.database] != number and case.kind != kind])
            asked = [case for case in cases if fold[case.database] == number and case.kind == kind]
            right += [bool(len(one.rows)) and one.right[network(one.rows).argmax()] > 0 for one in asked]
        figures[kind] = _share(right)
    return figures


def calibrate(cases: list[Case], raw: list[np.ndarray]) -> dict[str, Curve]:
    """A calibration for each basis of groups."""
    known = [(case, found) for case, found in zip(cases, raw, strict=True) if len(found)]
    x = np.concatenate([found for _, found in known])
    y = np.concatenate([case.right for case, _ in known])
    weights = {kind: weight * (1.0 if kind in ANSWERABLE else UNANSWERABLE) for kind, weight in WEIGHT.items()}
    w = np.concatenate([np.full(len(found), weights[case.kind]) for case, found in known])
    bases = np.concatenate([case.bases for case, _ in known])
    return {name: isotonic(*(values[bases == name] for values in (x, y, w))) for name in get_args(Basis)}


def isotonic(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> Curve:
    """Isotonic regression of being right (y) on the raw probability (x), as points between which lines are drawn."""
    order = np.argsort(x, kind="stable")
    x, y, w = x[order], y[order], w[order]
    # Equal parts of the weight first: pools of single points would follow chance.
    parts = np.array_split(np.arange(len(x)), POINTS * 4)
    pools: list[list[float]] = []
    for part in parts:
        pools.append([float((w[part] * x[part]).sum()), float((w[part] * y[part]).sum()), float(w[part].sum())])
        while len(pools) > 1 and pools[-2][1] / pools[-2][2] >= pools[-1][1] / pools[-1][2]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    points = np.array([[px / n, (py + 0.5 * px / n) / (n + 0.5)] for px, py, n in pools])
    keep = np.concatenate([[True], np.diff(points[:, 0]) > 1e-6])
    points = points[keep]
    return Curve(points[:, 0], np.maximum.accumulate(points[:, 1]))


def measure(cases: list[Case], chances: list[np.ndarray]) -> dict[str, object]:
    """Accuracy of choices, calibration and refusals on left-out databases."""
    top = [found.argmax() if len(found) else -1 for found in chances]
    chance = np.array([found[t] if t >= 0 else 0.0 for found, t in zip(chances, top, strict=True)])
    right = np.array([t >= 0 and case.right[t] > 0 for case, t in zip(cases, top, strict=True)])
    blocked = np.array([t < 0 or case.bases[t] == "blocked" for case, t in zip(cases, top, strict=True)])
    alone = np.array([t >= 0 and _read_alone(case.rows[t]) for case, t in zip(cases, top, strict=True)])
    kind = np.array([case.kind for case in cases])
    figures: dict[str, object] = {"features": len(FEATURES), "folds": FOLDS}
    for name in WEIGHT:
        mine = kind == name
        figures[name] = {
            "questions": int(mine.sum()),
            **{f"first_{family}": _share([case.firsts.get(family, False) for case in cases if case.kind == name])
               for family in ("sketch", "phrases")},
            "vote": _share([case.vote for case in cases if case.kind == name]),
            "trust": _share(right[mine]),
            "oracle": _share([bool(case.right.any()) for case in cases if case.kind == name]),
            "blocked_of_right": _share(blocked[mine & right]),
            "blocked_of_wrong": _share(blocked[mine & ~right]),
        }  # fmt: skip
    asked = np.isin(kind, ANSWERABLE)
    figures["auc"] = {"answerable": _auc(chance[asked], right[asked]), "all": _auc(chance, right)}
    figures["ece"] = {"answerable": _ece(chance[asked], right[asked]), "all": _ece(chance, right)}
    curve = []
    for bar in np.arange(0.5, 0.99, 0.03):
        given = (chance >= bar) & ~blocked & ~alone
        curve.append({
            "bar": round(float(bar), 2), "answered": _share(given[asked]), "right": _share(right[asked & given]),
            "right_with_unanswerable": _share(right[given]), "answered_without_rule": _share((chance >= bar)[asked]),
            "right_without_rule": _share(right[asked & (chance >= bar)]),
            **{f"answered_{name}": _share(given[kind == name]) for name in WEIGHT
               if name not in (*ANSWERABLE, "variant")},
        })  # fmt: skip
    figures["risk_coverage"] = curve
    figures["answer_above"] = _bar(*(found[asked & ~blocked & ~alone] for found in (chance, right)))
    ranked = np.sort(chance[asked & right & blocked])
    figures["refuse_below"] = round(float(ranked[int(LOST * (asked & right).sum())]), 3)
    low = (chance < figures["refuse_below"]) & blocked
    figures["refused"] = {name: _share(low[kind == name]) for name in WEIGHT}
    return figures


def _read_alone(row: np.ndarray) -> bool:
    """Whether only the sketch has that result although the phrase generator wrote, too: never given as sure."""
    at = {name: row[place] for place, name in enumerate(FEATURES)}
    return bool(at["phrases_asked"]) and not at["phrases_weight"] and not at["other_weight"]


def _bar(chance: np.ndarray, right: np.ndarray) -> float:
    """The lowest confidence from which answers are right in the wanted share of cases."""
    order = np.argsort(-chance, kind="stable")
    precise = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero((precise >= PRECISION) & (np.arange(len(order)) >= 30))
    return round(float(chance[order[enough[-1]]]), 3) if len(enough) else 0.99


def _share(flags) -> float | None:
    return round(float(np.mean(flags)), 4) if len(flags) else None


def _auc(chance: np.ndarray, right: np.ndarray) -> float:
    ranks = np.empty(len(chance))
    ranks[np.argsort(chance, kind="stable")] = np.arange(len(chance))
    good = right.sum()
    return round(float((ranks[right].sum() - good * (good - 1) / 2) / (good * (len(right) - good))), 4)


def _ece(chance: np.ndarray, right: np.ndarray) -> float:
    place = np.minimum((chance * 10).astype(int), 9)
    gaps = [abs(chance[place == i].mean() - right[place == i].mean()) * (place == i).mean()
            for i in range(10) if (place == i).any()]  # fmt: skip
    return round(float(sum(gaps)), 4)


def _final(cases: list[Case], raw: list[np.ndarray], figures: dict[str, object]) -> TrustWeights:
    network = fit(cases)
    curves = calibrate(cases, raw)
    bars = float(str(figures["answer_above"])), float(str(figures["refuse_below"]))
    order = np.argsort(-np.abs(network.out))[:25]
    for place in order.tolist():
        print(f"{FEATURES[place]:24} {network.out[place]:+.3f}")
    return TrustWeights(network, curves["agreed"], curves["single"], curves["blocked"], *bars, TRAINED_ON)


if __name__ == "__main__":
    main()

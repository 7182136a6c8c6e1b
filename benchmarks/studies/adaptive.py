"""Answers that survive when the number of kept sentences follows the scores, against the tokens that are removed.

    python benchmarks/studies/adaptive.py [--limit 150] [--sets a,b] [--fresh]

Writes benchmarks/results/adaptive.json. Over the ten sets of passages.py, for pruner.v1 and lexical.v1 and each rule
that turns scores into a choice: the limit is set on training-side documents, as the highest one that keeps an answer
in a wanted share of the questions, and what it does is reported on held-out ones. Each set counts the same. An answer
is kept if one of its strings still stands in the kept sentences; only questions with one before count, and yes or no
is none. Where nothing reaches the limit the best sentence stays, as `Pruner` does.

The limit comes from sets that may be trained on, twice: from questions on the training side ("train"), with which the
model was trained, so that it may be sure of them, and from those among them that were set aside in training ("aside"),
which are few. Scores are made once a question, one thread, and kept in results/adaptive.part.jsonl. A set with more
than `--limit` questions on a side gives a sample of that size with seed 0.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.common.parts import Parts, fingerprint, say, ticker
from benchmarks.common.record import SHARED, record
from benchmarks.quality.passages import TEN, weights
from ctxprune.calibration.keep_sets import KeepSets
from ctxprune.policies import LargestGap
from ctxprune.rag.evaluation.passages import find_answer_strings, normalize_text
from ctxprune.scorers import SCORERS
from ctxprune.tokens import as_counter
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.examples import plain
from ctxprune.train.sentence_sets import read_items

DATA = SHARED / "data" / "rag"
SCORED = ("pruner.v1", "lexical.v1")
FOR_LIMITS = ("qed", "xquad_en", "hotpotqa", "2wikimultihop")  # with answers, and training allowed
RULES = {
    "threshold.v1": "score.v1",
    "adaptive.v1": "relative.v1",
    "calibrated, size.v1": "size.v1",
    "calibrated, tail.v1": "tail.v1",
}
WANTED = (99.5, 99.0, 98.0, 97.0, 95.0, 90.0, 85.0, 80.0)
ASKED = (98.0, 60.0)  # answers kept, tokens removed
ASIDE = 0.04  # the share of questions that `ctxprune.train.mixture.split_examples` sets aside
SEED = 0


@dataclass(frozen=True)
class Scored:
    """One question.

    Attributes:
        scores: float64 (n,), of its sentences.
        tokens: int64 (n,).
        labels: bool (n,), evidence.
        texts: In the plain form.
        answers: In the plain form; () where none stands in the texts.
        aside: Set aside in training.
    """

    scores: np.ndarray
    tokens: np.ndarray
    labels: np.ndarray
    texts: tuple[str, ...]
    answers: tuple[str, ...]
    aside: bool


@dataclass(frozen=True)
class Ranked:
    """One question under one rule: what is kept falls with the limit, so all its limits are known beforehand.

    Attributes:
        levels: float64 (n,), falling: the highest limit at which each sentence is kept.
        tokens: float64 (n,), removed when the sentences up to this one are kept, as a share of all.
        evidence: float64 (n,), share of the evidence in the sentences up to this one.
        last: Highest limit at which an answer still stands in what is kept; None without answers.
    """

    levels: np.ndarray
    tokens: np.ndarray
    evidence: np.ndarray
    last: float | None

    def at(self, limit: float) -> tuple[float, float]:
        """Shares of tokens removed and of evidence kept; the best sentence always stays."""
        place = max(int(np.searchsorted(-self.levels, -limit, side="right")), 1) - 1
        return float(self.tokens[place]), float(self.evidence[place])


def ranked(one: Scored, levels: np.ndarray) -> Ranked:
    order = np.argsort(-levels, kind="stable")
    falling = levels[order]
    spent = np.cumsum(one.tokens[order]) / max(int(one.tokens.sum()), 1)
    found = np.cumsum(one.labels[order]) / max(int(one.labels.sum()), 1)
    return Ranked(falling, 1 - spent, found, _last(one, order, falling) if one.answers else None)


def _last(one: Scored, order: np.ndarray, falling: np.ndarray) -> float:
    """By halving: more sentences never lose an answer, but for one that stands across a border that was not there."""
    low, high = 1, len(order)
    while low < high:
        middle = (low + high) // 2
        kept = " ".join(one.texts[index] for index in sorted(order[:middle]))
        if any(answer in kept for answer in one.answers):
            high = middle
        else:
            low = middle + 1
    return float("inf") if low == 1 else float(falling[low - 1])  # the best one stays at any limit


def figures_at(sets: dict[str, list[Ranked]], limit: float) -> dict[str, object]:
    """Percentages at a limit, means over the questions of a set, and the means of the sets."""
    rows: dict[str, dict[str, float | int | None]] = {}
    for name, items in sets.items():
        pairs = [item.at(limit) for item in items]
        lasts = [item.last for item in items if item.last is not None]
        rows[name] = {
            "tokens_removed": percent(removed for removed, _ in pairs),
            "answers_kept": percent(last >= limit for last in lasts) if lasts else None,
            "evidence_kept": percent(kept for _, kept in pairs),
        }
    means = {}
    for key in ("answers_kept", "evidence_kept", "tokens_removed"):
        known = [row[key] for row in rows.values() if row[key] is not None]
        means[key] = round(fmean(known), 2) if known else None
    return means | {"sets": rows}


def highest(sets: dict[str, list[Ranked]], wanted: float) -> float | None:
    """The highest limit at which `wanted` percent of the answers are kept, in the mean over sets; None without sets."""
    lasts = [np.asarray([item.last for item in items if item.last is not None]) for items in sets.values()]
    lasts = [found for found in lasts if len(found)]
    if not lasts:
        return None
    limits = np.unique(np.concatenate(lasts))
    limits = limits[np.isfinite(limits)]
    for limit in limits[::-1]:
        if 100 * fmean(float((found >= limit).mean()) for found in lasts) >= wanted:
            return float(limit)
    return None


def scored(items, scorer, title: str) -> list[dict[str, object]]:
    tick, counter, rows = ticker(title), as_counter(None), []
    for done, item in enumerate(items, start=1):
        context = DocumentsContext(item.documents)
        scores = scorer.score(item.question, context)
        tokens = counter.count_many(unit.text for unit in context.units)
        rows.append({"scores": [float(score) for score in scores], "tokens": [int(count) for count in tokens]})
        tick(done, len(items))
    return rows


def joined(items, rows) -> list[Scored]:
    found = []
    for item, row in zip(items, rows, strict=True):
        context = DocumentsContext(item.documents)
        texts = tuple(normalize_text(unit.text) for unit in context.units)
        whole = " ".join(texts)
        answers = tuple(find_answer_strings(item))
        known = answers if any(answer in whole for answer in answers) else ()
        found.append(
            Scored(
                np.asarray(row["scores"]), np.asarray(row["tokens"]), np.asarray(context.labels), texts, known,
                set_aside(item.question),
            )
        )  # fmt: skip
    return found


def set_aside(question: str) -> bool:
    digest = hashlib.sha256(plain(question).encode("utf-8", "surrogatepass")).hexdigest()
    return int(digest[:8], 16) < ASIDE * 2**32


def loaded(name: str, side: str, limit: int):
    """At most `limit` questions in order; on the training side those that were set aside in training go first."""
    split = "train" if side == "train" else None
    items = [item for item in read_items(DATA / name, split=split) if item.mixed]
    places = list(range(len(items)))
    random.Random(SEED).shuffle(places)
    if side == "train":
        places.sort(key=lambda place: not set_aside(items[place].question))
    return [items[place] for place in sorted(places[:limit])]


def rule_figures(train: dict[str, list[Scored]], held: dict[str, list[Scored]], measure: str) -> dict[str, object]:
    sets = KeepSets(measure)

    def under(found: dict[str, list[Scored]]) -> dict[str, list[Ranked]]:
        return {name: [ranked(one, sets.levels(one.scores)) for one in items] for name, items in found.items()}

    held_ranked = under(held)
    aside = {name: [one for one in items if one.aside] for name, items in train.items()}
    sides = {"train": under(train), "aside": under(aside)}
    result: dict[str, object] = {}
    for side, ranks in sides.items():
        rows = {}
        for wanted in WANTED:
            if (limit := highest(ranks, wanted)) is not None:
                found = {"limit": round(limit, 6), **figures_at(held_ranked, limit)}
                if wanted != ASKED[0]:
                    del found["sets"]
                rows[str(wanted)] = found
        result[f"limits_from_{side}"] = rows
    best = highest(held_ranked, ASKED[0])
    # What the scores would allow if the limit were known: no figure to promise, but the room that is left.
    result["limit_from_held_out"] = None if best is None else {"limit": round(best, 6), **figures_at(held_ranked, best)}
    return result


def largest_gap(held: dict[str, list[Scored]]) -> dict[str, object]:
    """It has no limit: the level of what it keeps is 1, that of the rest 0."""
    policy = LargestGap()
    sets = {}
    for name, items in held.items():
        rows = []
        for one in items:
            order = np.argsort(-one.scores, kind="stable")
            levels = np.zeros(len(order))
            levels[order[: policy.worth(one.scores[order])]] = 1
            rows.append(ranked(one, levels))
        sets[name] = rows
    return figures_at(sets, 1.0)


def percent(values) -> float:
    return round(100 * fmean(map(float, values)), 2)


def operating_points(rules) -> dict[str, object]:
    """Of each rule the limit for the asked share of answers, from the training side, without the single sets."""
    points = {}
    for title, found in rules.items():
        for side in ("train", "aside"):
            row = found.get(f"limits_from_{side}", {}).get(str(ASKED[0]))
            if row is not None:
                points[f"{title}, limit from {side}"] = {key: value for key, value in row.items() if key != "sets"}
    return points


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(TEN))
    parser.add_argument("--limit", type=int, default=150, help="questions of a set and side")
    parser.add_argument("--fresh", action="store_true", help="forget the scores of earlier runs")
    options = parser.parse_args()
    names = options.sets.split(",")
    parts = Parts(Path(__file__).stem, keep=not options.fresh)
    figures: dict[str, object] = {"asked": {"answers_kept": ASKED[0], "tokens_removed": ASKED[1]}}
    chosen = {(name, "held") for name in names} | {(name, "train") for name in names if name in FOR_LIMITS}
    items = {key: loaded(*key, options.limit) for key in sorted(chosen)}
    data = {f"{name}, {side}": fingerprint(found) for (name, side), found in items.items()}
    figures["questions"] = {f"{name}, {side}": len(found) for (name, side), found in items.items()}
    for title in SCORED:
        scorer = SCORERS.get(title)()
        sides: dict[str, dict[str, list[Scored]]] = {"train": {}, "held": {}}
        for (name, side), found in items.items():
            label = f"{name}, {side}, {title}"
            what = (data[f"{name}, {side}"], weights(scorer))
            rows = parts.row(label, what, lambda: scored(found, scorer, label))  # noqa: B023
            sides[side][name] = joined(found, rows)
        rules = {rule: rule_figures(sides["train"], sides["held"], measure) for rule, measure in RULES.items()}
        figures[title] = {
            "model": weights(scorer),
            "operating_points": operating_points(rules),
            "largest_gap.v1": largest_gap(sides["held"]),
            "rules": rules,
        }
        for rule, found in figures[title]["operating_points"].items():
            say(f"{title}, {rule}: {found}")
    record("adaptive", figures, seed=SEED, data=data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

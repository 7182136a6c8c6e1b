"""Calibrated keep sets: risk asked against risk seen over random splits by database, and by document for passages.

    python benchmarks/quality/calibration.py [SET ...]    # benchmarks/results/calibration.json

Every split calibrates on half of the databases (documents) and looks at the other half. `seen` is the share of
questions there that lose a needed column (with "recall" the mean share of needed columns lost), `seen_by_group` the
mean over databases; `worst` are the worst of the 20 splits. `kept` is the mean share of columns (sentences) kept on the
other half. The risk is a bound on the mean. Splits by database go beyond what "by question" promises; "by group" is the
promise for new databases, and "default" the estimate between the two.

The shipped networks were trained on the training parts of Spider, Spider-Syn and BIRD, so on sets with these parts the
kept share is lower than on new databases; "unseen" has only databases that they were not trained on.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import time

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune import CalibrationExample, CalibrationPool, KeepSets, ReciprocalRankFusion
from ctxprune.calibration.measures import MEASURES
from ctxprune.errors import UsageError
from ctxprune.policies import Request
from ctxprune.rag import Passages
from ctxprune.sql.evaluation.calibration import linking_examples
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.linking import linking_cases
from ctxprune.sql.linking import RankedLinker

SPLITS, RISKS, MEASURED = 20, (0.01, 0.02, 0.05, 0.1), (0.02, 0.05)
SCHEMAS = {  # folder and split of each part
    "spider": (("spider", "train"), ("spider", "dev")),
    "spider_syn": (("spider_syn", "train"), ("spider_syn", "dev")),
    "bird": (("bird_train_mini", "train"), ("bird_dev", "dev")),
    "unseen": (("spider", "dev"), ("bird_dev", "dev"), ("kaggledbqa", "dev")),
}
PASSAGES = ("xquad_en", "hotpotqa", "fever_eraser")
MOST_PASSAGES = 1000
MODES = {  # what differs from the defaults
    "default": {},
    "by question": {"by": "question"},
    "by group": {"by": "group"},
    "confidence 0.9": {"confidence": 0.9},
    "recall": {"loss": "recall"},
}


def main() -> None:
    wanted = sys.argv[1:] or [*SCHEMAS, *PASSAGES]
    parts, data, figures = {}, {}, {}
    for name in wanted:
        pool = schema_pool(name, parts, data) if name in SCHEMAS else passage_pool(name, data)
        figures[name] = study(name, pool)
    if not sys.argv[1:]:
        record("calibration", {"splits": SPLITS, **figures}, seed=0, data=data)


def schema_pool(name, parts, data) -> CalibrationPool:
    examples, linker = [], RankedLinker()
    for part in SCHEMAS[name]:
        if part not in parts:
            benchmark = load(SHARED / "data" / "nl2sql" / part[0], split=part[1])
            data[" ".join(part)] = benchmark.fingerprint
            parts[part] = linking_examples(linking_cases(benchmark).cases)
        examples += parts[part]
    return CalibrationPool.score(examples, linker.scorer, sets=KeepSets(closure=linker.policy))


def passage_pool(name, data) -> CalibrationPool:
    folder = SHARED / "data" / "rag" / name
    if name == "hotpotqa":
        rows = read(folder / "dev.jsonl.gz", data)
        labelled = [
            (
                row["question"],
                [doc["sentences"] for doc in row["docs"]],
                [doc["labels"] for doc in row["docs"]],
                row["id"],
            )
            for row in rows
        ]
    else:
        part = "test" if name == "xquad_en" else "dev"
        pages = {page["id"]: page for page in read(folder / f"{part}_passages.jsonl.gz", data)}
        rows = read(folder / f"{part}_questions.jsonl.gz", data)
        rows = [rows[place] for place in sorted(np.random.default_rng(0).permutation(len(rows))[:MOST_PASSAGES])]
        labelled = [
            (
                row["question"],
                [page["sentences"]],
                [[place in row["evidence"] for place in range(len(page["sentences"]))]],
                page["title"],
            )
            for row in rows
            for page in [pages[row["passage_id"]]]
        ]
    examples = [passage_example(*item) for item in labelled]
    return CalibrationPool.score(examples, ReciprocalRankFusion(), sets=KeepSets("score.v1"))


def read(path, data):
    content = path.read_bytes()
    data[f"{path.parent.name} {path.name}"] = hashlib.sha256(content).hexdigest()[:16]
    return [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]


def passage_example(question, texts, labels, group) -> CalibrationExample:
    """The labelled sentences' units: those of our own sentences that overlap a labelled one."""
    marked = []
    for number, (sentences, flags) in enumerate(zip(texts, labels, strict=True)):
        place = 0
        for sentence, flag in zip(sentences, flags, strict=True):
            marked += [(number, place, place + len(sentence))] if flag else []
            place += len(sentence) + 1
    context = Passages([" ".join(sentences) for sentences in texts])
    needed = [
        index
        for index, (unit, source) in enumerate(zip(context.units, context.sources, strict=True))
        if any(source == number and unit.span[0] < end and start < unit.span[1] for number, start, end in marked)
    ]
    return CalibrationExample(question, context, needed, str(group))


def study(name, pool):
    groups = np.array(pool.groups)
    names = sorted(set(groups))
    rng = np.random.default_rng(0)
    halves = [set(rng.permutation(names)[: len(names) // 2]) for _ in range(SPLITS)]
    masks = [np.array([group in half for group in groups]) for half in halves]
    default = pool.sets.measure
    document = {"questions": len(pool), "groups": len(names), "measure": default, "modes": {}, "measures": {}}
    if hasattr(pool.sets.closure, "columns"):
        document["shipped policy"] = row = shipped(pool, masks)
        show(name, "shipped policy", row)
    for mode, words in MODES.items():
        document["modes"][mode] = rows(name, mode, pool, masks, words)
    for measure in MEASURES.names():
        if measure != default:
            document["measures"][measure] = rows(name, measure, pool.measured(measure), masks, {}, MEASURED)
    return document


def rows(name, label, pool, masks, words, risks=RISKS):
    found = {}
    for risk in risks:
        row = splits(pool, masks, risk, words)
        found[f"{risk:g}"] = row
        show(name, f"{label} {risk:g}", row)
    return found


def splits(pool, masks, risk, words):
    groups, outcomes, seconds = np.array(pool.groups), [], []
    for mask in masks:
        start = time.perf_counter()
        try:
            calibration = pool.subset(np.flatnonzero(mask)).calibrate(risk=risk, **words)
        except UsageError as error:
            return {"impossible": error.what, "hint": error.hint}
        seconds.append(time.perf_counter() - start)
        other = pool.subset(np.flatnonzero(~mask))
        losses = other.losses(calibration.limit, words.get("loss", "strict"))
        outcomes.append(
            (
                calibration.bound,
                *outcome(losses, other.kept_shares(calibration.limit), groups[~mask]),
                calibration.left_out,
            )
        )
    bound, seen, by_group, kept = np.array([row[:4] for row in outcomes]).T
    left_out = [row[4] for row in outcomes if row[4] is not None]
    return {
        "bound": percent(bound.mean()),
        **summary(seen, by_group, kept),
        "splits_within": int((seen <= risk).sum()),
        "left_out": percent(np.mean(left_out)) if left_out else None,
    }


def shipped(pool, masks):
    policy, groups = pool.sets.closure, np.array(pool.groups)
    lost, shares = [], []
    for one in pool.scored:
        example, tokens = one.example, np.zeros(len(one.scores), np.int64)
        kept = policy.select(Request(example.query, example.context, one.scores, tokens)).kept
        lost.append(float(not kept[one.needed].all()))
        shares.append(kept[one.leaves].mean())
    lost, shares = np.array(lost), np.array(shares)
    outcomes = [outcome(lost[~mask], shares[~mask], groups[~mask]) for mask in masks]
    return summary(*np.array(outcomes).T)


def outcome(losses, shares, groups):
    return losses.mean(), np.mean([losses[groups == group].mean() for group in np.unique(groups)]), shares.mean()


def summary(seen, by_group, kept):
    return {
        "seen": percent(seen.mean()),
        "worst": percent(seen.max()),
        "seen_by_group": percent(by_group.mean()),
        "worst_by_group": percent(by_group.max()),
        "kept": percent(kept.mean()),
    }


def percent(share) -> float:
    return round(100 * float(share), 2)


def show(name, label, row) -> None:
    text = " ".join(f"{key} {value}" for key, value in row.items())
    sys.stderr.write(f"{name:12} {label:36} {text}\n")


if __name__ == "__main__":
    main()

"""Evidence that is left when a share of the characters is kept: our scorers and their peers, on ten sets.

    python benchmarks/quality/passages.py [--embedder MINILM.onnx] [--float FOLDER] [--unshrunk] [--headroom PYTHON]

Writes benchmarks/results/passages.json. `--embedder` is an ONNX file of all-MiniLM-L6-v2 with its tokenizer.json beside
it (`ctxprune.train.export.export_encoder`); `--float` is the float32 folder that `ctxprune train distil` leaves in
OUT/run; `--unshrunk` measures what the bundled model was made of as well, benchmarks/models/pruner-v1; `--headroom` is
the interpreter of an environment with headroom-ai (see headroom_peer.py). LLMLingua-2 is no row: its weights are not
to be had from a package registry. Sets without a train file of their own are measured on their held-out side. One
thread.

Every finished row (a set and a scorer) is kept in results/passages.part.jsonl; the next run with the same data, weights
and options takes it from there. `--fresh` measures all anew, which is needed when code has changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import reduce
from operator import getitem
from statistics import fmean

import numpy as np

from benchmarks.common.parts import Parts, fingerprint, say, ticker
from benchmarks.common.record import RESULTS, SHARED, record
from benchmarks.quality._peers import Bm25s, Cosine, First, Headroom, Oracle, Random
from ctxprune.models.weights import shipped
from ctxprune.rag.evaluation.passages import SHARES, measure
from ctxprune.rag.evaluation.rerank import load_ranking_set
from ctxprune.rag.evaluation.rerank import measure as measure_ranking
from ctxprune.scorers import SCORERS
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.train.fusion import calibration_error
from ctxprune.train.sentence_sets import chosen_split, read_items

DATA = SHARED / "data" / "rag"
UNSHRUNK = RESULTS.parent / "models" / "pruner-v1"
TEN = (
    "wikiqa", "selqa", "qed", "scifact", "multirc", "fever_eraser", "xquad_en", "policyqa", "hotpotqa", "2wikimultihop",
)  # fmt: skip
CLAIMS = 25  # reranked before the row is kept


class Recorded:
    """The same scores, with all that were given and their labels."""

    def __init__(self, scorer) -> None:
        self.scorer = scorer
        self.scores: list[float] = []
        self.labels: list[bool] = []

    def score(self, query, context):
        scores = self.scorer.score(query, context)
        self.scores += scores.tolist()
        self.labels += context.labels
        return scores


def scorers(options: argparse.Namespace, headroom: Headroom | None) -> dict[str, object]:
    chosen: dict[str, object] = {
        name: SCORERS.get(name)() for name in ("pruner.v1", "mixture.v1", "lexical.v1", "titled.v1")
    }
    if options.float:
        chosen["pruner.v1, float32"] = PrunerScorer(model=options.float)
    if options.unshrunk:
        chosen["pruner.v1 model, int8"] = PrunerScorer(model=str(UNSHRUNK))
    chosen |= {"bm25s": Bm25s(), "first sentences": First(), "random": Random(), "oracle": Oracle()}
    if options.embedder:
        chosen["MiniLM cosine"] = Cosine(options.embedder)
    if headroom is not None:
        chosen["headroom TextCrusher"] = headroom
    return chosen


def weights(scorer) -> str:
    """Which weights score; "" for a scorer without any."""
    if isinstance(scorer, PrunerScorer):
        return f"{scorer.fingerprint} {fingerprint(scorer.loaded.manifest)}"
    if isinstance(scorer, MixtureScorer):
        weighed = shipped("ctxprune.scorers.combined.mixture_parts", "weights.json")
        return f"{scorer.pruner.fingerprint} {fingerprint(weighed)}"
    return getattr(scorer, "version", "")


def row(items, scorer, title: str) -> dict[str, object]:
    recorded = Recorded(scorer)
    before = getattr(scorer, "seconds", 0.0)
    figures = measure(items, recorded, progress=ticker(title)).to_dict()
    if isinstance(scorer, (MixtureScorer, PrunerScorer)):
        error = calibration_error(np.asarray(recorded.scores), np.asarray(recorded.labels, dtype=float))
        figures["calibration_error"] = round(error, 4)
    if hasattr(scorer, "seconds"):
        documents = sum(len(item.documents) for item in items)
        figures["ms_per_passage"] = round(1000 * (scorer.seconds - before) / documents, 3)
    return figures


def main() -> int:
    options = arguments()
    headroom = Headroom(options.headroom) if options.headroom else None
    with closing(headroom) if headroom else nullcontext():
        chosen = scorers(options, headroom)
        models = {title: weights(scorer) for title, scorer in chosen.items()}
        parts = Parts("passages", keep=not options.fresh)
        sets: dict[str, dict[str, object]] = {}
        data: dict[str, str] = {}
        for name in options.sets.split(","):
            items = [item for item in read_items(DATA / name) if item.mixed][: options.limit]
            data[name] = fingerprint(items)
            sets[name] = {"split": chosen_split(DATA / name), "items": len(items)}
            for title, scorer in chosen.items():
                label, what = f"{name}, {title}", (data[name], models[title])
                sets[name][title] = parts.row(label, what, lambda: row(items, scorer, label))  # noqa: B023
                say(f"{label}: {sets[name][title]['evidence_recall']}")
        reranked = reranking(parts, chosen["pruner.v1"], models["pruner.v1"], options.rerank)
    figures = summary(sets, list(chosen)) | {
        "scifact_rerank": reranked,
        "models": {title: found for title, found in models.items() if found},
        "sets": sets,
    }
    say(json.dumps(figures["mean_evidence_recall"], indent=1))
    record("passages", figures, seed=None, data=data)
    return 0


def reranking(parts: Parts, scorer, model: str, limit: int | None) -> dict[str, object]:
    """What BM25 finds for SciFact's claims in a new order, some claims at a time, since it takes long."""
    ranking = load_ranking_set(DATA / "scifact")
    data = fingerprint(ranking)
    judged = [pair for pair in zip(ranking.questions, ranking.gains, strict=True) if pair[1]][:limit]
    rows = []
    for start in range(0, len(judged), CLAIMS):
        questions, gains = zip(*judged[start : start + CLAIMS], strict=True)
        label = f"scifact, reranking from {start}"
        part = replace(ranking, questions=questions, gains=gains)
        rows.append(
            parts.row(
                label,
                (data, questions, model),
                lambda: measure_ranking(part, scorer, progress=ticker(label)).to_dict(),  # noqa: B023
            )
        )

    def mean(*keys: str) -> float:
        found = [reduce(getitem, keys, row) for row in rows]
        return round(float(np.average(found, weights=[row["items"] for row in rows])), 2)

    return {
        "ndcg@10": mean("ndcg@10"),
        "mrr@10": mean("mrr@10"),
        "first_stage": {name: mean("first_stage", name) for name in ("ndcg@10", "mrr@10")},
        "items": len(judged),
        "ms_per_passage": mean("ms_per_passage"),
    }


def summary(sets, titles: list[str]) -> dict[str, object]:
    """Means over the sets, and in which set the model gains how much at 30 %."""

    def recall(name: str, title: str, share: int) -> float:
        return sets[name][title]["evidence_recall"][str(share)]

    errors = {name: found["pruner.v1"]["calibration_error"] for name, found in sets.items()}
    return {
        "mean_evidence_recall": {
            title: {str(share): round(fmean(recall(name, title, share) for name in sets), 2) for share in SHARES}
            for title in titles
        },
        "gain_at_30": {name: round(recall(name, "pruner.v1", 30) - recall(name, "lexical.v1", 30), 2) for name in sets},
        "calibration_error": errors | {"mean": round(fmean(errors.values()), 4)},
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", default="")
    parser.add_argument("--float", default="")
    parser.add_argument("--unshrunk", action="store_true", help="the model of benchmarks/models/pruner-v1, too")
    parser.add_argument("--headroom", default="", help="interpreter of an environment with headroom-ai")
    parser.add_argument("--sets", default=",".join(TEN))
    parser.add_argument("--limit", type=int, default=None, help="items of a set")
    parser.add_argument("--rerank", type=int, default=None, help="questions of SciFact that are reranked")
    parser.add_argument("--fresh", action="store_true", help="forget the rows of earlier runs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

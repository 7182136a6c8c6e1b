"""Evidence that is left when a share of the characters is kept: our scorers and their peers, on ten sets.

    python benchmarks/passages.py [--embedder MINILM.onnx] [--float FOLDER] [--sets a,b] [--limit N]

Writes benchmarks/results/passages.json. `--embedder` is an ONNX file of all-MiniLM-L6-v2 with its tokenizer.json beside
it (`ctxprune.train.export.export_encoder`); `--float` is the float32 folder that `ctxprune train pruner` leaves in
OUT/run. Sets without a train file of their own are measured on their held-out side. One thread.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from statistics import fmean

import bm25s
import numpy as np
from _record import SHARED, record

from ctxprune.rag.evaluation.passages import SHARES, measure
from ctxprune.rag.evaluation.rerank import load_ranking_set
from ctxprune.rag.evaluation.rerank import measure as measure_ranking
from ctxprune.scorers import SCORERS
from ctxprune.scorers.embedders import OnnxEmbedder, embedded
from ctxprune.scorers.pruner import PrunerScorer
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.fusion import calibration_error
from ctxprune.train.sets import chosen_split, read_items

DATA = SHARED / "data" / "rag"
TEN = (
    "wikiqa", "selqa", "qed", "scifact", "multirc", "fever_eraser", "xquad_en", "policyqa", "hotpotqa", "2wikimultihop",
)  # fmt: skip


class First:
    """The first sentences of all documents, then the second ones."""

    def score(self, _query, context):
        counts: dict[int, int] = {}
        places = []
        for source in context.sources:
            counts[source] = counts.get(source, -1) + 1
            places.append(-counts[source])
        return np.asarray(places, dtype=np.float32)


class Random:
    """Seeded by the question."""

    def score(self, query, context):
        rng = random.Random(query)
        return np.asarray([rng.random() for _ in context.units], dtype=np.float32)


class Bm25s:
    """The library as it comes: its own tokenizer and stop words, defaults of k1, b and method."""

    def score(self, query, context):
        tokens = bm25s.tokenize([unit.text for unit in context.units], stopwords="en", show_progress=False)
        if not tokens.vocab:
            return np.zeros(len(context.units), dtype=np.float32)
        index = bm25s.BM25(backend="numpy")
        index.index(tokens, show_progress=False)
        asked = bm25s.tokenize([query], stopwords="en", show_progress=False, return_ids=False)[0]
        known = [word for word in asked if word in index.vocab_dict]
        return index.get_scores(known) if known else np.zeros(len(context.units), dtype=np.float32)


class Cosine:
    """Of the sentence vectors of question and sentence, with the document's title before the sentence."""

    def __init__(self, path: str) -> None:
        self.embed = OnnxEmbedder(path)

    def score(self, query, context):
        titles = [context.titles[source] for source in context.sources]
        texts = [
            f"{title}: {unit.text}" if title else unit.text for title, unit in zip(titles, context.units, strict=True)
        ]
        vectors = embedded(self.embed, [query, *texts])
        return vectors[1:] @ vectors[0]


def scorers(options: argparse.Namespace) -> dict[str, object]:
    chosen: dict[str, object] = {name: SCORERS.get(name)() for name in ("pruner.v1", "lexical.v1", "titled.v1")}
    if options.float:
        chosen["pruner.v1, float32"] = PrunerScorer(model=options.float)
    chosen |= {"bm25s": Bm25s(), "first sentences": First(), "random": Random()}
    if options.embedder:
        chosen["MiniLM cosine"] = Cosine(options.embedder)
    return chosen


def calibration(items) -> float:
    scorer = PrunerScorer()
    pairs = [(context := DocumentsContext(item.documents), scorer.score(item.question, context)) for item in items]
    labels = np.concatenate([np.asarray(context.labels, dtype=float) for context, _ in pairs])
    return round(calibration_error(np.concatenate([scores for _, scores in pairs]), labels), 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedder", default="")
    parser.add_argument("--float", default="")
    parser.add_argument("--sets", default=",".join(TEN))
    parser.add_argument("--limit", type=int, default=None, help="items of a set")
    parser.add_argument("--rerank", type=int, default=None, help="questions of SciFact that are reranked")
    options = parser.parse_args()
    names = options.sets.split(",")
    chosen = scorers(options)
    sets: dict[str, dict[str, object]] = {}
    errors: dict[str, float] = {}
    data: dict[str, str] = {}
    for name in names:
        items = [item for item in read_items(DATA / name) if item.mixed][: options.limit]
        data[name] = hashlib.sha256(repr(items).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        sets[name] = {"split": chosen_split(DATA / name), "items": len(items)}
        for title, scorer in chosen.items():
            sets[name][title] = measure(items, scorer).to_dict()
            recall = sets[name][title]["evidence_recall"]
            sys.stderr.write(f"{name:14} {title:20} {recall}\n")
        errors[name] = calibration(items[:300])
    mean = {
        title: {
            str(share): round(fmean(sets[name][title]["evidence_recall"][str(share)] for name in names), 2)
            for share in SHARES
        }
        for title in chosen
    }
    ranking = load_ranking_set(DATA / "scifact")
    figures = {
        "mean_evidence_recall": mean,
        "calibration_error": errors | {"mean": round(fmean(errors.values()), 4)},
        "scifact_rerank": measure_ranking(ranking, chosen["pruner.v1"], limit=options.rerank).to_dict(),
        "sets": sets,
    }
    sys.stderr.write(json.dumps(mean, indent=1) + "\n")
    record("passages", figures, seed=None, data=data)
    return 0


if __name__ == "__main__":
    sys.exit(main())

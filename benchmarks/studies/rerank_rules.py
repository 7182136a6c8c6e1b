"""How a document's relevance is best read from the scores of its sentences: nDCG@10 of BM25's top 100 on SciFact.

    python benchmarks/studies/rerank_rules.py [--split dev|train] [--limit N] [--scorer NAME]

The train split is for choosing the rule, the dev split for what is reported. The title is the first sentence.
"""

from __future__ import annotations

import argparse
import gzip
import json
from typing import Any

import bm25s
import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune import SCORERS
from ctxprune.context.base import Unit
from ctxprune.rag import TopMean, document_scores
from ctxprune.scorers.base import score_documents
from ctxprune.scorers.lexical.words import LexicalScorer


def noisy_or(scores: Any) -> float:
    return float(1 - np.prod(1 - np.clip(scores, 0, 1)))


def damped(scores: Any) -> float:
    best = np.sort(scores)[::-1]
    return float((best / np.arange(1, len(best) + 1)).sum())


RULES: dict[str, Any] = {
    "max": TopMean(1),
    "mean of top 2": TopMean(2),
    "mean of top 3": TopMean(3),
    "mean of top 5": TopMean(5),
    "mean": lambda scores: float(np.mean(scores)),
    "sum": lambda scores: float(np.sum(scores)),
    "noisy or": noisy_or,
    "sum of best / rank": damped,
}


class Sentences:
    def __init__(self, documents: list[list[str]]) -> None:
        self.units = tuple(Unit(text) for sentences in documents for text in sentences)
        self.sources = tuple(number for number, sentences in enumerate(documents) for _ in sentences)

    def render(self, kept: Any) -> Any:
        return kept


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(SHARED / "data" / "rag" / "scifact" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def ndcg(ranked: list[str], relevant: set[str]) -> float:
    gains = sum(1 / np.log2(place + 2) for place, name in enumerate(ranked[:10]) if name in relevant)
    return float(gains / sum(1 / np.log2(place + 2) for place in range(min(len(relevant), 10))))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", choices=("dev", "train"), default="dev")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--scorer", default="lexical.v1")
    options = parser.parse_args()
    corpus = rows("corpus")
    texts = [[row["title"], *row["sentences"]] for row in corpus]
    lexical = LexicalScorer(b=0.75)
    tokens = [lexical.analyse(" ".join(sentences)) for sentences in texts]
    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index(tokens, show_progress=False)
    scorer = SCORERS.get(options.scorer)()
    found: dict[str, list[float]] = {"BM25 of the corpus": [], "the scorer itself": []} | {rule: [] for rule in RULES}
    for query in rows(f"queries_{options.split}")[: options.limit]:
        relevant = set(query["relevant_doc_ids"])
        terms = [term for term in lexical.analyse(query["text"]) if term in index.vocab_dict]
        top = np.argsort(-index.get_scores(terms), kind="stable")[:100] if terms else np.arange(100)
        found["BM25 of the corpus"].append(ndcg([corpus[i]["id"] for i in top], relevant))
        context = Sentences([texts[i] for i in top])
        scores, whole = score_documents(scorer, query["text"], context)
        order = top[np.argsort(-whole, kind="stable")]
        found["the scorer itself"].append(ndcg([corpus[i]["id"] for i in order], relevant))
        for rule, function in RULES.items():
            relevance = document_scores(scores, context.sources, len(top), rule=function)
            order = top[np.argsort(-relevance, kind="stable")]
            found[rule].append(ndcg([corpus[i]["id"] for i in order], relevant))
    figures = {rule: round(100 * float(np.mean(values)), 1) for rule, values in found.items()}
    figures["queries"] = len(found["max"])
    print(json.dumps(figures, indent=1))
    if options.split == "dev":
        record("rerank_rules", {options.scorer: figures}, seed=None, data={"scifact": f"queries_{options.split}"})


if __name__ == "__main__":
    main()

"""Exact top-10 of BM25 over a million passages by block maxima, against exhaustive scoring, in one thread.

    python benchmarks/speed/block_max.py [--passages N]

Passages are drawn with a seed: two or three sentences of real text each, from sets of several domains (a bootstrap of
real sentences: word frequencies are real, topics within a passage are mixed, so that blocks are harder to tell apart
than those of a real corpus). Queries are 200 real questions of these sets, drawn with another seed than the 60 on
which the size of a block was chosen (one is in both). Every query runs on all engines in turn; `equal` says whether
passages and scores are the same to the last bit. Times are processor time in milliseconds, term splitting excluded.
"numpy" is `rank_exhaustively`; "bm25s" is that library's scoring and selection (numpy backend) of the same weights.
`scored` is the share of passages that block-max scored.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.common.record import record
from benchmarks.quality._corpus_pools import fingerprints, rows
from ctxprune.rag.corpus.block_max import BlockMaxIndex, rank_exhaustively
from ctxprune.rag.corpus.sparse import Postings, bm25_postings
from ctxprune.text.words import terms

SEED, K, QUERIES = 0, 10, 200
SETS = ("squad_pairs", "xquad_en", "fever_eraser", "scifact", "qed", "selqa")
SKIPPED = 100  # of the order; kept, so that the recorded queries stay the same


def read_sentences() -> list[str]:
    found = [row["sentence"] for row in rows("squad_pairs", "all")]
    parts = (("xquad_en", "test_passages"), ("fever_eraser", "dev_passages"), ("scifact", "corpus"), ("qed", "dev"),
             ("selqa", "dev"))  # fmt: skip
    for name, part in parts:
        found += [sentence for row in rows(name, part) for sentence in row["sentences"]]
    return list(dict.fromkeys(found))


def read_questions() -> list[str]:
    found = [row["question"] for row in rows("squad_pairs", "all")] + [
        row["text"] for row in rows("scifact", "queries_dev")
    ]
    return list(dict.fromkeys(found))


def draw_passages(count: int) -> list[list[str]]:
    """The terms of each passage."""
    split = [terms(sentence) for sentence in read_sentences()]
    rng = np.random.default_rng(SEED)
    sizes = rng.integers(2, 4, count)
    picked = rng.integers(0, len(split), (count, 3)).tolist()
    return [
        [term for place in places[:size] for term in split[place]] for places, size in zip(picked, sizes, strict=True)
    ]


def draw_postings(count: int) -> Postings:
    drawn = draw_passages(count)
    # The passages are split already, so that a text stands for its number.
    return bm25_postings(map(str, range(count)), analyse=lambda text: drawn[int(text)])


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    found = run()
    return found, 1000 * (time.process_time() - started)


def make_bm25s(postings: Postings) -> Callable[[list[str]], Any]:
    """bm25s with our weights in its own layout."""
    import bm25s

    engine = bm25s.BM25(backend="numpy")
    engine.nonoccurrence_array = None  # of variants of BM25 in which absent terms count
    engine.scores = {
        "data": postings.weights,
        "indices": postings.passages,
        "indptr": postings.starts,
        "num_docs": postings.size,
    }

    def search(query: list[str]) -> Any:
        known = [postings.terms[term] for term in query if term in postings.terms]
        scores = engine.get_scores_from_ids(known)
        return bm25s.selection.topk(scores, k=K, backend="numpy", sorted=True)

    return search


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=1_000_000)
    count = parser.parse_args().passages
    postings, weighing = timed(lambda: draw_postings(count))
    index, building = timed(lambda: BlockMaxIndex(postings))
    questions = [terms(question) for question in read_questions()]
    order = np.random.default_rng(SEED).permutation(len(questions))[SKIPPED : SKIPPED + QUERIES]
    bm25s_search = make_bm25s(postings)
    times: dict[str, list[float]] = {"block_max": [], "numpy": [], "bm25s": []}
    equal, scored = 0, []
    for place in order:
        query = questions[place]
        ours, milliseconds = timed(lambda query=query: index.search(query, K))
        times["block_max"].append(milliseconds)
        theirs, milliseconds = timed(lambda query=query: rank_exhaustively(postings, query, K))
        times["numpy"].append(milliseconds)
        times["bm25s"].append(timed(lambda query=query: bm25s_search(query))[1])
        same = np.array_equal(ours.passages, theirs.passages) and np.array_equal(ours.scores, theirs.scores)
        equal += same
        scored.append(ours.scored / count)
    mean = {name: float(np.mean(values)) for name, values in times.items()}
    figures = {
        "passages": count,
        "postings": len(postings.passages),
        "queries": len(order),
        "terms_a_query": round(float(np.mean([len(questions[place]) for place in order])), 1),
        "equal": equal,
        "scored": round(float(np.mean(scored)), 4),
        "milliseconds": {
            name: {
                "mean": round(mean[name], 2),
                "median": round(float(np.median(values)), 2),
                "p95": round(float(np.quantile(values, 0.95)), 2),
            }
            for name, values in times.items()
        },
        "times_faster_by_mean": {name: round(mean[name] / mean["block_max"], 1) for name in ("numpy", "bm25s")},
        "seconds": {"split_and_weigh": round(weighing / 1000, 1), "block_max_index": round(building / 1000, 1)},
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }
    record("block_max", figures, seed=SEED, data=fingerprints(SETS))


if __name__ == "__main__":
    main()

"""Exact top-10 of BM25 over a million passages by block maxima, against exhaustive scoring, in one thread:
`python benchmarks/speed/block_max.py [--passages N] [--peer PYTHON]`.

Passages are drawn with a seed: two or three sentences of real text each, from all sets that allow it (a bootstrap of
real sentences: word frequencies are real, topics within a passage are mixed). Queries are real questions of these sets.
Every query runs on all engines in turn; `equal` says whether passages and scores are the same to the last bit. Times
are medians and means in milliseconds, term splitting excluded. "numpy" is `rank_exhaustively`; "bm25s" is that library's
retrieval with its own index of the same tokens. With --peer, the interpreter of an environment with `bmp`, that program
searches the same weights.
"""

from __future__ import annotations

import numpy as np

from benchmarks.quality._corpus_pools import rows
from ctxprune.text.words import terms

SEED, K, QUERIES = 0, 10, 200
SETS = ("squad_pairs", "xquad_en", "fever_eraser", "scifact", "qed", "selqa")
TUNED = 100  # queries on which block size and order were chosen; not among those reported


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

"""What passages.py compares our scorers with."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import bm25s
import numpy as np

from benchmarks.common.child import Child
from ctxprune.scorers.neural.embedders import OnnxEmbedder, embed_texts


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


class Oracle:
    """Knows the evidence: what can be reached within a budget, short sentences first."""

    def score(self, _query, context):
        sizes = np.asarray([len(unit.text) for unit in context.units], dtype=np.float64)
        return (np.asarray(context.labels, dtype=np.float64) - sizes / (sizes.sum() + 1)).astype(np.float32)


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
        self.version = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]

    def score(self, query, context):
        titles = [context.titles[source] for source in context.sources]
        texts = [
            f"{title}: {unit.text}" if title else unit.text for title, unit in zip(titles, context.units, strict=True)
        ]
        vectors = embed_texts(self.embed, [query, *texts])
        return vectors[1:] @ vectors[0]


class Headroom:
    """headroom's TextCrusher in an environment of its own; see headroom_peer.py.

    `seconds` adds up what one call of theirs takes, which is less than what reading their order out of it does.
    """

    def __init__(self, python: str) -> None:
        self._child = Child(python, "headroom_peer.py", packages="headroom-ai")
        self.seconds = 0.0
        self.version = self._child.about["version"]

    def score(self, query, context):
        answer = self._child.ask({"question": query, "sentences": [unit.text for unit in context.units]})
        self.seconds += answer["seconds"]
        return np.asarray(answer["scores"], dtype=np.float32)

    def close(self) -> None:
        self._child.close()

"""Sentence selection on shared data: at least as good as the BM25 anchors that come with it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from ctxprune.context.base import Unit
from ctxprune.scorers import SCORERS


class Sentences:
    def __init__(self, texts: list[str]) -> None:
        self.units = tuple(Unit(text) for text in texts)

    def render(self, kept):
        return [self.units[index].text for index in kept]


def average_precision(scores: np.ndarray, labels: list[int]) -> float:
    ranked = np.asarray(labels)[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked > 0].mean())


@pytest.mark.data
@pytest.mark.parametrize(
    ("scorer", "name", "anchor"),
    [
        ("lexical.v1", "wikiqa", 0.591),
        ("lexical.v1", "selqa", 0.851),
        ("chargram.v1", "wikiqa", 0.610),
        ("chargram.v1", "selqa", 0.870),
        ("fusion.v1", "wikiqa", 0.600),
        ("weighted.v1", "wikiqa", 0.600),
    ],
)
def test_mean_average_precision(shared: Path, scorer: str, name: str, anchor: float) -> None:
    ranker, values = SCORERS.get(scorer)(), []
    with gzip.open(shared / "data" / "rag" / name / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            if 0 < sum(item["labels"]) < len(item["labels"]):
                scores = ranker.score(item["question"], Sentences(item["sentences"]))
                values.append(average_precision(scores, item["labels"]))
    assert len(values) > 100
    assert np.mean(values) >= anchor

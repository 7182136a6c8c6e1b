"""The figures of `bench rerank`, against values worked out by hand."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import InputError
from ctxprune.rag.evaluation.rerank import load_ranking_set, measure
from ctxprune.utils.metrics import ndcg, reciprocal_rank

CORPUS = [
    {"id": "d1", "title": "Rivers", "sentences": ["The river Elbe.", "It flows."]},
    {"id": "d2", "title": "Towns", "text": "The town Elbe and the river."},
    {"id": "d3", "text": "Nothing of that kind."},
]


def write(path: Path, rows: list[dict]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "corpus.jsonl.gz", CORPUS)
    return tmp_path


class Shortest:
    def score(self, query, context):
        return np.asarray([-len(unit.text) for unit in context.units], dtype=np.float32)


class Second:
    def score(self, query, context):
        return np.zeros(len(context.units), dtype=np.float32)

    def score_documents(self, query, context):
        scores = [float(title == "Towns") for title in context.titles]
        return self.score(query, context), np.asarray(scores, dtype=np.float32)


def test_named_documents(folder: Path):
    write(folder / "queries_dev.jsonl.gz", [{"id": 1, "text": "river Elbe flows", "relevant_doc_ids": ["d2"]}])
    ranking = load_ranking_set(folder)
    report = measure(ranking, Second()).to_dict()
    assert (report["ndcg@10"], report["mrr@10"], report["items"]) == (100, 100, 1)
    assert report["first_stage"]["mrr@10"] == 50
    assert report["first_stage"]["ndcg@10"] == pytest.approx(100 / math.log2(3), abs=0.01)
    assert measure(ranking, Shortest()).mrr in {50, 100}
    assert measure(ranking, Shortest(), top=1).mrr == 0


def test_grades(folder: Path):
    write(folder / "queries.jsonl.gz", [{"id": "7", "text": "town Elbe"}, {"id": "8", "text": "river"}])
    (folder / "qrels.tsv").write_text("query_id\tdoc_id\tgrade\n7\td2\t1\n7\td1\t-1\n9\td1\t2\n", encoding="utf-8")
    ranking = load_ranking_set(folder)
    assert ranking.gains == ({"d2": 4, "d1": 4}, {})
    assert measure(ranking, Second()).items == measure(ranking, Second(), limit=1).items == 1


def test_measures():
    assert ndcg([0, 3, 2], [3, 2]) == pytest.approx((3 / math.log2(3) + 2 / 2) / (3 + 2 / math.log2(3)))
    assert ndcg([1] * 10, [1] * 30) == 1
    assert reciprocal_rank([0, 0, 1]) == pytest.approx(1 / 3)
    assert reciprocal_rank([0] * 10 + [1]) == 0


def test_folders_that_hold_no_ranking_set(folder: Path):
    with pytest.raises(InputError, match="cannot be read"):
        load_ranking_set(folder)
    write(folder / "queries_dev.jsonl.gz", [{"id": 1, "text": "river"}])
    with pytest.raises(InputError, match="no ranking set"):
        load_ranking_set(folder)
    write(folder / "queries_dev.jsonl.gz", [{"id": 1, "text": "river", "relevant_doc_ids": []}])
    with pytest.raises(InputError, match="no question has a relevant document"):
        measure(load_ranking_set(folder), Second())

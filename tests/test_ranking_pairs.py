"""Pairs that the benchmarks train and measure rerankers on."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
from benchmarks.common.ranking_pairs import heldout_pairs, pairs_of, sample_pairs
from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.data import Pair
from ctxprune.train.examples import Example
from ctxprune.train.sentence_sets import Document


def written(folder: Path, rows: list[object], name: str) -> None:
    text = "\n".join(map(json.dumps, rows)).encode()
    (folder / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)


def test_a_sample_holds_both_kinds_of_pair():
    pairs = [Pair(f"q{n}", f"p{m}", float(m < 5)) for n in range(20) for m in range(10)]
    found = sample_pairs(pairs, 6, most=4, seed=2)
    assert len(found) == 24
    assert len({pair.question for pair in found}) == 6
    assert sum(pair.label or 0 for pair in found) == 12
    assert found == sample_pairs(pairs, 6, most=4, seed=2)
    assert found != sample_pairs(pairs, 6, most=4, seed=3)
    assert len(sample_pairs(pairs, 99, most=99)) == 200
    with pytest.raises(UsageError, match="groups is 0"):
        sample_pairs(pairs, 0)


def test_pairs_of_the_librarys_own_examples():
    documents = (Document("T", ("Ann.", "Bob."), (True, False)), Document("", ("Eve.",), (False,)))
    ranked = Example("s", "passage", "who", documents, (True, False), unlabelled=True)
    assert list(pairs_of([ranked])) == [Pair("who", "T. Ann. Bob.", 1, source="s"), Pair("who", "Eve.", 0, source="s")]
    single = Example("s", "passage", "who", documents[:1])
    assert list(pairs_of([single])) == [Pair("who", "Ann.", 1, source="s"), Pair("who", "Bob.", 0, source="s")]


def test_held_out_claims_have_what_is_cited_and_what_is_like_it(tmp_path: Path):
    folder = tmp_path / "rag" / "scifact"
    folder.mkdir(parents=True)
    corpus = [
        {"id": 1, "title": "Cells", "sentences": ["Cells grow fast."]},
        {"id": 2, "title": "", "sentences": ["Cells grow slowly.", "Some die."]},
        {"id": 3, "title": "Stars", "sentences": ["Stars shine."]},
    ]
    written(folder, corpus, "corpus.jsonl.gz")
    written(folder, [{"text": "cells grow fast", "relevant_doc_ids": [1]}], "queries_dev.jsonl.gz")
    found = list(heldout_pairs(tmp_path, ["scifact"]))
    assert found[0] == Pair("cells grow fast", "Cells. Cells grow fast.", 1.0, source="scifact")
    assert found[1] == Pair("cells grow fast", "Cells grow slowly. Some die.", 0.0, source="scifact")


def test_held_out_pairs_of_a_sentence_set(tmp_path: Path):
    folder = tmp_path / "rag" / "own"
    folder.mkdir(parents=True)
    rows = [{"id": n, "question": "who", "sentences": [f"S {n}.", "Ann."], "labels": [0, 1]} for n in range(40)]
    written(folder, rows, "dev.jsonl")
    found = list(heldout_pairs(tmp_path, ["own"]))
    assert 0 < len(found) < 80  # the quarter that is not trained on
    assert {pair.label for pair in found} == {0.0, 1.0}
    with pytest.raises(InputError):
        list(heldout_pairs(tmp_path, ["absent"]))

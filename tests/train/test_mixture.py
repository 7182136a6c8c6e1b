"""The mixture: shares, the part set aside, and questions that must not be trained on."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from ctxprune.text.words import words
from ctxprune.train.examples import Example, passages, tables
from ctxprune.train.mixture import SHARES, epoch, fingerprint, held_out_questions, split_examples
from ctxprune.train.sentence_sets import Document, for_training

EXAMPLES = [
    Example(source, "passage", f"{source} question {number}", (Document("", ("a", "b"), (True, False)),))
    for source, size in (("qed", 20), ("selqa", 2000), ("other", 3))
    for number in range(size)
]


def test_an_epoch_holds_the_shares_and_the_next_one_goes_on():
    first, second = epoch(EXAMPLES, 0), epoch(EXAMPLES, 1)
    counts = {source: sum(entry.source == source for entry in first) for source in ("qed", "selqa", "other")}
    assert counts == {"qed": 40, "selqa": SHARES["selqa"], "other": 3}
    assert first != second
    assert epoch(EXAMPLES, 0) == first
    once = {entry.question for entry in first if entry.source == "selqa"}
    again = {entry.question for entry in second if entry.source == "selqa"}
    assert once.isdisjoint(again)


def test_the_part_set_aside_shares_no_question():
    train, aside = split_examples(EXAMPLES, frozenset({"qed question 3"}), aside=0.1)
    assert len(train) + len(aside) == len(EXAMPLES) - 1
    assert 0.05 < len(aside) / len(EXAMPLES) < 0.15
    assert {entry.question for entry in train}.isdisjoint(entry.question for entry in aside)


def test_the_fingerprint_tells_data_apart():
    assert fingerprint(EXAMPLES) == fingerprint(list(EXAMPLES)) != fingerprint(EXAMPLES[1:])
    assert len(fingerprint([])) == 64


@pytest.mark.data
def test_no_training_example_is_from_the_held_out_side(shared: Path):
    data = shared / "data"
    barred = held_out_questions(data)
    split = set()
    for example in takewhile(lambda example: example.source != "scifact", passages(data)):
        split.add(example.source)
        assert all(for_training(document.title or document.sentences[0]) for document in example.documents)
    assert split == {"fever_eraser", "hotpotqa", "2wikimultihop", "lost_in_middle_nq", "qed", "selqa", "xquad_en"}
    train, aside = split_examples(tables(data), barred)
    assert not any(" ".join(words(example.question)) in barred for example in [*train, *aside])

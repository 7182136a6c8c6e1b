"""Hard negatives: what BM25 finds, without what is right; distractors beside single documents."""

from __future__ import annotations

from ctxprune.train.examples import Example
from ctxprune.train.retrieval import HardNegatives, with_distractors
from ctxprune.train.sentence_sets import Document

TEXTS = ["the blue gate", "cows eat grass", "a gate of iron, a blue gate", "rain"]


def test_the_best_are_found_without_what_is_right() -> None:
    index = HardNegatives(TEXTS)
    assert index.find("Which gate is blue?", 2, but=[]) == [2, 0] or index.find("Which gate is blue?", 2, but=[]) == [
        0,
        2,
    ]
    assert index.find("Which gate is blue?", 1, but=[2]) == [0]
    assert index.find("unheard of words", 3, but=[]) == []


def examples(source: str, size: int = 40) -> list[Example]:
    return [
        Example(
            source, "passage", f"gate {number}", (Document(f"T{number}", (f"gate {number}", "rain"), (True, False)),)
        )
        for number in range(size)
    ]


def test_half_of_the_single_documents_get_others_of_their_set() -> None:
    before = examples("qed")
    after = list(with_distractors(before))
    more = [example for example in after if len(example.documents) > 1]
    assert 10 <= len(more) <= 30
    for old, new in zip(before, after, strict=True):
        assert new.documents[0] == old.documents[0]
    for example in more:
        assert example.relevant == (True, False, False, False)
        assert not any(label for document in example.documents[1:] for label in document.labels)
        titles = [document.title for document in example.documents]
        assert len(set(titles)) == len(titles)
    assert list(with_distractors(before)) == after


def test_sets_of_many_documents_stay_as_they_are() -> None:
    assert list(with_distractors(examples("squad_pairs"))) == examples("squad_pairs")

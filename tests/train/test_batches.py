"""Views and batches: labels stay with their tokens, whatever is cut, shuffled or padded."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ctxprune.models.windows import Tokens
from ctxprune.train.batches import batches, collate, encode, view
from ctxprune.train.examples import Example
from ctxprune.train.sentence_sets import Document


class Letters:
    """Encodes a letter as its code plus 2000; positives hold a P."""

    def encode_batch(self, texts, *, add_special_tokens):
        assert not add_special_tokens
        return [type("Entry", (), {"ids": [2000 + ord(letter) for letter in text]}) for text in texts]


def document(title: str, *texts: str) -> Document:
    return Document(title, texts, tuple("P" in text for text in texts))


RANKED = tuple(document("", "h" * 90 + "P" * (number == 3)) for number in range(9))
EXAMPLES = [
    Example("a", "passage", "who", (document("T", "aaa", "bPb", "c" * 200, "d"), document("", "eP", "f"))),
    Example("b", "table", "what", (document("U", *("g" * 30 for _ in range(20)), "P" * 9),), (True,)),
    Example("c", "passage", "rank", RANKED, tuple("P" in entry.sentences[0] for entry in RANKED), True),
]


@pytest.mark.parametrize("seed", [None, 0, 1, 2, 3])
def test_labels_stay_with_their_tokens(seed: int | None):
    rng = None if seed is None else random.Random(seed)
    encoded = encode(EXAMPLES, Letters())
    for batch in batches([view(entry, rng, limit=128) for entry in encoded], tokens=400, rng=random.Random(0)):
        assert batch.ids.shape == batch.types.shape == batch.mask.shape == batch.unit.shape
        assert batch.ids.shape[1] <= 128
        for unit, label in enumerate(batch.unit_labels):
            letters = {chr(value - 2000) for value in batch.ids[batch.unit == unit]}
            assert ("P" in letters) == bool(label)
        assert (batch.unit[batch.mask == 0] == -1).all()
        assert (batch.types[batch.unit >= 0] == 1).all()
        assert len(batch.unit_groups) == len(batch.unit_labels)
        assert len(batch.document_groups) == len(batch.document_labels)


def test_without_chance_all_is_read():
    entry = view(encode(EXAMPLES, Letters())[0], None, limit=128)
    assert entry.labels == {(0, 0): False, (0, 1): True, (0, 2): False, (0, 3): False, (1, 0): True, (1, 1): False}
    assert entry.relevant == {}


def test_views_hold_their_evidence_and_a_window_or_so():
    encoded = encode(EXAMPLES, Letters())
    for seed in range(20):
        entry = view(encoded[1], random.Random(seed), limit=128)
        assert any(entry.labels.values())
        assert sum(len(window.ids) for window in entry.windows) <= 2 * 128
        ranked = view(encoded[2], random.Random(seed), limit=128)
        assert ranked.labels == {}
        assert sum(ranked.relevant.values()) == 1
        assert len(ranked.relevant) > 1


def test_groups_are_examples():
    encoded = encode(EXAMPLES, Letters())
    batch = collate([view(encoded[0], None, limit=128), view(encoded[1], None, limit=128)])
    assert batch.examples == 2
    assert set(batch.unit_groups.tolist()) == {0, 1}
    assert batch.document_groups.tolist() == [1]
    assert batch.document_labels.tolist() == [1.0]
    assert batch.unit_labels.dtype == np.float32
    assert Tokens([], []).units == []

"""Members and records of JSON, scored together."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ctxprune.errors import UsageError
from ctxprune.rag import JsonDocument
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.json import JsonScorer
from ctxprune.scorers.structured.tabular import TabularScorer

HOUSE = {
    "network": {"gateway": "10.4.0.1", "reconnectSeconds": 45},
    "rooms": [{"id": f"r{number}", "kind": "address", "lamps": number} for number in range(4)],
    "doors": {"north": {"lookedAfterBy": "Ruth Amsel"}},
}


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("gateway", 'network.gateway: "10.4.0.1"'),
        ("who looks after the north door?", 'doors.north.lookedAfterBy: "Ruth Amsel"'),
        ("after how many seconds does it reconnect", "network.reconnectSeconds: 45"),
    ],
)
def test_names_of_keys_find_a_member_beside_records(question: str, best: str, indent: int | None) -> None:
    document = JsonDocument(json.dumps(HOUSE, indent=indent))
    scores = JsonScorer().score(question, document)
    assert document.units[int(np.argmax(scores))].text == best


def test_scores_stay_in_the_range_of_the_scorer() -> None:
    document = JsonDocument(json.dumps(HOUSE))
    alone = TabularScorer().score("lamps of r2", document)
    mixed = JsonScorer().score("lamps of r2", document)
    assert alone.min() <= mixed.min()
    assert mixed.max() <= alone.max()
    assert mixed.dtype == np.float32


def test_without_a_word_in_common_it_is_the_scorer_alone() -> None:
    document = JsonDocument(json.dumps(HOUSE))
    np.testing.assert_array_equal(JsonScorer().score("qqq", document), TabularScorer().score("qqq", document))


def test_lexical_alone_ranks_as_it_does() -> None:
    document = JsonDocument(json.dumps(HOUSE["network"]))
    words = LexicalScorer().score("gateway address", document)
    np.testing.assert_allclose(JsonScorer(LexicalScorer()).score("gateway address", document), words, rtol=1e-6)


def test_it_takes_a_scorer() -> None:
    with pytest.raises(UsageError):
        JsonScorer("lexical")  # type: ignore[arg-type]

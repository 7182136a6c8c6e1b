"""The scorer of triples: its weights, what it finds, and contexts that are no graphs."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.context.joined import JoinedContext
from ctxprune.context.subset import ContextSubset
from ctxprune.errors import FormatError, UsageError
from ctxprune.rag import Passage
from ctxprune.rag.graph import Triple, Triples
from ctxprune.scorers.lexical.chargram import ChargramScorer
from ctxprune.scorers.structured.triple import TripleScorer
from ctxprune.scorers.structured.triple_parts.features import FEATURES, edge_features
from ctxprune.scorers.structured.triple_parts.index import TripleIndex, WordField
from ctxprune.scorers.structured.triple_parts.weights import FORMAT, VERSION, load_network, network_of
from ctxprune.utils.fingerprint import fingerprint

ROWS = [
    (f"city {number}", relation, value)
    for number, name in enumerate(["Oslo", "Rome", "Lima", "Bern"])
    for relation, value in (("name", name), ("population", 1000 + number), ("country", f"country {number % 2}"))
] + [(f"country {number}", "currency", one) for number, one in enumerate(["krone", "euro"])]
CITIES = Triples(ROWS)


def best(question: str, count: int) -> list[tuple[str, str, str]]:
    order = np.argsort(-TripleScorer().score(question, CITIES), kind="stable")[:count]
    return [(one.head, one.relation, one.tail) for one in CITIES.kept_triples(order.tolist())]


def test_edges_beside_a_named_value_come_before_like_ones() -> None:
    found = best("What is the population of Lima?", 2)
    assert found == [("city 2", "name", "Lima"), ("city 2", "population", "1002")]
    edge = ("country 0", "currency", "krone")
    assert edge in best("What is the currency of the country of the city named Oslo?", 3)


def test_scores_are_probabilities_and_entities_have_none() -> None:
    scores = TripleScorer().score("population of Lima", CITIES)
    is_entity = np.asarray([unit.parent is None for unit in CITIES.units])
    assert scores.dtype == np.float32
    assert (scores[is_entity] == 0).all()
    assert ((scores[~is_entity] > 0) & (scores[~is_entity] <= 1)).all()
    assert TripleScorer().score("x", Triples([])).shape == (0,)


def test_features_have_their_names_and_are_finite() -> None:
    index = TripleIndex(CITIES)
    for question in ("population of Lima", "?", "", "💩 " * 300):
        rows = edge_features(question, index, np.zeros(len(CITIES.units), dtype=np.float32))
        assert rows.shape == (len(ROWS), len(FEATURES))
        assert np.isfinite(rows).all()
    assert len(set(FEATURES)) == len(FEATURES)


def test_entities_with_about_the_same_relations_are_of_one_kind() -> None:
    index = TripleIndex(CITIES)
    assert len({*index.kinds.tolist()}) == 2
    assert (index.tails >= 0).sum() == 4


def test_words_of_labels_are_matched_by_their_information() -> None:
    field = WordField(["Lima", "San Lima", "San Juan", ""])
    own, asked = field.match(["lima", "nowhere"])
    assert own[0] == pytest.approx(1.0)
    assert 0 < own[1] < 1
    assert own[2] == own[3] == 0
    assert 0 < asked[0] < 1


def test_other_contexts_and_subsets_are_scored_too() -> None:
    passage = Passage("Lima has parks. Oslo is cold. Rome is old.")
    assert TripleScorer().score("Is Oslo cold?", passage).argmax() == 1
    part = ContextSubset(CITIES, np.asarray([1, 2, 5, 6]))
    assert np.isfinite(TripleScorer().score("Lima", part)).all()


def test_weights_are_checked_and_part_of_the_fingerprint() -> None:
    data = {"format": FORMAT, "version": VERSION, "features": list(FEATURES), "network": load_network().to_dict()}
    assert network_of(data).bias == load_network().bias
    for wrong in ({"version": 0}, {"features": []}, {"network": {}}):
        with pytest.raises(FormatError):
            network_of(data | wrong)
    assert fingerprint(TripleScorer()) == fingerprint(TripleScorer())
    assert fingerprint(TripleScorer()) != fingerprint(TripleScorer(ChargramScorer()))
    with pytest.raises(UsageError):
        TripleScorer("lexical")  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_evidence_follows_identities_and_not_labels(order: tuple[int, int]) -> None:
    johns = [Triple("John", "lives in", "Rome", head_key=1), Triple("John", "lives in", "Oslo", head_key=2)]
    edges = [
        *(johns[at] for at in order),
        Triple("Acme", "employs", "John", tail_key=2),
        Triple("Beta", "employs", "Ann"),
    ]
    for context in (Triples(edges), JoinedContext([Triples([("x", "y", "z")]), Triples(edges)])):
        scores = TripleScorer().score("Where does the person that Acme employs live?", context)
        by_text = {unit.text: float(score) for unit, score in zip(context.units, scores, strict=True)}
        assert by_text["John lives in Oslo"] > by_text["John lives in Rome"]

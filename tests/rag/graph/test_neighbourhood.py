"""Neighbourhoods: equal to a slow reference that prunes nothing, whatever shape the graph has."""

from __future__ import annotations

import itertools
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError, UsageError
from ctxprune.rag.graph import NeighbourhoodOptions, Triple, TripleGraph, Triples, neighbourhood
from ctxprune.rag.graph.neighbourhood import spread_scores
from ctxprune.rag.graph.seeds import link_entities

EUROPE = [
    ("Louvre", "located in", "Paris"),
    ("Paris", "capital of", "France"),
    ("France", "currency", "Euro"),
    ("Rome", "capital of", "Italy"),
    ("Paris", "part of", "Paris"),
]


def slow_scores(
    graph: TripleGraph, weights: list[float], seeds: list[int], reach: tuple[int, int | None]
) -> dict[int, float]:
    """The path score of each edge that is reached, by the definition, with nothing dropped."""
    states = dict.fromkeys(seeds, 1.0)
    frontier, found = set(seeds), {}
    for _ in range(reach[0]):
        ranked = sorted(frontier, key=lambda entity: (-states[entity], entity))[: reach[1]]
        reached = dict(states)
        for entity in ranked:
            for edge, (head, tail) in enumerate(graph.ends):
                if entity not in (head, tail):
                    continue
                value = states[entity] * weights[edge]
                found[edge] = max(found.get(edge, -1.0), value)
                other = tail if head == entity else head
                reached[other] = max(reached.get(other, 0.0), value)
        frontier = {entity for entity, value in reached.items() if value > states.get(entity, 0.0)}
        states = reached
    return found


@st.composite
def graphs(draw: st.DrawFn) -> tuple[TripleGraph, list[float], list[int]]:
    entity = st.integers(0, 7)
    pairs = draw(st.lists(st.tuples(entity, entity), min_size=1, max_size=16))
    graph = TripleGraph([(head, "r", tail) for head, tail in pairs])
    weight = st.sampled_from([0.0, 0.1, 0.5, 0.5, 0.9, 1.0])
    weights = draw(st.lists(weight, min_size=len(pairs), max_size=len(pairs)))
    seeds = draw(st.lists(st.integers(0, len(graph.labels) - 1), max_size=3, unique=True))
    return graph, weights, sorted(seeds)


@settings(max_examples=100, deadline=None)
@given(
    drawn=graphs(),
    hops=st.integers(1, 5),
    per_hop=st.none() | st.integers(1, 4),
    most=st.none() | st.integers(1, 6),
    threshold=st.sampled_from([0.0, 0.2, 0.45, 1.0]),
)
def test_pruned_states_change_nothing(
    drawn: tuple[TripleGraph, list[float], list[int]],
    hops: int,
    per_hop: int | None,
    most: int | None,
    threshold: float,
) -> None:
    graph, weights, seeds = drawn
    options = NeighbourhoodOptions(most_edges=most, threshold=threshold)
    edges, scores = spread_scores(graph, np.asarray(weights), seeds, (hops, per_hop), options)
    whole = slow_scores(graph, weights, seeds, (hops, per_hop))
    ranked = sorted(whole, key=lambda edge: (-whole[edge], edge))[:most]
    expected = sorted(edge for edge in ranked if whole[edge] >= threshold)
    assert edges.tolist() == expected
    assert scores.tolist() == [whole[edge] for edge in expected]


def test_edges_are_followed_from_the_entities_that_the_question_names() -> None:
    found = neighbourhood(EUROPE, "Of which country is the city of the Louvre the capital?")
    assert found.seed_labels == ["Louvre"]
    assert [one.tail for one in found.triples] == ["Paris", "France", "Paris"]
    assert found.scores[0] > found.scores[1] > 0
    assert found.context().render([0, 1, 2, 3]) == "Louvre\n- located in: Paris\nParis\n- capital of: France\n"
    far = neighbourhood(EUROPE, "Which currency?", seeds=["Louvre"], hops=3, options=NeighbourhoodOptions(most_edges=2))
    assert len(far.edges) == 2


@pytest.mark.parametrize(
    ("question", "labels"),
    [
        ("Is the Bank of England in New York City?", ["Bank of England", "New York City"]),
        ("which new york city bank", ["New York City", "bank"]),
        ("are there rivers?", ["River"]),
        ("who is it", []),
        ("the IT department", ["IT"]),
        ("", []),
        ("?" * 10_000, []),
    ],
)
def test_names_are_linked_longest_first(question: str, labels: list[str]) -> None:
    graph = TripleGraph(
        [(name, "r", "z9") for name in ["Bank of England", "New York City", "York", "bank", "River", "IT", "", "  "]]
    )
    assert [graph.labels[entity] for entity in link_entities(question, graph)] == labels


def test_nothing_to_start_from_gives_nothing() -> None:
    for edges in ([], EUROPE):
        found = neighbourhood(edges, "Where is Atlantis?")
        assert (found.seeds, found.triples, len(found.scores)) == ((), [], 0)
        assert found.context().units == ()
    assert neighbourhood(EUROPE, "x", seeds=[]).triples == []


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'Louvre'"):
        neighbourhood(EUROPE, "x", seeds=["Luvre"])
    with pytest.raises(UsageError, match="no entity"):
        neighbourhood(EUROPE, "x", seeds=[["a", "list"]])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="give a list"):
        neighbourhood(EUROPE, "x", seeds="Paris")
    for wrong in ({"hops": 0}, {"hops": 1.5}, {"per_hop": 0}):
        with pytest.raises(UsageError):
            neighbourhood(EUROPE, "x", **wrong)  # type: ignore[arg-type]
    for wrong in ({"most_edges": 0}, {"threshold": 2}, {"floor": -1}):
        with pytest.raises(UsageError):
            NeighbourhoodOptions(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="question"):
        neighbourhood(EUROPE, " ")
    with pytest.raises(UsageError, match="seeds is '5'"):
        neighbourhood(EUROPE, "x", seeds=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no entity is 'paris'"):
        neighbourhood(EUROPE, "x", seeds=["paris"])
    with pytest.raises(UsageError, match="options are a dict"):
        neighbourhood(EUROPE, "x", options={"floor": 1})  # type: ignore[arg-type]


def test_a_context_of_a_text_has_no_spans_of_it() -> None:
    text = "x | y | z\nParis\n- capital of: France\n"
    context = neighbourhood(text, "capital of France", seeds=["Paris"]).context()
    assert context.form == "entities"
    assert context.render(range(len(context.units))) == "Paris\n- capital of: France\n"
    assert {unit.span for unit in context.units} == {None}


def test_a_label_of_many_entities_is_read_once() -> None:
    graph = TripleGraph([Triple("IT", "r", "b", head_key=number) for number in range(40)])
    start = process_time()
    assert link_entities("it " * 2000, graph) == ()
    assert process_time() - start < 1
    assert len(link_entities("the IT " * 500, graph)) == 40


def test_a_scorer_with_any_range_may_be_given() -> None:
    class Loud:
        def score(self, query: str, context: object) -> np.ndarray:
            return np.full(len(context.units), 7.0, dtype=np.float32)  # type: ignore[attr-defined]

    found = neighbourhood(EUROPE, "x", seeds=["Paris"], options=NeighbourhoodOptions(scorer=Loud()))
    assert set(found.scores.tolist()) == {1.0}


def test_a_hub_of_many_edges_takes_bounded_time() -> None:
    size = 5_000
    graph = TripleGraph([("hub", f"r{number % 50}", f"leaf {number}") for number in range(size)])
    start = process_time()
    found = neighbourhood(graph, "leaf 777 of hub", seeds=["hub"], hops=4)
    first = process_time() - start
    assert "leaf 777" in {one.tail for one in found.triples}
    assert len(found.edges) == 1000
    start = process_time()
    neighbourhood(graph, "leaf 778 of hub", hops=4)
    assert first < 10
    assert process_time() - start < 5


@pytest.mark.long
def test_a_hub_of_a_million_edges() -> None:
    graph = TripleGraph([("hub", f"r{number % 50}", f"leaf {number}") for number in range(1_000_000)])
    found = neighbourhood(graph, "leaf 777 of hub", hops=4)
    assert "leaf 777" in {one.tail for one in found.triples}


def test_too_many_edges_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxprune.rag.graph.readers.read.MOST_EDGES", 3)
    with pytest.raises(InputError, match="more than 3"):
        Triples(EUROPE)
    with pytest.raises(InputError, match="more than 3"):
        Triples("\n".join(map(" | ".join, EUROPE)))
    count = itertools.count()
    with pytest.raises(InputError, match="more than 3"):
        Triples(("a", "r", number) for number in count)
    assert next(count) == 4

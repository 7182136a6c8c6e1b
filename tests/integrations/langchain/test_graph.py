"""Graph documents in, pruned graph documents out."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from ctxprune.errors import BudgetError, UnknownNameError, UsageError
from ctxprune.integrations.langchain import GraphDocumentPruner
from ctxprune.policies import TokenBudget, TopK
from ctxprune.tokens import as_counter


@dataclass
class Node:
    id: Any
    type: str = "Node"
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Relationship:
    source: Node
    target: Node
    type: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class GraphDocument:
    nodes: list[Node]
    relationships: list[Relationship]
    source: Any


def documents() -> list[GraphDocument]:
    marie, pierre, radium = (
        Node("Marie", "Person", {"born": 1867, "field": "physics"}),
        Node("Pierre", "Person"),
        Node("Radium"),
    )
    paris, france = Node("Paris", "City", {"population": 2_100_000}), Node("France", "Country")
    return [
        GraphDocument(
            [marie, pierre, radium],
            [Relationship(marie, pierre, "MARRIED"), Relationship(marie, radium, "DISCOVERED", {"year": 1898})],
            "doc 1",
        ),
        GraphDocument([paris, france], [Relationship(paris, france, "CAPITAL_OF")], "doc 2"),
    ]


def test_the_documents_hold_what_was_kept() -> None:
    given = documents()
    before = copy.deepcopy(given)
    (kept,) = GraphDocumentPruner(policy=TopK(2)).prune_documents(given, "What did Marie discover?")
    assert given == before
    assert isinstance(kept, GraphDocument)
    assert kept.source == "doc 1"
    assert [one.type for one in kept.relationships] == ["DISCOVERED"]
    assert kept.relationships[0].source is kept.nodes[0]
    assert kept.relationships[0].target is given[0].nodes[2]
    assert "physics" not in repr(kept)
    assert [(node.id, node.properties) for node in kept.nodes] == [("Marie", {}), ("Radium", {})]


def test_a_property_is_kept_by_itself() -> None:
    (kept,) = GraphDocumentPruner(policy=TopK(2)).prune_documents(documents(), "population of Paris")
    assert [(node.id, node.properties) for node in kept.nodes] == [("Paris", {"population": 2_100_000})]
    assert kept.relationships == []


def test_everything_stays_within_a_large_budget_and_a_budget_holds() -> None:
    assert GraphDocumentPruner(budget=10_000).prune_documents(documents(), "anything") == documents()
    for budget in range(12, 60, 8):
        pruner = GraphDocumentPruner(budget=budget)
        assert as_counter(None).count(pruner.to_text(documents(), "Who married Marie?")) <= budget
    with pytest.raises(BudgetError):
        GraphDocumentPruner(budget=1).prune_documents(documents(), "Who?")


def test_it_is_a_runnable_in_both_worlds() -> None:
    runnable = GraphDocumentPruner(policy=TopK(2)).as_runnable()
    inputs = {"query": "population of Paris", "documents": documents()}
    assert runnable.invoke(inputs) == asyncio.run(runnable.ainvoke(inputs))
    with pytest.raises(UsageError, match="query and documents"):
        runnable.invoke({"question": "x"})  # type: ignore[typeddict-item]


def test_bad_input_is_refused() -> None:
    pruner = GraphDocumentPruner()
    assert pruner.prune_documents([], "x") == []
    assert pruner.to_text([], "x") == ""
    assert len(pruner.prune_documents([GraphDocument([Node("alone")], [], None)], "x")) == 1
    for wrong in ("text", [1], [documents()[0], "x"], 7):
        with pytest.raises(UsageError):
            pruner.prune_documents(wrong, "x")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="query"):
        pruner.prune_documents(documents(), " ")
    with pytest.raises(UsageError, match="both budget and policy"):
        GraphDocumentPruner(budget=3, policy=TokenBudget(3))
    with pytest.raises(UnknownNameError):
        GraphDocumentPruner(scorer="nothing")


@dataclass(frozen=True)
class FrozenNode:
    id: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Unsourced:
    nodes: list[Any]
    relationships: list[Any]


def test_frozen_nodes_and_documents_without_a_source() -> None:
    marie = FrozenNode("Marie", {"born": 1867, "secret": "x"})
    (kept,) = GraphDocumentPruner(policy=TopK(2)).prune_documents([Unsourced([marie], [])], "When was Marie born?")
    assert kept == Unsourced([FrozenNode("Marie", {"born": 1867})], [])
    assert marie.properties == {"born": 1867, "secret": "x"}


def test_ends_are_pruned_as_the_nodes_of_their_key() -> None:
    listed, end = (Node("Marie", "Person", {"born": 1867, "secret": "x"}) for _ in range(2))
    radium = Node("Radium", properties={"secret": "y"})  # no node of the document
    document = GraphDocument([listed], [Relationship(end, radium, "DISCOVERED")], "d")
    (kept,) = GraphDocumentPruner(policy=TopK(2)).prune_documents([document], "What did Marie discover?")
    assert [one.type for one in kept.relationships] == ["DISCOVERED"]
    assert "secret" not in repr(kept)
    assert repr(document).count("secret") == 3


def test_models_of_pydantic_are_copied() -> None:
    pydantic = pytest.importorskip("pydantic")

    class ModelNode(pydantic.BaseModel, frozen=True):
        id: str
        type: str = "Node"
        properties: dict[str, Any] = pydantic.Field(default_factory=dict)

    class ModelRelationship(pydantic.BaseModel):
        source: ModelNode
        target: ModelNode
        type: str

    class ModelDocument(pydantic.BaseModel):
        nodes: list[ModelNode]
        relationships: list[ModelRelationship]
        source: str

    marie, radium = ModelNode(id="Marie", properties={"secret": "x"}), ModelNode(id="Radium")
    found = ModelRelationship(source=marie, target=radium, type="DISCOVERED")
    document = ModelDocument(nodes=[marie, radium], relationships=[found], source="d")
    (kept,) = GraphDocumentPruner(policy=TopK(2)).prune_documents([document], "What did Marie discover?")
    assert "secret" not in kept.model_dump_json()
    assert "secret" in document.model_dump_json()
    assert kept.model_dump(exclude_unset=True)["relationships"][0]["source"] == {"id": "Marie", "properties": {}}

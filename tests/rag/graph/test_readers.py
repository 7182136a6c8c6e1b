"""Graphs of other packages: what becomes of their nodes, edges and provenance. Those not installed are skipped."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ctxprune.errors import UsageError
from ctxprune.rag.graph import Entity, Triple, TripleGraph, Triples


def text_of(graph: object) -> str:
    triples = Triples(graph)
    return triples.render(range(len(triples.units)))


def test_networkx_graphs_of_every_class() -> None:
    networkx = pytest.importorskip("networkx")
    for kind in (networkx.Graph, networkx.DiGraph, networkx.MultiGraph, networkx.MultiDiGraph):
        graph = kind()
        graph.add_node(1, name="Paris", population=2_100_000, mayor=None)
        graph.add_node("1", label="One")
        graph.add_edge(1, "Seine", relation="on", since=-250)
        graph.add_edge(1, 1)
        graph.add_node((3, 4))
        assert text_of(graph) == (
            'Paris\n- population: 2100000\n- on: Seine {"since": -250}\n- linked to: Paris\nOne\n"[3, 4]"\n'
        ).replace('"[3, 4]"', "[3, 4]")
        triples = Triples(graph)
        kept = triples.kept_triples(range(len(triples.units)))
        part = graph.edge_subgraph([one.origin for one in kept if len(one.origin) > 1 and one.relation == "on"])
        assert set(part.nodes) == {1, "Seine"}
    graph = networkx.MultiDiGraph()
    graph.add_edge("a", "b", key="knows")
    graph.add_edge("a", "b", key="likes", relation=7)
    graph.add_edge("b", "a")
    assert text_of(graph) == 'a\n- knows: b\n- likes: b {"relation": 7}\nb\n- linked to: a\n'
    assert text_of(networkx.Graph()) == ""


def test_a_value_is_not_the_node_whose_key_it_is() -> None:
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph()
    graph.add_node("p1", name="Ann", boss="p2", city="Paris")
    graph.add_node("p2", name="Bob")
    graph.add_edge("p1", "p2", relation="knows")
    graph.add_edge("p2", "Paris", relation="in")
    assert text_of(graph) == "Ann\n- boss: p2\n- city: Paris\n- knows: Bob\nBob\n- in: Paris\n"
    numbers = networkx.DiGraph()
    numbers.add_node(1, name="one")
    numbers.add_edge(True, 2)  # for networkx the node 1
    assert text_of(numbers) == "one\n- linked to: 2\n"


def test_rdf_graphs_are_read_by_label_and_language() -> None:
    rdflib = pytest.importorskip("rdflib")
    graph = rdflib.Graph()
    graph.parse(
        data="""@prefix e: <http://e.org/a#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        e:Q90 rdfs:label "Parigi"@it, "Paris"@en ; e:P1 e:Q142 ;
            e:P2 "1"^^<http://www.w3.org/2001/XMLSchema#integer>, "1" .
        e:Q142 e:motto "Liberté"@fr . [] e:P1 e:Q90 .""",
        format="turtle",
    )
    lines = text_of(graph).splitlines()
    assert "- P1: Q142" in lines
    assert '- motto: Liberté {"language": "fr"}' in lines
    assert '- label: Parigi {"language": "it"}' in lines
    assert "- label: Paris" not in "".join(lines)
    assert lines.count("- P2: 1") == 2  # a number and a text
    assert "- P1: Paris" in lines
    one = next(edge for edge in TripleGraph(graph).triples if edge.tail == "Liberté")
    assert one.origin in graph
    assert text_of(graph) == text_of(graph)
    odd = rdflib.Graph()
    odd.add((rdflib.URIRef("http://e.org/with blank"), rdflib.URIRef("http://e.org/"), rdflib.Literal("a\n- b: c")))
    assert text_of(odd) == 'with blank\n- e.org: "a\\n- b: c"\n'


def test_named_graphs_of_rdf_are_sources() -> None:
    rdflib = pytest.importorskip("rdflib")
    store = rdflib.Dataset()
    term = rdflib.URIRef("http://e.org/x")
    store.graph(rdflib.URIRef("http://e.org/g")).add((term, term, term))
    store.default_graph.add((term, term, rdflib.Literal("d")))
    assert [(one.tail, one.source) for one in TripleGraph(store).triples] == [("d", None), ("x", "http://e.org/g")]


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
class Source:
    id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class GraphDocument:
    nodes: list[Node]
    relationships: list[Relationship]
    source: Source


def test_graph_documents_keep_their_source() -> None:
    marie, pierre = Node("Marie", "Person", {"born": 1867}), Node("Pierre", "Person")
    married = Relationship(marie, pierre, "MARRIED", {"id": "r1", "year": 1895})
    documents = [
        GraphDocument([marie, pierre], [married], Source("doc 1")),
        GraphDocument([Node("Marie", "Ship")], [], Source(metadata={"source": "b.txt"})),
    ]
    assert text_of(documents[0]) == (
        'Marie\n- type: Person\n- born: 1867\n- MARRIED: Pierre {"id": "r1", "year": 1895}\nPierre\n- type: Person\n'
    )
    graph = TripleGraph(documents)
    assert {(one.source, one.id) for one in graph.triples if one.relation == "MARRIED"} == {("doc 1", "r1")}
    assert graph.ambiguous == {"Marie"}
    assert {one.source for one in graph.triples} == {"doc 1", "b.txt"}


def test_ends_that_no_node_lists_and_odd_sources_are_read() -> None:
    marie, radium = Node("Marie"), Node("radium", properties={"weight": 226})
    document = GraphDocument([marie], [Relationship(marie, radium, "FOUND")], Source(metadata="x"))  # type: ignore[arg-type]
    assert text_of(document) == "radium\n- weight: 226\nMarie\n- FOUND: radium\n"


class DriverNode(dict):  # type: ignore[type-arg]
    def __init__(self, element_id: str, labels: set[str], **properties: Any) -> None:
        super().__init__(properties)
        self.element_id, self.labels = element_id, frozenset(labels)


class DriverRelationship(dict):  # type: ignore[type-arg]
    def __init__(self, element_id: str, start: DriverNode, end: DriverNode, **properties: Any) -> None:
        super().__init__(properties)
        self.element_id, self.start_node, self.end_node, self.type = element_id, start, end, "KNOWS"


@dataclass
class DriverPath:
    nodes: tuple[DriverNode, ...]
    relationships: tuple[DriverRelationship, ...]

    @property
    def start_node(self) -> DriverNode:
        return self.nodes[0]


def test_rows_of_neo4j_hold_nodes_relationships_paths_and_values() -> None:
    ann, bob = DriverNode("4:0", {"Person"}, name="Ann", age=30), DriverNode("4:1", {"Person"}, name="Ann")
    knows = DriverRelationship("5:0", ann, bob, since=2001)
    rows = [{"a": ann, "r": knows, "n": 3, "none": None}, {"p": DriverPath((ann, bob), (knows,)), "l": [bob, [ann]]}]
    expected = (
        'Ann {"@head": "4:0"}\n- type: Person\n- age: 30\n- KNOWS: Ann {"@tail": "4:1", "since": 2001}\n'
        'Ann {"@head": "4:1"}\n- type: Person\nrow 1\n- n: 3\n'
    )
    assert text_of(rows) == expected
    assert text_of([ann]) == "Ann\n- type: Person\n- age: 30\n"
    one = TripleGraph(rows).triples[-2]
    assert (one.id, one.origin) == ("5:0", knows)


def test_a_property_is_not_the_node_whose_identifier_it_is() -> None:
    rows = [{"a": DriverNode("30", {"P"}, name="Ann", age=4)}, {"b": DriverNode("31", {"P"}, name="Bob", age=30)}]
    assert text_of(rows) == "Ann\n- type: P\n- age: 4\nBob\n- type: P\n- age: 30\n"


def test_rows_as_plain_data() -> None:
    rows = [{"r": ({"name": "Ann"}, "KNOWS", {"name": "Bob", "age": 4}), "p.name": "Cy"}]
    rows += [{"p": [{"name": "Ann"}, "KNOWS", {"name": "Bob", "age": 4}, "OWNS", {"id": 7}]}]
    assert text_of(rows) == ("Bob\n- age: 4\n- OWNS: 7\nAnn\n- KNOWS: Bob\n- KNOWS: Bob\nrow 1\n- p.name: Cy\n")


def nested(depth: int) -> list[Any]:
    found: list[Any] = [{"name": "x"}]
    for _ in range(depth):
        found = [found, {"name": "y"}]
    return found


CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        None,
        b"a | b | c",
        [("a", "b")],
        [("a", "b", "c", "d")],
        [("a", "b", "c", {}, 5)],
        [("a", None, "c")],
        ["a | b | c"],
        [{"n": {"x": CYCLE}}],
        [("a", "b", CYCLE)],
        [("a", "b", "c"), 3],
        [{"n": nested(30)}],
    ],
)
def test_what_is_no_graph_is_refused_with_its_place(wrong: object) -> None:
    with pytest.raises(UsageError):
        TripleGraph(wrong)


def test_properties_that_contain_themselves_are_refused_when_written() -> None:
    with pytest.raises(UsageError, match="JSON"):
        text_of([("a", "b", "c", CYCLE)])


def test_labels_of_other_types_read_as_texts() -> None:
    labels = [(1, 2.5, True), (b"\xff", "r", None.__class__), ([1, {"a": 2}], "r", float("nan"))]
    assert text_of(labels) == '1\n- 2.5: true\nff\n- r: "<class \'NoneType\'>"\n[1, {"a": 2}]\n- r: nan\n'.replace(
        '[1, {"a": 2}]', '"[1, {\\"a\\": 2}]"'
    )


def test_graph_packages_are_not_imported() -> None:
    code = (
        "import sys; from ctxprune.rag.graph import Triples; Triples([('a', 'b', 'c')]);"
        "print(sorted({'networkx', 'rdflib', 'neo4j', 'langchain_core', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_key_that_is_nan_is_one_entity() -> None:
    nans = [float("nan"), float("nan"), np.float32("nan")]
    graph = TripleGraph([Triple("x", "r", str(n), head_key=key) for n, key in enumerate(nans)])
    assert graph.labels == ("x", "0", "1", "2")
    assert graph.heads.tolist() == [0, 0, 0]
    assert graph.number_of(Entity("x", float("nan"))) == 0
    named = TripleGraph([Triple("x", "r", "y", head_key=float("nan")), Triple("x", "r", "y", head_key="NaN")])
    assert named.labels == ("x", "y", "x")  # a text is another key


class Unwritable:
    """What raises when its text is asked for."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def test_a_value_whose_text_raises_is_named_by_its_edge() -> None:
    for edges in ([("a", "r", "b"), (Unwritable(), "r", "b")], [("a", "r", "b"), ("a", "r", Unwritable())]):
        with pytest.raises(UsageError, match=r"a Unwritable cannot be a label \(RuntimeError: no text\)") as caught:
            TripleGraph(edges)
        assert "1" in caught.value.where
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph()
    graph.add_edge(Unwritable(), "b")
    with pytest.raises(UsageError, match="cannot be a label") as caught:
        TripleGraph(graph)
    assert caught.value.where == "a node of type Unwritable"

"""Any kind of graph as triples. Packages that the caller does not use are never imported."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.validation import describe_type

from ..text_lines import read_text
from ..triple import Entity, Triple, as_label

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["MOST_EDGES", "Edges", "read_edges"]

MOST_EDGES = 2_000_000  # each takes about 600 bytes with its index

_HINT = (
    "give (head, relation, tail) tuples, a text of triples, a networkx or rdflib graph, LangChain graph documents, or "
    "rows of Neo4j's driver"
)


@dataclass
class Edges:
    """What was read.

    Attributes:
        triples: Edges in source order.
        alone: Entities that the source names apart from any edge.
        known: What a reader has met before and reads once.
        is_rdf: Whether they were read from statements of N-Triples or N-Quads.
    """

    triples: list[Triple] = field(default_factory=list)
    alone: list[Entity] = field(default_factory=list)
    known: set[Hashable] = field(default_factory=set)
    is_rdf: bool = False


def read_edges(given: Any) -> Edges:
    """The edges of any graph that this library knows.

    Args:
        given: A text (`read_text`); an iterable of `Triple`s or tuples (head, relation, tail) or (head, relation, tail,
            properties); a networkx graph, directed or not, multi or not; an rdflib graph; a LangChain `GraphDocument`
            or an iterable of them; a result or rows of Neo4j's driver, as records or dicts.

    Raises:
        UsageError: It is none of these, or an edge is broken; the message says which.
        InputError: A text cannot be read, or there are more than 2,000,000 edges.
    """
    if isinstance(given, str):
        triples, alone, is_rdf = read_text(given)
        edges = Edges(triples, alone, is_rdf=is_rdf)
    elif (whole := _read_whole(given)) is not None:
        edges = whole
    else:
        return _read_items(given)
    _check_size(edges)
    return edges


def _read_items(given: Any) -> Edges:
    if isinstance(given, (bytes, bytearray)) or not isinstance(given, Iterable):
        raise UsageError(f"a {type(given).__name__} is not a graph", hint=_HINT)
    edges = Edges()
    for number, item in enumerate([given] if isinstance(given, Mapping) else given):
        _read_item(item, number, edges)
        _check_size(edges)  # after each, since a generator may never end
    return edges


def _check_size(edges: Edges) -> None:
    # Entities count, too: a generator of documents without relationships adds nothing else.
    if max(len(edges.triples), len(edges.alone)) > MOST_EDGES:
        hint = "ask the graph's store for the edges around the entities of the question first"
        raise InputError(f"the graph has more than {MOST_EDGES:,} edges or entities", hint=hint)


def _read_whole(given: Any) -> Edges | None:
    """A graph that is one object; None for anything else."""
    # An object of a package can only be there where the caller has imported it.
    networkx, rdflib = sys.modules.get("networkx"), sys.modules.get("rdflib")
    if networkx is not None and isinstance(given, networkx.Graph):
        from .networkx_graph import read_networkx

        return read_networkx(given)
    if rdflib is not None and isinstance(given, rdflib.Graph):
        from .rdf_graph import read_rdf

        return read_rdf(given)
    from .graph_documents import is_graph_document, read_document

    if is_graph_document(given):
        edges = Edges()
        read_document(given, edges)
        return edges
    return None


def _read_item(item: Any, number: int, edges: Edges) -> None:
    from .graph_documents import is_graph_document, read_document
    from .neo4j_rows import is_row, read_row

    where = f"edge {number}"
    if isinstance(item, Triple):
        edges.triples.append(_check_triple(item, where))
    elif isinstance(item, (tuple, list)) and len(item) in (3, 4) and not is_row(item):
        edges.triples.append(_read_tuple(item, where))
    elif is_graph_document(item):
        read_document(item, edges)
    elif is_row(item):
        read_row(item, number, where, edges)
    else:
        size = f" of {len(item)}" if isinstance(item, (tuple, list)) else ""
        raise UsageError(f"a {type(item).__name__}{size} is not an edge", where=where, hint=_HINT)


def _check_triple(triple: Triple, where: str) -> Triple:
    for name in ("head", "relation", "tail"):
        if not isinstance(label := getattr(triple, name), str):
            raise UsageError(f"the {name} is {describe_type(label)}", where=where, hint="give a Triple texts as labels")
    if not isinstance(triple.properties, Mapping):
        raise UsageError(f"properties are {describe_type(triple.properties)}", where=where, hint="give a dict")
    return triple


def _read_tuple(item: Sequence[Any], where: str) -> Triple:
    head, relation, tail = (as_label(value, where) for value in item[:3])
    if len(item) == 3 or item[3] is None:
        return Triple(head, relation, tail, origin=item)
    properties = item[3]
    if not isinstance(properties, Mapping):
        raise UsageError(f"properties are a {type(properties).__name__}", where=where, hint="give a dict")
    return Triple(head, relation, tail, dict(properties), origin=item)

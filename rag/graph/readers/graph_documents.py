"""Graph documents of LangChain: nodes, relationships, and the document that they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ctxprune.utils.foreign import foreign_attribute, optional_member

from ..triple import Entity, Triple, as_label, show_node

if TYPE_CHECKING:
    from .read import Edges

__all__ = ["document_nodes", "is_graph_document", "node_key", "read_document"]


def is_graph_document(value: Any) -> bool:
    """Whether it has nodes and relationships, as `langchain_community.graphs.graph_document.GraphDocument`; paths of
    Neo4j have a start node besides."""
    parts = (optional_member(value, "nodes"), optional_member(value, "relationships"))
    return all(isinstance(part, (list, tuple)) for part in parts) and not hasattr(value, "start_node")


def node_key(node: Any) -> tuple[str, str]:
    """What tells one node from another: identifier and type."""
    return str(node.id), str(optional_member(node, "type") or "")


def document_nodes(document: Any) -> list[Any]:
    """The nodes of a document, then the ends of relationships that are not among them."""
    known = {node_key(node) for node in document.nodes}
    ends = [end for one in document.relationships for end in (one.source, one.target)]
    others = {node_key(end): end for end in reversed(ends) if node_key(end) not in known}
    return [*document.nodes, *reversed(others.values())]


def read_document(document: Any, edges: Edges) -> None:
    """Add the relationships of a document, and an edge for each property of a node.

    A node is called by its identifier. Its type, unless that is the default "Node", is an edge "type".
    """
    source = foreign_attribute(optional_member(document, "source"), "id")
    metadata = foreign_attribute(optional_member(document, "source"), "metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    name = source or metadata.get("source") or metadata.get("title")
    source = None if name is None else str(name)
    for node in document_nodes(document):
        edges.alone.append(Entity(_label(node), node_key(node)))
        kind = str(optional_member(node, "type") or "")
        values = ({} if kind in {"", "Node"} else {"type": kind}) | dict(optional_member(node, "properties") or {})
        edges.triples += [
            Triple(
                _label(node),
                str(key),
                as_label(value, show_node(node.id)),
                source=source,
                head_key=node_key(node),
                origin=node,
                literal=True,
            )
            for key, value in values.items()
            if value is not None
        ]
    for number, relationship in enumerate(document.relationships):
        head, tail = relationship.source, relationship.target
        properties = dict(optional_member(relationship, "properties") or {})
        edges.triples.append(
            Triple(
                _label(head),
                as_label(relationship.type, f"relationship {number}"),
                _label(tail),
                properties,
                properties.get("id"),
                source,
                node_key(head),
                node_key(tail),
                relationship,
            )
        )


def _label(node: Any) -> str:
    return as_label(node.id, "node")

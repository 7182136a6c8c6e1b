"""Graphs of networkx: nodes are entities, attributes of nodes are edges to their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..triple import Entity, Triple, as_label, show_node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .read import Edges

__all__ = ["read_networkx"]

_NAMES = ("label", "name", "title")
_RELATIONS = ("relation", "label", "type", "predicate", "name")
_UNNAMED = "linked to"


def read_networkx(graph: Any) -> Edges:
    """The edges of a graph, and an edge for each attribute of a node.

    A node is called what its attribute "label", "name" or "title" says, else what it is itself. The relation is the
    attribute "relation", "label", "type", "predicate" or "name" of the edge, else its key in a multigraph if that is a
    text, else "linked to". Edges of undirected graphs are read once, in the direction that networkx gives.

    Args:
        graph: A `networkx.Graph` or a subclass.
    """
    from .read import Edges

    edges = Edges()
    entities: dict[Any, Entity] = {}  # an edge may say True of the node 1: the key is the one that its node has
    for node, data in graph.nodes(data=True):
        name = _first_text(data, _NAMES)
        label = as_label(node if name is None else data[name], show_node(node))
        entities[node] = Entity(label, node)
        edges.alone.append(entities[node])
        edges.triples += [
            Triple(label, str(key), as_label(value, show_node(node)), head_key=node, origin=(node,), literal=True)
            for key, value in data.items()
            if key != name and value is not None
        ]
    multiple = graph.is_multigraph()
    for head, tail, *key, data in graph.edges(keys=True, data=True) if multiple else graph.edges(data=True):
        name = _first_text(data, _RELATIONS)
        unnamed = key[0] if key and isinstance(key[0], str) else _UNNAMED
        edges.triples.append(
            Triple(
                entities[head].label,
                unnamed if name is None else data[name],
                entities[tail].label,
                {str(one): value for one, value in data.items() if one != name},
                head_key=entities[head].key,
                tail_key=entities[tail].key,
                origin=(head, tail, *key),
            )
        )
    return edges


def _first_text(data: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    """The first of the names under which there is a text."""
    return next((name for name in names if isinstance(data.get(name), str) and data[name]), None)

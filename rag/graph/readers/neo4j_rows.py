"""Rows of Neo4j's driver: records, or the dicts of `record.data()`, with nodes, relationships, paths and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import foreign_attribute, optional_member
from ctxprune.utils.plain_data import as_plain

from ..triple import Entity, Triple, as_label, show_node

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .read import Edges

__all__ = ["is_row", "read_row"]

_NAMES = ("name", "title", "label", "id")
_DEEPEST = 8  # lists in each other
_NESTED = (Mapping, list, tuple)


def is_row(value: Any) -> bool:
    """Whether it is a record or dict of a result, or a node, relationship or path of the driver."""
    return isinstance(value, Mapping) or callable(optional_member(value, "data")) or _is_graph_value(value)


def read_row(row: Any, number: int, where: str, edges: Edges) -> None:
    """Add what a row of a result holds.

    - Nodes: an edge for each property, and an edge "type" for each label. A node is called what its property "name",
      "title", "label" or "id" says, else what its first property does.
    - Relationships, as objects or as (start, type, end) of `record.data()`: an edge.
    - Paths, as objects or as lists of nodes with types between them: an edge for each step.
    - Values: an edge from an entity "row NUMBER" by the name of the column.

    Args:
        row: A record, a dict, or a node, relationship or path by itself.
        number: Of the row, for its name.
        where: Names the row in an error.
        edges: Gets the edges and nodes.

    Raises:
        UsageError: A value has no form that is known, or data contain themselves.
    """
    if _is_graph_value(row):
        _read_value(row, "", ("row", number), where, edges)
        return
    items = row.items() if callable(optional_member(row, "items")) else dict(row).items()
    for column, value in items:
        _read_value(value, str(column), ("row", number), where, edges)


def _read_value(value: Any, column: str, row: tuple[str, int], where: str, edges: Edges, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise UsageError("a value is nested too deeply", where=f"{where}, {column}")
    if value is None or _read_graph_value(value, edges):
        return
    if isinstance(value, (list, tuple)) and any(isinstance(one, _NESTED) or _is_graph_value(one) for one in value):
        for one in value:
            _read_value(one, column, row, where, edges, depth + 1)
        return
    tail = as_label(value, f"{where}, {column}")
    edges.triples.append(Triple(f"{row[0]} {row[1] + 1}", column, tail, head_key=row, origin=value, literal=True))


def _read_graph_value(value: Any, edges: Edges) -> bool:
    """Add a node, relationship or path; False for any other value."""
    if _is_relationship(value):
        _add_relationship(value, edges)
    elif _is_path(value):
        for node in value.nodes:
            _add_node(node, edges)
        for relationship in value.relationships:
            _add_relationship(relationship, edges)
    elif _is_node(value) or isinstance(value, Mapping):
        _add_node(value, edges)
    elif _is_steps(value):
        for head, relation, tail in zip(value[:-2:2], value[1:-1:2], value[2::2], strict=True):
            start, end = _add_node(head, edges), _add_node(tail, edges)
            triple = Triple(start.label, relation, end.label, head_key=start.key, tail_key=end.key, origin=value)
            edges.triples.append(triple)
    else:
        return False
    return True


def _is_graph_value(value: Any) -> bool:
    return _is_relationship(value) or _is_node(value) or _is_path(value)


def _is_relationship(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("start_node", "end_node", "type"))


def _is_path(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("start_node", "nodes", "relationships"))


def _is_node(value: Any) -> bool:
    return hasattr(value, "labels") and hasattr(value, "items") and hasattr(value, "element_id")


def _is_steps(value: Any) -> bool:
    """Whether a list is a path, or a relationship, of `record.data()`: nodes with a type between each two."""
    return (
        isinstance(value, (list, tuple))
        and len(value) > 2
        and len(value) % 2 == 1
        and all(isinstance(node, Mapping) for node in value[::2])
        and all(isinstance(relation, str) for relation in value[1::2])
    )


def _add_node(node: Any, edges: Edges) -> Entity:
    properties = dict(node.items())
    name = next((key for key in _NAMES if properties.get(key) not in (None, "")), next(iter(properties), None))
    named = None if name is None else properties[name]
    key = _node_key(node, properties)
    label = as_label(key if named is None else named, show_node(key))
    entity = Entity(label, key)
    # A node comes once for each row that it is in; its properties are said once.
    if entity in edges.known:
        return entity
    edges.known.add(entity)
    edges.alone.append(entity)
    said = [("type", kind) for kind in sorted(foreign_attribute(node, "labels", default=()))]
    said += [
        (str(one), as_label(value, show_node(key)))
        for one, value in properties.items()
        if value is not None and one != name
    ]
    edges.triples += [Triple(label, relation, tail, head_key=key, origin=node, literal=True) for relation, tail in said]
    return entity


def _node_key(node: Any, properties: dict[str, Any]) -> Hashable:
    identifier = foreign_attribute(node, "element_id", "id")  # attributes: a dict of properties has none
    if identifier is not None:
        return str(identifier)
    try:
        return json.dumps(as_plain(properties), sort_keys=True, ensure_ascii=False)
    except (RecursionError, ValueError) as error:
        raise UsageError(f"a node's properties cannot be read ({error})") from error


def _add_relationship(relationship: Any, edges: Edges) -> None:
    head, tail = _add_node(relationship.start_node, edges), _add_node(relationship.end_node, edges)
    identifier = foreign_attribute(relationship, "element_id", "id")
    if identifier is not None:
        if ("relationship", identifier) in edges.known:
            return
        edges.known.add(("relationship", identifier))
    properties = dict(relationship.items()) if hasattr(relationship, "items") else {}
    edges.triples.append(
        Triple(
            head.label,
            as_label(relationship.type, "relationship"),
            tail.label,
            properties,
            identifier,
            head_key=head.key,
            tail_key=tail.key,
            origin=relationship,
        )
    )

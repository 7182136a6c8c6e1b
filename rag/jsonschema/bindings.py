"""Which members must not be dropped: required ones, tags of unions, and all that other keywords depend on."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .graph import ITEMS, Graph, Node, members, names

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Droppable", "find_bound_members", "find_whole_classes", "list_dependents"]

Droppable: TypeAlias = Literal["optional", "nullable", "all"]

_START = re.compile(r"\^([A-Za-z0-9_-]+)(?![A-Za-z0-9_*?{-])")
_PAIRS = 32  # branches of a union that are compared each with each
# Keywords that may hold for a value, and no longer hold (or the other way round) when one of its members is dropped.
_OBSERVING = ("not", "if", "dependentSchemas")
_OF_ALL_KINDS = frozenset({"items", "prefixItems", "allOf", "anyOf", "oneOf", "$ref"})
_OUTSIDE = frozenset({"$comment", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"})
_SCALARS = frozenset({"boolean", "integer", "null", "number", "string"})
_TYPES = _SCALARS | {"array", "object"}


def find_bound_members(graph: Graph, droppable: Droppable) -> set[tuple[int, str]]:
    """Class and name of each member that is kept wherever its object is kept."""
    bound = {(graph.find(node), name) for node, name in graph.pinned}
    nullable = _nullable(graph) if droppable == "nullable" else set()
    listing: dict[int, tuple[str, ...]] = {}
    for position, node in enumerate(graph.nodes):
        place = graph.find(position)
        bound |= {(place, name) for name in _find_tags(graph, node, listing)}
        wanted = {*names(node.schema.get("required")), *_old_required(node)}
        if droppable != "all":
            bound |= {(place, name) for name in wanted} - nullable
    return bound


def list_dependents(graph: Graph) -> Iterator[tuple[int, str, str]]:
    """Class, name, and a further name that is required where the first one is present."""
    for position, node in enumerate(graph.nodes):
        for keyword in ("dependentRequired", "dependencies"):
            for name, others in members(node.schema, keyword).items():
                for other in names(others):
                    yield graph.find(position), name, other


def find_whole_classes(graph: Graph, droppable: Droppable) -> set[int]:
    """Classes of whose values no member may be dropped, at any depth."""
    if graph.whole:
        return {graph.find(position) for position in range(len(graph.nodes))}
    found = {
        place for position, node in enumerate(graph.nodes) for place in _find_observed(graph, position, node, droppable)
    }
    # What is inside an observed value is observed with it, at any depth.
    stack = list(found)
    while stack:
        for key in graph.parts(stack.pop()):
            inner = graph.find(key)
            if inner not in found:
                found.add(inner)
                stack.append(inner)
    return found


def _find_observed(graph: Graph, position: int, node: Node, droppable: Droppable) -> Iterator[int]:
    """The classes of whose values dropping members could change whether a keyword of the node holds."""
    schema, place = node.schema, graph.find(position)
    items = graph.child(place, ITEMS)
    if items is not None and (schema.get("uniqueItems") is True or "contains" in schema):
        yield items
    if (
        any(keyword in schema for keyword in _OBSERVING)
        or any(isinstance(part, dict) for part in members(schema, "dependencies").values())
        or _has_objects(schema)
        or _counts(schema, droppable)
        or _overlaps(graph, position, node)
        or not _branches_disjoint(graph, node)
    ):
        yield place


def _has_objects(schema: dict[str, Any]) -> bool:
    """Whether whole objects or arrays are listed as values."""
    listed = schema.get("enum")
    values = [schema.get("const"), *(listed if isinstance(listed, list) else [])]
    return any(isinstance(value, (dict, list)) for value in values)


def _counts(schema: dict[str, Any], droppable: Droppable) -> bool:
    """Whether minProperties is more than the members that are always kept."""
    least = schema.get("minProperties")
    stays = len(set(names(schema.get("required")))) if droppable == "optional" else 0
    return isinstance(least, (int, float)) and least > stays


def _overlaps(graph: Graph, position: int, node: Node) -> bool:
    """Whether a listed member may also be read by a pattern's schema, or additional members by several nodes."""
    listed, patterns = members(node.schema), members(node.schema, "patternProperties")
    inside = [pattern for pattern, inner in patterns.items() if _reads_inside(inner)]
    if listed and not all(_cannot_match(pattern, listed) for pattern in inside):
        return True
    others = [
        *patterns.values(),
        *(node.schema.get(word) for word in ("additionalProperties", "unevaluatedProperties")),
    ]
    return graph.is_shared(graph.find(position)) and any(map(_reads_inside, others))


def _reads_inside(schema: object) -> bool:
    """Whether a schema may look at the members of an object or the items of an array."""
    if not isinstance(schema, dict) or not set(schema) - _OUTSIDE:
        return False
    kinds = schema.get("type")
    allowed = {kinds} if isinstance(kinds, str) else set(names(kinds))
    return not allowed or not allowed <= _SCALARS


def _cannot_match(pattern: str, listed: dict[str, Any]) -> bool:
    """True if the pattern starts with literal characters with which none of the names starts."""
    start = _START.match(pattern)
    return start is not None and "|" not in pattern and not any(name.startswith(start.group(1)) for name in listed)


def _old_required(node: Node) -> list[str]:
    """Members that have `required: true` in their own schema, as in draft 3."""
    return [
        name for name, part in members(node.schema).items() if isinstance(part, dict) and part.get("required") is True
    ]


def _nullable(graph: Graph) -> set[tuple[int, str]]:
    """Members that may be null."""
    return {
        (graph.find(edge.source), edge.key[1])
        for edge in graph.edges
        if isinstance(edge.key, tuple) and _allows_null(graph.nodes[edge.target].schema)
    }


def _allows_null(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type")
    if kinds == "null" or (isinstance(kinds, list) and "null" in kinds) or schema.get("nullable") is True:
        return True
    branches = schema.get("anyOf", schema.get("oneOf"))
    listed = branches if isinstance(branches, list) else []
    return any(isinstance(part, dict) and part.get("type") == "null" for part in listed)


def _branches(graph: Graph, node: Node, keyword: str) -> list[dict[str, Any]]:
    """The branches of a union, each with its $ref followed."""
    found = node.schema.get(keyword)
    return [_follow_refs(graph, part) for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _follow_refs(graph: Graph, schema: dict[str, Any]) -> dict[str, Any]:
    seen: set[int] = set()
    while "$ref" in schema and id(schema) not in seen:
        seen.add(id(schema))
        position = graph.node_of(schema)
        target = None if position is None else graph.target(graph.nodes[position])
        if target is None:
            break
        schema = target.schema
    return schema


def _find_tags(graph: Graph, node: Node, listing: dict[int, tuple[str, ...]]) -> set[str]:
    """Names that distinguish the branches of a union: its discriminator, or with listed values in two branches or more.

    `listing` caches by the id of a schema which of its members list their values: thousands of unions may refer to
    one schema of thousands of members.
    """
    discriminator = node.schema.get("discriminator")
    name = discriminator.get("propertyName") if isinstance(discriminator, dict) else discriminator
    tags = {name} if isinstance(name, str) else set()
    for keyword in {"anyOf", "oneOf"} & set(node.schema):
        branches = _branches(graph, node, keyword)
        for branch in branches:
            if id(branch) not in listing:
                listed = (name for name, part in members(branch).items() if _listed_values(part) is not None)
                listing[id(branch)] = tuple(listed)
        found = Counter(name for branch in branches for name in listing[id(branch)])
        tags |= {name for name, count in found.items() if count > 1}
        if keyword == "oneOf":
            tags |= {name for branch in branches for name in names(branch.get("required"))}
    return tags


def _branches_disjoint(graph: Graph, node: Node) -> bool:
    """Whether no value is valid for two branches of oneOf, as far as the members that are never dropped prove it."""
    listed = node.schema.get("oneOf")
    if not isinstance(listed, list):
        return True
    branches = _branches(graph, node, "oneOf")
    if len(branches) < len(listed):
        return False
    tags = set.intersection(*(set(names(part.get("required"))) for part in branches)) if branches else set()
    for tag in sorted(tags):
        values = [_listed_values(members(part).get(tag)) for part in branches]
        if all(value is not None for value in values):
            distinct = [value for group in values for value in group or ()]
            if len(set(distinct)) == len(distinct):
                return all(map(_is_object, branches))
    # Pair by pair only for few branches: the number of pairs grows with the square.
    return len(branches) <= _PAIRS and all(_two_disjoint(one, other) for one, other in combinations(branches, 2))


def _two_disjoint(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if not _kinds(one) & _kinds(other):
        return True
    if not (_is_object(one) and _is_object(other)):
        return False
    first, second = set(names(one.get("required"))), set(names(other.get("required")))
    for tag in first & second:
        left, right = _listed_values(members(one).get(tag)), _listed_values(members(other).get(tag))
        if left is not None and right is not None and not left & right:
            return True
    return _lacks(other, first) or _lacks(one, second)


def _lacks(schema: dict[str, Any], wanted: set[str]) -> bool:
    """Whether the schema forbids a member of one of these names."""
    closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    return closed and any(name not in members(schema) for name in wanted)


def _is_object(schema: dict[str, Any]) -> bool:
    """Whether the schema's own keywords concern objects only."""
    return schema.get("type") == "object" or not _OF_ALL_KINDS & set(schema)


def _kinds(schema: dict[str, Any]) -> set[str]:
    """The types of the values that a schema may take, integers being numbers."""
    listed = schema.get("type")
    if "type" in schema:
        found = {listed} if isinstance(listed, str) else set(names(listed))
    else:
        found = {value[:1] for value in _listed_values(schema) or ()}
        found = {_KINDS.get(mark, "number") for mark in found} or set(_TYPES)
    return {"number" if kind == "integer" else kind for kind in found}


_KINDS = {'"': "string", "{": "object", "[": "array", "t": "boolean", "f": "boolean", "n": "null"}


def _listed_values(schema: object) -> set[str] | None:
    """The values of const or enum as canonical JSON; None where neither is there."""
    if not isinstance(schema, dict):
        return None
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list):
        return None
    # JSON Schema has 1.0 and 1 equal; their texts are not.
    whole = (int(value) if isinstance(value, float) and value.is_integer() else value for value in values)
    return {json.dumps(value, sort_keys=True) for value in whole}

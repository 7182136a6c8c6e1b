"""A schema document as a graph: its subschemas, which of them apply to the same values, and what refers to what.

Two subschemas that apply to the same place of an instance (by allOf, anyOf, oneOf, $ref, ...) are of one class; so are
those of their members of the same name. Classes are closed under that by union-find (congruence closure: Downey, Sethi
and Tarjan 1980), so that a member is kept or dropped by all subschemas that apply to it; recursion needs no special
case.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ctxprune.errors import InputError

from .json_values import escape_pointer
from .pointers import join_uri, split_pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "DEFINITIONS",
    "DRAFTS",
    "ITEMS",
    "MOST_NODES",
    "OTHERS",
    "SAME",
    "Edge",
    "Graph",
    "Key",
    "Node",
    "find_draft",
    "follow",
    "members",
    "names",
]

Key: TypeAlias = "str | tuple[Literal['member'], str]"
SAME, ITEMS, OTHERS = "same", "items", "others"
MOST_NODES = 50_000  # subschemas: each takes a tenth of a millisecond and a kilobyte or two

_SAME_LISTS = ("allOf", "anyOf", "oneOf")
_SAME_ONE = ("not", "if", "then", "else")
_SAME_BY_NAME = ("dependentSchemas", "dependencies")
_ITEMS_ONE = ("items", "additionalItems", "contains", "unevaluatedItems")
_ITEMS_LISTS = ("items", "prefixItems")
_OTHERS_ONE = ("additionalProperties", "unevaluatedProperties", "propertyNames")
_OTHERS_BY_NAME = ("patternProperties",)
DEFINITIONS = ("$defs", "definitions")
DRAFTS = ("draft-04", "draft-06", "draft-07", "2019-09", "2020-12")
_DATA = frozenset({"const", "default", "enum", "example", "examples", "required", "dependentRequired", "type"})
_READ = frozenset(
    {*_SAME_LISTS, *_SAME_ONE, *_SAME_BY_NAME, *_ITEMS_ONE, *_ITEMS_LISTS, *_OTHERS_ONE, *_OTHERS_BY_NAME, *DEFINITIONS,
     *_DATA, "properties", "$ref"}
)  # fmt: skip


@dataclass(slots=True)
class Node:
    """One subschema: the dict itself ({} for true, false and what is no schema), and where it stands."""

    schema: dict[str, Any]
    pointer: str
    base: dict[str, Any]  # the resource that a "#/..." in it points into


@dataclass(frozen=True, slots=True)
class Edge:
    """From a node to one that it applies: to the same value (SAME), its items, a member, or its other members."""

    source: int
    key: Key
    target: int
    through: tuple[tuple[int, str], ...] = ()  # definitions on a $ref's way: identity of their dict, and name


@dataclass
class Graph:
    """All subschemas that the root reaches, in source order, members and references first met first.

    Attributes:
        nodes: The first is the root.
        edges: In order of their targets' places.
        pinned: Members that a $ref points into or through: node and name.
        notes: What was not understood: "POINTER: what".
        whole: Whether the document uses references that are not followed statically, so that nothing may be dropped.
    """

    root: dict[str, Any]
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    pinned: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    whole: bool = False

    def __post_init__(self) -> None:
        self._index: dict[int, int] = {}
        self._inside: list[tuple[dict[str, Any], str]] = []
        self._names: dict[str, tuple[str, ...]] | None = None
        self._uris: dict[int, str] = {}  # of the schemas that have an identity, by their own id
        self._draft = find_draft(self.root)
        # In draft 4 "$id" is no keyword: taken for one it would move the base of the references below it.
        self._identity = "id" if self._draft == DRAFTS[0] else "$id"
        self._walk()
        self.pinned = [(self._index[id(schema)], name) for schema, name in self._inside if id(schema) in self._index]
        self._classes = _merge_classes(len(self.nodes), self.edges)
        readers = {edge.source for edge in self.edges if edge.key == OTHERS or isinstance(edge.key, tuple)}
        self._readers = Counter(self.find(node) for node in readers)

    def node_of(self, schema: dict[str, Any]) -> int | None:
        """The node of a dict of the document; None for one that is no reached subschema."""
        return self._index.get(id(schema))

    def find(self, node: int) -> int:
        """The class of a node, named by one of its members."""
        return self._classes.find(node)

    def child(self, place: int, key: Key) -> int | None:
        """The class that reads the part `key` of values of class `place`; None where nothing does."""
        found = self._classes.children[place].get(key)
        return None if found is None else self.find(found)

    def parts(self, place: int) -> list[int]:
        """The nodes that read parts of the values of class `place`."""
        return list(self._classes.children[place].values())

    def is_shared(self, place: int) -> bool:
        """Whether several subschemas of class `place` constrain properties (`properties`, `additionalProperties`,
        …)."""
        return self._readers[place] > 1

    def target(self, node: Node) -> Node | None:
        """The node that the $ref of a node points at; None where there is none or it is not followed."""
        found = self._resolve(node.schema.get("$ref"), node)
        position = None if found is None else self._index.get(id(found.target))
        return None if position is None else self.nodes[position]

    def _walk(self) -> None:
        """Visit all subschemas depth first, in source order, with a stack: hostile schemas nest deeply."""
        stack: list[tuple[object, str, dict[str, Any], int, Key, tuple[tuple[int, str], ...]]]
        stack = [(self.root, "", self.root, -1, SAME, ())]
        while stack:
            schema, pointer, base, source, key, through = stack.pop()
            position = self._index.get(id(schema)) if isinstance(schema, dict) else None
            fresh = position is None
            if position is None:
                position = self._add_node(schema, pointer, base)
            if source >= 0:
                self.edges.append(Edge(source, key, position, through))
            if fresh:
                node = self.nodes[position]
                parts = [(*part, position) for part in self._parts(node)]
                # Reversed, since a stack gives back the last one first.
                stack += [(s, p, b, i, k, t) for s, p, b, k, t, i in reversed(parts)]

    def _add_node(self, schema: object, pointer: str, base: dict[str, Any]) -> int:
        if not isinstance(schema, dict):
            if not isinstance(schema, bool):
                self.notes.append(f"{pointer or '/'}: a schema is a {type(schema).__name__}")
            schema = {}
        elif self._is_resource(schema):
            base = schema
        if len(self.nodes) == MOST_NODES:
            raise InputError(
                f"the schema has more than {MOST_NODES:,} subschemas",
                where=pointer,
                hint="give the part of it that is asked about, or read it as JSON",
            )
        self.nodes.append(Node(schema, pointer, base))
        self._index[id(schema)] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def _is_resource(self, schema: dict[str, Any]) -> bool:
        """Whether the schema has an identity, so that "#/..." points into it and not into what is around it."""
        identity = schema.get(self._identity)
        if not isinstance(identity, str) or identity.startswith("#"):
            return False
        # Up to draft 7 a $ref hides its neighbours, the identity among them.
        return not ("$ref" in schema and self._draft in DRAFTS[:3])

    def _parts(self, node: Node) -> Iterator[tuple[object, str, dict[str, Any], Key, tuple[tuple[int, str], ...]]]:
        """The subschemas that a node applies: schema, pointer, base, key, and the definitions on the path of a $ref."""
        for keyword, value in node.schema.items():
            pointer = f"{node.pointer}/{escape_pointer(keyword)}"
            if keyword == "$ref":
                yield from self._reference(value, node)
            elif keyword in ("$dynamicRef", "$recursiveRef"):
                self.whole = True
                self.notes.append(f"{pointer}: is not followed, so that nothing is dropped")
            elif keyword not in _READ:
                # An unknown keyword may hold a schema; what it refers to must not lose its definitions.
                for reference in _find_references(value):
                    yield from self._reference(reference, node, OTHERS)
            else:
                for part, step, key in self._applied(keyword, value, pointer):
                    yield part, pointer + step, node.base, key, ()

    def _applied(self, keyword: str, value: object, pointer: str) -> Iterator[tuple[object, str, Key]]:
        """The subschemas in the value of a keyword, with the rest of their pointers."""
        if isinstance(value, list) and keyword in (*_SAME_LISTS, *_ITEMS_LISTS):
            key = SAME if keyword in _SAME_LISTS else ITEMS
            for index, part in enumerate(value):
                yield part, f"/{index}", key
        elif isinstance(value, dict) and keyword in ("properties", *_SAME_BY_NAME, *_OTHERS_BY_NAME):
            for name, part in value.items():
                if keyword == "properties":
                    yield part, f"/{escape_pointer(name)}", ("member", name)
                elif not (keyword == "dependencies" and isinstance(part, list)):
                    yield part, f"/{escape_pointer(name)}", SAME if keyword in _SAME_BY_NAME else OTHERS
        elif keyword in (*_SAME_ONE, *_ITEMS_ONE, *_OTHERS_ONE):
            yield value, "", SAME if keyword in _SAME_ONE else ITEMS if keyword in _ITEMS_ONE else OTHERS
        elif keyword not in (*_DATA, *DEFINITIONS):
            self.notes.append(f"{pointer}: {keyword} is a {type(value).__name__}")

    def _reference(
        self, reference: object, node: Node, key: Key = SAME
    ) -> Iterator[tuple[object, str, dict[str, Any], Key, tuple[tuple[int, str], ...]]]:
        found = self._resolve(reference, node)
        if found is None:
            kind = "points nowhere" if isinstance(reference, str) and reference.startswith("#") else "is not followed"
            self.notes.append(f"{node.pointer or '/'}: $ref {reference!r:.200} {kind}")
            return
        through = found.definitions()
        for schema, name, pointer in found.entered():
            self._inside.append((schema, name))
            yield schema, pointer, found.base, OTHERS, through
        yield found.target, found.pointer, found.base, key, through

    def _resolve(self, reference: object, node: Node) -> _Resolved | None:
        """The target of a reference inside the document; None for any other."""
        if not isinstance(reference, str):
            return None
        name, _, fragment = reference.partition("#")
        if name or (fragment and not fragment.startswith("/")):
            anchor = f"#{fragment}" if fragment and not fragment.startswith("/") else ""
            known = self._index_names()
            uri = join_uri(self._uris.get(id(node.base), ""), name) if name else self._uris.get(id(node.base), "")
            steps = known.get(uri + anchor, known.get(anchor or name))
            if steps is None:
                return None
            found = follow(self.root, steps)
            if found is None or not fragment.startswith("/"):
                return found
            inner = follow(found.target, split_pointer(fragment))
            return None if inner is None else replace(inner, steps=(*found.steps, *inner.steps))
        steps = split_pointer(fragment)
        # Many validators know no inner resources: what points nowhere in one is looked up in the whole document.
        return follow(node.base, steps) or follow(self.root, steps)

    def _index_names(self) -> dict[str, tuple[str, ...]]:
        """The paths from the root to subschemas by identity, and by "#" with their $anchor; built on first use."""
        if self._names is None:
            self._names = {}
            stack: list[tuple[Any, tuple[str, ...], str]] = [(self.root, (), "")]
            seen: set[int] = set()
            while stack:
                value, way, uri = stack.pop()
                if not isinstance(value, (dict, list)) or id(value) in seen:
                    continue
                seen.add(id(value))
                if isinstance(value, dict):
                    uri = self._index_resource(self._names, value, way, uri)
                pairs = value.items() if isinstance(value, dict) else enumerate(value)
                stack += [(part, (*way, str(step)), uri) for step, part in pairs]
        return self._names

    def _index_resource(
        self, known: dict[str, tuple[str, ...]], schema: dict[str, Any], way: tuple[str, ...], uri: str
    ) -> str:
        """Index what a schema is called, both as it is written and as a whole URI; the URI that holds inside it."""
        if self._is_resource(schema):
            uri = join_uri(uri, schema[self._identity]).partition("#")[0]
            self._uris[id(schema)] = uri
            known.setdefault(uri, way)
        for keyword, mark in ((self._identity, ""), ("$anchor", "#"), ("$dynamicAnchor", "#")):
            if isinstance(schema.get(keyword), str):
                known.setdefault(mark + schema[keyword], way)
                known.setdefault(f"{uri}{mark}{schema[keyword]}", way)
        return uri


@dataclass(frozen=True, slots=True)
class _Resolved:
    """The target of a reference, and the steps to it: each a value and the key that leads on from it."""

    target: Any
    base: dict[str, Any]
    steps: tuple[tuple[Any, str], ...]

    @property
    def pointer(self) -> str:
        return _join_steps(self.steps)

    def definitions(self) -> tuple[tuple[int, str], ...]:
        """The entries of $defs or definitions on the way."""
        return tuple((id(inner[0]), inner[1]) for outer, inner in pairwise(self.steps) if outer[1] in DEFINITIONS)

    def entered(self) -> Iterator[tuple[dict[str, Any], str, str]]:
        """The members on the way: their schema, name and the schema's pointer."""
        inside = False
        for place, (value, key) in enumerate(self.steps):
            if inside:
                yield self.steps[place - 1][0], key, _join_steps(self.steps[: place - 1])
            inside = not inside and key == "properties" and isinstance(value, dict)


class _Classes:
    """Union-find over nodes; each class knows the node that reads a part of its values."""

    def __init__(self, size: int) -> None:
        self.above = list(range(size))
        self.children: list[dict[Key, int]] = [{} for _ in range(size)]

    def find(self, node: int) -> int:
        while self.above[node] != node:
            # Path halving: each visited node skips its parent, which keeps later searches short (Tarjan, van Leeuwen).
            self.above[node] = self.above[self.above[node]]
            node = self.above[node]
        return node


def _merge_classes(size: int, edges: list[Edge]) -> _Classes:
    """The classes of nodes: of the same value, and of the same part of the same value."""
    classes = _Classes(size)
    alike = [(edge.source, edge.target) for edge in edges if edge.key == SAME]
    for edge in edges:
        if edge.key != SAME:
            first = classes.children[edge.source].setdefault(edge.key, edge.target)
            alike.append((first, edge.target))
    while alike:
        one, other = map(classes.find, alike.pop())
        if one == other:
            continue
        # The class with fewer parts moves, so that all moves together take n log n steps.
        if len(classes.children[one]) < len(classes.children[other]):
            one, other = other, one
        classes.above[other] = one
        for key, target in classes.children[other].items():
            # Congruence: where the classes are one, so are those of their parts of the same key.
            alike.append((classes.children[one].setdefault(key, target), target))
        classes.children[other] = {}
    return classes


def find_draft(document: object) -> str:
    """The draft of JSON schema that the `$schema` of a document names; the latest one where it names none."""
    uri = document.get("$schema") if isinstance(document, dict) else None
    return next((name for name in DRAFTS if name in str(uri)), DRAFTS[-1])


def members(schema: dict[str, Any], keyword: str = "properties") -> dict[str, Any]:
    """The members that `keyword` lists; {} where it is missing or malformed."""
    found = schema.get(keyword)
    return found if isinstance(found, dict) else {}


def names(value: object) -> list[str]:
    """The texts of a list; [] for anything else."""
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def follow(base: dict[str, Any], tokens: tuple[str, ...]) -> _Resolved | None:
    """The schema that the steps lead to from `base`; None where there is none."""
    value: Any = base
    steps: list[tuple[Any, str]] = []
    for token in tokens:
        steps.append((value, token))
        if isinstance(value, dict) and token in value:
            value = value[token]
        elif isinstance(value, list) and token.isdecimal() and len(token) < 10 and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return _Resolved(value, base, tuple(steps)) if isinstance(value, (dict, bool)) else None


def _join_steps(steps: Iterable[tuple[Any, str]]) -> str:
    return "".join(f"/{escape_pointer(key)}" for _, key in steps)


def _find_references(value: object) -> Iterator[str]:
    """Every $ref inside the value of an unknown keyword."""
    stack = [value]
    seen: set[int] = set()
    while stack:
        part = stack.pop()
        if not isinstance(part, (dict, list)) or id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict) and isinstance(part.get("$ref"), str):
            yield part["$ref"]
        stack += part.values() if isinstance(part, dict) else part

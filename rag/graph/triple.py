"""One edge of a knowledge graph, and what it reads as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.text.words import stem, words
from ctxprune.utils.plain_data import as_plain

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["LONGEST_NAME", "Entity", "Identity", "Triple", "as_label", "identity_of", "name_key", "show_node"]

Identity = tuple[str, Any]
"""A namespace ("label", "literal", "key" or "flag") and a value in it."""

LONGEST_NAME = 12
"""Words of a label by which an entity is found in a question."""
_LONG_LABEL = 200  # characters of a label that is no name, but a text

_NO_PROPERTIES: dict[str, Any] = {}  # one for all edges without: a million empty dicts take 64 MB


@dataclass(frozen=True, slots=True)
class Entity:
    """A node of a graph.

    Attributes:
        label: What it is called in the text.
        key: Its identity, where several entities have the same label; None where the label is the identity.
        span: Characters [start, end) of the line that names it, in the text it was read from; None without one.
    """

    label: str
    key: Hashable = None
    span: tuple[int, int] | None = field(default=None, compare=False, repr=False)

    @property
    def identity(self) -> Identity:
        """What tells it from others."""
        return identity_of(self.label, self.key)


@dataclass(frozen=True, slots=True)
class Triple:
    """An edge: head --relation--> tail, with its provenance.

    Attributes:
        head: Label of the entity that the edge leaves.
        relation: Label of the edge.
        tail: Label of the entity, or the literal, that it points at.
        properties: What else the source says of the edge, by name.
        id: The edge's identifier in its source; None without one.
        source: Where the edge was read (a document, a file, a named graph); None where that is not known.
        head_key: Identity of the head where labels are ambiguous; None where the label is the identity.
        tail_key: Likewise of the tail.
        origin: The caller's own object for the edge (`(u, v, key)` of networkx, a relationship of Neo4j), so that a
            pruned graph can be built from kept edges.
        span: Characters [start, end) of the edge in the text it was read from; None where there is no text.
        literal: Whether the tail is a value (a number, a text) and no entity. An entity of the same label is not meant
            by it. Without effect where there is a `tail_key`.
    """

    head: str
    relation: str
    tail: str
    properties: Mapping[str, Any] = field(default_factory=lambda: _NO_PROPERTIES, hash=False)
    id: Any = field(default=None, hash=False)
    source: str | None = None
    head_key: Hashable = None
    tail_key: Hashable = None
    origin: Any = field(default=None, compare=False, repr=False)
    span: tuple[int, int] | None = field(default=None, compare=False, repr=False)
    literal: bool = False

    @property
    def head_identity(self) -> Identity:
        """What two edges of the same head have in common."""
        return identity_of(self.head, self.head_key)

    @property
    def tail_identity(self) -> Identity:
        """Likewise of the tail."""
        return identity_of(self.tail, self.tail_key, literal=self.literal)


def identity_of(label: str, key: Hashable = None, *, literal: bool = False) -> Identity:
    """What tells an entity from others. Keys, labels and literals are namespaces of their own: a node with the key "30"
    is neither the number 30 nor an entity that is called so. NaN is one key, as a missing value is one group."""
    if key is None:
        return ("literal" if literal else "label", label)
    # Two objects that are NaN are not equal, so that an entity would be another one in each row.
    if _is_nan(key):
        return ("flag", "NaN")
    return ("flag" if isinstance(key, bool) else "key", key)  # in Python True and 1 are equal


def _is_nan(key: object) -> bool:
    return isinstance(key, Real) and bool(key != key)  # noqa: PLR0124  # only NaN is not equal to itself


def as_label(value: Any, where: str) -> str:
    """`value` as a label: a text as it is, numbers and dates as Python writes them, lists and dicts as JSON.

    Raises:
        UsageError: It is None, or data that contain themselves or cannot be written; `where` names the edge.
    """
    if type(value) is str:
        return value
    if value is None:
        raise UsageError("a label is None", where=where, hint="leave the edge out, or give a text")
    if isinstance(value, str):  # a subclass, such as rdflib's terms
        return str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        plain = as_plain(value)
        return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    except Exception as error:  # an object of the user, whose text may raise anything
        why = f"{type(error).__name__}: {error}"
        raise UsageError(f"a {type(value).__name__} cannot be a label ({why})", where=where) from error


def show_node(node: Any) -> str:
    """A node of somebody's graph for an error message; its type where it cannot be written."""
    try:
        return f"node {node!r}"
    except Exception:  # noqa: BLE001  # the message is about something else
        return f"a node of type {type(node).__name__}"


def name_key(label: str) -> tuple[str, ...] | None:
    """The folded and stemmed words of a label; None for one that no question would say."""
    if len(label) > _LONG_LABEL:
        return None
    stems = tuple(stem(word) for word in words(label))
    return stems if 0 < len(stems) <= LONGEST_NAME else None

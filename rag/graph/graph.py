"""A knowledge graph in memory: edges, the entities that they join, and the edges at each entity."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError, UnknownNameError, UsageError
from ctxprune.scorers import SCORERS

from .graph_units import GraphUnits
from .readers.read import read_edges
from .triple import name_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from ctxprune.scorers import Scorer

    from .triple import Triple

__all__ = ["MOST_EDGES", "TripleGraph", "as_graph"]

MOST_EDGES = 2_000_000  # each takes about 600 bytes with its index


class TripleGraph:
    """A directed multigraph whose edges have a relation. Cycles, self loops and duplicate edges are allowed.

    Args:
        edges: A text of triples; tuples (head, relation, tail) or (head, relation, tail, properties), or `Triple`s; a
            graph of networkx or rdflib; graph documents of LangChain; rows of Neo4j's driver. See `read_edges`.

    Attributes:
        triples: The edges in source order.
        labels: For each entity what it is called. Every head and tail is an entity, literals included.
        identities: For each entity what tells it from others of the same label.
        heads: For each edge the number of its head, int64 (n_edges,).
        tails: For each edge the number of its tail, int64 (n_edges,).
        alone: Numbers of entities that the source names apart from any edge.
        text: The text that was given; None where none was.
        headers: Entities that have a line of their own in the text, in order.

    Raises:
        UsageError: `edges` is none of these; the message says which edge, where one is broken.
        InputError: A text cannot be read, or there are more than 2,000,000 edges.
    """

    def __init__(self, edges: Any) -> None:
        read = read_edges(edges)
        if len(read.triples) > MOST_EDGES:
            hint = "ask the graph's store for the edges around the entities of the question first"
            raise InputError(f"the graph has {len(read.triples):,} edges, over {MOST_EDGES:,}", hint=hint)
        self.triples: tuple[Triple, ...] = tuple(read.triples)
        self.text = edges if isinstance(edges, str) else None
        self.headers = tuple(one for one in read.alone if one.span is not None)
        numbers: dict[Hashable, int] = {}
        labels: list[str] = []

        def number(identity: Hashable, label: str) -> int:
            found = numbers.setdefault(identity, len(labels))
            if found == len(labels):
                labels.append(label)
            return found

        ends: list[int] = []
        try:
            for one in self.triples:
                ends.append(number(one.head_identity, one.head))
                ends.append(number(one.tail_identity, one.tail))
            self.alone = tuple(dict.fromkeys(number(one.identity, one.label) for one in read.alone))
        except TypeError as error:
            raise UsageError(f"an entity's key cannot be hashed ({error})", where=f"edge {len(ends) // 2}") from error
        both = np.asarray(ends, dtype=np.int64).reshape(-1, 2)
        self.heads: NDArray[np.int64] = np.ascontiguousarray(both[:, 0])
        self.tails: NDArray[np.int64] = np.ascontiguousarray(both[:, 1])
        self.labels: tuple[str, ...] = tuple(labels)
        self.identities: tuple[Hashable, ...] = tuple(numbers)
        self._numbers = numbers
        self._scorers: dict[str, Scorer] = {}

    def __len__(self) -> int:
        """How many edges there are."""
        return len(self.triples)

    def number_of(self, entity: Hashable) -> int | None:
        """The number of the entity with this identity; else of the first one with this label; None without one."""
        try:
            found = self._numbers.get(entity)
        except TypeError:
            return None
        return self._by_label.get(entity) if found is None else found

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """Labels that several entities share."""
        seen: set[str] = set()
        # `add` gives None: a label is ambiguous where it was seen before.
        return frozenset(label for label in self.labels if label in seen or seen.add(label))  # type: ignore[func-returns-value]

    @cached_property
    def _by_label(self) -> dict[Any, int]:
        return dict(zip(reversed(self.labels), range(len(self.labels) - 1, -1, -1), strict=True))

    @cached_property
    def context(self) -> GraphUnits:
        """The units of the graph, one for all who score or prune it."""
        return GraphUnits(self)

    def scorer_named(self, name: str) -> Scorer:
        """The registered scorer of that name, one for the graph, so that what it reads of the edges is read once.

        Raises:
            UnknownNameError: No scorer has that name.
        """
        if name not in self._scorers:
            self._scorers[name] = SCORERS.get(name)()
        return self._scorers[name]

    @cached_property
    def ends(self) -> list[tuple[int, int]]:
        """Head and tail of each edge."""
        return list(zip(self.heads.tolist(), self.tails.tolist(), strict=True))

    def edges_of(self, relation: str) -> list[int]:
        """The edges of a relation, rising.

        Raises:
            UnknownNameError: No edge has that relation.
        """
        if relation not in self._by_relation:
            raise UnknownNameError("relation", relation, self._by_relation)
        return self._by_relation[relation]

    @cached_property
    def _by_relation(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for edge, one in enumerate(self.triples):
            found.setdefault(one.relation, []).append(edge)
        return found

    @cached_property
    def by_words(self) -> dict[tuple[str, ...], list[int]]:
        """Entities by the folded and stemmed words of their labels; those without a short name are left out."""
        found: dict[tuple[str, ...], list[int]] = {}
        for entity, label in enumerate(self.labels):
            if (key := name_key(label)) is not None:
                found.setdefault(key, []).append(entity)
        return found

    def find_entities(self, entity: Hashable) -> list[int]:
        """The numbers of the entity with this identity, else of all with this label, else of all whose label has the
        same words up to case and endings; [] for none."""
        if (found := self.number_of(entity)) is None:
            return self.by_words.get(name_key(str(entity)) or (), [])
        if self.labels[found] != entity or entity not in self.ambiguous:
            return [found]
        return [number for number, label in enumerate(self.labels) if label == entity]

    @cached_property
    def _incidence(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Edges by entity: where those of each entity start, int64 (n_entities + 1,), and the edges, rising; a self
        loop stands there once."""
        edges = np.arange(len(self.triples))
        others = edges[self.heads != self.tails]
        owners = np.concatenate([self.heads, self.tails[others]])
        every = np.concatenate([edges, others])
        order = np.lexsort((every, owners))
        counts = np.bincount(owners, minlength=len(self.labels))
        return np.concatenate([[0], np.cumsum(counts)]), every[order]

    def edges_at(self, entities: Sequence[int] | NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The edges at some entities, in either direction: int64 (n,) each, the entity and the edge.

        An edge between two of them comes twice.
        """
        starts, edges = self._incidence
        chosen = np.asarray(entities, dtype=np.int64)
        first, counts = starts[chosen], starts[chosen + 1] - starts[chosen]
        # Places in `edges`: of each entity a run of numbers, all runs made at once.
        places = np.arange(counts.sum()) + np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        return np.repeat(chosen, counts), edges[places]


def as_graph(edges: Any) -> TripleGraph:
    """`edges` as a graph: itself, or read as `TripleGraph` reads it."""
    return edges if isinstance(edges, TripleGraph) else TripleGraph(edges)

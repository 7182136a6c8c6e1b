"""A knowledge graph in memory: edges, the entities that they join, and the edges at each entity."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.scorers import SCORERS

from .graph_units import GraphUnits
from .readers.read import read_edges
from .triple import as_label, identity_of, name_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from ctxprune.scorers import Scorer

    from .triple import Entity, Identity, Triple

__all__ = ["TripleGraph", "as_graph"]

_NEAR = 5  # labels that an error names
_MOST_COMPARED = 100_000  # labels among which near ones are looked for


class TripleGraph:
    """A directed multigraph whose edges have a relation. Cycles, self loops and duplicate edges are allowed.

    Args:
        edges: A text of triples; tuples (head, relation, tail) or (head, relation, tail, properties), or `Triple`s; a
            graph of networkx or rdflib; graph documents of LangChain; rows of Neo4j's driver. See `read_edges`.

    Attributes:
        triples: The edges in source order.
        labels: For each entity what it is called. Every head and tail is an entity, literals included.
        identities: For each entity its namespace ("label", "literal", "key" or "flag") and the label or key in it,
            which tell it from others of the same label.
        heads: For each edge the number of its head, int64 (n_edges,).
        tails: For each edge the number of its tail, int64 (n_edges,).
        alone: Numbers of entities that the source names apart from any edge; those of `headers` among them.
        text: The text that was given; None where none was.
        headers: Entities that have a line of their own in the text, in order.
        is_rdf: Whether the text has a statement of N-Triples or N-Quads.

    Raises:
        UsageError: `edges` is none of these; the message says which edge, where one is broken.
        InputError: A text cannot be read, or there are more than 2,000,000 edges.
    """

    def __init__(self, edges: Any) -> None:
        read = read_edges(edges)
        self.triples: tuple[Triple, ...] = tuple(read.triples)
        self.text = edges if isinstance(edges, str) else None
        self.is_rdf = read.is_rdf
        self.headers = tuple(one for one in read.alone if one.span is not None)
        numbers: dict[Identity, int] = {}
        labels: list[str] = []

        def number(identity: Identity, label: str) -> int:
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
        self.identities: tuple[Identity, ...] = tuple(numbers)
        self._numbers = numbers
        self._scorers: dict[str, Scorer] = {}

    def __len__(self) -> int:
        """How many edges there are."""
        return len(self.triples)

    def number_of(self, entity: Entity) -> int:
        """The number of an entity of the graph.

        Raises:
            KeyError: The graph has none with its key, or without a key none with its label.
        """
        return self._numbers[entity.identity]

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """Labels that several entities share, literals aside: a text says the same with either."""
        seen: set[str] = set()
        found: set[str] = set()
        for label, (namespace, _) in zip(self.labels, self.identities, strict=True):
            if namespace != "literal":
                (found if label in seen else seen).add(label)
        return frozenset(found)

    @cached_property
    def _by_label(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for entity, label in enumerate(self.labels):
            found.setdefault(label, []).append(entity)
        return found

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

    def find_entities(self, entity: Hashable, where: str) -> list[int]:
        """The numbers of all entities with exactly this label or key, rising. Numbers and other values have the label
        that they get as a part of an edge.

        Raises:
            UsageError: There is none; the error says `where` it was given, and names labels like it.
        """
        found = set(self._by_label.get(as_label(entity, where), ()))
        with suppress(TypeError):  # what has no hash is no key
            found.add(self._numbers.get(identity_of("", entity), -1))
        if not (found := found - {-1}):
            shown = as_label(entity, where)
            raise UsageError(f"no entity is {shown[:60]!r}", where=where, hint=self._describe_near(shown))
        return sorted(found)

    def find_all(self, entities: Iterable[Hashable], where: str) -> tuple[int, ...]:
        """As `find_entities`, of several.

        Raises:
            UsageError: There is none for one of them, or they are a text or no iterable.
        """
        if isinstance(entities, (str, bytes)) or not isinstance(entities, Iterable):
            raise UsageError(f"{where} is {str(entities)[:60]!r}", hint="give a list of labels or keys of entities")
        return tuple(sorted({number for entity in entities for number in self.find_entities(entity, where)}))

    def _describe_near(self, name: str) -> str:
        from rapidfuzz import process

        near = process.extract(name[:200], self.labels[:_MOST_COMPARED], limit=_NEAR, score_cutoff=60)
        if not near:
            return "give labels or keys of the graph's entities"
        return f"did you mean {', '.join(repr(str(label)[:60]) for label, *_ in near)}?"

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

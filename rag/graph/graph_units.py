"""The units of a graph: entities, and their edges below them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.context.base import Context, Unit

from .triple import Entity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .graph import TripleGraph

__all__ = ["GraphUnits"]


class GraphUnits(Context[tuple[int, ...]]):
    """The units of a graph, and what each of them is. Renders as the sorted numbers of the kept units.

    Attributes:
        units, names, details: As `Triples` has them.
        edges: For each unit the number of its edge; None for an entity.
        entities: By unit the number of its entity, for entities.
        edge_units: For each edge its unit.
        parents: Units of entities that have edges.
        targets: For each unit that of the entity at the edge's tail; -1 without one.
        kind: "graph".
    """

    kind: str = "graph"
    units: Sequence[Unit]
    names: Sequence[str]
    details: Sequence[str]
    targets: Sequence[int]

    def __init__(self, graph: TripleGraph) -> None:
        self._units: list[Unit] = []
        self._names: list[str] = []
        self._details: list[str] = []
        self.edges: list[int | None] = []
        self.entities: dict[int, int] = {}
        self.edge_units = [0] * len(graph)
        self._graph, self._heads = graph, graph.heads.tolist()
        # By entity and, in a text, the line that edges stand below: an entity may have several.
        self._parents: dict[tuple[int, tuple[int, int] | None], int] = {}
        for item in _in_order(graph):
            if isinstance(item, int):
                self._add_edge(item)
            else:
                self._entity_unit(graph.number_of(item), item.span)
        joined = {*self._heads, *graph.tails.tolist(), *(entity for entity in self.entities.values())}
        for entity in graph.alone:
            if entity not in joined:
                self._entity_unit(entity, None)
        # Tuples, so that what scorers derive from them is kept for the next question.
        self.units, self.names, self.details = tuple(self._units), tuple(self._names), tuple(self._details)
        self.parents = frozenset(unit.parent for unit in self.units if unit.parent is not None)
        firsts = {entity: unit for unit, entity in reversed(self.entities.items())}
        tails = graph.tails.tolist()
        self.targets = tuple(-1 if edge is None else firsts.get(tails[edge], -1) for edge in self.edges)
        del self._units, self._names, self._details, self._parents, self._heads, self._graph

    def render(self, kept: Collection[int]) -> tuple[int, ...]:
        """The numbers of the kept units, rising."""
        return tuple(sorted(set(kept)))

    def _add_edge(self, edge: int) -> None:
        triple = self._graph.triples[edge]
        header = triple.origin.span if self._graph.headers and isinstance(triple.origin, Entity) else None
        parent = self._entity_unit(self._heads[edge], header)
        said = [triple.head, triple.relation, triple.tail, *map(str, triple.properties.values())]
        self.edge_units[edge] = len(self._units)
        self._add(Unit(" ".join(said), parent, span=triple.span), triple.relation, triple.tail, edge)

    def _entity_unit(self, entity: int, header: tuple[int, int] | None) -> int:
        found = self._parents.setdefault((entity, header), len(self._units))
        if found == len(self._units):
            label = self._graph.labels[entity]
            self.entities[found] = entity
            self._add(Unit(label, span=header), label, "", None)
        return found

    def _add(self, unit: Unit, name: str, detail: str, edge: int | None) -> None:
        self._units.append(unit)
        self._names.append(name)
        self._details.append(detail)
        self.edges.append(edge)


def _in_order(graph: TripleGraph) -> Iterable[int | Entity]:
    """The numbers of the edges and, in a text, the entities with a line of their own, in source order."""
    if not graph.headers:
        return range(len(graph))
    places: list[tuple[int, int | Entity]] = [(one.span[0], one) for one in graph.headers if one.span is not None]
    places += [(one.span[0], edge) for edge, one in enumerate(graph.triples) if one.span is not None]
    return [item for _, item in sorted(places, key=lambda place: place[0])]

"""Edges of a knowledge graph as a context: an entity is the parent, its edges are what is kept or dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ctxprune.context.base import Context, Unit
from ctxprune.errors import InputError, UsageError
from ctxprune.utils.plain_data import as_plain
from ctxprune.utils.validation import Checked, check_choice, check_flag, checked_field, describe_type

from .graph import TripleGraph, as_graph
from .notation import BULLET, COLON, FIELD, write_data, write_label, write_relation
from .text_lines import write_properties

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .triple import Triple

__all__ = ["MOST_UNITS", "TripleOptions", "Triples"]

MOST_UNITS = 1_000_000  # edges; each takes about a kilobyte until it is pruned
_FORMS = ("auto", "edges", "entities", "source")


@dataclass(frozen=True, kw_only=True)
class TripleOptions(Checked):
    r"""How edges are written.

    Attributes:
        form: "entities" names each entity once and lists its edges below it, `Paris` and `- capital of: France`;
            "edges" writes each edge on a line of its own, `Paris | capital of | France`; "source" takes the lines of
            the text that was given. "auto" is "source" for a text, else "entities". It is "entities" also for a text
            with N-Triples, whose lines have IRIs in the place of labels, and with one of the options below, since lines
            of a source are never rewritten.
        provenance: Whether the identifier and the source of an edge are written behind it, as `{"@id": …}` and
            `{"@source": …}`. Properties always are.
        escape_marks: Whether marks of chat templates and invisible characters are escaped in labels, too. Line breaks
            and delimiters always are, but in the form "source".

    Raises:
        UsageError: A value is of the wrong kind, or the form is "source" with one of the other options.

    Examples:
        ```python
        from ctxprune import prune
        from ctxprune.rag import TripleOptions, Triples

        rows = [("Paris", "capital of", "France"), ("Rome", "capital of", "Italy")]
        edges = Triples(rows, TripleOptions(form="edges"))
        print(prune("Which city is the capital of Italy?", edges, budget=10).output)
        # Rome | capital of | Italy
        ```
    """

    form: str = checked_field("auto", check_choice, _FORMS)
    provenance: bool = checked_field(default=False, check=check_flag)
    escape_marks: bool = checked_field(default=False, check=check_flag)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form == "source" and self.rewrites:
            name = "escape_marks" if self.escape_marks else "provenance"
            hint = "give the form 'entities', 'edges' or 'auto'"
            raise UsageError(f"{name} is True and the form is 'source', which writes nothing anew", hint=hint)

    @property
    def rewrites(self) -> bool:
        """Whether lines of a source could not be taken as they are."""
        return self.provenance or self.escape_marks

    @staticmethod
    def check(options: Any) -> TripleOptions:
        """`options` themselves; the defaults for None.

        Raises:
            UsageError: They are of another type.
        """
        if options is not None and not isinstance(options, TripleOptions):
            raise UsageError(f"options are {describe_type(options)}", hint="give TripleOptions(...)")
        return TripleOptions() if options is None else options


@dataclass(frozen=True, eq=False)
class Triples(Context[str]):
    """The edges of a graph. Renders as a text, see `TripleOptions`.

    A unit is an edge, whose parent is the unit of its head; the tail needs no unit of its own to be read. Entities
    without any edge are units, too. An entity of which no edge is kept is only named where no edge at all is kept.
    Labels are the source's own text, quoted where they would be ambiguous (`ctxprune.rag.graph.notation`); an entity
    that shares its label with another one has its key behind it.

    Attributes:
        edges: Anything that `TripleGraph` reads, or a `TripleGraph`.
        options: How edges are written.
        graph: The edges, read.
        units: Entities, each before its first edge, and edges, in source order. The text of an edge is head, relation,
            tail and the values of its properties; spans are those of lines of a text.
        names: The relation of an edge, the label of an entity.
        details: The tail of an edge, "" of an entity.
        targets: Of an edge the unit of its tail; -1 of an entity, and where the tail has no unit.
        kind: "graph".

    Raises:
        UsageError: `edges` is no graph, or has an edge that cannot be read or written; `options` are none, or their
            form is "source" and no text was given.
        InputError: A text cannot be read, or there are more than 1,000,000 edges: prune their `neighbourhood` first.
    """

    edges: Any = field(repr=False)
    options: TripleOptions = field(default_factory=TripleOptions)
    graph: TripleGraph = field(init=False, repr=False)
    units: tuple[Unit, ...] = field(init=False, repr=False)
    names: tuple[str, ...] = field(init=False, repr=False)
    details: tuple[str, ...] = field(init=False, repr=False)
    targets: tuple[int, ...] = field(init=False, repr=False)
    kind: str = field(default="graph", init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", TripleOptions.check(self.options))
        graph = as_graph(self.edges)
        if len(graph) > MOST_UNITS:
            hint = "prune the graph to ctxprune.rag.neighbourhood(...) of the question's entities first"
            raise InputError(f"the graph has {len(graph):,} edges, over {MOST_UNITS:,}", hint=hint)
        if self.options.form == "source" and graph.text is None:
            raise UsageError("the form is 'source' and the graph is no text", hint="give 'entities' or 'edges'")
        for name in ("units", "names", "details", "targets"):
            object.__setattr__(self, name, getattr(graph.context, name))
        object.__setattr__(self, "graph", graph)

    @property
    def form(self) -> str:
        """The form that is written: "edges", "entities" or "source"."""
        if self.options.form != "auto":
            return self.options.form
        rewrites = self.options.rewrites or self.graph.is_rdf
        return "entities" if self.graph.text is None or rewrites else "source"

    def render(self, kept: Collection[int]) -> str:
        """The kept edges in the form of the options, "" for none; a text of which all is kept as it was."""
        chosen = sorted(set(kept))
        if self.form == "source" and self.graph.text is not None and len(chosen) == len(self.units):
            return self.graph.text
        edges: dict[int, list[int]] = {}
        for unit in chosen:
            parent = self.units[unit].parent
            group = edges.setdefault(unit if parent is None else parent, [])
            if parent is not None:
                group.append(unit)
        # By itself an entity says nothing. Where no edge is kept it is named, so that no choice renders as nothing.
        if any(edges.values()):
            edges = {one: group for one, group in edges.items() if group or not self._has_edges(one)}
        lines = self._entity_lines(edges) if self.form == "entities" else self._edge_lines(edges)
        return "".join(lines)

    def cost_texts(self) -> tuple[str, ...]:
        """The line of each unit; "" for an entity that the lines of its edges name."""
        return tuple("" if self._is_implied(unit) else line for unit, line in enumerate(self._lines))

    def omission_note(self, kept: Collection[int]) -> str:
        """How many edges were kept; "" for all."""
        count, whole = len(self.edge_numbers(kept)), len(self.graph)
        return "" if count == whole else f"kept {count:,} of {whole:,} edges"

    def edge_numbers(self, kept: Iterable[int]) -> list[int]:
        """The numbers of the edges among some units, rising; see `TripleGraph.triples`."""
        found = (self.graph.context.edges[unit] for unit in set(kept))
        return sorted(edge for edge in found if edge is not None)

    def kept_triples(self, kept: Iterable[int]) -> list[Triple]:
        """The edges among some units, with their provenance and the caller's own objects, in source order."""
        return [self.graph.triples[edge] for edge in self.edge_numbers(kept)]

    def unit_numbers(self, edges: Iterable[int]) -> list[int]:
        """The units of some edges and of their heads, rising; for an answer's evidence, for instance."""
        units = {self.graph.context.edge_units[edge] for edge in edges}
        return sorted(units | {parent for unit in units if (parent := self.units[unit].parent) is not None})

    def _entity_lines(self, edges: dict[int, list[int]]) -> list[str]:
        return [self._lines[unit] for entity in sorted(edges) for unit in (entity, *edges[entity])]

    def _edge_lines(self, edges: dict[int, list[int]]) -> list[str]:
        units = [unit for group in edges.values() for unit in group]
        named = [entity for entity in edges if not units or not self._is_implied(entity)]
        return [self._lines[unit] for unit in sorted(units + named)]

    def _has_edges(self, unit: int) -> bool:
        """Whether a unit is an entity that some edge leaves."""
        return unit in self.graph.context.parents

    def _is_implied(self, unit: int) -> bool:
        """Whether a unit is an entity without a line of its own."""
        if self.form == "entities" or not self._has_edges(unit):
            return False
        # A line that edges stand below in the text stays with them.
        return self.form == "edges" or self.units[unit].span is None

    @cached_property
    def _lines(self) -> tuple[str, ...]:
        return tuple(f"{self._line(unit)}\n" for unit in range(len(self.units)))

    def _line(self, unit: int) -> str:
        edge, span, text = self.graph.context.edges[unit], self.units[unit].span, self.graph.text
        if self.form == "source" and text is not None and span is not None:
            return text[span[0] : span[1]]
        escape = self.options.escape_marks
        if edge is None:
            return _append(
                self._entity(self.graph.context.entities[unit]), self._key_data(self.graph.context.entities[unit])
            )
        triple, head, tail = self.graph.triples[edge], int(self.graph.heads[edge]), int(self.graph.tails[edge])
        grouped = self.form == "entities"
        keys = (None if grouped else self._key(head), self._key(tail))
        data = write_data(write_properties(triple, keys, provenance=self.options.provenance), escape=escape)
        if grouped:
            relation = write_relation(triple.relation, escape=escape)
            return _append(f"{BULLET}{relation}{COLON}{self._entity(tail)}", data)
        labels = [self._entity(head), write_label(triple.relation, escape=escape), self._entity(tail)]
        return FIELD.join([*labels, data] if data else labels)

    def _entity(self, number: int) -> str:
        return write_label(self.graph.labels[number], escape=self.options.escape_marks)

    def _key(self, number: int) -> Any:
        """The identity of an entity, where its label does not say it."""
        namespace, value = self.graph.identities[number]
        has_key = namespace in ("key", "flag")
        return as_plain(value) if has_key and self.graph.labels[number] in self.graph.ambiguous else None

    def _key_data(self, number: int) -> str:
        key = self._key(number)
        return write_data({} if key is None else {"@head": key}, escape=self.options.escape_marks)


def _append(text: str, data: str) -> str:
    return f"{text} {data}" if data else text

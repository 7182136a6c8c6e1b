"""Answers to logical queries over a graph, with truth values and the edges that prove them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_range, check_whole

from .graph import as_graph
from .query import And, Atom, Exists, Formula, Not, Query, Var
from .query_text import parse_query
from .triples import TripleOptions, Triples
from .truth_table import TruthTable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from .graph import TripleGraph
    from .triple import Triple

__all__ = ["Answer", "Answers", "answer_query"]

ANY = "*"


@dataclass(frozen=True, slots=True)
class Answer:
    """An entity that makes the query true.

    Attributes:
        label: What it is called.
        entity: Its number in the graph.
        truth: Truth value, over 0 and up to 1.
        evidence: Numbers of the edges that make the query true for it, rising. What is negated has no edge to show.
    """

    label: str
    entity: int
    truth: float
    evidence: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a query gives.

    Attributes:
        graph: The graph.
        answers: The best first; equally true ones in the order of the graph.
    """

    graph: TripleGraph = field(repr=False)
    answers: tuple[Answer, ...]

    @property
    def edges(self) -> tuple[int, ...]:
        """Numbers of the edges that prove one of the answers, rising."""
        return tuple(sorted({edge for one in self.answers for edge in one.evidence}))

    @property
    def evidence(self) -> list[Triple]:
        """These edges, with their provenance."""
        return [self.graph.triples[edge] for edge in self.edges]

    def kept_units(self, triples: Triples) -> list[int]:
        """The units of the evidence in a context of the same graph, for `Triples.render` or a scorer of one's own.

        Raises:
            UsageError: The context is of another graph.
        """
        if triples.graph is not self.graph:
            raise UsageError("the context is of another graph", hint="give Triples(answers.graph)")
        return triples.unit_numbers(self.edges)

    def to_text(self, options: TripleOptions | None = None) -> str:
        """The evidence as text; "" for none."""
        triples = Triples(self.graph, TripleOptions() if options is None else options)
        return triples.render(self.kept_units(triples)) if self.edges else ""


def answer_query(
    graph: Any,
    query: Query | str,
    *,
    truths: Sequence[float] | None = None,
    domain: Iterable[Hashable] | None = None,
    least: float = 0.0,
    most: int | None = 100,
) -> Answers:
    """The entities that make a query true.

    An edge is as true as `truths` says, what no edge says is false. And is the product, or is a + b - ab, not is
    1 - a, and exists is the highest value over the domain; equal edges count once, the truest. All of it is exact:
    partial results are dropped only where, below no negation and no or, they cannot reach `least` any more.

    The domain of variables is bounded: the entities of the graph, literals included, or those of `domain`. A negation
    that no other formula bounds is true of nearly all of them, and costs as much.

    Args:
        graph: A `TripleGraph`, or anything that it reads.
        query: A `Query`, or its text (`parse_query`).
        truths: Truth of each edge, 0 to 1: confidences of an extraction, scores of a link predictor; None for 1.
        domain: Labels or identities of the entities that variables stand for; None for all.
        least: Truth from which an entity is an answer, 0 to 1; 0 for all over 0.
        most: Answers at most, from 1 up; None for all.

    Raises:
        UsageError: An argument is out of its range, an entity or relation is not in the graph, or a table would have
            more than 2,000,000 assignments.
        InputError: The text is no query, or the graph cannot be read.

    Source: Neural-Symbolic Message Passing with Dynamic Pruning (its symbolic part: fuzzy logic with the product over
    existential first-order queries).
    """
    check_range("least", least)
    check_whole("most", most, optional=True)
    read = as_graph(graph)
    asked = parse_query(query) if isinstance(query, str) else query
    if not isinstance(asked, Query):
        raise UsageError(f"the query is a {type(asked).__name__}", hint="give a Query or its text")
    evaluation = _Evaluation(read, _read_truths(truths, len(read)), _read_domain(domain, read))
    table = evaluation.evaluate(asked.formula, least)
    found = sorted(_truths_by_entity(table), key=lambda one: (-one[1], one[0]))
    chosen = [(entity, truth) for entity, truth in found if truth > 0 and truth >= least][:most]
    return Answers(
        read,
        tuple(
            Answer(read.labels[entity], entity, truth, evaluation.prove(asked.formula, {asked.answer.name: entity}))
            for entity, truth in chosen
        ),
    )


def _truths_by_entity(table: TruthTable) -> list[tuple[int, float]]:
    if table.default <= 0:
        return [(entity, truth) for (entity,), truth in table.values.items()]
    return [(entity, table.values.get((entity,), table.default)) for entity in table.domain]


def _read_truths(truths: Sequence[float] | None, size: int) -> list[float]:
    if truths is None:
        return [1.0] * size
    values = np.asarray(truths, dtype=np.float64)
    if values.shape != (size,) or not ((values >= 0) & (values <= 1)).all():
        raise UsageError(f"truths have shape {values.shape}", hint=f"give {size} numbers from 0 to 1, one an edge")
    found: list[float] = values.tolist()
    return found


def _read_domain(domain: Iterable[Hashable] | None, graph: TripleGraph) -> tuple[int, ...]:
    if domain is None:
        return tuple(range(len(graph.labels)))
    return tuple(sorted({number for entity in domain for number in _entities(entity, graph)}))


def _entities(entity: Hashable, graph: TripleGraph) -> list[int]:
    found = graph.find_entities(entity)
    if not found:
        raise UsageError(f"no entity is {str(entity)[:60]!r}", where="query", hint="name an entity of the graph")
    return found


class _Evaluation:
    """The tables of a formula and of its parts, from the inside out."""

    def __init__(self, graph: TripleGraph, truths: list[float], domain: tuple[int, ...]) -> None:
        self._graph, self._truths, self._domain = graph, truths, domain
        self._members = frozenset(domain)
        self._tables: dict[int, tuple[float, TruthTable]] = {}

    def evaluate(self, formula: Formula, least: float) -> TruthTable:
        """The table of a formula; what cannot reach `least` may be missing."""
        if isinstance(formula, Atom):
            table = self._read_atom(formula)
        elif isinstance(formula, Not):
            table = self.evaluate(formula.formula, 0.0).negate()
        elif isinstance(formula, Exists):
            table = self.evaluate(formula.formula, least).project(formula.variable.name)
            if not self._domain:  # nothing exists
                table = TruthTable(table.variables, {}, 0.0, ())
        elif isinstance(formula, And):
            table = self._join_all([self.evaluate(part, least) for part in formula.formulas], least)
        else:
            # By De Morgan: a + b - ab is 1 - (1 - a)(1 - b).
            parts = [self.evaluate(part, 0.0).negate() for part in formula.parts]
            table = self._join_all(parts, 0.0).negate()
        table = table.prune(least)
        # The same formula may stand in two places: the table from which less was dropped serves both.
        known = self._tables.get(id(formula))
        if known is None or known[0] >= least:
            self._tables[id(formula)] = least, table
        return table

    def prove(self, formula: Formula, assignment: dict[str, int]) -> tuple[int, ...]:
        """The edges that make a formula true, rising."""
        return tuple(sorted(self._prove(formula, assignment)))

    def _prove(self, formula: Formula, assignment: dict[str, int]) -> set[int]:
        table = self._tables[id(formula)][1]
        if isinstance(formula, Not) or table.value(assignment) <= 0:
            return set()
        if isinstance(formula, Atom):
            return self._best_edge(formula, assignment)
        if isinstance(formula, Exists):
            witness = table.witnesses.get(tuple(assignment[name] for name in table.variables))
            name = formula.variable.name
            # Without one the formula is true of entities that no edge speaks of, or has no such variable.
            if witness is None and name in self._tables[id(formula.formula)][1].variables:
                return set()
            inner = assignment if witness is None else assignment | {name: witness}
            return self._prove(formula.formula, inner)
        return {edge for part in formula.parts for edge in self._prove(part, assignment)}

    def _join_all(self, tables: list[TruthTable], least: float) -> TruthTable:
        """The product of all. Sparse tables come first, and such as share variables with what there is."""
        left = sorted(tables, key=lambda table: (table.default != 0, len(table.values)))
        joined = left.pop(0)
        while left:
            known = set(joined.variables)
            at = min(
                range(len(left)),
                key=lambda place: (
                    left[place].default != 0,
                    known.isdisjoint(left[place].variables),
                    len(left[place].values),
                ),
            )
            joined = joined.join(left.pop(at)).prune(least)
        return joined

    def _read_atom(self, atom: Atom) -> TruthTable:
        ends = [end.name if isinstance(end, Var) else None for end in (atom.head, atom.tail)]
        names = tuple(dict.fromkeys(name for name in ends if name is not None))
        values: dict[tuple[int, ...], float] = {}
        for edge, head, tail in self._matching(atom):
            key = tuple(dict.fromkeys(at for at, name in ((head, ends[0]), (tail, ends[1])) if name is not None))
            if len(names) == 2:
                key = (head, tail)
            values[key] = max(values.get(key, 0.0), self._truths[edge])
        return TruthTable(names, values, 0.0, self._domain)

    def _matching(self, atom: Atom) -> list[tuple[int, int, int]]:
        """Edge, head and tail of the edges that an atom may mean."""
        graph = self._graph
        edges: Iterable[int] = range(len(graph)) if atom.relation == ANY else graph.edges_of(atom.relation)
        wanted = [None if isinstance(end, Var) else set(_entities(end, graph)) for end in (atom.head, atom.tail)]
        same = isinstance(atom.head, Var) and atom.head == atom.tail
        found = []
        for edge in edges:
            head, tail = graph.ends[edge]
            fits = all(
                one in self._members if allowed is None else one in allowed
                for one, allowed in zip((head, tail), wanted, strict=True)
            )
            if fits and (head == tail or not same):
                found.append((edge, head, tail))
        return found

    def _best_edge(self, atom: Atom, assignment: dict[str, int]) -> set[int]:
        wanted = [assignment[end.name] if isinstance(end, Var) else None for end in (atom.head, atom.tail)]
        fitting = [
            (self._truths[edge], -edge)
            for edge, *ends in self._matching(atom)
            if all(entity in (None, end) for entity, end in zip(wanted, ends, strict=True))
        ]
        return {-max(fitting)[1]} if fitting else set()

"""Answers to logical queries over a graph, with truth values and the edges that prove them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_range, check_whole, describe_type

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
        total: How many entities make the query true: more than there are answers where `most` was less.
    """

    graph: TripleGraph = field(repr=False)
    answers: tuple[Answer, ...]
    total: int

    @property
    def note(self) -> str:
        """That there are more answers than are given, in words for people and models; "" where these are all."""
        given = len(self.answers)
        return (
            "" if given == self.total else f"{given:,} of {self.total:,} answers; {self.total - given:,} more are true"
        )

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
        query: A `Query`, or its text (`parse_query`). Its constants are exactly the labels or keys of entities: what
            differs in case, endings or signs ("C" and "C++") is another entity. All entities of a label are meant.
        truths: Truth of each edge, 0 to 1: confidences of an extraction, scores of a link predictor; None for 1.
        domain: Labels or keys of the entities that variables stand for; None for all.
        least: Truth from which an entity is an answer, 0 to 1; 0 for all over 0.
        most: Answers at most, from 1 up; None for all. `Answers.total` says how many there are.

    Raises:
        UsageError: An argument is out of its range, an entity is not in the graph, or a table would have more than
            2,000,000 assignments.
        UnknownNameError: A relation is not in the graph.
        InputError: The text is no query, or the graph cannot be read.

    Source: Neural-Symbolic Message Passing with Dynamic Pruning (its symbolic part: fuzzy logic with the product over
    existential first-order queries).
    """
    check_range("least", least)
    check_whole("most", most, optional=True)
    read = as_graph(graph)
    parsed = parse_query(query) if isinstance(query, str) else query
    if not isinstance(parsed, Query):
        raise UsageError(f"the query is {describe_type(parsed)}", hint="give a Query or its text")
    evaluation = _Evaluation(read, _read_truths(truths, len(read)), _read_domain(domain, read))
    table = evaluation.evaluate(parsed.formula, least)
    found = sorted(_truths_by_entity(table), key=lambda one: (-one[1], one[0]))
    true = [(entity, truth) for entity, truth in found if truth > 0 and truth >= least]
    return Answers(
        read,
        tuple(
            Answer(read.labels[entity], entity, truth, evaluation.prove(parsed.formula, {parsed.answer.name: entity}))
            for entity, truth in true[:most]
        ),
        total=len(true),
    )


def _truths_by_entity(table: TruthTable) -> list[tuple[int, float]]:
    if table.default <= 0:
        return [(entity, truth) for (entity,), truth in table.values.items()]
    return [(entity, table.values.get((entity,), table.default)) for entity in table.domain]


def _read_truths(truths: Sequence[float] | None, size: int) -> list[float]:
    if truths is None:
        return [1.0] * size
    hint = f"give {size} numbers from 0 to 1, one an edge"
    try:
        values = np.asarray(truths, dtype=np.float64)
    except (TypeError, ValueError) as error:  # texts, lists of several lengths
        raise UsageError(f"truths are no numbers ({error})", hint=hint) from error
    if values.shape != (size,) or not ((values >= 0) & (values <= 1)).all():
        raise UsageError(f"truths have shape {values.shape} or are out of range", hint=hint)
    found: list[float] = values.tolist()
    return found


def _read_domain(domain: Iterable[Hashable] | None, graph: TripleGraph) -> tuple[int, ...]:
    if domain is None:
        return tuple(range(len(graph.labels)))
    return graph.find_all(domain, "domain")


class _Evaluation:
    """The tables of a formula and of its parts, from the inside out."""

    def __init__(self, graph: TripleGraph, truths: list[float], domain: tuple[int, ...]) -> None:
        self._graph, self._truths, self._domain = graph, truths, domain
        self._members = frozenset(domain)
        self._tables: dict[int, tuple[float, TruthTable]] = {}
        # By atom and assignment the truest edge, so that a proof is a look-up and no second walk over the edges.
        self._best_edges: dict[int, dict[tuple[int, ...], int]] = {}

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
            # Not as 1 - (1 - a)(1 - b), which rounds small truths away.
            parts = [self.evaluate(part, 0.0) for part in formula.parts]
            table = self._join_all(parts, 0.0, either=True)
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
            return {self._best_edges[id(formula)][tuple(assignment[name] for name in table.variables)]}
        if isinstance(formula, Exists):
            witness = table.witnesses.get(tuple(assignment[name] for name in table.variables))
            name = formula.variable.name
            # Without one the formula is true of entities that no edge speaks of, or has no such variable.
            if witness is None and name in self._tables[id(formula.formula)][1].variables:
                return set()
            inner = assignment if witness is None else assignment | {name: witness}
            return self._prove(formula.formula, inner)
        return {edge for part in formula.parts for edge in self._prove(part, assignment)}

    def _join_all(self, tables: list[TruthTable], least: float, *, either: bool = False) -> TruthTable:
        """The product of all, or a + b - ab. Sparse tables come first, and those that share variables with them."""
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
            joined = joined.join(left.pop(at), either=either).prune(least)
        return joined

    def _read_atom(self, atom: Atom) -> TruthTable:
        ends = [end.name if isinstance(end, Var) else None for end in (atom.head, atom.tail)]
        names = tuple(dict.fromkeys(name for name in ends if name is not None))
        # Of one variable in both places only loops match, and either end is its entity.
        places = [ends.index(name) for name in names]
        best: dict[tuple[int, ...], int] = {}
        for edge, *entities in self._matching(atom):
            key = tuple(entities[place] for place in places)
            known = best.get(key)
            if known is None or self._truths[edge] > self._truths[known]:  # of equal ones the first
                best[key] = edge
        self._best_edges[id(atom)] = best
        return TruthTable(names, {key: self._truths[edge] for key, edge in best.items()}, 0.0, self._domain)

    def _matching(self, atom: Atom) -> list[tuple[int, int, int]]:
        """Edge, head and tail of the edges that an atom may mean."""
        graph = self._graph
        edges: Iterable[int] = range(len(graph)) if atom.relation == ANY else graph.edges_of(atom.relation)
        wanted = [
            None if isinstance(end, Var) else set(graph.find_entities(end, "query")) for end in (atom.head, atom.tail)
        ]
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

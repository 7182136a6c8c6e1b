"""The part of a graph around the entities of a question, pruned at each hop by how well paths match the question."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.scorers.base import as_scorer
from ctxprune.utils.validation import Checked, check_range, check_whole, checked_field, describe_type

from .graph import as_graph
from .seeds import link_entities
from .triple import Entity
from .triples import TripleOptions, Triples

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from .graph import TripleGraph
    from .triple import Triple

__all__ = ["Neighbourhood", "NeighbourhoodOptions", "neighbourhood"]


@dataclass(frozen=True, kw_only=True)
class NeighbourhoodOptions(Checked):
    """What is kept of the edges that are reached.

    Attributes:
        most_edges: Edges that are kept, those of the highest path scores; None for all. From 1 up.
        threshold: Path score below which an edge is left out, 0 to 1.
        floor: Weight of an edge that the question has no word of, 0 to 1: how much a path loses by such an edge. With 0
            paths consist of edges that the question speaks of.
        scorer: Scores the edges, or the registered name of a scorer; its scores are cut to 0 to 1.

    Raises:
        UsageError: A value is out of its range.
    """

    most_edges: int | None = checked_field(1000, check_whole, optional=True)
    threshold: float = checked_field(0.0, check_range)
    floor: float = checked_field(0.1, check_range)
    scorer: Any = "lexical.v1"


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Edges around the entities of a question.

    Attributes:
        graph: The whole graph.
        seeds: Numbers of the entities that the search started from, rising; () where the question names none.
        edges: Numbers of the kept edges, rising, int64 (n,).
        scores: For each of them the best product of the weights along a path from a seed to it, itself included,
            float64 (n,), 0 to 1.
    """

    graph: TripleGraph
    seeds: tuple[int, ...]
    edges: NDArray[np.int64] = field(repr=False)
    scores: NDArray[np.float64] = field(repr=False)

    @property
    def triples(self) -> list[Triple]:
        """The kept edges in source order."""
        return [self.graph.triples[edge] for edge in self.edges.tolist()]

    @property
    def seed_labels(self) -> list[str]:
        """What the entities are called that the search started from."""
        return [self.graph.labels[seed] for seed in self.seeds]

    def context(self, options: TripleOptions | None = None) -> Triples:
        """The kept edges as a context, which can be pruned to a budget. It is of no text: its units have no spans.

        Raises:
            UsageError: The options are no `TripleOptions`, or their form is "source".
        """
        # Without what refers to the lines of the text: the context is written anew.
        edges = [replace(one, span=None, origin=_without_header(one.origin)) for one in self.triples]
        return Triples(edges, TripleOptions.check(options))


def _without_header(origin: Any) -> Any:
    return None if isinstance(origin, Entity) else origin


def neighbourhood(
    graph: Any,
    question: str,
    *,
    seeds: Iterable[Hashable] | None = None,
    hops: int = 2,
    per_hop: int | None = 1000,
    options: NeighbourhoodOptions | None = None,
) -> Neighbourhood:
    """The edges around the entities of a question that match it best.

    Each edge has a weight, `floor` + (1 - `floor`) * its score. A path is worth the product of its weights, an entity
    its best path, an edge the better of its ends times its own weight. Edges are followed in either direction. At each
    hop only the `per_hop` best of the entities that were reached or improved at the last one are followed. Entities
    that can reach neither the threshold nor one of the `most_edges` best any more are not followed either, which
    changes nothing: no path gets better by getting longer.

    Args:
        graph: A `TripleGraph`, which is read once for many questions, or anything that it reads.
        question: Scores the edges, and names the entities where `seeds` is None.
        seeds: Exact labels or keys of entities; all entities of a label are meant. None for those that the question
            names, up to case and endings of words. Without any the result is empty.
        hops: Edges of a path, from 1 up.
        per_hop: Entities that are followed at each hop, from 1 up; None for all.
        options: What is kept.

    Raises:
        UsageError: An argument is out of its range, or a seed is no entity of the graph.
        UnknownNameError: No scorer has the name in the options.
        InputError: The graph cannot be read, or is too large.

    Sources: Biomedical knowledge graph-optimized prompt generation for large language models (context of the question's
    entities, pruned by similarity); Neural-Symbolic Message Passing with Dynamic Pruning (products along paths, states
    that cannot win are dropped).
    """
    check_whole("hops", hops)
    check_whole("per_hop", per_hop, optional=True)
    if not isinstance(question, str) or not question.strip():
        raise UsageError(f"the question is {question!r}", hint="give a text that asks something")
    options = NeighbourhoodOptions() if options is None else options
    if not isinstance(options, NeighbourhoodOptions):
        raise UsageError(f"options are {describe_type(options)}", hint="give NeighbourhoodOptions(...)")
    read = as_graph(graph)
    scorer = read.scorer_named(options.scorer) if isinstance(options.scorer, str) else options.scorer
    starts = link_entities(question, read) if seeds is None else read.find_all(seeds, "seeds")
    if not starts or not len(read):
        return Neighbourhood(read, starts, np.zeros(0, dtype=np.int64), np.zeros(0))
    context = read.context
    scores = as_scores(as_scorer(scorer).score(question, context), len(context.units), source="scorer")
    relevance = np.clip(scores[context.edge_units].astype(np.float64), 0, 1)
    weights = options.floor + (1 - options.floor) * relevance
    edges, found = spread_scores(read, weights, starts, (hops, per_hop), options)
    return Neighbourhood(read, starts, edges, found)


def spread_scores(
    graph: TripleGraph,
    weights: NDArray[np.float64],
    seeds: Sequence[int],
    reach: tuple[int, int | None],
    options: NeighbourhoodOptions,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The kept edges, rising, and their path scores; see `neighbourhood`.

    Args:
        graph: The graph.
        weights: Of the edges, float64 (n_edges,), 0 to 1.
        seeds: Numbers of entities.
        reach: Hops, and entities that are followed at each.
        options: How many edges are kept, and from which score on.
    """
    hops, per_hop = reach
    states = np.zeros(len(graph.labels))
    found = np.full(len(graph), -1.0)
    frontier = np.unique(np.asarray(seeds, dtype=np.int64))
    states[frontier] = 1.0
    for _ in range(hops):
        # Nothing that follows a state is worth more than it: below the bound it can change no result any more.
        frontier = frontier[states[frontier] >= _find_bound(found, options)]
        if per_hop is not None and len(frontier) > per_hop:
            frontier = np.sort(frontier[np.argsort(-states[frontier], kind="stable")[:per_hop]])
        if not len(frontier):
            break
        owners, edges = graph.edges_at(frontier)
        values = states[owners] * weights[edges]
        np.maximum.at(found, edges, values)
        others = graph.heads[edges] + graph.tails[edges] - owners
        before = states[others]
        np.maximum.at(states, others, values)
        frontier = np.unique(others[states[others] > before])
    order = np.argsort(-found, kind="stable")[: options.most_edges]
    kept = np.sort(order[(found[order] >= options.threshold) & (found[order] >= 0)])
    return kept, found[kept]


def _find_bound(found: NDArray[np.float64], options: NeighbourhoodOptions) -> float:
    """The least score that may still matter: the threshold, or that of the worst of the best edges so far."""
    most = options.most_edges
    reached = found[found >= 0]
    if most is None or len(reached) < most:
        return options.threshold
    return max(options.threshold, float(np.partition(reached, len(reached) - most)[len(reached) - most]))

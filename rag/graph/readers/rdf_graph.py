"""Graphs of rdflib: terms get their rdfs:label, else the end of their IRI; literals keep their language."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ctxprune.utils.foreign import foreign_attribute, foreign_method

from ..iri_names import RDFS_LABEL, best_label, local_name
from ..triple import Entity, Triple

if TYPE_CHECKING:
    from .read import Edges

__all__ = ["read_rdf"]


def read_rdf(graph: Any) -> Edges:
    """The statements of a graph, sorted by their terms, since a store gives them in no order.

    A term is called what an rdfs:label says, English before others; else the end of its IRI. The statement of that
    label is no edge, since the name says it. Literals of one text are one entity; the language is a property of the
    edge. Of a dataset the named graph is the source of the edge.

    Args:
        graph: An `rdflib.Graph` or a subclass.
    """
    from .read import Edges

    quads = sorted(_statements(graph), key=lambda quad: tuple(map(_sort_key, quad)))
    labels: defaultdict[Any, dict[str, str]] = defaultdict(dict)
    for head, relation, tail, _ in quads:
        if str(relation) == RDFS_LABEL and not _is_node(tail) and str.__str__(tail).strip():
            labels[head].setdefault(tail.language or "", str(tail))

    def name(term: Any) -> str:
        if not _is_node(term):
            return str.__str__(term)
        if term in labels:
            return best_label(labels[term])
        return local_name(str(term)) if _is_iri(term) else f"_:{term}"

    edges, relations = Edges(), {quad[1] for quad in quads}
    for head, relation, tail, context in quads:
        if str(relation) == RDFS_LABEL and not _is_node(tail) and str.__str__(tail) == name(head):
            if head not in relations:  # that is named by its edges
                edges.alone.append(Entity(name(head), _key(head)))
            continue
        language = None if _is_node(tail) else tail.language
        edges.triples.append(
            Triple(
                name(head),
                name(relation),
                name(tail),
                {"language": language} if language else {},
                source=context,
                head_key=_key(head),
                tail_key=_key(tail) if _is_node(tail) else None,
                origin=(head, relation, tail),
                literal=not _is_node(tail),
            )
        )
    return edges


def _statements(graph: Any) -> list[tuple[Any, Any, Any, str | None]]:
    if foreign_method(graph, "quads") is None:  # not every store holds several graphs
        return [(*statement, None) for statement in graph]
    # Its older name warns in the classes that have the newer one.
    named = "default_graph" if hasattr(type(graph), "default_graph") else "default_context"
    default = str(foreign_attribute(foreign_attribute(graph, named), "identifier"))
    found = []
    for head, relation, tail, context in graph.quads((None, None, None, None)):
        source = default if context is None else str(foreign_attribute(context, "identifier", default=context))
        found.append((head, relation, tail, None if source == default else source))
    return found


def _key(term: Any) -> str | tuple[str, str, str]:
    """A term's identity. Not rdflib's notation, which it refuses to write for IRIs with blanks in them."""
    if _is_node(term):
        return f"<{term}>" if _is_iri(term) else f"_:{term}"
    return str.__str__(term), str(term.language or ""), str(term.datatype or "")


def _sort_key(term: Any) -> str:
    return str(_key(term)) if hasattr(term, "n3") else term or ""


def _is_node(term: Any) -> bool:
    """Whether a term is an IRI or a blank node; literals are not."""
    return not hasattr(term, "datatype")


def _is_iri(term: Any) -> bool:
    return hasattr(term, "defrag")

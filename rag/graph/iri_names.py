"""Statements of N-Triples and N-Quads, and short names for their IRIs."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .triple import Entity, Triple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RDFS_LABEL", "IriNames", "best_label", "local_name", "read_statement"]

RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_IRI = r"<[^<>\s]*>"
_NODE = rf"{_IRI}|_:[\w:-]+(?:\.+[\w:-]+)*"
_LITERAL = r'"(?:[^"\\]|\\.)*"(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*(?:--(?:ltr|rtl))?|\^\^<[^<>\s]*>)?'
# Each term is an atomic group, since terms may follow each other without a blank: of "_:_:_:_:" there are many ways to
# make two terms, and all of them would be tried, at quadratic cost.
_STATEMENT = re.compile(
    rf"((?>{_NODE}))\s*+((?>{_IRI}))\s*+((?>{_NODE}|{_LITERAL}))\s*+((?>{_NODE}))?+\s*+\.\s*+(?:#.*)?"
)
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([\w-]+)|\^\^<(.*)>)?')
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
_LETTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


def local_name(iri: str) -> str:
    """The end of an IRI, behind its last "#", "/" or ":"; the IRI where nothing stands there."""
    return re.split(r"[#/:]", iri.rstrip("#/:"))[-1] or iri


def best_label(labels: Mapping[str, str]) -> str:
    """Of the labels of one term, by language ("" without one), the English one, else one without, else the first."""
    return labels[min(labels, key=lambda language: (not language.lower().startswith("en"), language))]


def read_statement(line: str) -> tuple[str, str, str, str | None] | None:
    """Subject, predicate, object and graph (None without one) as they are written; None for any other line."""
    match = _STATEMENT.fullmatch(line)
    return None if match is None else (match[1], match[2], match[3], match[4])


@dataclass
class IriNames:
    """Collects the statements of a text; names for terms are known when all were read.

    Attributes:
        labels: By term, by language, what an rdfs:label says.
    """

    labels: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, statement: tuple[str, str, str, str | None], span: tuple[int, int]) -> Triple:
        """The edge of a statement, with terms in the place of names."""
        head, relation, tail, graph = statement
        properties = {}
        tail_key: str | None = tail
        if (value := _VALUE.fullmatch(tail)) is not None:
            tail, language = _unescape(value[1]), value[2] or ""
            tail_key = None  # literals of one text are one entity
            if language:
                properties["language"] = language
            if relation == f"<{RDFS_LABEL}>" and tail.strip():  # a blank label names nothing
                self.labels[head].setdefault(language, tail)
        source = None if graph is None else graph.strip("<>")
        literal = tail_key is None
        return Triple(head, relation, tail, properties, None, source, head, tail_key, statement, span, literal)

    def rename(self, triples: list[Triple], alone: list[Entity]) -> list[Triple]:
        """The edges with names for terms; edges of other forms are unchanged.

        The statement of the label that became a name is no edge, since the name says it. Its term is added to `alone`,
        unless it is the name of a relation.
        """
        relations = {one.relation for one in triples if isinstance(one.origin, tuple)}
        found = []
        for one in triples:
            if not isinstance(one.origin, tuple):
                found.append(one)
                continue
            name = self._name(one.head)
            if one.relation == f"<{RDFS_LABEL}>" and one.literal and one.tail == name:
                if one.head not in relations:
                    alone.append(Entity(name, one.head))
                continue
            tail = one.tail if one.literal else self._name(one.tail)
            found.append(replace(one, head=name, relation=self._name(one.relation), tail=tail))
        return found

    def _name(self, term: str) -> str:
        if term in self.labels:
            return best_label(self.labels[term])
        return local_name(_unescape(term[1:-1])) if term.startswith("<") else term


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    code = int(match[1] or match[2] or "0", 16)
    if match[3] is not None:
        return _LETTERS.get(match[3], match[3])
    return chr(code) if code < 0x110000 else "\ufffd"

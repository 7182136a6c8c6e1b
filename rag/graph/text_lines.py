"""Triples in a text, an edge a line: as this library writes them, separated by tabs, or N-Triples."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

from .iri_names import IriNames, read_statement
from .notation import BULLET, COLON, FIELD
from .triple import Entity, Triple

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = ["read_text", "write_properties"]

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\n|\r|\Z)")
_DECODER = json.JSONDecoder(strict=False)
_RESERVED = ("@head", "@tail", "@id", "@source")  # where properties say which entities they are, and where from
_SHOWN = 60  # characters of a line in an error


# Lines of Turtle and SPARQL, which would pass for names of entities.
_DIRECTIVE = re.compile(r"@(?:prefix|base)\b", re.IGNORECASE)
_TURTLE = re.compile(r"@|(?:prefix|base)\s++[^\s<]*+\s*+<|.*\s[.;,]$", re.IGNORECASE | re.DOTALL)


def read_text(text: str) -> tuple[list[Triple], list[Entity], bool]:
    r"""The edges of a text, the entities that have a line of their own, and whether the text has N-Triples.

    A line is one of these; blank ones and comments, which begin with "#", count for nothing:

    - `head | relation | tail`, or `head | relation | tail | {"since": 2010}`;
    - the same with tabs in place of " | ", where each label is taken as it is;
    - an entity, and below it lines such as `- relation: tail` or `- relation: tail {"since": 2010}`;
    - a statement of N-Triples or N-Quads. Terms get the name that an rdfs:label in the text says, else the end of
      their IRI; the statement of that label is no edge then.

    Labels of the first and third form may be JSON strings; see `ctxprune.rag.graph.notation`. One that begins with "<"
    or "_:" has to be where it begins a line that ends in one of ".;,", and where it is the name of an entity, as one
    that begins with "@" has to be there.

    Raises:
        InputError: A line is none of these, or no line holds an edge; the error says which. Turtle is not read.
    """
    reader, number = _Reader(), 0
    for number, match in enumerate(_LINE.finditer(text), start=1):
        line = match.group(1)
        if number == 1:
            line = line.removeprefix("\ufeff")
        if stripped := line.strip():
            start = match.start() + match.group(1).index(stripped[0])
            reader.read(line.strip("\r\n"), stripped, (start, start + len(stripped)), f"line {number}")
    if reader.has_lines and not reader.triples:
        hint = "give a line such as 'Paris | capital of | France', the same with tabs, or N-Triples"
        raise InputError("no line of the text holds a triple", hint=hint)
    alone = reader.alone
    triples = reader.names.rename(reader.triples, alone)
    return triples, alone, reader.is_rdf


def write_properties(triple: Triple, keys: tuple[Hashable, Hashable], *, provenance: bool) -> dict[str, Any]:
    """What stands in braces behind an edge: its properties and, under reserved names, who it is about and whence.

    Args:
        triple: The edge.
        keys: Identities of head and tail where the text has to say them, else None.
        provenance: Whether to say identifier and source.
    """
    values = (*keys, *((triple.id, triple.source) if provenance else (None, None)))
    found = {name: value for name, value in zip(_RESERVED, values, strict=True) if value is not None}
    # A property that begins with "@" gets a second one, so that none can pass for a reserved name.
    return found | {
        f"@{name}" if str(name).startswith("@") else str(name): one for name, one in triple.properties.items()
    }


@dataclass
class _Reader:
    triples: list[Triple] = field(default_factory=list)
    alone: list[Entity] = field(default_factory=list)
    names: IriNames = field(default_factory=IriNames)
    head: Entity | None = None
    is_rdf: bool = False
    has_lines: bool = False

    def read(self, line: str, stripped: str, span: tuple[int, int], where: str) -> None:
        """One line that is not blank."""
        if stripped.startswith("#"):
            self._skip_comment(stripped, where)
            return
        self.has_lines = True
        _refuse_turtle(stripped, _DIRECTIVE, where)
        if stripped.startswith(("<", "_:")) and self._read_statement(stripped, span, where):
            return
        if stripped.startswith(BULLET) or stripped == BULLET.strip():
            self.triples.append(_read_bullet(stripped, self.head, span, where))
        elif "\t" in stripped:
            self.triples.append(_read_tabs(line, span, where))
        elif _has_fields(stripped, where):
            self.triples.append(_read_fields(stripped, span, where))
        else:
            self.head = _read_header(stripped, span, where)
            self.alone.append(self.head)

    def _skip_comment(self, line: str, where: str) -> None:
        # "#5 | type | bug" may be meant as an edge: to skip it would lose it without a word.
        if not line[1:2].isspace() and (line.count("\t") > 1 or line.count(FIELD) > 1):
            hint = 'write a label that begins with "#" as a JSON string, a comment with a blank behind its "#"'
            raise InputError(f"a comment or an edge: {line[:_SHOWN]!r}", where=where, hint=hint)
        if not line[1:2].isspace():
            self.head = None  # or edges below an entity "#x" would become those of the entity before

    def _read_statement(self, line: str, span: tuple[int, int], where: str) -> bool:
        """Add a statement of RDF; False for labels between tabs or bars, without a mark of RDF at their end."""
        if (statement := read_statement(line)) is not None:
            self.triples.append(self.names.add(statement, span))
            self.is_rdf = True
            return True
        if ("\t" in line or FIELD in line) and line[-1] not in ".;,":
            return False
        hint = 'convert Turtle to N-Triples; write a label that begins with "<" or "_:" as a JSON string'
        raise InputError(f"not a statement of N-Triples: {line[:_SHOWN]!r}", where=where, hint=hint)


def _refuse_turtle(line: str, pattern: re.Pattern[str], where: str) -> None:
    if pattern.match(line):
        hint = "convert Turtle to N-Triples; write the name of an entity as a JSON string"
        raise InputError(f"not a triple and not an entity: {line[:_SHOWN]!r}", where=where, hint=hint)


def _read_header(line: str, span: tuple[int, int], where: str) -> Entity:
    _refuse_turtle(line, _TURTLE, where)
    label, end = _take_label(line, 0, " {", where)
    data = _read_data(line[end:].strip(), where)
    if others := sorted(data.keys() - {"@head"}):
        hint = f"write an edge below it: '- {others[0][:_SHOWN]}: …'"
        raise InputError(f"an entity has properties: {line[:_SHOWN]!r}", where=where, hint=hint)
    return Entity(label, _as_key(data.get("@head")), span)


def _has_fields(line: str, where: str) -> bool:
    """Whether a line is an edge by itself: another label follows the first one."""
    if line.startswith('"'):
        return line.startswith(FIELD, _take_label(line, 0, FIELD, where)[1])
    # The key behind an entity's name may hold a delimiter.
    before, brace, data = line.partition(" {")
    return FIELD in line and (not brace or FIELD in before or not data.endswith("}") or not _is_object("{" + data))


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _read_bullet(line: str, head: Entity | None, span: tuple[int, int], where: str) -> Triple:
    if head is None:
        raise InputError("an edge stands below no entity", where=where, hint="put the name of its head above it")
    if "\t" in line:  # "- 5<tab>is<tab>x: y" would be an edge of either form
        hint = "write labels that have a tab or begin with '- ' as JSON strings"
        raise InputError(f"a tab in an edge below an entity: {line[:_SHOWN]!r}", where=where, hint=hint)
    relation, end = _take_label(line, len(BULLET), COLON, where)
    if not line.startswith(COLON, end):
        raise InputError(f"an edge has no tail: {line[:_SHOWN]!r}", where=where, hint="write '- relation: tail'")
    tail, end = _take_label(line, end + len(COLON), " {", where)
    data = {"@head": head.key} | _read_data(line[end:].strip(), where)
    return replace(_build(head.label, relation, tail, data, span), origin=head)


def _read_fields(line: str, span: tuple[int, int], where: str) -> Triple:
    labels, place = [], 0
    for _ in range(3):
        label, end = _take_label(line, place, FIELD, where)
        labels.append(label)
        place = end + len(FIELD)
        if len(labels) < 3 and not line.startswith(FIELD, end):
            hint = "write head | relation | tail"
            raise InputError(f"{len(labels)} labels instead of three: {line[:_SHOWN]!r}", where=where, hint=hint)
    if end < len(line) and not line.startswith(FIELD, end):
        raise InputError(f"text behind a quoted label: {line[:_SHOWN]!r}", where=where)
    head, relation, tail = labels
    return _build(head, relation, tail, _read_data(line[place:].strip(), where), span)


def _read_tabs(line: str, span: tuple[int, int], where: str) -> Triple:
    labels = line.split("\t", 3)
    if len(labels) < 3 or not all(label.strip() for label in labels[:3]):
        hint = "write head, relation and tail with tabs between them"
        raise InputError(f"not three labels: {line[:_SHOWN]!r}", where=where, hint=hint)
    data = _read_data(labels[3].strip(), where) if len(labels) > 3 else {}
    return _build(labels[0].strip(), labels[1].strip(), labels[2].strip(), data, span)


def _take_label(line: str, start: int, border: str, where: str) -> tuple[str, int]:
    """The label at `start`, and where it ends: before `border`, or at the end of the line."""
    if line.startswith('"', start):
        try:
            label, end = _DECODER.raw_decode(line, start)
        except ValueError as error:
            raise InputError(f"a quoted label is no JSON string: {line[:_SHOWN]!r}", where=where) from error
        return str(label), end
    end = line.find(border, start)
    end = len(line) if end < 0 else end
    return line[start:end].strip(), end


def _read_data(text: str, where: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"properties are no JSON: {text[:_SHOWN]!r}", where=where) from error
    if not isinstance(data, dict):
        raise InputError(f"properties are no JSON object: {text[:_SHOWN]!r}", where=where)
    return data


def _build(head: str, relation: str, tail: str, data: Mapping[str, Any], span: tuple[int, int]) -> Triple:
    source = data.get("@source")
    properties = {name[name.startswith("@@") :]: value for name, value in data.items() if name not in _RESERVED}
    return Triple(
        head,
        relation,
        tail,
        properties,
        data.get("@id"),
        None if source is None else str(source),
        _as_key(data.get("@head")),
        _as_key(data.get("@tail")),
        span=span,
    )


def _as_key(value: Any) -> Hashable:
    """An identity out of JSON: of a list or an object its JSON text."""
    try:
        hash(value)
    except TypeError:
        return json.dumps(value, sort_keys=True)
    return value  # type: ignore[no-any-return]

"""Extraction without a language model: values beside the labels of the fields, each a slice of the source."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.utils.validation import check_range

from .labels import LabelMatcher
from .layout import find_slots, find_tables, mask_markup
from .prose import find_beside, find_mentions
from .records import Chunk, ExtractedValue, Extraction, Record, as_chunks, nest_values
from .schema import RecordSchema, as_record_schema
from .span_checks import SpanChecker
from .values import FoundValue, clean_text, find_typed, read_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .layout import TableBlock
    from .schema import RecordField

__all__ = ["Candidate", "SpanExtractor", "find_candidates"]

_ALONE = ("email", "url")  # kinds that need no label where one field and one value are of it
_ALONE_SCORE = 0.6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that may fill a field.

    Attributes:
        field: Index of the field.
        found: The value, and where it stands.
        score: 0..1, how well the label fits the field and the place a value.
        group: Its record: table and row, or (0, number) outside tables.
        label_at: Where the label begins.
    """

    field: int
    found: FoundValue
    score: float
    group: tuple[int, int] = (0, 0)
    label_at: int = 0


def find_candidates(text: str, fields: Sequence[RecordField]) -> list[Candidate]:
    """Whatever in a text may fill a field, several for one field and one place."""
    return [*_Reading(text, fields, LabelMatcher(fields)).candidates()]


@dataclass(frozen=True)
class SpanExtractor:
    """Extracts records without a language model. Safe to share between threads.

    Names, titles and short descriptions of the fields are looked for as labels: before ":" and the like, in the headers
    and first columns of tables, in definition lists, and in running text ("the price is 3 EUR"). A value is of its
    field's kind, stands beside the label, and is a slice of the source. Each row of a table is a record; so is each run
    of labelled lines that begins with the same field again; what else a chunk says is one record.

    It does not read values that no label stands beside (but a single e-mail address or URL for the one field of that
    kind), nor pronouns, nor what is said in other words than the schema's: describe fields in words that texts use.

    Types, bounds, patterns and required fields of the schema change no value: what breaks them is in `Record.problems`
    (by jsonschema-rs, extra `jsonschema`; without it a problem says that nothing was checked). So is a second value
    beside the first ("900 or 950"). Dates that no calendar has are no dates.

    After Lou et al., Universal Information Extraction as Unified Semantic Matching, AAAI 2023 (arXiv:2301.03282).

    Attributes:
        schema: What `as_record_schema` reads.
        least: 0..1, lowest score of a value.

    Raises:
        UsageError: The schema is none, or `least` is out of its range.
        InputError: The schema is too large.
    """

    schema: Any
    least: float = 0.5
    _schema: RecordSchema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_range("least", self.least)
        object.__setattr__(self, "_schema", as_record_schema(self.schema))

    def extract(self, chunks: Any, *, progress: Callable[[int, int], None] | None = None) -> Extraction:
        """The records of all chunks.

        Args:
            chunks: See `as_chunks`; [] gives none. A chunk in which nothing fits gives no record.
            progress: Called with the chunks that are done and all of them, in their order.

        Raises:
            UsageError: A chunk is of the wrong kind.
        """
        checker, records, read = SpanChecker(self._schema), list[Record](), as_chunks(chunks)
        for number, chunk in enumerate(read, 1):
            for record in self._read(chunk):
                records.append(replace(record, problems=checker.list_problems(chunk.text, record)))
            if progress is not None:
                progress(number, len(read))
        return Extraction(tuple(records))

    async def aextract(self, chunks: Any) -> Extraction:
        """As `extract`, off the event loop's thread."""
        return await asyncio.to_thread(self.extract, chunks)

    def _read(self, chunk: Chunk) -> Iterator[Record]:
        if not chunk.text.strip():
            return
        fields = self._schema.fields
        groups: defaultdict[tuple[int, int], list[Candidate]] = defaultdict(list)
        for candidate in find_candidates(chunk.text, fields):
            if candidate.score >= self.least:
                groups[candidate.group].append(candidate)
        records = {group: _choose(chunk.text, groups[group], self._schema) for group in sorted(groups)}
        tabled = any(group[0] and len(values) > 1 for group, values in records.items())
        many = [entry.path for entry in fields if entry.many]
        # A dot in a name is no step into an object.
        flat = {name for name in self._schema.root["properties"] if "." in name}
        for group, values in records.items():
            # Beside a table, a word of its caption is no record.
            if values and not (tabled and not group[0] and len(values) < 2 and len(fields) > 1):
                yield Record(chunk.id, nest_values(values, many, flat), tuple(values))


class _Reading:
    """One chunk as it is read: its view, its tables, and what labels say in it."""

    def __init__(self, text: str, fields: Sequence[RecordField], matcher: LabelMatcher) -> None:
        self.text, self.fields, self.matcher = text, fields, matcher
        self.view = mask_markup(text)
        least = min(2, len(fields))
        self.tables = find_tables(self.view, lambda cells: self._count(cells) >= least)

    def candidates(self) -> Iterator[Candidate]:
        """Whatever may fill a field, in tables, beside labels, and in running text."""
        covered, lines = list[tuple[int, int]](), list[Candidate]()
        for number, table in enumerate(self.tables, start=1):
            found = [*self._read_table(table, number)]
            if found:
                covered.append(table.span)
                # Two columns, labels and values, say the same as lines with labels.
                lines += (one for one in found if not one.group[0])
                yield from (one for one in found if one.group[0])
        rest = _blank(self.view, covered)
        lines = sorted([*lines, *self._read_lines(rest)], key=lambda one: one.label_at)
        starts = _find_starts(lines)
        # A label with a mark behind it is read above; running text is what is left.
        spans = [(one.label_at, one.found.end) for one in lines if one.score >= 0.5]
        prose = [*self._read_prose(_blank(rest, spans))]
        for candidate in (*lines, *prose):
            yield replace(candidate, group=(0, max(bisect_right(starts, candidate.label_at), 1)))
        yield from self._read_alone(rest)

    def _count(self, cells: Sequence[str]) -> int:
        """How many fields the cells name, each at most once."""
        named = set[int]()
        for cell in cells:
            named |= {index for index, score in self.matcher.match(cell)[:1] if score >= 0.6}
        return len(named)

    def _read_table(self, table: TableBlock, number: int) -> Iterator[Candidate]:
        head = [self.view[start:end] for start, end in table.rows[0]]
        first = [self.view[slice(*row[0])] for row in table.rows]
        across, down = self._count(head), self._count(first)
        width = len(table.rows[0])
        if down > across or (down == across and width == 2 and down and len(table.rows) != 2):
            # The labels stand in the first column: each further column is a record.
            rows = [tuple(row[at] if at < len(row) else (0, 0) for row in table.rows) for at in range(1, width)]
            labels, places = first, [row[0][0] for row in table.rows]
            number = 0 if width == 2 else number
        elif across:
            rows, labels, places = [*table.rows[1:]], head, [cell[0] for cell in table.rows[0]]
        else:
            return
        owner = self._assign(labels)
        for index, row in enumerate(rows):
            for column, (start, end) in enumerate(row[: len(labels)]):
                for which, score in owner.get(column, ()):
                    found = self._read_slot(start, end, which)
                    if found is not None:
                        yield Candidate(which, found, score, (number, index), places[column])

    def _assign(self, labels: Sequence[str]) -> dict[int, list[tuple[int, float]]]:
        """For each column the field that it is, each field once, best pairs first."""
        pairs = [
            (score, column, index) for column, label in enumerate(labels) for index, score in self.matcher.match(label)
        ]
        columns, fields = set[int](), set[int]()
        owner: dict[int, list[tuple[int, float]]] = {}
        for score, column, index in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if column not in columns and index not in fields:
                columns.add(column)
                fields.add(index)
                owner[column] = [(index, score)]
        return owner

    def _read_slot(self, start: int, end: int, which: int) -> FoundValue | None:
        found = read_as(self.view[start:end], self.fields[which]) if start < end else None
        if found is None:
            return None
        left, right = start + found.start, start + found.end
        # Entities are read from the source, since the view keeps them as they are.
        value = (
            clean_text(self.text[left:right])
            if isinstance(found.value, str) and found.unit == "" and self.fields[which].kind == "string"
            else found.value
        )
        return FoundValue(left, right, value, found.unit)

    def _read_lines(self, view: str) -> Iterator[Candidate]:
        for slot in find_slots(view, lambda label: self.matcher.best(label) >= 0.8):
            for which, score in self.matcher.match(slot.label):
                if self.fields[which].many:
                    yield from self._read_items(slot.start, slot.end, which, score, slot.label_at[0])
                elif (found := self._read_slot(slot.start, slot.end, which)) is not None:
                    yield Candidate(which, found, score, label_at=slot.label_at[0])

    def _read_items(self, start: int, end: int, which: int, score: float, at: int) -> Iterator[Candidate]:
        """The items of an array: values of its kind, else what stands between commas."""
        if self.fields[which].kind not in ("string", "object"):
            for found in find_typed(self.view, start, end, self.fields[which]):
                yield Candidate(which, found, score, label_at=at)
            return
        while start < end:
            border = min((at for at in (self.view.find(mark, start, end) for mark in ",;") if at >= 0), default=end)
            if (item := self._read_slot(start, border, which)) is not None:
                yield Candidate(which, item, score, label_at=at)
            start = border + 1

    def _read_prose(self, view: str) -> Iterator[Candidate]:
        mentions = find_mentions(view, self.matcher, self.fields)
        for mention, found, sure in find_beside(view, mentions, self.fields):
            yield Candidate(mention.field, found, mention.score * sure, label_at=mention.start)

    def _read_alone(self, view: str) -> Iterator[Candidate]:
        for kind in _ALONE:
            fields = [index for index, entry in enumerate(self.fields) if entry.kind == kind]
            if len(fields) != 1:
                continue
            found = [
                value
                for at in range(0, len(view), 400)
                for value in find_typed(view, at, at + 400, self.fields[fields[0]])
            ]
            if len(found) == 1:
                yield Candidate(fields[0], found[0], _ALONE_SCORE, (0, 1), found[0].start)


def _blank(view: str, spans: Sequence[tuple[int, int]]) -> str:
    """The view with line ends in the place of what is read already."""
    parts, at = list[str](), 0
    for start, end in sorted(spans):
        if start >= at:
            parts += [view[at:start], "\n" * (end - start)]
            at = end
    return "".join([*parts, view[at:]])


def _find_starts(lines: Sequence[Candidate]) -> list[int]:
    """Where records begin among labelled lines: where the field of the first label comes again as well as before."""
    sure = [one for one in lines if one.score >= 0.85]
    if not sure:
        return [0]
    first = sure[0]
    again = sorted({one.label_at for one in sure if one.field == first.field and one.score >= first.score})
    return [0, *again[1:]]


def _choose(text: str, candidates: Sequence[Candidate], schema: RecordSchema) -> list[ExtractedValue]:
    """Fill each field with its best candidate, best ones first; no character says two things."""

    def order(one: Candidate) -> tuple[float, int, int]:
        return (-one.score, one.found.start, one.field)

    filled: defaultdict[int, list[Candidate]] = defaultdict(list)
    taken: list[tuple[int, int]] = []
    for one in sorted(candidates, key=order):
        entry, place = schema.fields[one.field], (one.found.start, one.found.end)
        if (filled[one.field] and not entry.many) or any(place[0] < end and start < place[1] for start, end in taken):
            continue
        # Items of an array stand beside the same label.
        if entry.many and filled[one.field] and filled[one.field][0].label_at != one.label_at:
            continue
        filled[one.field].append(one)
        taken.append(place)
    values: list[ExtractedValue] = []
    for index, entry in enumerate(schema.fields):
        items = sorted(filled.get(index, ()), key=lambda one: one.found.start)
        for number, one in enumerate(items):
            path = f"{entry.path}.{number}" if entry.many else entry.path
            start, end = one.found.start, one.found.end
            unit = one.found.unit
            values.append(
                ExtractedValue(path, one.found.value, text[start:end], (start, end), round(one.score, 3), unit)
            )
    return values

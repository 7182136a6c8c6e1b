"""Which matches are sure enough to rewrite queries by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.utils.validation import Checked, check_flag, check_number, check_range, checked_field, describe_type

from ..schema.schema import ColumnRef
from .base import Pairs, containment
from .matcher import MatchConfig
from .opposites import may_differ
from .result import Match
from .row_check import RowCheck

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..schema.schema import Schema
    from .profile import ColumnProfile
    from .result import Candidate, Matches
    from .row_check import TablePair

__all__ = ["MappingConfig", "SureColumns"]

_EQUAL = 0.9  # Jaccard similarity of values from which they are the same
_UNCHANGED = 0.99  # confidence of a column whose name, table and values are as before


@dataclass(frozen=True)
class MappingConfig(Checked):
    """How sure a mapping has to be.

    Attributes:
        min_confidence: 0..1; a column with a less probable partner is not mapped.
        min_margin: 0..1, how far the best rival has to be behind.
        growth: 1 or more. Where all rows were read, a new table with over so many times the rows of the old one may
            have taken in those of another table, and is no place for it. Raise it where the data have grown.
        names_alone: Also take columns under other names where values cannot be compared, unless the names are opposites
            or differ in digits, units or roles. False: there only columns that keep their table and name are sure.
        match: How the schemas are matched.

    Raises:
        UsageError: A number is out of range, or another value is of another type.
    """

    min_confidence: float = checked_field(0.9, check_range)
    min_margin: float = checked_field(0.5, check_range)
    growth: float = checked_field(1.1, check_number, minimum=1)
    names_alone: bool = checked_field(False, check_flag)
    match: MatchConfig = field(default_factory=MatchConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.match, MatchConfig):
            raise UsageError(f"match is {describe_type(self.match)}", hint="give a MatchConfig")


@dataclass(frozen=True)
class SureColumns:
    """Picks the matches that are sure enough, with the margins that count.

    A column and the one that refers to it hold the same values and are no rivals: of a split table the key is in both
    parts, and of a merged one the reference took in the key. The key that is referred to stands for both.

    Attributes:
        matches, config, schemas, profiles: As in `SchemaMapping`.
        valued: Values of both sides were given, so that rows are compared.
    """

    matches: Matches
    config: MappingConfig
    schemas: tuple[Schema, Schema]
    profiles: tuple[Mapping[ColumnRef, ColumnProfile], Mapping[ColumnRef, ColumnProfile]]
    valued: bool

    def pick(self) -> tuple[dict[ColumnRef, Match], dict[ColumnRef, str], dict[tuple[str, str], TablePair]]:
        """Sure matches by source column, why each other column has none, and what comparing rows showed."""
        columns: dict[ColumnRef, Match] = {}
        doubts = dict.fromkeys(self.matches.unmatched_source, "nothing in the new schema matches it")
        same = self._unchanged()
        taken = {match.target for match in same.values()}
        for found in (*(m for m in self.matches.matches if m.source not in same), *same.values()):
            match = found if found.source in same else self._referred(found)
            margin, rival = (1.0, None) if found.source in same else self._margin(match)
            best = f"{match.target.table}.{match.target.column}"
            if match.target in taken and found.source not in same:
                doubts[match.source] = f"its best match {best} is the unchanged column of that name"
            elif match.confidence < self.config.min_confidence:
                doubts[match.source] = f"its best match {best} has a confidence of {match.confidence:.2f} only"
            elif margin < self.config.min_margin:
                doubts[match.source] = f"its best match {best} is only {margin:.2f} ahead of {self._describe(rival)}"
            else:
                columns[match.source] = replace(match, margin=margin)
                doubts.pop(match.source, None)
        compared = RowCheck(self.schemas, self.profiles).compare(columns) if self.valued else {}
        for ref, match in list(columns.items()):
            why = self._doubt(ref, match.target, compared.get((ref.table, match.target.table)))
            if why:
                doubts[ref] = f"its best match {match.target.table}.{match.target.column} {why}"
                del columns[ref]
        return columns, doubts, compared

    def _doubt(self, one: ColumnRef, two: ColumnRef, pair: TablePair | None) -> str:
        """Why a match is not taken, as the end of a sentence; "" where it is."""
        types = [
            schema.table(ref.table).column(ref.column).type
            for schema, ref in zip(self.schemas, (one, two), strict=True)
        ]
        # The type decides how values are compared and sorted, even where all of them are stored alike.
        if (self.valued or all(types)) and _affinity(types[0]) != _affinity(types[1]):
            return f"has the type {types[1] or 'of no name'}, which was {types[0] or 'of no name'}"
        if pair is not None and one in pair.equal:
            return ""
        read = all(self.profiles[side][ref].cells is not None for side, ref in enumerate((one, two)))
        if pair is not None and read and not pair.reason:
            return "holds other values in some rows"
        alike = (one.table.casefold(), one.column.casefold()) == (two.table.casefold(), two.column.casefold())
        empty = read and not any(self.profiles[side][ref].rows for side, ref in enumerate((one, two)))
        if self.config.names_alone:
            differ = may_differ(one.column, two.column) or may_differ(one.table, two.table)
            return "has a name of another meaning, and its values cannot be compared" if differ else ""
        if pair is None or empty:
            return "" if alike else "has another name, and there are no values to compare"
        return f"cannot be compared: {pair.reason}" if read and pair.reason else "cannot be compared: not read"

    def _unchanged(self) -> dict[ColumnRef, Match]:
        """Columns of tables that keep their name, and whose columns of the same names all hold the same values.

        A copy of a table beside it ("orders_backup") is as like as the table itself, and would make both doubtful.
        """
        found: dict[ColumnRef, Match] = {}
        for table in self.schemas[0].tables:
            if table.name not in self.schemas[1]:
                continue
            twin = self.schemas[1].table(table.name)
            pairs = [
                (ColumnRef(table.name, column.name), ColumnRef(twin.name, twin.column(column.name).name))
                for column in table.columns
                if column.name in twin
            ]
            likeness = [self._values_alike(*pair) for pair in pairs]
            known = [share for share in likeness if share is not None]
            if len(known) * 2 >= len(table.columns) and known and min(known) >= _EQUAL:
                found |= {
                    one: Match(one, two, _UNCHANGED, 1.0, ("same table and column, same values",))
                    for (one, two), share in zip(pairs, likeness, strict=True)
                    if share is not None
                }
        return found

    def _values_alike(self, one: ColumnRef, two: ColumnRef) -> float | None:
        """Jaccard similarity of the values of two columns that were read whole, 0..1; None where they were not."""
        left, right = self.profiles[0].get(one), self.profiles[1].get(two)
        if left is None or right is None or not (left.whole and right.whole and left.known and right.known):
            return None
        zero = np.zeros(1, dtype=np.int64)
        return float(containment([left.sketch], [right.sketch], Pairs([left], [right], zero, zero))[0, 2])

    @cached_property
    def _linked(self) -> tuple[frozenset[frozenset[ColumnRef]], frozenset[frozenset[ColumnRef]]]:
        return _linked_columns(self.schemas[0]), _linked_columns(self.schemas[1])

    @cached_property
    def _rivals(self) -> tuple[dict[ColumnRef, list[Candidate]], dict[ColumnRef, list[Candidate]]]:
        by_source: dict[ColumnRef, list[Candidate]] = {}
        by_target: dict[ColumnRef, list[Candidate]] = {}
        for candidate in self.matches.candidates:
            by_source.setdefault(candidate.source, []).append(candidate)
            by_target.setdefault(candidate.target, []).append(candidate)
        return by_source, by_target

    def _referred(self, match: Match) -> Match:
        """The match with the key that its target refers to, where both are as probable and tell the rows apart."""
        profile = self.profiles[1].get(match.target)
        if profile is None or profile.refers is None or not profile.primary_key:
            return match
        for candidate in self._rivals[0].get(match.source, ()):
            near = candidate.confidence >= self.config.min_confidence
            if near and candidate.target == profile.refers:
                return replace(match, target=candidate.target, confidence=candidate.confidence)
        return match

    def _margin(self, match: Match) -> tuple[float, Candidate | None]:
        """How far a match is ahead of the best other candidate of either column, and that candidate."""
        others = [
            candidate
            for candidate in self._rivals[0].get(match.source, ())
            if candidate.target != match.target and {candidate.target, match.target} not in self._linked[1]
        ]
        others += [
            candidate
            for candidate in self._rivals[1].get(match.target, ())
            if candidate.source != match.source and {candidate.source, match.source} not in self._linked[0]
        ]
        # A view shows values of tables once more: of a table's column it is no rival for another table's.
        kinds = self._is_view(0, match.source), self._is_view(1, match.target)
        if kinds[0] == kinds[1]:
            others = [one for one in others if (self._is_view(0, one.source), self._is_view(1, one.target)) == kinds]
        best = max(others, key=lambda one: one.confidence, default=None)
        return match.confidence - (best.confidence if best is not None else 0.0), best

    def _is_view(self, side: int, ref: ColumnRef) -> bool:
        return self.schemas[side].table(ref.table).is_view

    def _describe(self, rival: Candidate | None) -> str:
        """The other pair of columns, for a message, and what to do where a view is in the way."""
        if rival is None:
            return "none"
        names = f"{rival.source.table}.{rival.source.column} and {rival.target.table}.{rival.target.column}"
        views = [ref.table for side, ref in enumerate((rival.source, rival.target)) if self._is_view(side, ref)]
        advice = f" ({views[0]} is a view: give schemas without it, or write the query on its tables)" if views else ""
        return names + advice


def _affinity(kind: str) -> str:
    """The rule by which SQLite compares a declared type, which is a fair family of types elsewhere."""
    kind = kind.upper()
    for name, marks in (("whole", ("INT",)), ("text", ("CHAR", "CLOB", "TEXT")), ("real", ("REAL", "FLOA", "DOUB"))):
        if any(mark in kind for mark in marks):
            return name
    return "none" if not kind or "BLOB" in kind else "number"


def _linked_columns(schema: Schema) -> frozenset[frozenset[ColumnRef]]:
    """Pairs of columns of which one refers to the other."""
    return frozenset(
        frozenset((ColumnRef(key.table, one), ColumnRef(key.ref_table, two)))
        for key in schema.foreign_keys
        for one, two in zip(key.columns, key.ref_columns, strict=False)
    )

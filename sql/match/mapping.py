"""From matches to a mapping that queries may be rewritten by: only sure columns, and tables whose rows stay the same.

A match of columns is not enough to carry a query over: where a table was merged into another its rows come several
times, and every count changes. So each table of the source also needs a place in the target at which its rows are found
once each; without one nothing that reads it is carried.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.utils.validation import Checked, check_number, check_range, checked_field

from ..schema.schema import ColumnRef
from .matcher import MatchConfig, match_profiles
from .profile import profile_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..schema.schema import Schema
    from .profile import ColumnProfile, Values
    from .refine import MatchRefiner
    from .result import Candidate, Match, Matches
    from .tags import ColumnTagger

__all__ = ["MappingConfig", "Part", "SchemaMapping", "TablePlace", "map_schemas"]

_MOST_UNREAD = 0.5  # share of a table's columns without a sure partner from which its place is doubted


@dataclass(frozen=True)
class MappingConfig(Checked):
    """How sure a mapping has to be.

    Attributes:
        min_confidence: 0..1; a column with a less probable partner is not mapped.
        min_margin: 0..1, how far the best rival has to be behind.
        growth: 1 or more. Where all rows were read, a new table with over so many times the rows of the old one may
            have taken in those of another table, and is no place for it. Raise it where the data have grown.
        match: How the schemas are matched.

    Raises:
        UsageError: A number is out of range.
    """

    min_confidence: float = checked_field(0.9, check_range)
    min_margin: float = checked_field(0.5, check_range)
    growth: float = checked_field(1.5, check_number, minimum=1)
    match: MatchConfig = field(default_factory=MatchConfig)


@dataclass(frozen=True, slots=True)
class Part:
    """A further table with columns of a split one, joined by `column` to `key` of the main table."""

    table: str
    column: str
    key: str


@dataclass(frozen=True, slots=True)
class TablePlace:
    """Where the rows of a table of the source are.

    Attributes:
        table: The table of the target; "" where there is none, `reason` says why.
        parts: Further tables with some of its columns, one row for each row at most.
        reason: One short sentence; "" where there is a place.
    """

    table: str
    parts: tuple[Part, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class SchemaMapping:
    """A mapping of a schema to another by which queries and knowledge are carried over.

    Attributes:
        source, target: The schemas.
        columns: Sure partners.
        doubts: Why a column of the source has none.
        places: By folded name of a source table.
        matches: All that was found, sure or not.
        profiles: Of both schemas by column, for checks of values.
    """

    source: Schema
    target: Schema
    columns: Mapping[ColumnRef, Match]
    doubts: Mapping[ColumnRef, str]
    places: Mapping[str, TablePlace]
    matches: Matches
    profiles: tuple[Mapping[ColumnRef, ColumnProfile], Mapping[ColumnRef, ColumnProfile]] = ({}, {})

    @cached_property
    def is_identity(self) -> bool:
        """Whether every table and column of the source has its own name in the target."""
        return all(
            ref.table in self.target and ref.column in self.target.table(ref.table) for ref in self.source.refs()
        ) and all(
            (one.table.casefold(), one.column.casefold())
            == (match.target.table.casefold(), match.target.column.casefold())
            for one, match in self.columns.items()
        )


def map_schemas(
    source: Schema,
    target: Schema,
    *,
    source_values: Values = None,
    target_values: Values = None,
    config: MappingConfig | None = None,
    tagger: ColumnTagger | None = None,
    refiner: MatchRefiner | None = None,
) -> SchemaMapping:
    """Match two schemas, and keep of it what queries may be rewritten by.

    Args:
        source, target: The schema before and after a change; names in `Column.examples` count as values.
        source_values, target_values: As `match_schemas`. Without values exchanged names and merged tables are not seen.
        config: Default MappingConfig().
        tagger, refiner: As `match_schemas`.

    Raises:
        UsageError, DatabaseError: As `match_schemas`.
    """
    config = MappingConfig() if config is None else config
    options = config.match
    reading = {"rows": options.rows, "seconds": options.seconds, "private": options.private}
    left = profile_schema(source, source_values, **reading)  # type: ignore[arg-type]
    right = profile_schema(target, target_values, **reading)  # type: ignore[arg-type]
    notes: tuple[str, ...] = ()
    if tagger is not None:
        (left, first), (right, second) = tagger.tag(left), tagger.tag(right)
        notes = (*first, *second)
    matches = replace(match_profiles(left, right, options), notes=notes)
    if refiner is not None:
        matches = refiner.refine(matches, left, right)
    profiles = {p.ref: p for p in left}, {p.ref: p for p in right}
    linked = _linked_columns(source), _linked_columns(target)
    columns, doubts = _SureColumns(matches, config, linked, profiles[1]).pick()
    places = _Places(source, target, columns, profiles, config.growth).find()
    return SchemaMapping(source, target, columns, doubts, places, matches, profiles)


@dataclass(frozen=True)
class _SureColumns:
    """Picks the matches that are sure enough, with the margins that count.

    A column and the one that refers to it hold the same values and are no rivals: of a split table the key is in both
    parts, and of a merged one the reference took in the key. The key that is referred to stands for both.
    """

    matches: Matches
    config: MappingConfig
    linked: tuple[frozenset[frozenset[ColumnRef]], frozenset[frozenset[ColumnRef]]]
    profiles: Mapping[ColumnRef, ColumnProfile]

    def pick(self) -> tuple[dict[ColumnRef, Match], dict[ColumnRef, str]]:
        columns: dict[ColumnRef, Match] = {}
        doubts = dict.fromkeys(self.matches.unmatched_source, "nothing in the new schema matches it")
        for found in self.matches.matches:
            match = self._referred(found)
            margin = self._margin(match)
            best = f"{match.target.table}.{match.target.column}"
            if match.confidence < self.config.min_confidence:
                doubts[match.source] = f"its best match {best} has a confidence of {match.confidence:.2f} only"
            elif margin < self.config.min_margin:
                doubts[match.source] = f"its best match {best} is only {margin:.2f} ahead of another"
            else:
                columns[match.source] = replace(match, margin=margin)
        return columns, doubts

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
        profile = self.profiles.get(match.target)
        if profile is None or profile.refers is None or not profile.primary_key:
            return match
        for candidate in self._rivals[0].get(match.source, ()):
            near = candidate.confidence >= self.config.min_confidence
            if near and candidate.target == profile.refers:
                return replace(match, target=candidate.target, confidence=candidate.confidence)
        return match

    def _margin(self, match: Match) -> float:
        others = [
            candidate.confidence
            for candidate in self._rivals[0].get(match.source, ())
            if candidate.target != match.target and {candidate.target, match.target} not in self.linked[1]
        ]
        others += [
            candidate.confidence
            for candidate in self._rivals[1].get(match.target, ())
            if candidate.source != match.source and {candidate.source, match.source} not in self.linked[0]
        ]
        return match.confidence - max(others, default=0.0)


def _linked_columns(schema: Schema) -> frozenset[frozenset[ColumnRef]]:
    """Pairs of columns of which one refers to the other."""
    return frozenset(
        frozenset((ColumnRef(key.table, one), ColumnRef(key.ref_table, two)))
        for key in schema.foreign_keys
        for one, two in zip(key.columns, key.ref_columns, strict=False)
    )


@dataclass(frozen=True)
class _Places:
    """Finds the place of every table of the source."""

    source: Schema
    target: Schema
    columns: Mapping[ColumnRef, Match]
    profiles: tuple[Mapping[ColumnRef, ColumnProfile], Mapping[ColumnRef, ColumnProfile]]
    growth: float

    def find(self) -> dict[str, TablePlace]:
        spread = {table.name: self._spread(table.name) for table in self.source.tables}
        hosts = Counter(target for counts in spread.values() for target in counts)
        return {name.casefold(): self._place(name, counts, hosts) for name, counts in spread.items()}

    def _spread(self, table: str) -> Counter[str]:
        """How many sure columns of a table are in each table of the target."""
        mapped = (self.columns.get(ColumnRef(table, column.name)) for column in self.source.table(table).columns)
        return Counter(match.target.table for match in mapped if match is not None)

    def _place(self, name: str, counts: Counter[str], hosts: Counter[str]) -> TablePlace:
        size = len(self.source.table(name).columns)
        if not counts or sum(counts.values()) < size * (1 - _MOST_UNREAD):
            return TablePlace("", reason=f"too few columns of the table {name} have a sure match")
        main = self._main(name, counts)
        parts = []
        for other in counts:
            if other != main:
                part = self._part(main, other)
                if part is None:
                    # Columns elsewhere that no key leads to: queries that read them are refused one by one.
                    continue
                parts.append(part)
        reason = self._other_rows(name, main, shared=hosts[main] > 1)
        return TablePlace("" if reason else main, () if reason else tuple(parts), reason)

    def _main(self, name: str, counts: Counter[str]) -> str:
        """The table with its key, which all its rows are in; else the one with most of its columns."""
        for column in self.source.table(name).primary_key:
            match = self.columns.get(ColumnRef(name, column))
            if match is not None:
                # Of a split table the part that the other one refers to has all rows.
                for part in counts:
                    key = self._reference(match.target.table, part)
                    if key is not None and part != match.target.table:
                        return part
                return match.target.table
        return counts.most_common(1)[0][0]

    def _reference(self, table: str, other: str) -> tuple[str, str] | None:
        """A key column of `table` that refers to a key column of `other`, each unique in its table."""
        for key in self.target.foreign_keys:
            one_each = len(key.columns) == 1 and (key.table, key.ref_table) == (table, other)
            if one_each and self._unique(table, key.columns) and self._unique(other, key.ref_columns):
                return key.columns[0], key.ref_columns[0]
        return None

    def _part(self, main: str, other: str) -> Part | None:
        found = self._reference(other, main)
        return None if found is None else Part(other, *found)

    def _unique(self, table: str, columns: Sequence[str]) -> bool:
        """Whether these columns are known to tell the rows of a target table apart."""
        folded = {column.casefold() for column in columns}
        primary = {column.casefold() for column in self.target.table(table).primary_key}
        if primary and primary <= folded:
            return True
        profiles = (self.profiles[1].get(ColumnRef(table, column)) for column in columns)
        return any(profile is not None and profile.whole and profile.unique for profile in profiles)

    def _other_rows(self, name: str, main: str, *, shared: bool) -> str:
        """Why the rows of `main` may be others than those of the table `name`; "" where nothing says so."""
        here = self._rows(name, 0)
        there = self._rows(main, 1)
        key = self.source.table(name).primary_key
        matches = [self.columns.get(ColumnRef(name, column)) for column in key]
        mapped = [match.target.column for match in matches if match is not None and match.target.table == main]
        held = bool(key) and len(mapped) == len(key)
        repeated = held and not self._unique(main, mapped) and (there is not None or shared)
        if repeated:
            return f"rows of the table {name} come several times in {main}"
        if shared and not (held and self._unique(main, mapped)) and (here is None or here != there):
            return f"{main} also holds columns of another table, and nothing shows that its rows are those of {name}"
        if here is not None and there is not None and (there > here * self.growth > 0 or (shared and here != there)):
            return f"{main} holds {there} rows, the table {name} has {here}: it may hold those of another table"
        return ""

    def _rows(self, table: str, side: int) -> int | None:
        """Number of rows, where all of them were read."""
        for ref, profile in self.profiles[side].items():
            if ref.table == table:
                return profile.rows if profile.whole else None
        return None

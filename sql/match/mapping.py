"""From matches to a mapping that queries may be rewritten by: only sure columns, and tables whose rows stay the same.

A match of columns is not enough to carry a query over: where a table was merged into another its rows come several
times, and every count changes. So each table of the source also needs a place in the target at which its rows are found
once each; without one nothing that reads it is carried.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import QueryError, QueryLimitError, QueryTimeoutError, UsageError
from ctxprune.utils.validation import describe_type

from ..database.database import Database
from ..schema.schema import ColumnRef
from .matcher import match_sides
from .opposites import may_differ
from .sure_columns import MappingConfig, SureColumns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..schema.schema import Schema
    from .profile import ColumnProfile, Values
    from .refine import MatchRefiner
    from .result import Match, Matches
    from .row_check import TablePair
    from .tags import ColumnTagger

__all__ = ["Part", "SchemaMapping", "TablePlace", "map_schemas"]

_MOST_UNREAD = 0.5  # share of a table's columns without a sure partner from which its place is doubted


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

    @property
    def is_identity(self) -> bool:
        """Whether both schemas have the same names, types and keys, and every column became itself."""
        if self.source.fingerprint != self.target.fingerprint:
            return False
        return all((match := self.columns.get(ref)) is not None and match.target == ref for ref in self.source.refs())


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
        source: The schema before and after a change; names in `Column.examples` count as values.
        target: Likewise.
        source_values: As `match_schemas`. Rows are compared where both sides are given: a column is sure only if it has
            the same cell in every row that a key joins. Values by column have to be in the order of the rows. Without
            values only columns that keep their table and name are sure, and exchanged names are not seen.
        target_values: Likewise.
        config: Default MappingConfig().
        tagger: As `match_schemas`.
        refiner: Likewise.

    Raises:
        UsageError: As `match_schemas`.
        DatabaseError: Likewise.
    """
    config = MappingConfig() if config is None else config
    if not isinstance(config, MappingConfig):
        raise UsageError(f"config is {describe_type(config)}", hint="give a MappingConfig")
    values = (source_values, target_values)
    matches, left, right = match_sides((source, target), values, config.match, tagger, refiner)
    profiles = {p.ref: p for p in left}, {p.ref: p for p in right}
    valued = source_values is not None and target_values is not None
    columns, doubts, compared = SureColumns(matches, config, (source, target), profiles, valued).pick()
    collations = _collations(source, source_values), _collations(target, target_values)
    places = _Places(source, target, columns, profiles, config.growth, compared, doubts, collations).find()
    return SchemaMapping(source, target, columns, doubts, places, matches, profiles)


def _collations(schema: Schema, values: Values) -> dict[str, list[str]]:
    """The collations that the tables of an SQLite file declare, by folded name: no schema holds them."""
    if schema.dialect != "sqlite" or not isinstance(values, Database):
        return {}
    try:
        found = values.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE '%collate%'")
    except (QueryError, QueryLimitError, QueryTimeoutError):
        return {}
    pattern = re.compile(r"\bcollate\s+[\"'`\[]?(\w+)", re.IGNORECASE)
    return {str(name).casefold(): sorted(map(str.casefold, pattern.findall(str(sql)))) for name, sql in found.rows}


@dataclass(frozen=True)
class _Places:
    """Finds the place of every table of the source."""

    source: Schema
    target: Schema
    columns: Mapping[ColumnRef, Match]
    profiles: tuple[Mapping[ColumnRef, ColumnProfile], Mapping[ColumnRef, ColumnProfile]]
    growth: float
    compared: Mapping[tuple[str, str], TablePair]
    doubts: Mapping[ColumnRef, str]
    collations: tuple[Mapping[str, list[str]], Mapping[str, list[str]]]

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
            doubt = next(
                (f": {self.doubts[r]}" for r in self.source.refs() if r.table == name and r in self.doubts), ""
            )
            return TablePlace("", reason=f"too few columns of the table {name} have a sure match{doubt}")
        main = self._main(name, counts)
        parts = []
        for other in counts:
            if other != main:
                part = self._part(main, other)
                if part is None:
                    # As where two tables exchanged their names: which of them has the rows is not known.
                    return TablePlace("", reason=f"columns of the table {name} are in {main} and {other}, not joined")
                parts.append(part)
        old = self.collations[0].get(name.casefold(), [])
        new = sorted(word for table in counts for word in self.collations[1].get(table.casefold(), []))
        if old != new:
            return TablePlace("", reason=f"the table {name} has another collation now, by which its texts are compared")
        reason = self._unlike(name, main) or self._other_rows(name, main, shared=hosts[main] > 1)
        return TablePlace("" if reason else main, () if reason else tuple(parts), reason)

    def _unlike(self, name: str, main: str) -> str:
        """Why the compared rows of `main` are not those of the table `name`; "" where nothing says so."""
        pair = self.compared.get((name, main))
        if pair is None or pair.reason:
            return ""
        if not pair.covered:
            return f"not every row of the table {name} is found once in {main}"
        table = self.source.table(name)
        others = [ColumnRef(name, c.name) for c in table.columns if c.name not in table.primary_key]
        # Numbered keys are alike in all tables: what they number has to be the same as well.
        known = sum(ref in self.columns for ref in others)
        if known * 2 < len(others) or (
            not others and len(table.primary_key) < 2 and name.casefold() != main.casefold()
        ):
            return f"too few columns of the table {name} hold the same in {main}"
        # "student" became "teacher" with the same numbers and names: with any doubt left the names decide.
        if known < len(others) and may_differ(table.bare, self.target.table(main).bare):
            return f"{main} has a name of another meaning than {name}, and not all columns hold the same"
        return ""

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
        here, there = self._rows(name, 0), self._rows(main, 1)
        if (name, main) in self.compared and (here is None) != (there is None):
            return f"only one of the tables {name} and {main} was read whole: it may hold rows of another table"
        key = self.source.table(name).primary_key
        matches = [self.columns.get(ColumnRef(name, column)) for column in key]
        mapped = [match.target.column for match in matches if match is not None and match.target.table == main]
        held = bool(key) and len(mapped) == len(key)
        repeated = held and not self._unique(main, mapped) and (there is not None or shared)
        if repeated:
            return f"rows of the table {name} come several times in {main}"
        if shared and not (held and self._unique(main, mapped)) and (here is None or here != there):
            return f"{main} also holds columns of another table, and nothing shows that its rows are those of {name}"
        if here is not None and there is not None and (there > here * self.growth or (shared and here != there)):
            return f"{main} holds {there} rows, the table {name} has {here}: it may hold those of another table"
        return ""

    def _rows(self, table: str, side: int) -> int | None:
        """Number of rows, where all of them were read."""
        for ref, profile in self.profiles[side].items():
            if ref.table == table and (profile.cells is not None or profile.rows):
                return profile.rows if profile.whole else None
        return None

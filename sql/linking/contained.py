"""Foreign keys that a database does not declare, inferred from names and types and checked against the stored values.

Values alone prove little: any two columns that number their rows from 1 contain one another. So the names must suggest
a key, and the less they say, the more the values must.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.errors import DatabaseError, SchemaError, UsageError

from ..schema.joins import GENERIC_NAMES, KEY_LIKE, names_for
from ..schema.schema import ColumnRef, ForeignKey
from .words import name_stems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..database.database import Database
    from ..schema.schema import Column, Schema, Table

__all__ = ["KeyLimits", "contained_keys", "with_contained_keys"]

_NAMED, _ROLE, _SHARED = 3, 2, 1  # what the names say: "team_id", "home_team_id" of team, a word in common
_SHARE = {_NAMED: 0.9, _ROLE: 0.98, _SHARED: 1.0}  # of the values that must be found
_LEAST = {_NAMED: 1, _ROLE: 3, _SHARED: 8}  # values that there must be
_SPARSE = 10  # whole numbers spread over this many times their count are no mere numbering of rows
_NUMBER = re.compile(r"int|num|real|floa|doub|deci|serial", re.I)
_KEY_STEMS = frozenset(stem for name in (*GENERIC_NAMES, "number", "num", "nr", "guid") for stem in name_stems(name))
_MAX_NAMESAKES = 12  # tables that share a column's name; of more, the name says nothing


@dataclass(frozen=True)
class KeyLimits:
    """What looking for keys may cost.

    Attributes:
        values: Distinct values of a column that are looked for in the other one, 1 or more.
        pairs: Pairs of columns that are compared at most, those first whose names say most.
        seconds: For all of it together, above 0. Pairs that are not reached are judged by their names alone.

    Raises:
        UsageError: A number out of its range.
    """

    values: int = 500
    pairs: int = 1_000
    seconds: float = 5.0

    def __post_init__(self) -> None:
        if self.values < 1 or self.pairs < 0 or not 0 < self.seconds < float("inf"):
            raise UsageError(f"{self} is out of range", hint="values from 1, pairs from 0, seconds above 0")


class _Pair(NamedTuple):
    evidence: int
    source: ColumnRef
    target: ColumnRef


class _Comparison(NamedTuple):
    values: int = 0
    contained: int = 0
    numbering: bool = False


def with_contained_keys(database: Database, schema: Schema, *, limits: KeyLimits = KeyLimits()) -> Schema:
    """`schema` with the keys that `contained_keys` finds."""
    return replace(schema, foreign_keys=(*schema.foreign_keys, *contained_keys(database, schema, limits=limits)))


def contained_keys(database: Database, schema: Schema, *, limits: KeyLimits = KeyLimits()) -> tuple[ForeignKey, ...]:
    """Keys from columns that no declared key starts at, marked `inferred`: at most one each, in schema order.

    The other end is the single primary key of another table. A column without values refers to what its name says in
    full ("artist_id" to `artist.id`); values that the other end lacks refute any name.

    Args:
        database: Where the values are; a table that cannot be read, or not in time, counts as one without values.
        schema: Whose tables are looked at.
        limits: Bounds of the cost.
    """
    until = time.monotonic() + limits.seconds
    order = {ref: number for number, ref in enumerate(schema.refs())}
    found: list[tuple[_Pair, float]] = []
    for number, pair in enumerate(sorted(_pairs(schema, until), key=lambda pair: -pair.evidence)):
        left = until - time.monotonic()
        # a pair that there is no time for is judged by its names alone
        compare = number < limits.pairs and left > 0
        seen = _compare_values(database, pair, limits.values, left) if compare else _Comparison()
        if _holds(pair, seen):
            found.append((pair, seen.contained / max(seen.values, 1)))
    found.sort(key=lambda entry: (-entry[0].evidence, -entry[1], -order[entry[0].source], order[entry[0].target]))
    chosen: dict[ColumnRef, ColumnRef] = {}
    for pair, _ in found:
        if pair.source not in chosen and chosen.get(pair.target) != pair.source:
            chosen[pair.source] = pair.target
    return tuple(
        ForeignKey(source.table, (source.column,), chosen[source].table, (chosen[source].column,), inferred=True)
        for source in sorted(chosen, key=order.__getitem__)
    )


def _pairs(schema: Schema, until: float) -> Iterator[_Pair]:
    """Pairs whose names and types allow a key; when the time is over only those whose names say it in full."""
    taken = {(key.table.casefold(), name.casefold()) for key in schema.foreign_keys for name in key.columns}
    linked = {frozenset((key.table.casefold(), key.ref_table.casefold())) for key in schema.foreign_keys}
    free = _free_columns(schema, taken)
    places = _by_words(free)
    for target in schema.tables:
        if len(target.primary_key) != 1:
            continue
        key = target.column(target.primary_key[0])
        names, about = names_for(target, key.name), set(name_stems(target.name)) - _KEY_STEMS
        telling = (about | set(name_stems(key.name))) - _KEY_STEMS
        read = (*names, *telling) if time.monotonic() < until else names
        for place in sorted({place for word in read for place in places.get(word, ())}):
            source, column = free[place]
            if source is target or frozenset((source.name.casefold(), target.name.casefold())) in linked:
                continue
            evidence = _name_evidence(column, key, names, about)
            # a column that numbers its own rows refers to another table by its name only
            own = source.primary_key == (column.name,)
            fit = _same_kind(column, key)
            # SQLite compares columns of any declared types; elsewhere only like ones join
            named = evidence == _NAMED and (fit or schema.dialect == "sqlite")
            if named or (evidence and not own and fit):
                yield _Pair(evidence, ColumnRef(source.name, column.name), ColumnRef(target.name, key.name))


def _free_columns(schema: Schema, taken: Collection[tuple[str, str]]) -> list[tuple[Table, Column]]:
    """Columns that no declared key starts at and whose name says something, in schema order."""
    common = _common_names(schema)
    return [
        (table, column)
        for table in schema.tables
        for column in table.columns
        if (table.name.casefold(), folded := column.name.casefold()) not in taken and folded not in common
    ]


def _by_words(columns: Sequence[tuple[Table, Column]]) -> dict[str, list[int]]:
    """Places of the columns by their folded name and by each stem of it: of a thousand tables only few are compared."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, (_, column) in enumerate(columns):
        for word in {column.name.casefold(), *name_stems(column.name)}:
            places[word].append(place)
    return places


def _common_names(schema: Schema) -> frozenset[str]:
    counts: dict[str, int] = {}
    for ref in schema.refs():
        counts[ref.column.casefold()] = counts.get(ref.column.casefold(), 0) + 1
    return frozenset(name for name, count in counts.items() if count > _MAX_NAMESAKES)


def _name_evidence(column: Column, key: Column, names: Sequence[str], about: set[str]) -> int:
    """How much the names say that `column` refers to `key`; 0 for nothing."""
    if column.name.casefold() in names:
        return _NAMED
    stems = set(name_stems(column.name))
    if about and about <= stems and (stems & _KEY_STEMS or stems <= about):
        return _ROLE
    return _SHARED if (stems & (set(name_stems(key.name)) | about)) - _KEY_STEMS else 0


def _same_kind(column: Column, key: Column) -> bool:
    """Both numbers or neither, as declared; no declaration fits any."""
    if not column.type or not key.type:
        return True
    return bool(_NUMBER.search(column.type)) == bool(_NUMBER.search(key.type))


def _compare_values(database: Database, pair: _Pair, most: int, seconds: float) -> _Comparison:
    """How many distinct values of the one column the other holds."""
    source, target = pair.source, pair.target
    room = replace(database.limits, seconds=min(seconds, database.limits.seconds))
    try:
        here, there = database.table(source.table), database.table(target.table)
        sql = database.samples.contained((here, here.column(source.column)), (there, there.column(target.column)), most)
        ((count, contained, whole, highest, lowest),) = database.execute(sql, limits=room).rows
    except (DatabaseError, SchemaError):
        return _Comparison()
    if not isinstance(count, int) or not isinstance(contained, int):
        return _Comparison()
    numbers = whole == count and isinstance(highest, int) and isinstance(lowest, int)
    return _Comparison(count, contained, numbers and highest - lowest < _SPARSE * count)  # type: ignore[operator]


def _holds(pair: _Pair, seen: _Comparison) -> bool:
    if not seen.values:
        return pair.evidence == _NAMED
    # numbers from 1 up are contained in any longer numbering, so that containment proves nothing
    if seen.numbering and (pair.evidence == _SHARED or not KEY_LIKE.search(pair.source.column)):
        return False
    return seen.values >= _LEAST[pair.evidence] and seen.contained >= _SHARE[pair.evidence] * seen.values

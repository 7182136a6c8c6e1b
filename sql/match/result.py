"""What comes out of matching two schemas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..schema.schema import ColumnRef

__all__ = ["Candidate", "Match", "Matches", "TableMatch"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair of columns that was compared, whether chosen or not; `confidence` as in `Match`."""

    source: ColumnRef
    target: ColumnRef
    confidence: float


@dataclass(frozen=True, slots=True)
class Match:
    """Two columns that hold the same.

    Attributes:
        source, target: The columns.
        confidence: 0..1, probability that they do.
        margin: `confidence` minus that of the best rival of either column, -1..1.
        reasons: What spoke for it, in a few words each, strongest first.
    """

    source: ColumnRef
    target: ColumnRef
    confidence: float
    margin: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableMatch:
    """Two tables with matched columns.

    Attributes:
        source, target: Names.
        share: 0..1, matched columns as a share of the source table's columns.
    """

    source: str
    target: str
    share: float


@dataclass(frozen=True)
class Matches:
    """Correspondences between two schemas; each column is in at most one of them.

    Attributes:
        matches: By source column, in schema order.
        source_columns, target_columns: All columns of both schemas, in their order.
        candidates: The pairs that were compared, best first, at most 20 a source column.
        notes: What went wrong on the way without making the result useless.
    """

    matches: tuple[Match, ...]
    source_columns: tuple[ColumnRef, ...] = ()
    target_columns: tuple[ColumnRef, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def unmatched_source(self) -> tuple[ColumnRef, ...]:
        """Columns of the source without a partner, in schema order."""
        taken = {match.source for match in self.matches}
        return tuple(ref for ref in self.source_columns if ref not in taken)

    @cached_property
    def unmatched_target(self) -> tuple[ColumnRef, ...]:
        """Columns of the target without a partner, in schema order."""
        taken = {match.target for match in self.matches}
        return tuple(ref for ref in self.target_columns if ref not in taken)

    @cached_property
    def tables(self) -> tuple[TableMatch, ...]:
        """Pairs of tables that share matched columns, by source table, those with most columns first."""
        sizes: dict[str, int] = {}
        counts: dict[tuple[str, str], int] = {}
        for ref in self.source_columns:
            sizes[ref.table] = sizes.get(ref.table, 0) + 1
        for match in self.matches:
            key = match.source.table, match.target.table
            counts[key] = counts.get(key, 0) + 1
        order = {name: place for place, name in enumerate(sizes)}
        found = sorted(counts, key=lambda key: (order[key[0]], -counts[key], key[1]))
        return tuple(TableMatch(one, two, counts[one, two] / sizes[one]) for one, two in found)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: matches, tables, columns without a partner, and notes."""
        return {
            "matches": [
                {
                    "source": _plain(match.source),
                    "target": _plain(match.target),
                    "confidence": round(match.confidence, 4),
                    "margin": round(match.margin, 4),
                    "reasons": list(match.reasons),
                }
                for match in self.matches
            ],
            "tables": [
                {"source": pair.source, "target": pair.target, "share": round(pair.share, 4)} for pair in self.tables
            ],
            "unmatched_source": [_plain(ref) for ref in self.unmatched_source],
            "unmatched_target": [_plain(ref) for ref in self.unmatched_target],
            "notes": list(self.notes),
        }


def _plain(ref: ColumnRef) -> dict[str, str]:
    return {"table": ref.table, "column": ref.column}

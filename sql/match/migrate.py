"""Carries knowledge over to a changed schema: answered questions, terms and notes; what is not sure is reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import SchemaError, UsageError
from ctxprune.utils.validation import describe_type

from ..knowledge.check import Checker, find_column
from ..knowledge.entries import (
    Entry,
    Instruction,
    Note,
    Pair,
    Term,
    entry_columns,
    entry_id,
    entry_to_dict,
    explanation,
)
from .rename import RenameError, rename_query
from .texts import find_partner, rename_text

if TYPE_CHECKING:
    from ctxprune.calibration.stored import Calibration

    from ..schema.schema import ColumnRef
    from .mapping import SchemaMapping

__all__ = ["Carried", "Left", "Migration", "migrate_calibration", "migrate_entries"]


@dataclass(frozen=True, slots=True)
class Carried:
    """An entry that was carried over.

    Attributes:
        before, after: The entry for the old and for the new schema.
        confidence: 0..1, the least confidence of a column that it speaks of; 1 where it speaks of none.
        columns: Those columns with their new places.
    """

    before: Entry
    after: Entry
    confidence: float
    columns: tuple[tuple[ColumnRef, ColumnRef], ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """An entry that was not carried over, and why, in one short sentence."""

    entry: Entry
    reason: str


@dataclass(frozen=True)
class Migration:
    """What became of each entry, in their order."""

    carried: tuple[Carried, ...]
    left: tuple[Left, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries for the new schema."""
        return tuple(one.after for one in self.carried)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {
            "carried": [
                {
                    "id": entry_id(one.before),
                    "before": entry_to_dict(one.before),
                    "after": entry_to_dict(one.after),
                    "confidence": round(one.confidence, 4),
                    "columns": {_dotted(old): _dotted(new) for old, new in one.columns},
                }
                for one in self.carried
            ],
            "left": [
                {"id": entry_id(one.entry), "entry": entry_to_dict(one.entry), "reason": one.reason}
                for one in self.left
            ],
        }


def migrate_entries(entries: Iterable[Entry], mapping: SchemaMapping) -> Migration:
    """Carry entries over to `mapping.target`; nothing is guessed, and each entry is either carried or left.

    Queries are rewritten by `rename_query`. The columns of terms and notes are mapped; a text that is a condition, a
    formula or a query is rewritten likewise, and names in prose ("shop.area", "last_order") are replaced. Every carried
    entry passes the check that `ctxprune sql learn` makes against the new schema.

    Raises:
        UsageError: `entries` are no entries of knowledge.
    """
    if not isinstance(entries, Iterable):
        raise UsageError(f"entries is {describe_type(entries)}", hint="give a sequence of Pair, Term or Note")
    checker = Checker(mapping.target)
    carried: list[Carried] = []
    left: list[Left] = []
    for entry in entries:
        if not isinstance(entry, (Pair, Term, Note, Instruction)):
            raise UsageError(
                f"an entry is {describe_type(entry)}", where="entries", hint="give Pair, Term, Note or Instruction"
            )
        try:
            found = _carry(entry, mapping)
            problem = checker.problem(found.after)
            if problem:
                left.append(Left(entry, f"it does not fit the new schema: {problem}"))
            else:
                carried.append(found)
        except (RenameError, SchemaError) as error:
            left.append(Left(entry, error.what))
    return Migration(tuple(carried), tuple(left))


def migrate_calibration(calibration: Calibration, mapping: SchemaMapping) -> str:
    """Why a calibration does not hold for the new schema; "" where that has the same names, types and keys.

    Its bound was proven on scores of the old schema. A scorer reads names, so after a change the scores are others and
    there is nothing to rewrite: the questions are carried over, and it is made again from them.
    """
    if mapping.is_identity:
        return ""
    return f"its limit was proven on the old schema (data {calibration.data}); make it again from the carried questions"


def _carry(entry: Entry, mapping: SchemaMapping) -> Carried:
    if isinstance(entry, Pair):
        query = rename_query(entry.sql, mapping)
        return Carried(entry, replace(entry, sql=query.sql), query.confidence, query.columns)
    refs = [find_column(mapping.source, column) for column in entry_columns(entry)]
    text, about = explanation(entry), entry.term if isinstance(entry, Term) else ""
    used = {ref: find_partner(ref, mapping) for ref in refs}
    columns = tuple(_dotted(used[ref]) for ref in refs)
    new_text, named = rename_text(text, refs, about, mapping)
    used |= named
    if isinstance(entry, Term):
        after: Entry = replace(entry, meaning=new_text, columns=columns)
    elif isinstance(entry, Note):
        after = replace(entry, column=columns[0], note=new_text)
    else:
        after = replace(entry, instruction=new_text, columns=columns)
    least = min((mapping.columns[ref].confidence for ref in used), default=1.0)
    return Carried(entry, after, least, tuple(used.items()))


def _dotted(ref: ColumnRef) -> str:
    return f"{ref.table}.{ref.column}"

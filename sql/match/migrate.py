"""Carries knowledge over to a changed schema: answered questions, terms and notes; what is not sure is reported."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import SchemaError
from ctxprune.text.words import fold

from ..knowledge.check import Checker, find_column, find_named_columns
from ..knowledge.entries import Entry, Note, Pair, Term, entry_columns, entry_id, entry_to_dict, explanation
from .profile import SKETCH, value_hashes, value_key
from .rename import RenameError, rename_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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

    Queries are rewritten by `rename_query`. The columns of terms and notes are mapped, and the names in their texts
    that are written as names ("shop.area", "last_order", "status = 'A'") with them. Every carried entry passes the
    check that `ctxprune sql learn` makes against the new schema. Where all values of two columns are known, a query
    that compares the old one with a value that it has and the new one has not is left.
    """
    checker = Checker(mapping.target)
    carried: list[Carried] = []
    left: list[Left] = []
    for entry in entries:
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
        _check_literals(query.literals, mapping)
        return Carried(entry, replace(entry, sql=query.sql), query.confidence, query.columns)
    refs = [find_column(mapping.source, column) for column in entry_columns(entry)]
    text, about = explanation(entry), entry.term if isinstance(entry, Term) else ""
    named = [ref for ref in find_named_columns(text, mapping.source, about) if _is_written(ref, text)]
    if refs:
        # A bare name that other tables have too means the column that the entry is about.
        mine = {fold(ref.column) for ref in refs}
        named = [ref for ref in named if ref in refs or fold(ref.column) not in mine or _has_dotted(ref, text)]
    used = {ref: _partner(ref, mapping) for ref in (*refs, *named)}
    new_text = _rename_text(text, {ref: used[ref] for ref in named})
    columns = tuple(_dotted(used[ref]) for ref in refs)
    if isinstance(entry, Term):
        after: Entry = replace(entry, meaning=new_text, columns=columns)
    elif isinstance(entry, Note):
        after = replace(entry, column=columns[0], note=new_text)
    else:
        after = replace(entry, instruction=new_text, columns=columns)
    least = min((mapping.columns[ref].confidence for ref in used), default=1.0)
    return Carried(entry, after, least, tuple(used.items()))


def _partner(ref: ColumnRef, mapping: SchemaMapping) -> ColumnRef:
    match = mapping.columns.get(ref)
    if match is None:
        raise RenameError(f"the column {_dotted(ref)}: {mapping.doubts.get(ref, 'no sure match')}")
    return match.target


def _check_literals(literals: Sequence[tuple[ColumnRef, str]], mapping: SchemaMapping) -> None:
    """Raises RenameError where a value is stored in an old column, and not in the new one."""
    for ref, text in literals:
        old = mapping.profiles[0].get(ref)
        new = mapping.profiles[1].get(mapping.columns[ref].target)
        if old is None or new is None or not (old.whole and new.whole) or max(old.distinct, new.distinct) > SKETCH:
            continue
        (value,) = value_hashes([value_key(text)])
        if np.isin(value, old.sketch) and not np.isin(value, new.sketch):
            raise RenameError(f"the value {text!r:.60} of {_dotted(ref)} is not stored in {_dotted(new.ref)}")


def _dotted(ref: ColumnRef) -> str:
    return f"{ref.table}.{ref.column}"


def _patterns(ref: ColumnRef) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How a text writes a column with its table, and as a bare name that is a name and no word of the language."""
    table, column = re.escape(ref.table), re.escape(ref.column)
    dotted = re.compile(rf"(?<![\w.]){table}\.{column}(?!\w)", re.IGNORECASE)
    compared = r"(?=\s*(?:[=<>!]|(?:not\s+)?(?:in|like|between)\b|is\s+(?:not\s+)?null\b))"
    plain = ref.column.isalpha() and ref.column in (ref.column.lower(), ref.column.capitalize())
    bare = rf"(?<![\w.]){column}(?!\w)" + (compared if plain else "")
    return dotted, re.compile(rf"{bare}|(?<=[`\"\[]){column}(?=[`\"\]])", re.IGNORECASE)


def _has_dotted(ref: ColumnRef, text: str) -> bool:
    return _patterns(ref)[0].search(text) is not None


def _is_written(ref: ColumnRef, text: str) -> bool:
    """Whether a text has the column as a name; the words of a name in a sentence ("the last order") stay."""
    return any(pattern.search(text) for pattern in _patterns(ref))


def _rename_text(text: str, names: dict[ColumnRef, ColumnRef]) -> str:
    """The text with old names replaced; each place once, so that exchanged names do not meet.

    Raises:
        RenameError: A bare name stands for several columns that have different new names.
    """
    found: dict[tuple[int, int], str] = {}
    for at, new in ((0, _dotted), (1, lambda ref: ref.column)):
        for old, target in names.items():
            for match in _patterns(old)[at].finditer(text):
                # "table.column" holds the bare name, which is not replaced a second time.
                if any(start <= match.start() < end and (start, end) != match.span() for start, end in found):
                    continue
                if found.get(match.span(), new(target)) != new(target):
                    raise RenameError(f"the name {match[0]} stands for several columns, which have other names now")
                found[match.span()] = new(target)
    out, last = [], 0
    for (start, end), name in sorted(found.items()):
        out += [text[last:start], name]
        last = end
    return "".join([*out, text[last:]])

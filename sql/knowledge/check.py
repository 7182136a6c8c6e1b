"""Checks whether entries fit a schema, and which of them a caller may see."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.errors import GuardError, InputError, SchemaError
from ctxprune.text.words import fold, split_identifier, words

from ..schema.schema import ColumnRef
from .entries import Instruction, Pair, Term, entry_columns, entry_name, explanation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..guard import Guard
    from ..schema.schema import Schema
    from .entries import Entry

__all__ = ["Checker", "Problem", "find_column", "find_named_columns"]

_COMPARED = (
    r"\s*(?:[=<>!]|(?:not\s+)?(?:in|like|between)\b|is\b|(?:over|above|below|under|before|after|since|until|exceeding|"
    r"equals?|at\s+(?:least|most)|(?:more|less|greater|fewer|higher|lower|larger|smaller|earlier|later)\s+than)\b)"
)
_NAME_QUOTES = '`"[]'


def find_column(schema: Schema, text: str) -> ColumnRef:
    """The column called "table.column", where either name may hold dots, in any case and quoted or not.

    Raises:
        SchemaError: There is none.
    """
    # Names may hold dots, so every dot is tried as the one between table and column.
    for at in (position for position, char in enumerate(text) if char == "."):
        table, column = text[:at].strip(_NAME_QUOTES + " "), text[at + 1 :].strip(_NAME_QUOTES + " ")
        if table in schema and column in schema.table(table):
            found = schema.table(table)
            return ColumnRef(found.name, found.column(column).name)
    raise SchemaError(f"no column {text!r}", where=schema.name, hint="write it as table.column")


def find_named_columns(text: str, schema: Schema, about: str = "") -> tuple[ColumnRef, ...]:
    """The columns that an explanation speaks of, in schema order.

    These are "table.column", a name of several words ("last_order", "last order"), and a name of one word that is
    compared with something ("status = 'A'") or stands alone in quotation marks of SQL. Of a name that several tables
    have, those of tables whose own name stands in `about` count, else in `text`, else all of them.
    """
    folded = fold(text)
    spoken = f" {' '.join(words(text))} "
    found: dict[str, list[ColumnRef]] = {}
    for ref in schema.refs():
        if _dotted(ref, folded):
            found.setdefault(f"{fold(ref.table)}.", []).append(ref)
        elif _named(ref.column, folded, spoken):
            found.setdefault(fold(ref.column), []).append(ref)
    chosen: set[ColumnRef] = set()
    for name, refs in found.items():
        places = (set(words(about)), set(words(text)))
        # A name that many tables have means the one whose table is named, first by the term, then by its meaning.
        near = ([ref for ref in refs if _singulars(ref.table) & place] for place in places)
        chosen.update(refs if name.endswith(".") else next(filter(None, near), refs))
    return tuple(ref for ref in schema.refs() if ref in chosen)


def _dotted(ref: ColumnRef, folded: str) -> bool:
    name = f"{fold(ref.table)}.{fold(ref.column)}"  # most columns are not there, and a pattern for each is dear
    return name in folded and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", folded) is not None


def _named(column: str, folded: str, spoken: str) -> bool:
    name = fold(column)
    parts = split_identifier(column)
    if len(parts) > 1:
        return f" {' '.join(parts)} " in spoken
    if name not in folded:
        return False
    plain = re.escape(name)
    return re.search(rf"(?<![\w.]){plain}(?!\w){_COMPARED}|[`\"\[]{plain}[`\"\]]", folded) is not None


def _singulars(table: str) -> set[str]:
    """The words of a table's name, in the singular and the plural."""
    parts = split_identifier(table)
    return {form for part in parts for form in (part, part.removesuffix("s"), f"{part}s")}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an entry cannot be used.

    Attributes:
        reason: For people who may see the whole schema: it may name a private column.
        private: Whether the reason is a private column, so that others are told no more than that.
    """

    reason: str
    private: bool = False


@dataclass(frozen=True)
class Checker:
    """Checks entries against a schema.

    Attributes:
        schema: What the caller may see.
        hidden: Columns of it whose values must not be shown: nothing that speaks of them is either.
        whole: What `schema` is a part of: terms and notes that speak of columns outside the part are not shown. None
            where it is all.
    """

    schema: Schema
    hidden: frozenset[ColumnRef] = frozenset()
    whole: Schema | None = None

    def problem(self, entry: Entry) -> str:
        """Why an entry cannot be used here; "" where it can."""
        problem = self.find_problem(entry)
        return problem.reason if problem is not None else ""

    def find_problem(self, entry: Entry) -> Problem | None:
        """Why an entry cannot be used here; None where it can."""
        if isinstance(entry, Pair):
            return self._guarded(entry)[1]
        try:
            refs = self._columns(entry_columns(entry))
        except SchemaError as error:
            return Problem(error.what)
        text, about = explanation(entry), entry.term if isinstance(entry, Term) else ""
        said = find_named_columns(text, self.schema, about) if self._secret else ()
        secret = sorted(f"{ref.table}.{ref.column}" for ref in (*refs, *said) if ref in self._secret)
        if secret:
            return Problem(f"it speaks of {secret[0]}, which is private", private=True)
        outside = self._outside(text, about)
        return Problem(f"{outside} is not in the schema") if outside else None

    def columns(self, entry: Entry) -> frozenset[ColumnRef]:
        """The columns that a usable entry is about; none for pairs, whose queries name their own."""
        return frozenset(self._columns(entry_columns(entry)))

    def query(self, pair: Pair) -> str:
        """The text of a usable pair's query that may run: without comments.

        Raises:
            GuardError: The pair cannot be used.
        """
        sql, problem = self._guarded(pair)
        if problem is not None:
            raise GuardError(problem.reason)
        return sql

    def learned(self, entry: Entry) -> Entry:
        """An entry as it is stored: checked, and a term or instruction without columns with those that it names.

        Raises:
            InputError: It cannot be used; `what` says why.
        """
        if isinstance(entry, (Term, Instruction)) and not entry.columns:
            about = entry.term if isinstance(entry, Term) else ""
            named = find_named_columns(explanation(entry), self.schema, about)
            refs = [ref for ref in named if ref not in self._secret]
            entry = replace(entry, columns=tuple(f"{ref.table}.{ref.column}" for ref in refs))
        problem = self.find_problem(entry)
        if problem is not None:
            raise InputError(problem.reason, where=entry_name(entry))
        return entry

    def _outside(self, text: str, about: str) -> str:
        """A column outside the caller's part that an explanation speaks of; "" where there is none.

        A bare name that the part has as well tells nothing.
        """
        if self.whole is None:
            return ""
        mine = {(fold(ref.table), fold(ref.column)) for ref in self.schema.refs()}
        names = {column for _, column in mine}
        folded = fold(text)
        for ref in find_named_columns(text, self.whole, about):
            # "table.column" names one column; a bare name that the caller has too gives nothing away.
            strange = (fold(ref.table), fold(ref.column)) not in mine
            if strange and (fold(ref.column) not in names or _dotted(ref, folded)):
                return f"{ref.table}.{ref.column}"
        return ""

    @cached_property
    def _secret(self) -> frozenset[ColumnRef]:
        names = {(ref.table.casefold(), ref.column.casefold()) for ref in self.hidden}
        return frozenset(r for r in self.schema.refs() if (r.table.casefold(), r.column.casefold()) in names)

    @cached_property
    def _guards(self) -> tuple[Guard, Guard | None]:
        """For the whole schema, and for what is left without hidden columns."""
        from ..guard import Guard

        whole = Guard(self.schema.dialect, self.schema)
        if not self._secret:
            return whole, None
        open_refs = [ref for ref in self.schema.refs() if ref not in self._secret]
        open_schema = self.schema.subset(open_refs, [table.name for table in self.schema.tables])
        return whole, Guard(self.schema.dialect, open_schema)

    def _guarded(self, pair: Pair) -> tuple[str, Problem | None]:
        """The text that may run, or why none may."""
        whole, shown = self._guards
        verdict = whole.check(pair.sql)
        if not verdict.allowed:
            return "", Problem(verdict.reason)
        # A query over a private column would give its values away in an example.
        if shown is not None and not shown.check(pair.sql).allowed:
            return "", Problem("its query reads a column which is private", private=True)
        return verdict.sql, None

    def _columns(self, texts: Iterable[str]) -> Iterator[ColumnRef]:
        return iter([find_column(self.schema, text) for text in texts])

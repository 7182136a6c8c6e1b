"""Carries the texts of terms and notes over: what is SQL in them is rewritten as SQL, or the entry is left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ctxprune.text.words import fold

from ..knowledge.check import find_named_columns
from ..schema.schema import ColumnRef
from .identifiers import make_identifier
from .rename import RenameError, rename_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .mapping import SchemaMapping

__all__ = ["find_partner", "rename_text"]

_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_SQL = re.compile(  # "where", "like" and "from" alone are words of prose
    r"[=<>!*/%|+;`\"'\[\]]|\w\(|\b(?:select|group\s+by|order\s+by|between\s+\S+\s+and|(?:not\s+)?in(?=\s*\()|"
    r"is\s+(?:not\s+)?null|tables?|columns?|fields?)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def rename_text(
    text: str, refs: Sequence[ColumnRef], about: str, mapping: SchemaMapping
) -> tuple[str, dict[ColumnRef, ColumnRef]]:
    """A text for the new schema, and the columns that it names with their new places.

    A query, a condition or a formula goes through `rename_query`. Other text that looks like SQL stays where no old
    name that is in it has changed. In prose "table.column" and names that are no words of the language are replaced.

    Args:
        text: The meaning of a term, or a note.
        refs: Columns of the old schema that the entry is about.
        about: The term; "" for a note.
        mapping: What each table and column became.

    Raises:
        RenameError: The text names what has no sure place, or it may be SQL that cannot be rewritten.
    """
    if not _SQL.search(_APOSTROPHE.sub("", text)):
        return _rename_prose(text, refs, about, mapping)
    try:
        return _rename_sql(text, refs, mapping)
    except RenameError as error:
        changed = _changed_name(text, mapping)
        if changed:
            raise RenameError(f"its text may be SQL with the old name {changed}: {error.what}") from error
        return text, {}


def find_partner(ref: ColumnRef, mapping: SchemaMapping) -> ColumnRef:
    """What a column became; raises RenameError where that is not sure."""
    match = mapping.columns.get(ref)
    if match is None:
        raise RenameError(f"the column {ref.table}.{ref.column}: {mapping.doubts.get(ref, 'no sure match')}")
    return match.target


def _rename_sql(text: str, refs: Iterable[ColumnRef], mapping: SchemaMapping) -> tuple[str, dict[ColumnRef, ColumnRef]]:
    """A statement, or an expression over the tables that the entry is about or that stand in it."""
    if re.match(r"\s*(?:select|with)\b", text, re.IGNORECASE):
        found = rename_query(text, mapping)
        return found.sql, dict(found.columns)
    dialect = mapping.source.dialect
    try:
        tree = sqlglot.parse_one(f"SELECT ({text}\n) AS x", read=dialect)
    except (SqlglotError, RecursionError) as error:
        raise RenameError("it is no expression") from error
    # "1) AS y, (x" would be two columns, of which one is lost.
    if not isinstance(tree, exp.Select) or len(tree.selects) != 1 or not isinstance(tree.selects[0].this, exp.Paren):
        raise RenameError("it is no expression")
    qualifiers = {fold(column.table) for column in tree.find_all(exp.Column) if column.table}
    about = {fold(ref.table) for ref in refs}
    tables = [t.name for t in mapping.source.tables if fold(t.name) in qualifiers | about or fold(t.bare) in qualifiers]
    if not tables:
        raise RenameError("no table is known that it reads")
    names = ", ".join(make_identifier(name, dialect).sql(dialect=dialect) for name in tables)
    found = rename_query(f"SELECT ({text}\n) AS x FROM {names}", mapping)  # noqa: S608 - it is never executed
    written = sqlglot.parse_one(found.sql, read=mapping.target.dialect)
    inner = written.expressions[0].this
    inner = inner.this if isinstance(inner, exp.Paren) else inner
    # A table that got an alias, as one of a split table does, has no name that means anything outside of its query.
    known = {fold(table.bare) for table in mapping.target.tables}
    if any(column.table and fold(column.table) not in known for column in inner.find_all(exp.Column)):
        raise RenameError("its tables have other names in the rewritten query")
    return inner.sql(dialect=mapping.target.dialect), dict(found.columns)


def _changed_name(text: str, mapping: SchemaMapping) -> str:
    """An old name in the text that is another one now, or may be; "" if there is none."""
    words = {fold(word) for word in _WORD.findall(text)}
    folded = fold(text)
    for table in mapping.source.tables:
        same = fold(mapping.places[table.name.casefold()].table) == fold(table.name)
        if not same and (fold(table.bare) in words or _in(table.name, folded)):
            return table.name
        for column in table.columns:
            match = mapping.columns.get(ColumnRef(table.name, column.name))
            kept = match is not None and fold(match.target.column) == fold(column.name)
            if not kept and (fold(column.name) in words or _in(column.name, folded)):
                return column.name
    return ""


def _in(name: str, folded: str) -> bool:
    """Whether a name of other signs than letters ("order date") is in a text."""
    return not name.isidentifier() and bool(name.strip()) and fold(name) in folded


def _rename_prose(
    text: str, refs: Sequence[ColumnRef], about: str, mapping: SchemaMapping
) -> tuple[str, dict[ColumnRef, ColumnRef]]:
    named = [ref for ref in find_named_columns(text, mapping.source, about) if _is_written(ref, text)]
    if refs:
        # A bare name that other tables have too means the column that the entry is about.
        mine = {fold(ref.column) for ref in refs}
        named = [ref for ref in named if ref in refs or fold(ref.column) not in mine or _has_dotted(ref, text)]
    names = {ref: find_partner(ref, mapping) for ref in named}
    for table in mapping.source.tables:
        place = mapping.places[table.name.casefold()].table
        if not _is_word(table.bare) and fold(place) != fold(table.name):
            rest = re.sub(rf"(?<!\w){re.escape(table.name)}\.", "", text, flags=re.IGNORECASE)
            if re.search(rf"(?<!\w){re.escape(table.bare)}(?!\w)", rest, re.IGNORECASE):
                raise RenameError(f"its text names the table {table.name}, which is called otherwise now")
    return _replace(text, names, mapping), names


def _is_word(name: str) -> bool:
    """Whether a name may be a word of the language."""
    return name.isalpha() and name in (name.lower(), name.capitalize())


def _patterns(ref: ColumnRef) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How a text writes a column with its table, and as a bare name that is a name and no word of the language."""
    table, column = re.escape(ref.table), re.escape(ref.column)
    dotted = re.compile(rf"(?<![\w.]){table}\.{column}(?!\w)", re.IGNORECASE)
    bare = r"(?!)" if _is_word(ref.column) else rf"(?<![\w.]){column}(?!\w)"
    return dotted, re.compile(bare, re.IGNORECASE)


def _has_dotted(ref: ColumnRef, text: str) -> bool:
    return _patterns(ref)[0].search(text) is not None


def _is_written(ref: ColumnRef, text: str) -> bool:
    """Whether a text has the column as a name; the words of a name in a sentence ("the last order") stay."""
    return any(pattern.search(text) for pattern in _patterns(ref))


def _replace(text: str, names: dict[ColumnRef, ColumnRef], mapping: SchemaMapping) -> str:
    """The text with old names replaced; each place once, so that exchanged names do not meet.

    Raises:
        RenameError: A bare name stands for several columns that have different new names.
    """
    dialect = mapping.target.dialect

    def bare(ref: ColumnRef) -> str:
        return make_identifier(ref.column, dialect).sql(dialect=dialect)

    def dotted(ref: ColumnRef) -> str:
        return f"{make_identifier(ref.table, dialect).sql(dialect=dialect)}.{bare(ref)}"

    found: dict[tuple[int, int], str] = {}
    for at, new in ((0, dotted), (1, bare)):
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

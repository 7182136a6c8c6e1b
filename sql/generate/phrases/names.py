"""Natural names for run-together identifiers, and the references that such names suggest."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.text.abbreviations import spell_out
from ctxprune.text.words import split_identifier, stem

from ...schema.schema import ForeignKey, Schema, Table
from .wordset import word_set

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["key_column", "with_natural_names"]

# Parts that identifiers of any domain are made of; with the schema's own words they cut "joindate" and "custid".
_PARTS = word_set(
    "id name date time type code num number no nr status amount price count total year month day address "
    "email phone city state country postal zip first last middle join start end open close high low volume "
    "source user customer cust order product prod item qty quantity amt desc description title is has by at "
    "ts str flag rate value level size unit cost tax fee min max avg sum due paid created updated deleted "
    "hire ship bill birth key tx txn acct account dept department emp employee mgr manager addr tel fax url "
    "web site lat long group category cat daily weekly monthly yearly annual"
)
_LONGEST = 60
# A role that is played by one of the parties: "sender_id" refers to a table of parties where none is called sender.
_ROLE = re.compile(r"[a-z]{2,}(?:er|or|ee)")
_PARTIES = frozenset(
    map(stem, ("user", "customer", "person", "people", "member", "employee", "client", "merchant", "account", "staff"))
)


def with_natural_names(schema: Schema) -> Schema:
    """`schema` with a comment for each name that needs one, keys for tables without, and the references they suggest.

    Prefixes that all tables, or all columns of a table, share say nothing and are left out. Comments that came with
    the schema stay. Linear in the number of columns.
    """
    table_prefix = _shared_prefix([table.name for table in schema.tables])
    cut: list[tuple[str, list[str]]] = []
    for table in schema.tables:
        prefix = _shared_prefix([column.name for column in table.columns])
        cut.append((table.name[len(table_prefix) :], [column.name[len(prefix) :] for column in table.columns]))
    words = Counter(w for name, columns in cut for text in (name, *columns) for w in split_identifier(text))
    vocabulary = _vocabulary(words)
    tables = []
    for table, (name, columns) in zip(schema.tables, cut, strict=True):
        named = tuple(
            replace(column, comment=column.comment or _natural(text, column.name, vocabulary, column.type))
            for column, text in zip(table.columns, columns, strict=True)
        )
        comment = table.comment or _natural(name, table.name, vocabulary)
        tables.append(replace(table, columns=named, comment=comment))
    names = frozenset(stems_of(table.name, table.comment) for table in tables)
    found = replace(schema, tables=tuple(_keyed(table, names) for table in tables))
    return replace(found, foreign_keys=schema.foreign_keys + tuple(_references(found)))


def key_column(table: Table) -> str | None:
    """The column that tells the rows of `table` apart; None where no single one is known to."""
    return table.primary_key[0] if len(table.primary_key) == 1 else None


def _shared_prefix(names: Sequence[str]) -> str:
    folded = [name.casefold() for name in names]
    if len(folded) < 3 or any(len(a) != len(b) for a, b in zip(folded, names, strict=True)):
        return ""
    prefix = _common(folded)
    # "is" or one letter says nothing, and a name must not vanish.
    if len(prefix) < 2 or not prefix.isalpha() or any(len(name) <= len(prefix) + 1 for name in folded):
        return ""
    return prefix


def _common(names: Sequence[str]) -> str:
    shortest, longest = min(names), max(names)  # of sorted texts these two differ first
    count = next((i for i, (a, b) in enumerate(zip(shortest, longest, strict=False)) if a != b), len(shortest))
    return shortest[:count]


def _vocabulary(words: Counter[str]) -> frozenset[str]:
    own = {word for word in words if 3 <= len(word) <= 12 and word.isalpha()}
    forms = set(_PARTS)
    for word in own:
        base = word.removesuffix("e")
        forms |= {word, word.removesuffix("s"), f"{base}ed", f"{base}ing"}
    forms = {form for form in forms if len(form) >= 3 or form in _PARTS}
    # "paperid" is no word where "paper" and "id" are.
    return frozenset(form for form in forms if form in _PARTS or not _divides(form, forms))


def _divides(word: str, vocabulary: set[str]) -> bool:
    return any(word[:at] in vocabulary and word[at:] in vocabulary for at in range(3, len(word) - 1))


def _natural(text: str, name: str, vocabulary: frozenset[str], kind: str = "") -> str:
    """Words of a name with a space between; "" where the name itself already says them."""
    pieces: list[str] = []
    for word in split_identifier(text):
        pieces += _segments(word, vocabulary, boolean="bool" in kind.lower())
    full = spell_out(pieces)
    if len(full) > 1 and full[-1] in {"no", "nr"}:
        full[-1] = "number"
    return "" if full == split_identifier(name) else " ".join(full)


def _segments(word: str, vocabulary: frozenset[str], *, boolean: bool) -> list[str]:
    """The cheapest way to cut a word into known parts: a known part costs 1, unknown letters cost more."""
    if len(word) < 5 or len(word) > _LONGEST or not word.isalpha() or word in _PARTS:
        return [word]
    best: list[tuple[float, list[str]]] = [(0.0, [])]
    for end in range(1, len(word) + 1):
        options = [
            (cost + price, [*before, word[start:end]])
            for start in range(end)
            for cost, before in [best[start]]
            if (price := _price(word[start:end], vocabulary, first=start == 0, last=end == len(word), boolean=boolean))
            and not (before and before[-1] not in vocabulary and end - start < 4)
        ]
        # A place that no part ends at keeps an infinite cost.
        best.append(min(options, key=lambda option: (option[0], len(option[1])), default=(float("inf"), [])))
    return best[-1][1] or [word]


def _price(piece: str, vocabulary: frozenset[str], *, first: bool, last: bool, boolean: bool) -> float:
    """What a part costs; 0.0 where it is not allowed."""
    if piece in {"is", "has"} and not (boolean and first):
        return 0.0  # "island" has no "is"
    if piece in vocabulary and not (first and last):
        return 1.0
    # Unknown letters are the whole word, or after "is" what the flag says: "internship" holds no ship.
    if last and (first or (boolean and len(piece) >= 4)):
        return 2.0 + 0.5 * len(piece)
    return 0.0


def stems_of(name: str, comment: str) -> tuple[str, ...]:
    """Stems of a natural name."""
    return tuple(stem(word) for word in split_identifier(comment) or split_identifier(name))


def _keyed(table: Table, others: frozenset[tuple[str, ...]]) -> Table:
    """A table without a primary key gets the id that is called after it, and not after another table."""
    if table.primary_key:
        return table
    own = stems_of(table.name, table.comment)
    for number, column in enumerate(table.columns):
        stems = stems_of(column.name, column.comment)
        called = stems[:-1]
        if stems[-1:] != ("id",) or not (called or number == 0):
            continue
        if called == own or not called or (called == own[-len(called) :] and called not in others):
            columns = (*table.columns[:number], replace(column, primary_key=True), *table.columns[number + 1 :])
            return replace(table, columns=columns)
    return table


def _references(schema: Schema) -> list[ForeignKey]:
    """Columns called after another table's key: "user_id" for users.uid, "citing paper id" for paper.paperid."""
    declared = {(key.table, name) for key in schema.foreign_keys for name in key.columns}
    targets = [
        (table, key, stems_of(table.name, table.comment)) for table in schema.tables if (key := key_column(table))
    ]
    found: list[ForeignKey] = []
    for table in schema.tables:
        for column in table.columns:
            stems = stems_of(column.name, column.comment)
            if (table.name, column.name) in declared or not stems or stems[-1] != "id":
                continue
            found += _targets(table, column.name, stems[:-1], targets)
    return found


def _targets(
    table: Table, column: str, called: tuple[str, ...], targets: Sequence[tuple[Table, str, tuple[str, ...]]]
) -> list[ForeignKey]:
    if key_column(table) == column and called == stems_of(table.name, table.comment):
        return []  # its own id
    others = [(other, key, stems) for other, key, stems in targets if other is not table and called]
    matches = [(other, key) for other, key, stems in others if called[-len(stems) :] == stems]
    if not matches and len(called) == 1 and _ROLE.fullmatch(called[0]):
        matches = [(other, key) for other, key, stems in others if len(stems) == 1 and stems[0] in _PARTIES]
    return [ForeignKey(table.name, (column,), other.name, (key,), inferred=True) for other, key in matches]

"""Second copies of tables: the manager of an employee is an employee too, under the name of the reference."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.text.words import split_identifier, stem

from ...schema.schema import ForeignKey, Schema
from .names import key_column, stems_of
from .wordset import word_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...schema.schema import Table

__all__ = ["Role", "Roles", "with_roles"]

_SUFFIXES = frozenset(map(stem, ("id", "ids", "key", "no", "nr", "number", "ssn", "code", "by", "to")))
# References that are called after what is done, and the noun for the one who does it.
_NOUNS = {
    stem(verb): noun
    for verb, noun in (
        ("reports", "manager"), ("report", "manager"), ("referred", "referrer"), ("managed", "manager"),
        ("super", "supervisor"),
        ("supervised", "supervisor"), ("mentored", "mentor"), ("invited", "inviter"), ("mgr", "manager"),
    )
}  # fmt: skip
_LEADERS = frozenset(map(stem, ("manager", "supervisor", "boss", "superior", "lead", "leader", "head", "chief")))
_LED = word_set("report reports subordinate subordinates people")
_LED_BY = word_set("boss superior manager supervisor")
_BELOW = word_set("child children descendant descendants")
_TEXT = re.compile(r"char|text|clob", re.IGNORECASE)
_MOST = 8  # roles of one schema


@dataclass(frozen=True, slots=True)
class Role:
    """One table under another name.

    Attributes:
        name: The name of the copy, which no table of the schema has.
        table: The table that it is a copy of.
        base: The table that holds the reference.
        column: The referring column of `base`.
        noun: What people call it ("manager").
    """

    name: str
    table: str
    base: str
    column: str
    noun: str

    @property
    def leads(self) -> bool:
        """Whether those of `base` work under it."""
        return stem(self.noun.split()[-1]) in _LEADERS

    @property
    def is_parent(self) -> bool:
        """Whether those of `base` are parts of it."""
        return "parent" in self.noun


@dataclass(frozen=True)
class Roles:
    """All roles of a schema.

    Attributes:
        by_name: Roles by the name of the copy.
        words: By folded word, the table that it names beside the table's own name ("subordinates").
    """

    by_name: Mapping[str, Role]
    words: Mapping[str, str]

    def table_of(self, name: str) -> str:
        """The stored table behind a name."""
        role = self.by_name.get(name)
        return name if role is None else role.table

    def reflexive(self) -> list[Role]:
        """Roles of a table's references to itself."""
        return [role for role in self.by_name.values() if role.base == role.table]


def with_roles(schema: Schema) -> tuple[Schema, Roles]:
    """`schema` with a copy of each table that refers to itself, and of those that another refers to twice.

    The same schema where there are none. At most 8 copies are made.

    Args:
        schema: With natural names, keys and references.
    """
    plain = schema
    schema = replace(schema, foreign_keys=(*schema.foreign_keys, *_undeclared(schema)))
    pairs = Counter((key.table, key.ref_table) for key in schema.foreign_keys if not key.inferred)
    roles: dict[str, Role] = {}
    tables, keys = list(schema.tables), list(schema.foreign_keys)
    for key in schema.foreign_keys:
        twice = pairs[key.table, key.ref_table] > 1
        if key.inferred or len(roles) == _MOST or len(key.columns) != 1 or key.ref_table not in schema:
            continue
        if not (twice or key.table.casefold() == key.ref_table.casefold()):
            continue
        target = schema.table(key.ref_table)
        if key.table != key.ref_table and _TEXT.search(target.column(key.ref_columns[0]).type):
            continue  # a key in words says itself who is meant
        role = _role(schema.table(key.table), key, target)
        if role is None or role.name in roles or role.name in schema or key_column(target) != key.ref_columns[0]:
            continue
        roles[role.name] = role
        tables.append(replace(target, name=role.name, comment=role.noun, namespace=""))
        keys.append(ForeignKey(role.base, key.columns, role.name, key.ref_columns))
    if not roles:
        return plain, Roles({}, {})
    known = {one for table in schema.tables for one in stems_of(table.name, table.comment)}
    return replace(schema, tables=tuple(tables), foreign_keys=tuple(keys)), Roles(roles, _words(roles, known))


def _undeclared(schema: Schema) -> list[ForeignKey]:
    """References of a table to itself that only a name such as "ReportsTo" or "parent_id" tells."""
    declared = {(key.table, name) for key in schema.foreign_keys for name in key.columns}
    found = []
    for table in schema.tables:
        key = key_column(table)
        for column in table.columns if key is not None else ():
            words = _words_of(column.comment or column.name)
            noun = _noun(words) if words else ""
            plain = (table.name, column.name) in declared or column.primary_key or key is None
            if plain or noun.split()[:1] not in (["parent"], ["manager"], ["supervisor"], ["mentor"], ["referrer"]):
                continue
            # "manager" alone may be a name, and a key of another type is none.
            suffixed = len(words) < len(split_identifier(column.comment or column.name))
            if suffixed and column.type.casefold() == table.column(str(key)).type.casefold():
                found.append(ForeignKey(table.name, (column.name,), table.name, (str(key),)))
    return found


def _words_of(text: str) -> list[str]:
    """Words of a referring column without those that only say that it refers."""
    words = split_identifier(text)
    while len(words) > 1 and stem(words[-1]) in _SUFFIXES:
        words.pop()
    return words


def _noun(words: list[str]) -> str:
    return (_NOUNS.get(stem(words[0]), "") if len(words) == 1 else "") or " ".join(words)


def _role(base: Table, key: ForeignKey, target: Table) -> Role | None:
    found = base.column(key.columns[0])
    noun = _noun(_words_of(found.comment or found.name))
    if noun == "parent":  # "the parent category"
        noun = " ".join(["parent", *split_identifier(target.comment or target.name)])
    stems = tuple(stem(word) for word in noun.split())
    # A reference that is only called after the table, or like its key, says nothing about the role.
    attributes = {stems_of(column.name, column.comment) for column in target.columns}
    if key.columns[0].casefold() == key.ref_columns[0].casefold() or stems in attributes:
        return None
    if not stems or stems == stems_of(target.name, target.comment) or not noun.replace(" ", "").isalpha():
        return None
    return Role(noun.replace(" ", "_"), target.name, base.name, key.columns[0], noun)


def _words(roles: Mapping[str, Role], known: set[str]) -> dict[str, str]:
    """Words for those under a manager or a parent, and other words for the manager, unless the schema has them."""
    found: dict[str, str] = {}
    for role in roles.values():
        if role.base != role.table:
            continue
        if role.leads:
            found |= dict.fromkeys(_LED, role.base) | dict.fromkeys(_LED_BY, role.name)
        if role.is_parent:
            found |= dict.fromkeys(_BELOW, role.base)
    return {word: table for word, table in found.items() if stem(word) not in known}

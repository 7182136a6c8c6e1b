"""The parts of a query that Spider's exact match and hardness look at, read as the official parser reads them.

Yu et al. 2018 (Spider). The official parser knows a part of SQL only and makes nothing of the rest; what it misreads is
misread here in the same way: clauses in a fixed order, at most one set operation per level, one alias table for the
whole text, tables joined by JOIN ... ON, every LIMIT worth the same, and text behind the last clause unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import InputError

from .lexer import parser_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["EMPTY", "ColumnUnit", "Condition", "Structure", "Value", "ValueUnit", "parse"]

AGGREGATES = ("none", "max", "min", "count", "sum", "avg")
COMPARISONS = ("not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists")
ARITHMETIC = ("none", "-", "+", "*", "/")
SET_OPERATIONS = ("intersect", "union", "except")
_CLAUSES = frozenset({"select", "from", "where", "group", "order", "limit", "intersect", "union", "except"})
_JOINS = frozenset({"join", "on", "as"})
_ENDS = _CLAUSES | {")", ";"}
_VALUE_ENDS = _CLAUSES | _JOINS | {",", ")", "and"}


@dataclass(frozen=True, slots=True)
class ColumnUnit:
    """A column, its aggregate ("none" without) and whether DISTINCT stands before it (None: not to be compared)."""

    aggregate: str
    column: str
    distinct: bool | None


@dataclass(frozen=True, slots=True)
class ValueUnit:
    """One column, or two with an arithmetic sign between them ("none" without)."""

    sign: str
    left: ColumnUnit
    right: ColumnUnit | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. Values are None where they are not to be compared."""

    negated: bool
    comparison: str
    unit: ValueUnit
    value: Value | None
    second: Value | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """One query.

    Attributes:
        distinct: SELECT DISTINCT; None: not to be compared.
        select: Pairs of an aggregate ("none" without) and what it is applied to.
        tables: ("table_unit", id of a table) or ("sql", Structure), in the order of FROM.
        joins, where, having: Conditions with "and" or "or" between them.
        group_by: Columns.
        order_by: The last direction named ("asc" without any) and the expressions; None without ORDER BY.
        limited: A LIMIT is there.
        intersect, union, except_: The query behind the set operation.
    """

    distinct: bool | None = False
    select: tuple[tuple[str, ValueUnit], ...] = ()
    tables: tuple[tuple[str, str | Structure], ...] = ()
    joins: tuple[Condition | str, ...] = ()
    where: tuple[Condition | str, ...] = ()
    group_by: tuple[ColumnUnit, ...] = ()
    having: tuple[Condition | str, ...] = ()
    order_by: tuple[str, tuple[ValueUnit, ...]] | None = None
    limited: bool = False
    intersect: Structure | None = None
    union: Structure | None = None
    except_: Structure | None = None


Value = float | str | ColumnUnit | Structure
EMPTY = Structure()
"""What an unreadable prediction counts as."""


def parse(sql: str, schema: Mapping[str, Sequence[str]]) -> Structure:
    """Read a query.

    Args:
        sql: One query.
        schema: Columns by table, all in lower case.

    Raises:
        InputError: The official parser fails on it.
    """
    found = parser_words(sql)
    try:
        return _Reader(found, _aliases(found, schema), schema, _ids(schema)).query()
    except (IndexError, KeyError, ValueError, RecursionError) as error:
        raise InputError(f"the query cannot be read ({type(error).__name__}: {error})", where=sql[:200]) from error


def _aliases(found: list[str], schema: Mapping[str, Sequence[str]]) -> dict[str, str]:
    aliases = {found[at + 1]: found[at - 1] for at, word in enumerate(found) if word == "as"}
    for table in schema:
        if table in aliases:
            raise InputError(f"the alias {table!r} is the name of a table")
        aliases[table] = table
    return aliases


def _ids(schema: Mapping[str, Sequence[str]]) -> dict[str, str]:
    columns = {f"{table}.{column}": f"__{table}.{column}__" for table, names in schema.items() for column in names}
    return {"*": "__all__", **columns, **{table: f"__{table}__" for table in schema}}


class _Reader:
    """A place in the words of one query, moved on by every method that reads. IndexError: the words end too early."""

    def __init__(
        self, found: list[str], aliases: Mapping[str, str], schema: Mapping[str, Sequence[str]], ids: Mapping[str, str]
    ) -> None:
        self.words, self.aliases, self.schema, self.ids = found, aliases, schema, ids
        self.at = 0

    @property
    def word(self) -> str:
        return self.words[self.at]

    def sees(self, *options: str) -> bool:
        return self.at < len(self.words) and self.words[self.at] in options

    def take(self, *options: str) -> bool:
        """Move past the next word if it is one of these."""
        seen = self.sees(*options)
        self.at += seen
        return seen

    def need(self, word: str) -> None:
        if self.word != word:
            raise InputError(f"{word!r} is missing before {self.word!r}")
        self.at += 1

    def query(self) -> Structure:
        start = self.at
        block = self.word == "("
        select_at = start + block
        self.at = self.words.index("from", start) + 1
        tables, joins, names = self.sources()
        end, self.at = self.at, select_at
        distinct, select = self.selection(names)
        self.at = end
        where = self.conditions(names) if self.take("where") else ()
        group_by = self.listed("group", lambda: self.column_unit(names))
        having = self.conditions(names) if self.take("having") else ()
        order_by = self.ordering(names)
        limited = self.limit()
        self.semicolons()
        if block:
            self.need(")")
        self.semicolons()
        after = {self.words[self.at - 1]: self.query()} if self.take(*SET_OPERATIONS) else {}
        return Structure(
            distinct, select, tables, joins, where, group_by, having, order_by, limited,
            after.get("intersect"), after.get("union"), after.get("except"),
        )  # fmt: skip

    def sources(self) -> tuple[tuple[tuple[str, str | Structure], ...], tuple[Condition | str, ...], list[str]]:
        tables: list[tuple[str, str | Structure]] = []
        joins: list[Condition | str] = []
        names: list[str] = []
        while self.at < len(self.words):
            block = self.take("(")
            if self.word == "select":
                tables.append(("sql", self.query()))
            else:
                self.take("join")
                names.append(self.table())
                tables.append(("table_unit", self.ids[names[-1]]))
            if self.take("on"):
                more = self.conditions(names)
                joins += ["and", *more] if joins else more
            if block:
                self.need(")")
            if self.sees(*_ENDS):
                break
        return tuple(tables), tuple(joins), names

    def table(self) -> str:
        name = self.aliases[self.word]
        self.at += 1
        if self.sees("as"):
            self.at += 2
        return name

    def selection(self, names: Sequence[str]) -> tuple[bool, tuple[tuple[str, ValueUnit], ...]]:
        self.need("select")
        distinct = self.take("distinct")
        units: list[tuple[str, ValueUnit]] = []
        while self.at < len(self.words) and self.word not in _CLAUSES:
            aggregate = self.words[self.at - 1] if self.take(*AGGREGATES) else "none"
            units.append((aggregate, self.value_unit(names)))
            self.take(",")
        return distinct, tuple(units)

    def listed(self, word: str, read: Callable[[], ColumnUnit]) -> tuple[ColumnUnit, ...]:
        units: list[ColumnUnit] = []
        if self.take(word):
            self.need("by")
            while self.at < len(self.words) and self.word not in _ENDS:
                units.append(read())
                if not self.take(","):
                    break
        return tuple(units)

    def ordering(self, names: Sequence[str]) -> tuple[str, tuple[ValueUnit, ...]] | None:
        if not self.take("order"):
            return None
        self.need("by")
        direction = "asc"
        units: list[ValueUnit] = []
        while self.at < len(self.words) and self.word not in _ENDS:
            units.append(self.value_unit(names))
            if self.take("asc", "desc"):
                direction = self.words[self.at - 1]
            if not self.take(","):
                break
        return direction, tuple(units)

    def limit(self) -> bool:
        if not self.take("limit"):
            return False
        if self.at == len(self.words):
            raise InputError("nothing stands behind LIMIT")
        self.at += 1  # whatever it is
        return True

    def semicolons(self) -> None:
        while self.take(";"):
            pass

    def conditions(self, names: Sequence[str]) -> tuple[Condition | str, ...]:
        found: list[Condition | str] = []
        while self.at < len(self.words):
            unit = self.value_unit(names)
            negated = self.word == "not"
            self.at += negated
            comparison = self.word
            if comparison not in COMPARISONS:
                raise InputError(f"{comparison!r} is no comparison")
            self.at += 1
            value, second = self.value(names), None
            if comparison == "between":
                self.need("and")
                second = self.value(names)
            found.append(Condition(negated, comparison, unit, value, second))
            if self.sees(*_ENDS, *_JOINS):
                break
            if self.sees("and", "or"):
                found.append(self.word)
                self.at += 1
        return tuple(found)

    def value(self, names: Sequence[str]) -> Value:
        start = self.at
        block = self.take("(")
        value: Value
        if self.word == "select":
            value = self.query()
        elif '"' in self.word:
            value = self.word
            self.at += 1
        else:
            try:
                value = float(self.word)
                self.at += 1
            except ValueError:
                value = self.column_value(start, names)
        if block:
            self.need(")")
        return value

    def column_value(self, start: int, names: Sequence[str]) -> ColumnUnit:
        """A column as a value: read from the words up to the next comma, parenthesis, AND, clause or join alone."""
        while self.at < len(self.words) and self.word not in _VALUE_ENDS:
            self.at += 1
        return _Reader(self.words[start : self.at], self.aliases, self.schema, self.ids).column_unit(names)

    def value_unit(self, names: Sequence[str]) -> ValueUnit:
        block = self.take("(")
        left = self.column_unit(names)
        sign, right = "none", None
        if self.sees(*ARITHMETIC):
            sign = self.word
            self.at += 1
            right = self.column_unit(names)
        if block:
            self.need(")")
        return ValueUnit(sign, left, right)

    def column_unit(self, names: Sequence[str]) -> ColumnUnit:
        block = self.take("(")
        aggregate = self.word if self.word in AGGREGATES else "none"
        if self.take(*AGGREGATES):
            self.need("(")
            unit = ColumnUnit(aggregate, *self.maybe_distinct(names))
            self.need(")")
            return unit  # a parenthesis before the aggregate stays open
        unit = ColumnUnit("none", *self.maybe_distinct(names))
        if block:
            self.need(")")
        return unit

    def maybe_distinct(self, names: Sequence[str]) -> tuple[str, bool]:
        distinct = self.word == "distinct"
        self.at += distinct
        return self.column(names), distinct

    def column(self, names: Sequence[str]) -> str:
        word = self.word
        self.at += 1
        if word == "*":
            return self.ids[word]
        if "." in word:
            alias, column = word.split(".")
            return self.ids[f"{self.aliases[alias]}.{column}"]
        for name in names:
            if word in self.schema[name]:
                return self.ids[f"{name}.{word}"]
        raise InputError(f"no table here has a column {word!r}")

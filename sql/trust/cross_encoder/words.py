"""SQL in plain words, as the cross-encoder reads it: deterministic, and independent of aliases and of join order.

"city: show name where country is 'Spain' sorted by population, largest first, first 5". What never changes which rows
are meant (equalities along join keys, casts, quoting) is left out, so that two spellings of one query read the same.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from ctxprune.errors import InputError
from ctxprune.text.words import split_identifier

from .phrases import AGGREGATES, ARITHMETIC, COMPARISONS, literal_words, period_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["describe_query", "describe_sql"]

_DEEPEST = 60  # nested nodes; a statement that a person or model writes has under 30
_LISTED = 12  # items of a list that are written out: the encoder reads 256 tokens
_SET_WORDS = ((exp.Union, "and also"), (exp.Intersect, "that are also among"), (exp.Except, "but not"))


def describe_sql(sql: str, *, dialect: str = "sqlite") -> str:
    """`describe_query` of a statement as text.

    Raises:
        InputError: It cannot be parsed, is no query, or is nested more than 60 levels deep.
    """
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError) as error:
        raise InputError("the statement cannot be parsed", where=sql[:100]) from error
    return describe_query(tree)


def describe_query(tree: exp.Expr) -> str:
    """A query in words: its tables, what is shown, conditions, groups, order and limit; the tree stays as it is.

    Columns have their table before them ("city.name") where the query reads more than one. Names are split into
    words. Strings are in single quotes, at most 60 characters of each.

    Raises:
        InputError: It is no query, or is nested more than 60 levels deep.
    """
    if not isinstance(tree, exp.Query):
        raise InputError("only a query can be put into words", where=type(tree).__name__)
    return _Writer().query(tree)


class _Writer:
    """Writes one query; sub-queries have a writer of their own, which knows the outer one's tables."""

    def __init__(self, outer: _Writer | None = None) -> None:
        self.depth: int = outer.depth + 1 if outer else 0
        if self.depth > _DEEPEST:
            raise InputError(f"the query is nested more than {_DEEPEST} levels deep", hint="ask for less at once")
        self.tables: dict[str, str] = dict(outer.tables) if outer else {}
        self.named: dict[str, exp.Expr] = {}
        self.shown: Sequence[exp.Expr] = ()
        self.single = True

    def query(self, tree: exp.Expr) -> str:
        """A SELECT, or two queries joined by a set operation."""
        while isinstance(tree, exp.Subquery):
            tree = tree.this
        if isinstance(tree, exp.SetOperation):
            word = next(word for kind, word in _SET_WORDS if isinstance(tree, kind))
            parts = [_Writer(self).query(side) for side in (tree.this, tree.expression)]
            return f"{parts[0]}, {word}: {parts[1]}{self._order(tree)}"
        if not isinstance(tree, exp.Select):
            raise InputError("only a query can be put into words", where=type(tree).__name__)
        return self._select(tree)

    def _select(self, tree: exp.Select) -> str:
        named = self._common_tables(tree)
        sources = [tree.args.get("from_"), *(tree.args.get("joins") or ())]
        labels = self._read_tables([source.this for source in sources if source is not None])
        self.single = len(labels) < 2
        self.shown = tree.expressions
        self.named = {item.alias.lower(): item.this for item in tree.expressions if isinstance(item, exp.Alias)}
        if not tree.expressions:
            raise InputError("a query that shows nothing", where=tree.sql()[:100])
        shown = self._listed(tree.expressions)
        distinct = "different " if tree.args.get("distinct") else ""
        parts = [f"show {distinct}{shown}", *self._joined(tree)]
        parts += self._conditions(tree)
        tables = ", ".join(sorted(labels))  # sorted: the order of joins changes nothing
        return named + (f"{tables}: " if tables else "") + " ".join(parts) + self._order(tree)

    def _common_tables(self, tree: exp.Select) -> str:
        with_ = tree.args.get("with_")
        texts = []
        for table in with_.expressions if with_ is not None else ():
            self.tables[table.alias.lower()] = _spaced(table.alias)
            texts.append(f"let {_spaced(table.alias)} be ({_Writer(self).query(table.this)}); ")
        return "".join(texts)

    def _read_tables(self, sources: Sequence[exp.Expr]) -> list[str]:
        """Labels of the tables read; a table that is read twice has numbers after its name."""
        times: Counter[str] = Counter()
        labels = []
        for source in sources:
            if isinstance(source, exp.Subquery):
                label = f"({_Writer(self).query(source.this)})"
                self.tables[source.alias.lower()] = _spaced(source.alias)
            else:
                label = _spaced(source.name)
                times[label] += 1
                label = label if times[label] == 1 else f"{label} {times[label]}"
                self.tables[source.alias_or_name.lower()] = label
            labels.append(label)
        return labels

    def _joined(self, tree: exp.Select) -> list[str]:
        """What joins say beyond matching keys: optional sides and other conditions."""
        texts = []
        for join in tree.args.get("joins") or ():
            if join.side:
                texts.append(f"with or without {self.tables.get(join.this.alias_or_name.lower(), 'others')}")
            texts += [f"matched by {self.text(part)}" for part in _flat(join.args.get("on")) if not _is_key(part)]
        return texts

    def _conditions(self, tree: exp.Select) -> list[str]:
        texts = []
        where = tree.args.get("where")
        kept = [part for part in _flat(where.this) if not _is_key(part)] if where is not None else []
        if kept:
            texts.append(f"where {self._all(kept)}")
        group = tree.args.get("group")
        if group is not None and group.expressions:
            texts.append(f"for each {self._listed(map(self._resolved, group.expressions))}")
        having = tree.args.get("having")
        if having is not None:
            texts.append(f"having {self._all(_flat(having.this))}")
        return texts

    def _all(self, parts: Sequence[exp.Expr]) -> str:
        """Conditions that all hold; two bounds of one column that make up a calendar period are said as one."""
        texts, used = [], set()
        for place, part in enumerate(parts):
            if place in used:
                continue
            other, period = next(
                (
                    (at, period)
                    for at, right in enumerate(parts)
                    if at > place and at not in used and (period := period_words(part, right))
                ),
                (None, ""),
            )
            if other is None:
                texts.append(self.text(part))
            else:
                used.add(other)
                texts.append(f"{self.text(part.this)} is {period}")
        return " and ".join(texts)

    def _order(self, tree: exp.Expr) -> str:
        text = ""
        order, limit, offset = (tree.args.get(name) for name in ("order", "limit", "offset"))
        if order is not None:
            keys = [
                f"{self.text(self._resolved(key.this))}, {'largest' if key.args.get('desc') else 'smallest'} first"
                for key in order.expressions
                if not isinstance(key.this, exp.Case)  # where missing values stand: no question asks for it
            ]
            text += f" sorted by {', then '.join(keys)}"
        if limit is not None and limit.expression is not None:
            text += f", only the first {self.text(limit.expression)}"
        if offset is not None:
            text += f", after the first {self.text(offset.expression)}"
        return text

    def _resolved(self, item: exp.Expr) -> exp.Expr:
        """What an output name or the position of an output stands for."""
        if isinstance(item, exp.Literal) and item.is_int and 0 < int(item.name) <= len(self.shown):
            return self.shown[int(item.name) - 1]
        if isinstance(item, exp.Column) and not item.table:
            return self.named.get(item.name.lower(), item)
        return item

    def _listed(self, items: Iterable[exp.Expr]) -> str:
        texts = [self.text(item) for item in items]
        more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
        return ", ".join(texts[:_LISTED]) + more

    def text(self, item: exp.Expr) -> str:
        """Any expression in words."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise InputError(f"the query is nested more than {_DEEPEST} levels deep", hint="ask for less at once")
        for kinds, write in _WRITERS.items():
            if isinstance(item, kinds):
                found = write(self, item)
                break
        else:
            found = self._function(item)
        self.depth -= 1
        return found

    def _column(self, item: exp.Expr) -> str:
        name = "everything" if isinstance(item.this, exp.Star) else _spaced(item.name)
        table = item.text("table").lower()
        return name if self.single or not table else f"{self.tables.get(table, _spaced(table))}.{name}"

    def _aggregate(self, item: exp.Expr) -> str:
        inner, word = item.this, AGGREGATES[type(item)]
        if isinstance(item, exp.Count) and (inner is None or isinstance(inner, (exp.Star, exp.Literal))):
            return "number of rows"
        if isinstance(inner, exp.Distinct):
            return f"{word} different {self._listed(inner.expressions)}"
        return f"{word} {self.text(inner)}"

    def _compare(self, item: exp.Expr) -> str:
        right = item.expression
        if isinstance(right, exp.Column) and right.this.args.get("quoted") and not right.table:
            right = exp.Literal.string(right.name)  # MySQL's and SQLite's other way to quote a string
        return f"{self.text(item.this)} {COMPARISONS[type(item)]} {self.text(right)}"

    def _like(self, item: exp.Expr) -> str:
        pattern = item.expression
        if isinstance(pattern, (exp.Lower, exp.Upper)):
            pattern = pattern.this
        if not isinstance(pattern, (exp.Literal, exp.Column)) or pattern.args.get("table"):
            return f"{self.text(item.this)} is like {self.text(pattern)}"
        raw = pattern.name
        inner = raw.strip("%")
        words = {(True, True): "contains", (True, False): "ends with", (False, True): "starts with"}
        word = words.get((raw.startswith("%"), raw.endswith("%")), "is")
        return f"{self.text(item.this)} {word} {literal_words(exp.Literal.string(inner))}"

    def _between(self, item: exp.Expr) -> str:
        low, high = self.text(item.args["low"]), self.text(item.args["high"])
        return f"{self.text(item.this)} is between {low} and {high}"

    def _in(self, item: exp.Expr, no: str = "") -> str:
        query = item.args.get("query")
        if query is not None:
            return f"{self.text(item.this)} is {no}among ({_Writer(self).query(query)})"
        return f"{self.text(item.this)} is {no}one of {self._listed(item.expressions)}"

    def _not(self, item: exp.Expr) -> str:
        inner = item.this.unnest()
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
            return f"{self.text(inner.this)} is given"
        if isinstance(inner, exp.In):
            return self._in(inner, "not ")
        return f"not {self.text(inner)}"

    def _is(self, item: exp.Expr) -> str:
        word = "is missing" if isinstance(item.expression, exp.Null) else f"is {self.text(item.expression)}"
        return f"{self.text(item.this)} {word}"

    def _both(self, item: exp.Expr) -> str:
        return f"({self._all(_flat(item))})"

    def _either(self, item: exp.Expr) -> str:
        return f"({' or '.join(self.text(part) for part in item.flatten())})"

    def _nested(self, item: exp.Expr) -> str:
        return f"({_Writer(self).query(item)})"

    def _exists(self, item: exp.Expr) -> str:
        return f"there is ({_Writer(self).query(item.this)})"

    def _arithmetic(self, item: exp.Expr) -> str:
        return f"{self.text(item.this)} {ARITHMETIC[type(item)]} {self.text(item.expression)}"

    def _case(self, item: exp.Expr) -> str:
        parts = [f"{self.text(one.args['true'])} if {self.text(one.this)}" for one in item.args.get("ifs") or ()]
        default = item.args.get("default")
        return f"({', '.join(parts)}{'' if default is None else f', else {self.text(default)}'})"

    def _date_part(self, item: exp.Expr) -> str:
        form = item.args.get("format")
        part = {"%Y": "year", "%m": "month", "%Y-%m": "month", "%d": "day", "%w": "weekday", "%H": "hour"}
        name = part.get(form.name if form is not None else "", "time")
        return f"{name} of {self.text(item.this)}"

    def _window(self, item: exp.Expr) -> str:
        text = self.text(item.this)
        within, order = item.args.get("partition_by"), item.args.get("order")
        if within:
            text += f" for each {self._listed(within)}"
        if order is not None:
            text += f" in order of {self._listed(key.this for key in order.expressions)}"
        return text

    def _inner(self, item: exp.Expr) -> str:
        return self.text(item.this)

    def _function(self, item: exp.Expr) -> str:
        """Any other expression: its name, and in words what it is applied to."""
        name = item.name if isinstance(item, exp.Anonymous) else type(item).__name__
        inner = [part for part in item.iter_expressions() if not isinstance(part, exp.DataType)]
        return f"{_spaced(name)} of {self._listed(inner)}" if inner else _spaced(name) or item.name.lower()


_WRITERS: Mapping[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[_Writer, exp.Expr], str]] = {
    exp.Column: _Writer._column,
    exp.Literal: lambda _, item: literal_words(item),
    exp.Star: lambda *_: "everything",
    exp.Null: lambda *_: "nothing",
    exp.Boolean: lambda _, item: "true" if item.this else "false",
    exp.Identifier: lambda _, item: _spaced(item.name),
    tuple(AGGREGATES): _Writer._aggregate,
    tuple(COMPARISONS): _Writer._compare,
    (exp.Like, exp.ILike): _Writer._like,
    exp.Between: _Writer._between,
    exp.In: _Writer._in,
    exp.Not: _Writer._not,
    exp.Is: _Writer._is,
    exp.And: _Writer._both,
    exp.Or: _Writer._either,
    exp.Query: _Writer._nested,
    exp.Exists: _Writer._exists,
    tuple(ARITHMETIC): _Writer._arithmetic,
    exp.Case: _Writer._case,
    exp.TimeToStr: _Writer._date_part,
    exp.Window: _Writer._window,
    exp.Neg: lambda writer, item: f"minus {writer.text(item.this)}",
    # wrappers that say how a value is written and not which one is meant
    (exp.Alias, exp.Paren, exp.Cast, exp.TsOrDsToTimestamp, exp.TsOrDsToDate, exp.Date): _Writer._inner,
    (exp.Lower, exp.Upper, exp.Trim, exp.Coalesce, exp.Nullif, exp.Collate, exp.Distinct): _Writer._inner,
}


def _flat(item: exp.Expr | None) -> list[exp.Expr]:
    """The parts of a conjunction; [] for None."""
    if item is None:
        return []
    item = item.unnest()
    if not isinstance(item, exp.And):
        return [item]
    return [part for side in item.flatten() for part in _flat(side)]


def _is_key(part: exp.Expr) -> bool:
    """Whether a condition only matches rows of two tables: an equality of two columns."""
    sides = (part.this, part.expression) if isinstance(part, exp.EQ) else ()
    columns = [side for side in sides if isinstance(side, exp.Column) and side.table]
    return len(columns) == 2 and columns[0].table != columns[1].table


def _spaced(name: str) -> str:
    """A name as words; one without letters or digits stays as it is."""
    return " ".join(split_identifier(name)) or name.lower()

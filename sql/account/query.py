"""Reads the parts of a query that words of a question may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ctxprune.errors import InputError

from .hollow import is_hollow
from .names import Names
from .nodes import (
    ARITHMETIC,
    OPERATORS,
    SWAPPED,
    as_number,
    find_purposes,
    is_negated,
    literal_text,
    only_item,
    other_sides,
    says_no,
)
from .parts import Aggregate, Literal, Order, Output, QueryParts, Test
from .reading import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import ColumnRef, Schema

__all__ = ["read_query"]

_FORMULA_NUMBERS = frozenset(("0", "1", "100", "1.0", "100.0"))
_MOST_CHARACTERS = 20_000
_PREDICATES = tuple(OPERATORS)


def read_query(sql: str, schema: Schema) -> QueryParts:
    """Read one SELECT statement in the schema's dialect.

    Raises:
        InputError: It cannot be parsed, is no SELECT, or is longer than 20,000 characters.
    """
    if len(sql) > _MOST_CHARACTERS:
        raise InputError(f"the query has {len(sql)} characters, at most {_MOST_CHARACTERS} are read", where=sql[:80])
    try:
        trees = [tree for tree in sqlglot.parse(sql, read=schema.dialect) if tree is not None]
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            raise InputError("the text is not one SELECT statement", where=sql[:200])
        return _Reader(trees[0], schema).read()
    except (SqlglotError, RecursionError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"the query cannot be read: {reason}", where=sql[:200]) from error


class _Reader:
    """Walks the tree of one query once per kind of part."""

    def __init__(self, tree: exp.Query, schema: Schema) -> None:
        self._tree, self._dialect, self._schema = tree, schema.dialect, schema
        names = self._names = Names(tree, schema)
        self._refs = {id(column): names.column(column) for column in tree.find_all(exp.Column)}
        self._found = QueryParts(tables={name: Part("table", name) for name in names.tables})
        # Before aliases give way to names of tables, which tell no two rows of one table apart.
        self._found.hollow = is_hollow(tree, schema)
        self._spell_out()
        self._found.vacuous = any(map(self._is_vacuous, tree.find_all(exp.In)))

    def read(self) -> QueryParts:
        """Everything at once."""
        joining = self._links()
        self._columns(joining)
        for node in self._tree.walk():
            if isinstance(node, _PREDICATES):
                # CASE WHEN x IS NULL in a key of ORDER BY only says where NULLs go.
                if not isinstance(self._names.holder(node), exp.Order):
                    self._test(node, joining)
            elif isinstance(node, (exp.Exists, exp.SetOperation, exp.Or, exp.Distinct, exp.Not)):
                self._logic(node)
            elif isinstance(node, exp.AggFunc):
                self._aggregate(node)
            elif isinstance(node, exp.Select):
                self._clauses(node)
            elif isinstance(node, (exp.Func, exp.Window, *ARITHMETIC)) and not isinstance(node, exp.Connector):
                self._function(node)
        self._loose_literals()
        return self._found

    def _spell_out(self) -> None:
        """Give every column the real name of its table, and read names in double quotes that name nothing as texts."""
        for column in list(self._tree.find_all(exp.Column)):
            refs = self._refs[id(column)]
            if len(refs) == 1 and refs[0].column.casefold() == column.name.casefold():
                column.set("table", exp.to_identifier(refs[0].table))
                column.set("this", exp.to_identifier(refs[0].column))
            elif not refs and not column.table and column.this.args.get("quoted") and column.parent is not None:
                column.replace(exp.Literal.string(column.name))  # SQLite takes "text" for 'text'

    def _of(self, node: exp.Expr | None) -> tuple[ColumnRef, ...]:
        """The stored columns of a node, without those of a SELECT below it."""
        if node is None or isinstance(node, (exp.Subquery, exp.Select)):
            return ()
        stop = (exp.Subquery, exp.Select)
        found = [
            ref
            for one in node.walk(prune=lambda inner: isinstance(inner, stop))
            if isinstance(one, exp.Column)
            for ref in self._refs.get(id(one), ())
        ]
        return tuple(dict.fromkeys(found))

    def _is_vacuous(self, node: exp.In) -> bool:
        """ "coupon_id NOT IN (SELECT coupon_id FROM coupons)": only a reference that is NULL is to no coupon."""
        inner = node.args["query"].this if isinstance(node.args.get("query"), exp.Subquery) else node.args.get("query")
        if not isinstance(inner, exp.Select) or not is_negated(node) or inner.args.get("where") is not None:
            return False
        here, there = self._of(node.this), self._of(inner.expressions[0])
        pairs = {((key.table, key.columns), (key.ref_table, key.ref_columns)) for key in self._schema.foreign_keys}
        plain = not inner.args.get("joins") and len(here) == 1 == len(there)
        return plain and ((here[0].table, (here[0].column,)), (there[0].table, (there[0].column,))) in pairs

    def _counted(self, select: exp.Select) -> Iterator[str]:
        """Tables whose rows are counted: of COUNT(*) all that are joined, of a column its own and what it refers to."""
        sources = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or [])]
        joined = [node.name for source in sources if source is not None for node in source.find_all(exp.Table)]
        for count in (node for item in select.expressions for node in item.find_all(exp.Count)):
            refs = self._of(count)
            yield from (ref.table for ref in refs)
            for key in self._schema.foreign_keys:
                if any(ref.table == key.table and ref.column in key.columns for ref in refs):
                    yield key.ref_table
            if not refs:
                yield from (self._schema.table(name).name for name in joined if name in self._schema)

    def _part(self, kind: str, node: exp.Expr | str) -> Part:
        text = node if isinstance(node, str) else node.sql(dialect=self._dialect)
        return Part(kind, text if len(text) <= 200 else text[:199] + "…")

    def _links(self) -> set[int]:
        """Ids of comparisons, and of their columns, that only join two tables."""
        found: set[int] = set()
        for node in self._tree.find_all(exp.EQ, exp.In):
            left = node.this
            right = node.expression if isinstance(node, exp.EQ) else only_item(node.args.get("query"))
            if isinstance(left, exp.Column) and isinstance(right, exp.Column):
                found |= {id(node), id(left), id(right)}
        return found

    def _columns(self, joining: set[int]) -> None:
        for column in self._tree.find_all(exp.Column):
            into = self._found.linking if id(column) in joining else self._found.columns
            for ref in self._refs.get(id(column), ()):
                into.setdefault(ref, Part("column", f"{ref.table}.{ref.column}"))
        for ref in self._found.columns:
            self._found.linking.pop(ref, None)
        first = self._tree.find(exp.Select)
        shown = [ref for item in (first.expressions if first is not None else ()) for ref in self._of(item)]
        self._found.shown = tuple(dict.fromkeys(shown))
        self._found.counted = tuple(self._counted(first)) if isinstance(first, exp.Select) else ()
        self._found.outputs = tuple(map(self._output, first.expressions if first is not None else ()))

    def _output(self, item: exp.Expr) -> Output:
        inner = item.unalias()
        star = isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star))
        return Output(self._of(item), star, inner.find(exp.AggFunc) is not None)

    def _test(self, node: exp.Expr, joining: set[int]) -> None:
        op = OPERATORS[type(node)]
        sides = [node.this, *other_sides(node)]
        columns = tuple(dict.fromkeys(ref for side in sides for ref in self._of(side)))
        negated = is_negated(node)
        nested = any(isinstance(side, exp.Subquery) for side in sides) or node.args.get("query") is not None
        literals = [side for side in sides if literal_text(side) is not None]
        part = self._part("comparison", node.parent if negated and isinstance(node.parent, exp.Not) else node)
        counted = any(side.find(exp.AggFunc) is not None for side in sides if not isinstance(side, exp.Subquery))
        if id(node) not in joining:
            self._found.tests.append(Test(op, columns, negated, nested, bool(literals), counted, part))
        # IS NOT NULL says that something is there.
        absent = says_no(node, op, literals)
        if negated != (op == "is" and absent) or op == "!=" or (absent and not negated):
            self._found.negations.append(Part("negation", part.text))
        for side in literals:
            turned = SWAPPED.get(op, op) if side is node.this else op
            self._literal(side, turned, columns, counted=counted, part=part)

    def _literal(
        self,
        node: exp.Expr,
        op: str,
        columns: tuple[ColumnRef, ...],
        *,
        counted: bool = False,
        part: Part | None = None,
    ) -> None:
        text = literal_text(node)
        if text is None:
            return
        number = as_number(text)
        is_text = node.find(exp.Literal) is not None and any(one.is_string for one in node.find_all(exp.Literal))
        kind = "limit" if op == "limit" else "value" if is_text else "number"
        shown = part.text if part is not None else node.sql(dialect=self._dialect)
        self._found.literals.append(Literal(text, number, op, columns, counted, Part(kind, shown)))

    def _loose_literals(self) -> None:
        """Literals that are no side of a comparison: arguments of functions, and the numbers of a formula."""
        for node in self._tree.find_all(exp.Literal):
            holder = node.parent
            while isinstance(holder, (exp.Neg, exp.Paren, exp.Cast, exp.Lower, exp.Upper, exp.Date, exp.TsOrDsToDate)):
                holder = holder.parent
            formula = not node.is_string and node.this in _FORMULA_NUMBERS
            if not formula and not isinstance(holder, (*_PREDICATES, exp.Limit, exp.Tuple)):
                whole = holder if isinstance(holder, (exp.Func, exp.Binary)) else node
                self._literal(node, "", self._of(whole), part=self._part("function", whole))

    def _logic(self, node: exp.Expr) -> None:
        if isinstance(node, exp.Exists):
            if isinstance(node.parent, exp.Not):
                self._found.negations.append(self._part("negation", node.parent))
        elif isinstance(node, exp.Not):
            if isinstance(node.this.unnest(), exp.Column):  # a column of truths
                self._found.negations.append(self._part("negation", node))
        elif isinstance(node, exp.Distinct):
            text = "DISTINCT " + ", ".join(self._part("distinct", one).text for one in node.expressions)
            self._found.distinct.append(Part("distinct", text.strip()))
        elif isinstance(node, exp.SetOperation):
            name = type(node).__name__.upper()
            self._found.combined[name] = Part("negation" if name == "EXCEPT" else "comparison", name)
            if name == "EXCEPT":
                self._found.negations.append(self._part("negation", f"EXCEPT {node.expression.sql(self._dialect)}"))
        else:
            self._found.combined["OR"] = Part("comparison", "OR")

    def _aggregate(self, node: exp.Expr) -> None:
        name = {"ARRAYAGG": "LIST", "GROUPCONCAT": "LIST"}.get(type(node).__name__.upper(), type(node).__name__.upper())
        holder = self._names.holder(node)
        distinct = node.find(exp.Distinct) is not None
        shown = isinstance(holder, exp.Select)
        found = Aggregate(name, self._of(node), distinct, shown, self._part("aggregate", node))
        self._found.aggregates.append(found)
        if isinstance(node, exp.CountIf) or node.find(exp.Case, exp.If) is not None:
            self._found.functions.setdefault("case", []).append(found.part)

    def _clauses(self, select: exp.Select) -> None:
        limit = select.args.get("limit") or select.args.get("fetch")
        number = None
        if limit is not None:
            text = (
                literal_text(limit.expression)
                if isinstance(limit, exp.Limit)
                else literal_text(limit.args.get("count"))
            )
            number = int(float(text)) if text is not None and as_number(text) is not None else None
            part = self._part("limit", f"LIMIT {text or ''}".strip())
            self._found.limits.append(part)
            if text is not None:
                self._found.literals.append(Literal(text, as_number(text), "limit", (), False, part))
        offset = select.args.get("offset")
        skipped = as_number(literal_text(offset.expression) or "") if offset is not None else None
        if skipped is not None:
            part = self._part("limit", f"OFFSET {skipped:.0f}")
            self._found.limits.append(part)
            self._found.literals.append(Literal(f"{skipped + 1:.0f}", skipped + 1, "limit", (), False, part))
        order = select.args.get("order")
        self._orders(order, select, number)
        group = select.args.get("group")
        if group is not None and group.args.get("all"):
            self._found.groups.append(((), Part("grouping", "GROUP BY ALL")))
        elif group is not None and group.expressions:
            meant = [self._key(key, select) for key in group.expressions]
            text = ", ".join(self._part("grouping", key).text for key in meant)
            keys = tuple(dict.fromkeys(ref for key in meant for ref in self._of(key)))
            self._found.groups.append((keys, Part("grouping", f"GROUP BY {text}")))

    def _orders(self, order: exp.Expr | None, select: exp.Select, limit: int | None) -> None:
        for key in order.expressions if order is not None else ():
            descending = bool(key.args.get("desc"))
            inner = self._key(key.this if isinstance(key, exp.Ordered) else key, select)
            text = f"ORDER BY {self._part('order', inner).text}{' DESC' if descending else ''}"
            counted = inner.find(exp.AggFunc) is not None
            self._found.orders.append(Order(descending, counted, self._of(inner), limit, Part("order", text)))

    def _key(self, key: exp.Expr, select: exp.Select) -> exp.Expr:
        """The item of SELECT that a key means by its number or alias, else the key."""
        if isinstance(key, exp.Literal) and not key.is_string and key.this.isdigit():
            place = int(key.this) - 1
            return select.expressions[place].unalias() if 0 <= place < len(select.expressions) else key
        if not isinstance(key, exp.Column) or key.name.casefold() in {
            ref.column.casefold() for ref in self._refs.get(id(key), ()) if ref.table == key.table
        }:
            return key
        # An alias of this SELECT, or of a derived table.
        for item in (*select.expressions, *self._tree.find_all(exp.Alias)):
            if isinstance(item, exp.Alias) and item.alias.casefold() == key.name.casefold():
                return item.unalias()
        return key

    def _function(self, node: exp.Expr) -> None:
        names = [ARITHMETIC[type(node)]] if type(node) in ARITHMETIC else list(find_purposes(node))
        for name in names:
            self._found.functions.setdefault(name, []).append(self._part("function", node))
        if isinstance(node, exp.Window):
            keys = node.args.get("partition_by") or []
            if keys:
                columns = tuple(dict.fromkeys(ref for key in keys for ref in self._of(key)))
                text = ", ".join(self._part("grouping", key).text for key in keys)
                self._found.groups.append((columns, Part("grouping", f"PARTITION BY {text}")))
            self._orders(node.args.get("order"), self._names.select(node) or exp.Select(), None)

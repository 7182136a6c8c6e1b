"""PostgreSQL: every column of a derived table gets a name that can be seen in the text.

`q.f` is the column f of q where there is one, and the call f(q) of any function that takes a row where there is none.
So the guard must know all columns of q. PostgreSQL names an expression without an alias by rules of its own
(FigureColname in its parse_target.c); here the same name is written as an alias, so that guard and database cannot
differ. A function in FROM gives single values or whole rows, which its text does not tell: where g.g is read of a
function g, `AS g` becomes `AS g(g)`, after which g has a column g either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ._scope import fold, quoted, stored
from ._sources import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["name_function_columns", "name_outputs", "output_name", "star_names"]

_UNNAMED = "?column?"
_READERS = (exp.From, exp.Join, exp.Lateral)
_INNER = (
    *(exp.Bracket, exp.Collate, exp.Filter, exp.IgnoreNulls, exp.Paren, exp.RespectNulls, exp.Window, exp.WithinGroup),
)
"""What is named after its operand."""
_NAMES: dict[type[exp.Expr], str] = {
    exp.Array: "array",
    exp.AtTimeZone: "timezone",
    exp.CurrentDate: "current_date",
    exp.CurrentTime: "current_time",
    exp.CurrentTimestamp: "current_timestamp",
    exp.Exists: "exists",
    exp.Extract: "extract",
    exp.Interval: "interval",
    exp.JSONObject: "json_object",
    exp.JSONValue: "json_value",
    exp.Localtime: "localtime",
    exp.Localtimestamp: "localtimestamp",
    exp.Overlaps: "overlaps",
    exp.Overlay: "overlay",
    exp.StrPosition: "position",
    exp.Substring: "substring",
    exp.Tuple: "row",
}
_TRIMS = {"LEADING": "ltrim", "TRAILING": "rtrim"}
_TYPES = {
    exp.DType.BIGINT: "int8",
    exp.DType.BOOLEAN: "bool",
    exp.DType.CHAR: "bpchar",
    exp.DType.DECIMAL: "numeric",
    exp.DType.DOUBLE: "float8",
    exp.DType.FLOAT: "float4",
    exp.DType.INT: "int4",
    exp.DType.SMALLINT: "int2",
    exp.DType.VARBINARY: "bytea",
}
"""PostgreSQL's own names of the types that are written in another way."""


def name_outputs(select: exp.Select) -> list[exp.Expr]:
    """The select list, each column with the name that PostgreSQL gives to it as its alias.

    Left as they are: stars, what has a name, and all columns of a query whose names no other query can read.
    """
    if _is_read(select):
        # All at once: replacing one item moves all that follow it, which takes quadratic time.
        select.set("expressions", [_named(item) for item in select.expressions])
    return list(select.expressions)


def _named(item: exp.Expr) -> exp.Expr:
    if isinstance(item, (exp.Alias, exp.Column, exp.Star)) or _is_star(item):
        return item
    name = quoted(output_name(item))
    return exp.Alias(this=item, alias=name)


def _is_read(select: exp.Select) -> bool:
    """Whether `select` names columns of a derived table or a WITH expression that has no name for each of them."""
    at: exp.Expr = select
    replaced = 0
    while isinstance(at.parent, (exp.CTE, exp.SetOperation, exp.Subquery)):
        if at.arg_key != "this":  # of a set operation the first operand names the columns
            return False
        at = at.parent
        alias = at.args.get("alias")
        replaced = max(replaced, len(alias.columns) if isinstance(alias, exp.TableAlias) else 0)
        if isinstance(at, exp.CTE):
            break
    read = isinstance(at, exp.CTE) or isinstance(at.parent, _READERS)
    return read and len(select.expressions) > replaced


def output_name(item: exp.Expr) -> str:
    """What PostgreSQL calls a column of a result."""
    return _own_name(item) or _fallback(item)


def _own_name(item: exp.Expr) -> str:
    """The name of a column or a function, also through casts; "" for an operator, a constant or a CASE."""
    at = _without_casts(item)
    inner = None
    if isinstance(at, exp.Case):
        inner = at.args.get("default")
        return _own_name(inner) if inner is not None else ""
    if isinstance(at, exp.Subquery):
        inner = _first_output(at)
        return output_name(inner) if inner is not None else ""
    name = at.args["alias"] if isinstance(at, exp.Alias) else at.this if isinstance(at, exp.Column) else None
    name = at.expression if isinstance(at, exp.Dot) else name
    if isinstance(name, exp.Identifier):
        return stored(name, "postgres")
    return _call_name(at)


def _call_name(call: exp.Expr) -> str:
    if isinstance(call, exp.Anonymous):
        return fold(call.name)
    if isinstance(call, exp.Trim):
        return _TRIMS.get(str(call.args.get("position") or ""), "btrim")
    return _NAMES.get(type(call), "")


def _without_casts(item: exp.Expr) -> exp.Expr:
    at = item
    while isinstance(at, (exp.Cast, *_INNER)):
        at = at.this
    return at


def _fallback(item: exp.Expr) -> str:
    """The name of what has none of its own: that of its outermost type, or of a CASE."""
    at = item
    while isinstance(at, _INNER):
        at = at.this
    if isinstance(at, exp.Cast):
        return _type_name(at.to)
    return "case" if isinstance(at, exp.Case) else _UNNAMED


def _type_name(kind: exp.Expr) -> str:
    while isinstance(kind, exp.DataType) and kind.this is exp.DType.ARRAY and kind.expressions:
        kind = kind.expressions[0]
    own = kind.args.get("kind")
    if own is not None:
        return stored(own, "postgres") if isinstance(own, exp.Identifier) else fold(str(own))
    return _TYPES.get(kind.this) or fold(str(kind.this.value if isinstance(kind.this, exp.DType) else _UNNAMED))


def _first_output(query: exp.Expr) -> exp.Expr | None:
    at = query
    while isinstance(at, (exp.SetOperation, exp.Subquery)):
        at = at.this
    return at.expressions[0] if isinstance(at, exp.Select) else None


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star)


def star_names(item: exp.Expr) -> tuple[str, ...] | None:
    """The columns of (jsonb_each(x)).* and alike; None for any other item."""
    call = item.this.unnest() if isinstance(item, exp.Dot) and _is_star(item) else None
    return OUTPUTS.get(fold(call.name), {}).get("postgres") if isinstance(call, exp.Anonymous) else None


def name_function_columns(tree: exp.Expr) -> None:
    """Write the name of a function's column behind its alias wherever a column is read by that very name."""
    read = {fold(node.name) for node in tree.find_all(exp.Column) if fold(node.text("table")) == fold(node.name)}
    for node in _functions(tree) if read else ():
        alias = node.args.get("alias")
        call = node.this if isinstance(node, (exp.Lateral, exp.Table)) else node
        name = alias.this if alias is not None and alias.this else exp.to_identifier(fold(call.name), quoted=True)
        if fold(name.name) not in read or (alias is not None and alias.columns):
            continue
        node.set("alias", exp.TableAlias(this=name.copy(), columns=[quoted(stored(name, "postgres"))]))


def _functions(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Functions in FROM, each as the node that has its alias; those with columns of fixed names left out."""
    for node in tree.find_all(exp.Table, exp.Lateral, exp.Unnest):
        if isinstance(node, exp.Unnest):
            if not isinstance(node.parent, exp.Lateral):
                yield node
        elif isinstance(node.this, exp.Unnest) or (
            isinstance(node.this, exp.Anonymous) and "postgres" not in OUTPUTS.get(fold(node.this.name), {})
        ):
            yield node

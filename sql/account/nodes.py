"""Questions about single nodes of a parsed query."""

from __future__ import annotations

import re

from sqlglot import exp

__all__ = [
    "ARITHMETIC", "OPERATORS", "SWAPPED", "as_number", "find_purposes", "is_negated", "literal_text", "only_item",
    "other_sides", "says_no",
]  # fmt: skip

OPERATORS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "!=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.Like: "like",
    exp.ILike: "like", exp.Glob: "like", exp.RegexpLike: "like", exp.Between: "between", exp.In: "in", exp.Is: "is",
    exp.NullSafeEQ: "=", exp.NullSafeNEQ: "!=",
}  # fmt: skip
SWAPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_EMPTY_TEXTS = frozenset(("", "n", "no", "f", "false", "none", "null"))
_DATE_UNITS = {"%y": "year", "%m": "month", "%d": "day", "%h": "hour", "%w": "weekday", "%j": "day"}
_UNIT = re.compile("year|quarter|month|week|day|hour|minute|second", re.IGNORECASE)
ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Div: "div",
    exp.Mul: "mul",
    exp.Sub: "sub",
    exp.Add: "add",
    exp.Mod: "mod",
    exp.IntDiv: "div",
}


def find_purposes(node: exp.Expr) -> set[str]:
    """What a function does, in the words of `QueryParts.functions`."""
    name = (node.name if isinstance(node, exp.Anonymous) else type(node).__name__).lower()
    found: set[str] = set()
    if name in {"currentdate", "currenttimestamp", "currenttime", "now", "localtimestamp", "today"}:
        found.add("now")
    if any(isinstance(one, exp.Literal) and one.this.lower() == "now" for one in node.iter_expressions()):
        found.add("now")
    # Only what stands in the function itself, since all nested ones are looked at, too.
    for one in node.iter_expressions():
        text = one.this.lower() if isinstance(one, exp.Literal) and one.is_string else ""
        found.update(unit for code, unit in _DATE_UNITS.items() if code in text)
    unit = node.args.get("unit")
    texts = [name, unit.name if isinstance(unit, exp.Expr) else ""]
    if isinstance(node, exp.Extract):
        texts.append(node.this.name)
    if name in {"julianday", "datediff", "timestampdiff", "age", "dateadd", "datesub", "datetrunc", "timestamptrunc"}:
        found.add("date")
    for text in texts:
        found.update(match.group().lower() for match in _UNIT.finditer(text))
    named = {"case": "case", "if": "case", "length": "length", "strlen": "length", "round": "round", "abs": "sub"}
    if name in named:
        found.add(named[name])
    return found


def only_item(query: exp.Expr | None) -> exp.Expr | None:
    """The one item that a sub-query gives out; None for several."""
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    if not isinstance(inner, exp.Select) or len(inner.expressions) != 1:
        return None
    item: exp.Expr = inner.expressions[0].unalias()
    return item


def other_sides(node: exp.Expr) -> list[exp.Expr]:
    """The sides of a comparison after the first."""
    if isinstance(node, exp.Between):
        return [node.args["low"], node.args["high"]]
    if isinstance(node, exp.In):
        return list(node.expressions)
    return [node.expression] if isinstance(node.expression, exp.Expr) else []


def literal_text(node: exp.Expr | None) -> str | None:
    """The text of a literal, under casts, signs and changes of case; None for anything else."""
    sign = ""
    while isinstance(node, (exp.Cast, exp.Paren, exp.Neg, exp.Lower, exp.Upper, exp.Trim, exp.Date, exp.TsOrDsToDate)):
        sign = "-" if isinstance(node, exp.Neg) else sign
        node = node.this
    if isinstance(node, exp.Boolean):
        return "1" if node.this else "0"
    return sign + str(node.this) if isinstance(node, exp.Literal) else None


def as_number(text: str) -> float | None:
    """The number that a text is; None for another."""
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return None
    return number if abs(number) < 1e18 else None


def is_negated(node: exp.Expr) -> bool:
    """Whether a comparison stands under NOT."""
    holder = node.parent
    while isinstance(holder, exp.Paren):
        holder = holder.parent
    return isinstance(holder, exp.Not)


def says_no(node: exp.Expr, op: str, literals: list[exp.Expr]) -> bool:
    """A comparison with NULL, 0, 'N', 'false' and the like says that something is missing or is not so."""
    if op == "is":
        return isinstance(node.expression, exp.Null) or (literal_text(node.expression) or "1") == "0"
    if op in {"=", "in"}:
        return any((text := literal_text(one)) is not None and (text in {"0", "0.0"} or text.casefold() in _EMPTY_TEXTS)
                   for one in literals)  # fmt: skip
    return op in {"<", "<="} and any(literal_text(one) in {"0", "1"} for one in literals)

"""Second gate: every node of the tree must be of a known kind."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from sqlglot import exp

from ._functions import FUNCTIONS, GROWING, TABLE_FUNCTIONS
from ._refusal import Refusal, shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NODES", "inspect"]

_NODES = """
    Select Union Except Intersect Subquery With CTE TableAlias From Join Where Group Having Qualify Order Ordered Limit
    Offset Fetch LimitOptions Distinct Table Lateral Values Tuple Window WindowSpec Filter WithinGroup IgnoreNulls
    RespectNulls Cube Rollup GroupingSets TableSample Pivot PivotAlias UnpivotColumns RecursiveWithSearch Unnest
    IndexTableHint Partition TableFromRows

    Alias Aliases Column Identifier Star Literal Null Boolean Paren Interval IntervalSpan Var DataType DataTypeParam
    National Introducer HexString BitString ByteString RawString UnicodeString PositionalColumn ColumnDef Columns

    Add Sub Mul Div IntDiv Mod Pow DPipe EQ NEQ GT GTE LT LTE Is Between In Like ILike SimilarTo Glob Match RegexpLike
    RegexpILike RegexpFullMatch Escape Not Neg Plus And Or Xor BitwiseAnd BitwiseOr BitwiseXor BitwiseNot
    BitwiseLeftShift BitwiseRightShift NullSafeEQ NullSafeNEQ Distance Overlaps Adjacent ExtendsLeft ExtendsRight All
    Any Exists Collate AtTimeZone Bracket Slice Dot Lambda Kwarg Comprehension PropertyEQ Abs StartsWith Soundex
    Variadic Concat MatchAgainst

    Case If Cast TryCast Convert ConvertToCharset Extract Trim Substring StrPosition Overlay GroupConcat Anonymous Chr
    CurrentDate CurrentTime CurrentTimestamp Localtime Localtimestamp Array List Struct Map ToMap Timestamp

    JSON JSONObject JSONExtract JSONExtractScalar JSONBExtract JSONBExtractScalar JSONBContains JSONBContainsTopKey
    JSONBContainsAllTopKeys JSONBContainsAnyTopKeys JSONBDeleteAtPath JSONBPathExists JSONArrayContains JSONTable
    JSONSchema JSONColumnDef JSONKeyValue JSONValue FormatJson OnCondition ArrayContainsAll ArrayContainedBy
    ArrayOverlaps CharacterSet
"""
NODES = frozenset(_NODES.split())

_LABELS = {
    "HistoricalData": "time travel",
    "Into": "SELECT INTO",
    "Lock": "a locking clause",
    "ObjectIdentifier": "a catalogue type",
    "Operator": "an operator with a schema",
    "Parameter": "a variable",
    "Placeholder": "a parameter without a value",
    "PseudoType": "a pseudo-type",
    "SessionParameter": "a system variable",
}
_SYSTEM_SCHEMAS = {
    "duckdb": frozenset(("information_schema", "pg_catalog", "system", "temp")),
    "mysql": frozenset(("information_schema", "mysql", "ndbinfo", "performance_schema", "sys")),
    "postgres": frozenset(("information_schema",)),
    "sqlite": frozenset[str](),
}
_SYSTEM_TABLES = {
    "duckdb": re.compile(r"(?:duckdb_|pg_|pragma_|sqlite_).*|show|describe|summarize"),
    "mysql": re.compile(r"(?!)"),
    "postgres": re.compile(r"pg_.*"),
    "sqlite": re.compile(
        r"(?:pragma_|sqlite_|fts[345]?vocab).*|bytecode|carray|completion|csv|dbstat|fsdir|tables_used|zipfile"
    ),
}
_FILE = re.compile(r".*[/\\:*?\[\].].*", re.DOTALL)
_FILE_ENDING = frozenset(
    (
        "arrow",
        "avro",
        "csv",
        "db",
        "duckdb",
        "fgb",
        "geojson",
        "gpkg",
        "gz",
        "json",
        "jsonl",
        "ndjson",
        "parquet",
        "shp",
        "sqlite",
        "tsv",
        "txt",
        "xlsx",
        "zst",
    )
)
_IDENTITY = frozenset(("current_catalog", "current_role", "current_schema", "session_user", "system_user", "user"))
_VALUES_IN_FROM = _IDENTITY | frozenset(
    ("current_date", "current_time", "current_timestamp", "current_user", "localtime", "localtimestamp")
)
"""What PostgreSQL takes for a function in FROM, also without parentheses."""
_MODIFIERS = frozenset(
    ("SQL_BIG_RESULT", "SQL_BUFFER_RESULT", "SQL_CALC_FOUND_ROWS", "SQL_NO_CACHE", "SQL_SMALL_RESULT", "STRAIGHT_JOIN")
)
_PLAIN = re.compile(r"[^\W\d][\w$]*")
_PLAIN_MYSQL = re.compile(r"[\w$]+")
_WORDS = re.compile(r"[A-Za-z_][\w ]*")
_PAIRS = frozenset(("json_each", "json_each_text", "jsonb_each", "jsonb_each_text"))
"""PostgreSQL's functions that return rows of a key and a value."""
_WIDE = re.compile(r"[%{][^%{}A-Za-z]*(?:\d{6}|\*)")
_LARGEST = 1_000_000
_LONGEST_NAME = 63  # bytes, of PostgreSQL


def inspect(tree: exp.Expr, dialect: str, *, closed: bool) -> None:
    """Look at every node.

    Args:
        tree: One statement.
        dialect: One of the four.
        closed: A schema says which tables there are, so their names need no judging here.

    Raises:
        Refusal: A node is not on the list, or names a function, table or type that is not.
    """
    root = tree.unnest() if isinstance(tree, exp.Subquery) else tree
    if not isinstance(root, (exp.Select, exp.SetOperation)) and not (
        dialect == "duckdb" and isinstance(root, exp.Pivot)
    ):
        raise Refusal(f"only a SELECT query may run, not {shown(root.key.upper())}")
    for node in tree.walk():
        kind = type(node).__name__
        if kind not in NODES:
            raise Refusal(f"{_label_of(node, kind)} is not allowed")
        rule = _RULES.get(kind)
        if rule is not None:
            rule(node, dialect)
        elif kind == "Table":
            _table(node, dialect, closed=closed)


def _label_of(node: exp.Expr, kind: str) -> str:
    if kind in _LABELS:
        return _LABELS[kind]
    return node.sql_names()[0] if isinstance(node, exp.Func) else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).upper()


def _function(node: exp.Expr, dialect: str) -> None:
    name = node.name.lower()
    allowed = TABLE_FUNCTIONS if isinstance(node.parent, (exp.Table, exp.Lateral)) else FUNCTIONS
    if name not in allowed[dialect] or not name.isascii():
        raise Refusal(f"the function {shown(node.name)} is not allowed")
    # In quotes a name may be that of a stored function: MariaDB's `now`(), PostgreSQL's "LOWER"(x) and "coalesce"(x).
    node.set("this", node.name)
    arguments = _arguments(node)
    if name in GROWING:
        _growth(arguments, name)
    elif name in ("format", "printf") and arguments:
        first = arguments[0]
        if not isinstance(first, exp.Literal):
            return
        if _WIDE.search(first.name):
            raise Refusal(f"the width in {name} is too large")


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """The arguments of a call; DuckDB writes the first one before it, too: ('x').repeat(3)."""
    dot = node.parent
    method = isinstance(dot, exp.Dot) and dot.expression is node
    return [*([dot.this.unnest()] if dot is not None and method else []), *node.expressions]


def _growth(arguments: list[exp.Expr], name: str) -> None:
    """Sizes that can be read off the text; others are the executor's to limit."""
    if any(_size(argument) > _LARGEST for argument in arguments):
        raise Refusal(f"the size in {name} is too large")


def _size(node: exp.Expr) -> float:
    """The value of an expression of literals, at most 1e300; 1 for what is known at run time only."""
    if isinstance(node, exp.Literal):
        return abs(float(node.name)) if not node.is_string else 1.0
    if isinstance(node, (exp.Paren, exp.Cast, exp.Neg)):
        return _size(node.this)
    if isinstance(node, (exp.Add, exp.Sub)):
        return _size(node.left) + _size(node.right)
    if isinstance(node, exp.Mul):
        return min(_size(node.left) * _size(node.right), 1e300)
    if isinstance(node, (exp.Pow, exp.BitwiseLeftShift)):
        base, power = (_size(node.left), _size(node.right)) if isinstance(node, exp.Pow) else (2.0, _size(node.right))
        return float(base ** min(power, 300 / math.log10(max(base, 10.0))))
    grown = any(call.name.lower() in GROWING for call in node.find_all(exp.Anonymous))
    return 1e300 if grown else 1.0


def _endless(node: exp.Expr, dialect: str) -> None:
    """A recursion needs an end that can be seen: a condition on its step, a join, or a LIMIT."""
    recursive = node.args.get("recursive") or dialect == "sqlite"
    query = node.parent
    for cte in node.expressions if recursive and query is not None and not query.args.get("limit") else ():
        body, name = cte.this, cte.alias.lower()
        if not isinstance(body, exp.SetOperation) or body.args.get("limit"):
            continue
        step = body.expression.unnest()
        if not isinstance(step, exp.Select) or any(
            step.args.get(key) for key in ("where", "having", "limit", "qualify")
        ):
            continue
        joins = step.args.get("joins") or ()
        reads = any(table.name.lower() == name for table in step.find_all(exp.Table))
        if reads and not any(
            join.args.get("on") or join.args.get("using") or join.args.get("method") for join in joins
        ):
            raise Refusal(f"the recursion of {shown(cte.alias)} has no end")


def _dot(node: exp.Expr, dialect: str) -> None:
    if isinstance(node.expression, exp.Func) and dialect != "duckdb":
        raise Refusal("a function with a schema is not allowed")
    if dialect in ("mysql", "sqlite"):
        raise Refusal("a dot is allowed between names only")
    if dialect == "postgres" and not isinstance(node.expression, exp.Star) and not _is_pair(node):
        # In PostgreSQL (x).f is also a call of any function f, stored ones and ts_stat or pg_sleep among them.
        raise Refusal(
            "a field of an expression is not allowed: write alias.column, or to_jsonb(value) ->> 'field' for a row"
        )


def _is_pair(node: exp.Expr) -> bool:
    """Whether `node` is (jsonb_each(x)).key or alike: the value certainly has a field of that name."""
    call = node.this.unnest()
    return isinstance(call, exp.Anonymous) and (
        call.name.lower() in _PAIRS and node.expression.name.lower() in ("key", "value")
    )


def _pivot(node: exp.Expr, dialect: str) -> None:
    """DuckDB makes a PIVOT without its values several statements, of which one creates a type."""
    _duckdb_only(node, dialect)
    if node.args.get("unpivot"):
        return
    for part in node.args.get("fields") or node.expressions:
        if not isinstance(part, exp.In) or not part.expressions:
            raise Refusal("PIVOT without the values that become columns is not allowed: ON name IN (value, ...)")


def _duckdb_only(node: exp.Expr, dialect: str) -> None:
    if dialect != "duckdb":
        raise Refusal(f"{_label_of(node, type(node).__name__)} is not allowed")


def _table(node: exp.Expr, dialect: str, *, closed: bool) -> None:
    name, space = node.name.lower(), node.text("db").lower()
    if not isinstance(node.this, exp.Identifier):
        if space:
            raise Refusal("a function with a schema is not allowed")
        return
    if dialect == "postgres" and not space and name in _VALUES_IN_FROM and not node.this.args.get("quoted"):
        raise Refusal(f"{node.name.upper()} is not allowed")
    system = _is_system(space, dialect) or name.startswith("sqlite_")
    if system or (not closed and _SYSTEM_TABLES[dialect].fullmatch(name)):
        raise Refusal(f"the system table {shown(node.name)} is not allowed")
    if dialect == "duckdb" and not closed and (_FILE.fullmatch(name) or (space and name in _FILE_ENDING)):
        raise Refusal(f"reading the file {shown(node.name)} is not allowed")


def _is_system(space: str, dialect: str) -> bool:
    """Whether a namespace is the database's own.

    MySQL and MariaDB compare names by a collation for which a letter beyond ASCII may equal one or two others (the long
    s an s, the dotless i an i). Which, depends on their release, so any such letter counts as any.
    """
    if dialect == "postgres" and space.startswith("pg_"):  # no schema of a user's may be called so
        return True
    if dialect != "mysql" or space.isascii():
        return space in _SYSTEM_SCHEMAS[dialect]
    return any(_may_equal(space, name) for name in _SYSTEM_SCHEMAS[dialect])


def _may_equal(text: str, name: str) -> bool:
    """Whether `text` is `name` if each letter beyond ASCII counts as any none, one or two letters."""
    reached = {0}  # places of `name` up to which the beginning of `text` may reach
    for letter in text:
        if letter.isascii():
            reached = {at + 1 for at in reached if name[at : at + 1] == letter}
        else:
            reached = {at + step for at in reached for step in range(3) if at + step <= len(name)}
    return len(name) in reached


def _column(node: exp.Expr, dialect: str) -> None:
    if dialect != "postgres" or node.args.get("table") or node.this.args.get("quoted"):
        return
    if node.name.lower() in _IDENTITY:
        raise Refusal(f"{node.name.upper()} is not allowed")


def _in(node: exp.Expr, dialect: str) -> None:
    # Without parentheses SQLite reads a table, whose name may also be written as a text: IN 'vault'.
    if dialect == "sqlite" and node.args.get("field") is not None:
        raise Refusal("IN with a table name is not allowed, only IN (SELECT ...)")


def _identifier(node: exp.Expr, dialect: str) -> None:
    if dialect == "postgres" and len(node.name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise Refusal(f"the name {shown(node.name)} is longer than {_LONGEST_NAME} bytes, and would be cut off")
    if not node.args.get("quoted") and not (_PLAIN_MYSQL if dialect == "mysql" else _PLAIN).fullmatch(node.name):
        raise Refusal(f"the name {shown(node.name)} must be quoted")


def _var(node: exp.Expr, _: str) -> None:
    if not _WORDS.fullmatch(node.name):
        raise Refusal(f"the word {shown(node.name)} is not allowed")


def _select(node: exp.Expr, _: str) -> None:
    if not node.expressions:
        raise Refusal("a SELECT without columns is not allowed")
    for modifier in node.args.get("operation_modifiers") or ():
        if modifier.name.upper() not in _MODIFIERS:
            raise Refusal(f"{shown(modifier.name.upper())} is not allowed")


def _type(node: exp.Expr, dialect: str) -> None:
    kind = node.args.get("kind")
    if node.this is not exp.DType.USERDEFINED or kind is None:
        return
    name = kind.name if isinstance(kind, exp.Expr) else str(kind)
    pattern = _WORDS if dialect == "sqlite" else _PLAIN
    bare = name.lower().lstrip("_")  # _regclass is an array of regclass
    if isinstance(kind, exp.Dot) or not pattern.fullmatch(name) or bare.startswith(("pg_", "reg", "aclitem")):
        raise Refusal(f"the type {shown(name)} is not allowed")


def _bytes(node: exp.Expr, _: str) -> None:
    if node.args.get("is_bytes"):
        raise Refusal("a string of raw bytes is not allowed")


_RULES: dict[str, Callable[[exp.Expr, str], None]] = {
    "Anonymous": _function,
    "ByteString": _bytes,
    "Column": _column,
    "Columns": _duckdb_only,
    "Comprehension": _duckdb_only,
    "DataType": _type,
    "Dot": _dot,
    "Identifier": _identifier,
    "In": _in,
    "Lambda": _duckdb_only,
    "Pivot": _pivot,
    "PositionalColumn": _duckdb_only,
    "Select": _select,
    "Var": _var,
    "With": _endless,
}

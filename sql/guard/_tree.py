"""Second gate: every node of the tree must be of a known kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from ._functions import FUNCTIONS
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
    CurrentDate CurrentTime CurrentTimestamp Localtime Localtimestamp Array Struct Map ToMap Timestamp

    JSON JSONExtract JSONExtractScalar JSONBExtract JSONBExtractScalar JSONBContains JSONBContainsTopKey
    JSONBContainsAllTopKeys JSONBContainsAnyTopKeys JSONBDeleteAtPath JSONBPathExists JSONArrayContains JSONTable
    JSONSchema JSONColumnDef JSONKeyValue JSONValue FormatJson OnCondition ArrayContainsAll ArrayContainedBy
    ArrayOverlaps CharacterSet
"""
NODES = frozenset(_NODES.split())

_STATEMENTS = {
    "Into": "SELECT INTO",
    "Lock": "a locking clause",
    "Parameter": "a variable",
    "SessionParameter": "a system variable",
    "Placeholder": "a parameter without a value",
    "ObjectIdentifier": "a catalogue type",
    "PseudoType": "a pseudo-type",
}
_SYSTEM_SCHEMAS = {"information_schema", "mysql", "performance_schema", "pg_catalog", "pg_toast", "pg_temp", "sys"}
_SYSTEM_TABLES = ("sqlite_", "pg_", "pragma_", "duckdb_")
_PLAIN = re.compile(r"[^\W\d][\w$]*")
_WORDS = re.compile(r"[A-Za-z_][\w ]*")


def inspect(tree: exp.Expr, dialect: str) -> None:
    """Look at every node.

    Raises:
        Refusal: A node is not on the list, or names a function, table or type that is not.
    """
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery)):
        raise Refusal(f"only a SELECT query may run, not {shown(tree.key.upper())}")
    for node in tree.walk():
        kind = type(node).__name__
        if kind not in NODES:
            raise Refusal(f"{_STATEMENTS.get(kind, kind.upper())} is not allowed")
        rule = _RULES.get(kind)
        if rule is not None:
            rule(node, dialect)


def _anonymous(node: exp.Expr, dialect: str) -> None:
    name = node.name
    if name.lower() not in FUNCTIONS[dialect] or not name.isascii():
        raise Refusal(f"the function {shown(name)} is not allowed")


def _table(node: exp.Expr, _: str) -> None:
    name, space = node.name.lower(), node.text("db").lower()
    if space in _SYSTEM_SCHEMAS or name.startswith(_SYSTEM_TABLES):
        raise Refusal(f"the system table {shown(node.name)} is not allowed")


def _identifier(node: exp.Expr, _: str) -> None:
    if not node.args.get("quoted") and not _PLAIN.fullmatch(node.name):
        raise Refusal(f"the name {shown(node.name)} must be quoted")


def _var(node: exp.Expr, _: str) -> None:
    if not _WORDS.fullmatch(node.name):
        raise Refusal(f"the word {shown(node.name)} is not allowed")


_RULES: dict[str, Callable[[exp.Expr, str], None]] = {
    "Anonymous": _anonymous,
    "Table": _table,
    "Identifier": _identifier,
    "Var": _var,
}

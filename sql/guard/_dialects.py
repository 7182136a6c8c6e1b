"""sqlglot dialects that read every call as a name with arguments and write back what they read.

sqlglot is made to translate between dialects: it gives known functions classes of their own and writes them anew, which
now and then changes a result (SQLite: `CAST(x AS DATE)` becomes `DATE(x)`). A guard wants neither. With the function
tables emptied each call keeps its spelling, and one list of names decides which calls run. What else sqlglot would
change within one dialect is undone here, rule by rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sqlglot import TokenType, exp, generator, parser
from sqlglot.dialects.dialect import inline_array_unless_query
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.mysql import MySQL
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.sqlite import SQLite
from sqlglot.generators.duckdb import DuckDBGenerator
from sqlglot.generators.mysql import MySQLGenerator
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.generators.sqlite import SQLiteGenerator
from sqlglot.parsers.duckdb import DuckDBParser
from sqlglot.parsers.mysql import MySQLParser
from sqlglot.parsers.postgres import PostgresParser
from sqlglot.parsers.sqlite import SQLiteParser

from ctxprune.errors import GuardError

if TYPE_CHECKING:
    from sqlglot.dialects.dialect import Dialect

__all__ = ["Plus", "dialect"]

_COMPILED = not str(parser.__file__).endswith(".py")
_FOREIGN_TYPES = ("LIST", "MAP", "NESTED", "OBJECT", "STRUCT", "VARIANT")
"""Types that only DuckDB has; reading STRUCT(STRUCT(... takes time that doubles with each level."""
_LAMBDA_FUNCTIONS = frozenset(
    (
        *("apply", "columns", "filter", "list_apply", "list_filter", "list_reduce", "list_transform", "reduce"),
        *("array_apply", "array_filter", "array_reduce", "array_transform"),
    )
)
"""DuckDB's functions that take a lambda. In the arguments of any other one `a -> b` reads JSON."""


class Plus(exp.Unary):
    """Unary plus. SQLite drops a column's affinity and index for it, so it must stay."""


def _only(parsers: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: parsers[name] for name in names if name in parsers}


def _but(rules: dict[Any, Any], *kinds: Any) -> dict[Any, Any]:
    return {kind: rule for kind, rule in rules.items() if kind not in kinds}


_NO_ARROWS = _but(DuckDBParser.LAMBDAS, TokenType.ARROW)
_INFIX = (exp.Between, exp.Glob, exp.In, exp.Match, exp.RegexpILike, exp.RegexpLike, exp.SimilarTo)
_SIGNS = ("+", "-", "~", "@", "!")


def _not(self: generator.Generator, node: exp.Not) -> str:
    """`a NOT IN (1)` stays so: as `NOT a IN (1)` it would mean something else beside other operators."""
    inner = node.this
    text = self.sql(inner)
    left = self.sql(inner, "this")
    if node.meta.get(_PREFIX) or not text.startswith(f"{left} "):
        return f"NOT {text}"
    rest = text[len(left) + 1 :]
    if isinstance(inner, exp.Is) and rest.startswith("IS "):
        return f"{left} IS NOT {rest[3:]}"
    if isinstance(inner, _INFIX):
        return f"{left} !{rest}" if rest.startswith("~") else f"{left} NOT {rest}"
    return f"NOT {text}"


def _prefixed(node: exp.Expr) -> exp.Expr:
    """A NOT that was written first."""
    node.meta[_PREFIX] = True
    return node


_PREFIX = "prefix"
_NOT_FIRST: dict[Any, Any] = {
    TokenType.NOT: lambda self: _prefixed(self.expression(exp.Not(this=self._parse_equality()))),
}


def _sign(self: generator.Generator, node: exp.Unary, sign: str) -> str:
    """Signs side by side are kept apart: `~-` would be another operator."""
    text = self.sql(node, "this")
    return f"{sign} {text}" if text.startswith(_SIGNS) else f"{sign}{text}"


_WRITTEN: dict[Any, Any] = {
    exp.BitwiseNot: lambda self, node: _sign(self, node, "~"),
    exp.Neg: lambda self, node: _sign(self, node, "-"),
    exp.Not: _not,
    Plus: lambda self, node: _sign(self, node, "+"),
}


def _is_row(node: exp.Expr) -> bool:
    inner = node.expressions[0] if isinstance(node, exp.Tuple) and len(node.expressions) == 1 else None
    return isinstance(inner, exp.Anonymous) and inner.name.upper() == "ROW"


class GuardSQLite(SQLite):
    """SQLite, calls by name."""

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """The path as written."""
        return path

    class Tokenizer(SQLite.Tokenizer):
        """Type names without a meaning in SQLite stay words, since the text decides the affinity."""

        KEYWORDS: ClassVar[dict[Any, Any]] = _but(SQLite.Tokenizer.KEYWORDS, "STRING", *_FOREIGN_TYPES)

    class Parser(SQLiteParser):
        """Comma joins stay commas (CROSS JOIN would fix the join order)."""

        FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        LAMBDAS: ClassVar[dict[Any, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[Any, Any]] = _only(SQLiteParser.FUNCTION_PARSERS, "CAST")
        JOINS_HAVE_EQUAL_PRECEDENCE = False
        ADD_JOIN_ON_TRUE = False
        UNARY_PARSERS: ClassVar[dict[Any, Any]] = {
            **SQLiteParser.UNARY_PARSERS,
            **_NOT_FIRST,
            TokenType.PLUS: lambda self: self.expression(Plus(this=self._parse_unary())),
        }

    class Generator(SQLiteGenerator):
        """Casts stay casts, to a type of the same affinity."""

        TYPE_MAPPING: ClassVar[dict[Any, Any]] = {
            **_but(SQLiteGenerator.TYPE_MAPPING, exp.DType.BOOLEAN),
            exp.DType.DECIMAL: "NUMERIC",
        }
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **_but(SQLiteGenerator.TRANSFORMS, exp.Select),
            **_WRITTEN,
        }

        def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
            """CAST(x AS type)."""
            return generator.Generator.cast_sql(self, expression, safe_prefix)


class GuardPostgres(Postgres):
    """PostgreSQL, calls by name."""

    NUMBERS_CAN_BE_UNDERSCORE_SEPARATED = True

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """The path as written."""
        return path

    class Tokenizer(Postgres.Tokenizer):
        """Without the nested types of other databases."""

        KEYWORDS: ClassVar[dict[Any, Any]] = _but(Postgres.Tokenizer.KEYWORDS, *_FOREIGN_TYPES)

    class Parser(PostgresParser):
        """Only calls with a syntax of their own are parsed as such."""

        FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        LAMBDAS: ClassVar[dict[Any, Any]] = _but(PostgresParser.LAMBDAS, TokenType.ARROW)
        FUNCTION_PARSERS: ClassVar[dict[Any, Any]] = _only(
            PostgresParser.FUNCTION_PARSERS,
            *("CAST", "EXTRACT", "JSON_TABLE", "OVERLAY", "POSITION", "SUBSTRING", "TRIM"),
        )
        ARRAY_CONSTRUCTORS: ClassVar[dict[Any, Any]] = {"ARRAY": exp.Array}
        UNARY_PARSERS: ClassVar[dict[Any, Any]] = {**PostgresParser.UNARY_PARSERS, **_NOT_FIRST}
        JSON_OPERATORS: ClassVar[dict[Any, Any]] = {
            **PostgresParser.JSON_OPERATORS,
            TokenType.ARROW: parser.build_json_extract,
            TokenType.DARROW: parser.build_json_extract_scalar,
        }

    class Generator(PostgresGenerator):
        """DISTINCT takes several arguments, as in string_agg(DISTINCT x, ',')."""

        MULTI_ARG_DISTINCT = True
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **_but(PostgresGenerator.TRANSFORMS, exp.Select),
            **_WRITTEN,
            exp.CurrentTime: lambda *_: "CURRENT_TIME",
        }


class GuardMySQL(MySQL):
    """MySQL, calls by name."""

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """The path as written."""
        return path

    class Tokenizer(MySQL.Tokenizer):
        """REAL is a DOUBLE."""

        KEYWORDS: ClassVar[dict[Any, Any]] = {
            **_but(MySQL.Tokenizer.KEYWORDS, *_FOREIGN_TYPES),
            "REAL": TokenType.DOUBLE,
        }

    class Parser(MySQLParser):
        """A JOIN without a condition stays a JOIN, since a comma would bind less tightly."""

        ADD_JOIN_ON_TRUE = True
        FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        LAMBDAS: ClassVar[dict[Any, Any]] = {}
        UNARY_PARSERS: ClassVar[dict[Any, Any]] = {
            **MySQLParser.UNARY_PARSERS,
            TokenType.NOT: lambda self: _prefixed(self._parse_not()),
        }
        FUNCTION_PARSERS: ClassVar[dict[Any, Any]] = _only(
            MySQLParser.FUNCTION_PARSERS,
            *("CAST", "CHAR", "CONVERT", "EXTRACT", "GROUP_CONCAT", "JSON_TABLE", "MATCH", "POSITION"),
            *("SUBSTR", "SUBSTRING", "TRIM"),
        )

    class Generator(MySQLGenerator):
        """REGEXP stays an operator (MariaDB has no REGEXP_LIKE), DUAL and UTC_DATE stay keywords."""

        RESERVED_KEYWORDS: ClassVar[set[str]] = MySQLGenerator.RESERVED_KEYWORDS - {
            *("dual", "utc_date", "utc_time", "utc_timestamp")
        }
        VALUES_AS_TABLE = True
        WRAP_DERIVED_VALUES = True
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **_but(MySQLGenerator.TRANSFORMS, exp.Select),
            **_WRITTEN,
            exp.RegexpLike: lambda self, node: self.binary(node, "REGEXP"),
        }

        def values_sql(self, expression: exp.Values, values_as_table: bool = True) -> str:
            """VALUES ROW(1, 2), ROW(3, 4)."""
            rows = [row.expressions[0] if _is_row(row) else row for row in expression.expressions]
            expression.set("expressions", rows)
            return super().values_sql(expression, values_as_table)


class GuardDuckDB(DuckDB):
    """DuckDB, calls by name."""

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """The path as written."""
        return path

    class Tokenizer(DuckDB.Tokenizer):
        """list(x) is a function like others."""

        KEYWORDS: ClassVar[dict[Any, Any]] = _but(DuckDB.Tokenizer.KEYWORDS, "LIST")

    class Parser(DuckDBParser):
        """Only calls with a syntax of their own are parsed as such."""

        FUNCTIONS: ClassVar[dict[Any, Any]] = _only(DuckDBParser.FUNCTIONS, "COLUMNS")
        UNARY_PARSERS: ClassVar[dict[Any, Any]] = {**DuckDBParser.UNARY_PARSERS, **_NOT_FIRST}
        TYPE_CONVERTERS: ClassVar[dict[Any, Any]] = {}
        ARRAY_CONSTRUCTORS: ClassVar[dict[Any, Any]] = {"ARRAY": exp.Array}
        FUNCTION_PARSERS: ClassVar[dict[Any, Any]] = _only(
            DuckDBParser.FUNCTION_PARSERS, "CAST", "EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST"
        )

        def _parse_function_call(self, *args: Any, **options: Any) -> exp.Expr | None:
            """Arrows are lambdas in the arguments of functions that take one, and nowhere else."""
            outer, name = self.LAMBDAS, self._curr.text.lower() if self._curr else ""
            arrows = DuckDBParser.LAMBDAS if name in _LAMBDA_FUNCTIONS else _NO_ARROWS
            self.LAMBDAS = arrows  # type: ignore[misc]  # the instance's own, read while its arguments are parsed
            try:
                return super()._parse_function_call(*args, **options)
            finally:
                self.LAMBDAS = outer  # type: ignore[misc]

    class Generator(DuckDBGenerator):
        """NULL treatment, WITHIN GROUP, date parts and `~` stay as written."""

        NORMALIZE_EXTRACT_DATE_PARTS = False
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **_but(DuckDBGenerator.TRANSFORMS, exp.Select, exp.Pivot),
            **_WRITTEN,
            exp.Array: inline_array_unless_query,
            exp.RegexpLike: lambda self, node: self.binary(node, "~"),
            exp.Pow: lambda self, node: self.binary(node, "^"),
            exp.RegexpFullMatch: lambda self, node: self.binary(node, "~"),
        }

        def ignorenulls_sql(self, expression: exp.IgnoreNulls) -> str:
            """x IGNORE NULLS."""
            return generator.Generator.ignorenulls_sql(self, expression)

        def respectnulls_sql(self, expression: exp.RespectNulls) -> str:
            """x RESPECT NULLS."""
            return generator.Generator.respectnulls_sql(self, expression)

        def withingroup_sql(self, expression: exp.WithinGroup) -> str:
            """f(x) WITHIN GROUP (ORDER BY y)."""
            return generator.Generator.withingroup_sql(self, expression)

        def extract_sql(self, expression: exp.Extract) -> str:
            """EXTRACT(part FROM x)."""
            return generator.Generator.extract_sql(self, expression)


_DIALECTS: dict[str, type[Dialect]] = {
    "duckdb": GuardDuckDB,
    "mysql": GuardMySQL,
    "postgres": GuardPostgres,
    "sqlite": GuardSQLite,
}


def dialect(name: str) -> Dialect:
    """The reading and writing rules for one of sqlite, postgres, mysql, duckdb.

    Raises:
        GuardError: The compiled sqlglot is installed, whose classes cannot be adapted.
    """
    if _COMPILED:
        raise GuardError("the guard needs the plain sqlglot, not the compiled one", hint="run: pip uninstall sqlglotc")
    return _DIALECTS[name]()

"""Spans of queries, by OpenTelemetry's conventions for database clients (`db.*`)."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.utils.tracing import captures_content, start_span

if TYPE_CHECKING:
    from ctxprune.utils.tracing import Span

    from .result_set import ResultSet

__all__ = ["describe_result", "hide_values", "start_query"]

_SYSTEMS = {"postgres": "postgresql"}  # sqlglot's names of dialects that the conventions call otherwise
_LONGEST = 20_000  # characters of a query that are read for its span, and of one that is told whole
_MOST_TABLES = 4  # in a summary
_QUOTES = "'\"`[]"
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|`[^`]*`|\[[^][]*\]|\d[\w.]*|\w+""")
_ALIAS = re.compile(r"[A-Za-z]\d{0,2}")
_OPERATION = re.compile(r"\b(?:DESCRIBE|EXPLAIN|PRAGMA|SELECT|SHOW|VALUES)\b", re.IGNORECASE)
_TABLE = re.compile(r"""\b(?:FROM|JOIN)\s+(?:[\w?]+\.)*("[^"]*"|`[^`]*`|\[[^][]*\]|\w+)""", re.IGNORECASE)


class HiddenValues(NamedTuple):
    """A query without its values: its text, and what it does to which tables."""

    text: str
    operation: str
    tables: tuple[str, ...]


def start_query(sql: object, dialect: str, database: str, names: frozenset[str]) -> Span:
    """The span of one query.

    Args:
        sql: As it is sent.
        dialect: sqlglot's name.
        database: What prompts call the database.
        names: Of its tables and columns, folded, which may be told.
    """
    query = _Query(sql, _SYSTEMS.get(dialect, dialect), database, names)
    return start_span(query.name, query.attributes, kind="CLIENT")


class _Query:
    """What the span of a query says, once somebody looks at it."""

    def __init__(self, sql: object, system: str, database: str, names: frozenset[str]) -> None:
        self._sql, self._system, self._database, self._names = sql, system, database, names

    @cached_property
    def _hidden(self) -> HiddenValues:
        sql = self._sql
        if not isinstance(sql, str) or len(sql) > _LONGEST:
            return HiddenValues("", "", ())
        return hide_values(sql, self._names)

    @property
    def _summary(self) -> str:
        return " ".join((self._hidden.operation, *self._hidden.tables[:_MOST_TABLES])).strip()

    def name(self) -> str:
        return self._summary or self._system

    def attributes(self) -> dict[str, str | None]:
        hidden = self._hidden
        return {
            "db.system.name": self._system,
            "db.namespace": self._database,
            "db.operation.name": hidden.operation or None,
            "db.collection.name": hidden.tables[0] if len(hidden.tables) == 1 else None,
            "db.query.summary": self._summary or None,
            "db.query.text": (str(self._sql)[:_LONGEST] if captures_content() else hidden.text) or None,
        }


def describe_result(span: Span, result: ResultSet) -> ResultSet:
    """`result`, of which the span gets the size."""
    if span.recording:
        span.set({"db.response.returned_rows": len(result.rows), "ctxprune.truncated": result.truncated or None})
    return result


def hide_values(sql: str, names: frozenset[str]) -> HiddenValues:
    """`sql` with "?" for everything that may be a value.

    To hide literals is not enough: in a query that a model wrote, and that a database may reject, an unquoted word, a
    quoted name, an alias or a comment may be a value of the question. So only what is known stays: keywords, usual
    functions, names of the schema, and aliases of a letter and digits. Nothing depends then on where a dialect takes
    texts and comments to end.

    Args:
        sql: The query.
        names: Of tables and columns, folded.
    """
    known = _known_words()

    def show(found: re.Match[str]) -> str:
        word = found[0]
        if word[0] in _QUOTES:
            return word if word[1:-1].casefold() in names else "?"
        folded = word.casefold()
        return word if folded in names or folded in known or _ALIAS.fullmatch(word) else "?"

    text = " ".join(_TOKEN.sub(show, sql).split())
    operation = _OPERATION.search(text)
    tables = (found[1].strip(_QUOTES) for found in _TABLE.finditer(text))
    return HiddenValues(
        text,
        operation[0].upper() if operation is not None else "",
        tuple(dict.fromkeys(table for table in tables if table.casefold() in names)),
    )


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    """Keywords and functions, folded."""
    # Imported here, since nothing else of a database needs a parser.
    from sqlglot.parser import Parser
    from sqlglot.tokens import Tokenizer

    words = (word for keyword in (*Tokenizer.KEYWORDS, *Parser.FUNCTIONS) for word in keyword.split())
    return frozenset(word.casefold() for word in words if word.isidentifier())

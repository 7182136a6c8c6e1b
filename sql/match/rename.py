"""Rewrites a query for another schema through a mapping, or says why that cannot be done.

Names are resolved as the database resolves them: through scopes, aliases, common table expressions and correlated
sub-queries. Nothing is replaced by its spelling. The result is parsed again, checked by the guard against the new
schema, and must read exactly the columns that the mapping says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot.errors import SqlglotError

from ctxprune.errors import CtxpruneError, SchemaError

from ..guard import Guard
from ..linking.gold import gold_links
from .query_rewriter import QueryRewriter, RenameError

if TYPE_CHECKING:
    from ..schema.schema import ColumnRef
    from .mapping import SchemaMapping

__all__ = ["RenameError", "Renamed", "rename_query"]

_LONGEST = 100_000  # characters of a query
_MOST_TOKENS = 1_000  # beyond, resolving names takes many seconds


@dataclass(frozen=True, slots=True)
class Renamed:
    """A rewritten query.

    Attributes:
        sql: The query for the new schema.
        confidence: 0..1, the least confidence of a column that it uses; 1 where it uses none.
        columns: Columns of the old schema that it uses with their new places.
    """

    sql: str
    confidence: float
    columns: tuple[tuple[ColumnRef, ColumnRef], ...]


def rename_query(sql: str, mapping: SchemaMapping) -> Renamed:
    """`sql`, written for `mapping.source`, for `mapping.target`.

    Args:
        sql: One SELECT, set operation or WITH over those, in the source's dialect.
        mapping: What each table and column became.

    Raises:
        RenameError: The query is not valid for the old schema, uses a column or table without a sure place, depends on
            names (NATURAL JOIN, row numbers), or its rewritten form does not pass the checks.
    """
    if not isinstance(sql, str) or not sql.strip():
        raise RenameError("the query is empty", where="sql")
    if len(sql) > _LONGEST:
        raise RenameError(f"the query has {len(sql)} characters, over {_LONGEST}", where=sql[:100])
    _check_size(sql, mapping.source.dialect)
    old = Guard(mapping.source.dialect, mapping.source).check(sql)
    if not old.allowed:
        raise RenameError(f"it does not fit the old schema: {old.reason}", where=sql[:200])
    try:
        trees = [tree for tree in sqlglot.parse(sql, read=mapping.source.dialect) if tree is not None]
        if len(trees) != 1:
            raise RenameError("it is not one statement", where=sql[:200])
        work = QueryRewriter(mapping, trees[0])
        tree = work.rewrite()
        text = tree.sql(dialect=mapping.target.dialect)
    except (SqlglotError, RecursionError, SchemaError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise RenameError(f"it cannot be resolved: {reason}", where=sql[:200]) from error
    _check(sql, text, work)
    used = tuple(sorted(work.used.items()))
    least = min((mapping.columns[ref].confidence for ref, _ in used), default=1.0)
    return Renamed(text, least, used)


def _check_size(sql: str, dialect: str) -> None:
    try:
        count = len(sqlglot.tokenize(sql, read=dialect))
    except SqlglotError:
        return  # the guard says what is wrong
    if count > _MOST_TOKENS:
        raise RenameError(f"the query has {count} tokens, over {_MOST_TOKENS}", where=sql[:100])


def _check(sql: str, text: str, work: QueryRewriter) -> None:
    """Raises RenameError where the rewritten text is refused, or reads other columns than the mapping says."""
    mapping = work.mapping
    verdict = Guard(mapping.target.dialect, mapping.target).check(text)
    if not verdict.allowed:
        raise RenameError(f"the rewritten query does not fit the new schema: {verdict.reason}", where=text[:200])
    try:
        before = gold_links(sql, mapping.source, dialect=mapping.source.dialect)
        after = gold_links(text, mapping.target, dialect=mapping.target.dialect)
    except CtxpruneError:
        return  # labels are made for plain queries; the guard has resolved every name
    expected = {mapping.columns[ref].target for ref in before.columns if ref in mapping.columns}
    # A second look by other code: a name that another table of the new schema captures would show here.
    if not expected <= after.columns | work.keys or not after.columns <= expected | work.keys | set(work.used.values()):
        raise RenameError("the rewritten query would read other columns", where=text[:200])

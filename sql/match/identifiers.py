"""Names as a dialect writes them: quoted where a bare name would be read as a keyword or folded."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

if TYPE_CHECKING:
    from ..schema.schema import Schema

__all__ = ["full_name", "make_identifier"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Reserved or contextual words of SQLite that sqlglot's tokenizer does not list.
_FURTHER = """
ABORT ACTION ADD AFTER ALWAYS AUTOINCREMENT BEFORE CASCADE CAST CHECK CONFLICT CONSTRAINT CURRENT DATABASE DEFERRABLE
DEFERRED EACH EXCLUDE EXCLUSIVE FAIL FOREIGN GENERATED IF IGNORE IMMEDIATE INDEX INDEXED INITIALLY INSTEAD KEY LAST
MATCH MATERIALIZED NOTHING OTHERS PLAN PRECEDING PRIMARY QUERY RAISE REINDEX RELEASE RENAME RESTRICT RETURNING ROWID
SAVEPOINT TIES TRANSACTION TRIGGER UNBOUNDED UNIQUE VACUUM VIRTUAL WITHOUT
"""


@lru_cache(maxsize=16)
def _reserved(dialect: str) -> frozenset[str]:
    phrases = Dialect.get_or_raise(dialect).tokenizer_class.KEYWORDS  # such as "ORDER BY"
    return frozenset(word for phrase in (*phrases, _FURTHER) for word in phrase.split())


def make_identifier(name: str, dialect: str) -> exp.Identifier:
    """A name, quoted where `dialect` would read it as something else when bare."""
    folds = dialect == "postgres" and name != name.lower()
    quoted = folds or not _PLAIN.fullmatch(name) or name.upper() in _reserved(dialect)
    return exp.to_identifier(name, quoted=quoted)


def full_name(node: exp.Table, schema: Schema) -> str:
    """A table's name as the schema has it: with its namespace where that is a part of the name."""
    full = f"{node.db}.{node.name}" if node.db else node.name
    return full if full in schema else node.name

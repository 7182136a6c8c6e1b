"""Names of tables and columns as identifiers of a dialect, quoted where it asks for that."""

from __future__ import annotations

import re
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

__all__ = ["make_identifier"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_LOWER = re.compile(r"[a-z_][a-z0-9_]*")
_FOLDING = ("postgres",)  # folds bare names to lower case, so that any other case must be quoted


def make_identifier(name: str, dialect: str) -> exp.Identifier:
    """An identifier, quoted where `dialect`, sqlglot's name of it, would read the bare name as something else."""
    plain = (_PLAIN_LOWER if dialect in _FOLDING else _PLAIN).fullmatch(name)
    return exp.Identifier(this=name, quoted=not plain or name.upper() in _keywords(dialect))


@lru_cache(maxsize=16)
def _keywords(dialect: str) -> frozenset[str]:
    phrases = Dialect.get_or_raise(dialect).tokenizer_class.KEYWORDS  # such as "ORDER BY"
    return frozenset(word for phrase in phrases for word in phrase.split())

"""Text in, text that may run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.errors import ErrorLevel, ParseError, UnsupportedError

from ._dialects import dialect as rules_of
from ._faithful import compare
from ._names import Resolver
from ._output_names import name_function_columns
from ._refusal import Refusal
from ._row_values import check_function_fields
from ._text import tokens
from ._tree import inspect

if TYPE_CHECKING:
    from sqlglot import Token, exp
    from sqlglot.dialects.dialect import Dialect

    from ._scope import Catalog

__all__ = ["Refusal", "approve"]

_ROUNDS = 3
_NODES, _NODES_PER_WORD = 500, 8


def approve(sql: object, *, dialect: str, catalog: Catalog | None) -> str:
    """The text that may run in place of `sql`.

    Raises:
        Refusal: Nothing may run.
    """
    rules = rules_of(dialect)
    try:
        return _approve(sql, dialect, rules, catalog)
    except Refusal:
        raise
    except RecursionError:
        raise Refusal("the statement is nested too deeply") from None
    except Exception as error:  # noqa: BLE001  (whatever the parser trips over, the statement does not run)
        raise Refusal(f"the statement cannot be read ({type(error).__name__})") from None


def _approve(sql: object, dialect: str, rules: Dialect, catalog: Catalog | None) -> str:
    text = sql
    for turn in range(_ROUNDS):
        words = tokens(text, rules, from_first=dialect == "duckdb", alias_texts=dialect in ("duckdb", "sqlite"))
        tree = _parse(words, str(text), rules)
        inspect(tree, dialect, closed=catalog is not None)
        if turn == 0:
            compare(words, rules.tokenize(_write(tree, rules, keep=True)))
        if catalog is not None:
            Resolver(catalog, str(text)).resolve(tree)
        elif dialect == "postgres":
            name_function_columns(tree)
            check_function_fields(tree)
        written = _write(tree, rules)
        if written == text:
            return written
        text = written
    raise Refusal("the statement reads differently each time it is written")


def _parse(words: list[Token], text: str, rules: Dialect) -> exp.Expr:
    try:
        # Trying alternatives doubles the work with each level of some constructs; counted nodes bound it.
        limit = _NODES + _NODES_PER_WORD * len(words)
        trees = rules.parser(error_level=ErrorLevel.IMMEDIATE, max_nodes=limit).parse(words, text)
    except ParseError as error:
        if "Maximum number" in str(error):
            raise Refusal("the statement is nested too deeply") from None
        raise Refusal(f"syntax error{_place(error)}") from None
    found = [tree for tree in trees if tree is not None]
    if len(found) != 1:
        raise Refusal("only one statement may run")
    return found[0]


def _place(error: ParseError) -> str:
    if not error.errors:
        return ""
    first = error.errors[0]
    near = " ".join(str(first.get("highlight") or "").split())[:40]
    return f" near {near!r}" if near else f" at line {first.get('line')}"


def _write(tree: exp.Expr, rules: Dialect, *, keep: bool = False) -> str:
    """The tree as text. Writing changes it: `keep` works on a copy, which costs as much again."""
    try:
        return rules.generate(
            tree, comments=False, normalize_functions=False, unsupported_level=ErrorLevel.RAISE, copy=keep
        )
    except UnsupportedError as error:
        raise Refusal(f"the statement cannot be written back: {' '.join(str(error).split())[:80]}") from None

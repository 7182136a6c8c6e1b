"""Rows of Arrow tables, each with a text that is pruned by itself: for `map_batches` of Ray Data and its like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ctxprune.errors import BudgetError, InputError, UsageError
from ctxprune.integrations._accounts import PREFIX, accounts, restored
from ctxprune.rag.passages.passages import Passages
from ctxprune.rag.ranking import PassagePruner
from ctxprune.utils.extras import require
from ctxprune.utils.validation import check_whole

pa = require("pyarrow", "ray")

__all__ = ["RESULTS", "PruneRows", "restored"]

_COLUMNS = {
    "text": pa.string(),
    "score": pa.float64(),
    "spans": pa.list_(pa.list_(pa.int64())),
    "gaps": pa.list_(pa.string()),
    "ends": pa.list_(pa.string()),
    "cut": pa.list_(pa.list_(pa.int64())),
    "length": pa.int64(),
    "tokens_before": pa.int64(),
    "tokens_after": pa.int64(),
    "error": pa.string(),
}
RESULTS = pa.schema([(f"{PREFIX}{name}", kind) for name, kind in _COLUMNS.items()])
"""What each row gets: the kept text, how relevant the whole text is, the kept spans [start, end), what stands between
them (gaps) and around them (ends), the spans of sentences of which only pieces are kept (cut), the length of the whole
text (all in characters), tokens before and after, and why it was not pruned.
"""


class _RowError(Exception):
    """Why one row cannot be pruned."""


@dataclass(frozen=True)
class PruneRows:
    """Prunes the text of each row for the question of all rows, or of its own.

    A row that cannot be pruned stays, with the reason in `ctxprune_error` and null in the other columns of `RESULTS`: a
    text or question that is null, empty (the question) or no UTF-8, a text that is too long, a budget that holds
    nothing. Any other error stops the work.

    Attributes:
        pruner: What prunes; a budget is one for each row.
        query: The question of all rows; None where each row has its own.
        text_column: The texts: strings, or bytes of UTF-8.
        query_column: The questions where `query` is None.
        longest: Most characters of a text, from 1 up.

    Raises:
        UsageError: An argument is of the wrong kind or out of its range.
    """

    pruner: PassagePruner = field(default_factory=PassagePruner)
    query: str | None = None
    text_column: str = "text"
    query_column: str = "query"
    longest: int = 10_000_000

    def __post_init__(self) -> None:
        if not isinstance(self.pruner, PassagePruner):
            raise UsageError(f"pruner is a {type(self.pruner).__name__}", hint="give a PassagePruner")
        if self.query is not None and not (isinstance(self.query, str) and self.query.strip()):
            raise UsageError(f"the query is {self.query!r}", hint="give a text that asks something, or None")
        check_whole("longest", self.longest)

    def __call__(self, table: Any) -> Any:
        """A pyarrow.Table with the columns of `RESULTS` behind those of `table`; rows and their order stay.

        Raises:
            InputError: As `check`.
        """
        self.check(table.schema)
        # As bytes, since one invalid string would otherwise stop the whole batch.
        texts = _bytes(table[self.text_column])
        queries = _bytes(table[self.query_column]) if self.query is None else [self.query.encode()] * len(table)
        rows = [self._row(query, text) for query, text in zip(queries, texts, strict=True)]
        for column in RESULTS:
            table = table.append_column(column, pa.array([row.get(column.name) for row in rows], column.type))
        return table

    def check(self, schema: Any, *, where: str = "") -> None:
        """Whether a table of this pyarrow.Schema can be pruned.

        Raises:
            InputError: A column is missing, holds something else than text, or has the name of a result.
        """
        for name in (self.text_column, *([self.query_column] if self.query is None else [])):
            if name not in schema.names:
                raise InputError(f"there is no column {name!r}", where=where, hint=f"known: {', '.join(schema.names)}")
            if not _is_text(schema.field(name).type):
                raise InputError(f"the column {name!r} holds {schema.field(name).type}, no text", where=where)
        if taken := sorted({*schema.names} & {*RESULTS.names}):
            raise InputError(f"there is a column {taken[0]!r} already", where=where, hint="drop or rename it")

    def _row(self, query: bytes | None, text: bytes | None) -> dict[str, Any]:
        try:
            passages = Passages([self._text(text)])
            question = _decoded(query, self.query_column)
            if not question.strip():
                raise _RowError(f"{self.query_column} is empty")
            ranked = self.pruner.prune(question, passages)
        except (_RowError, BudgetError) as error:
            return {f"{PREFIX}error": str(error)}
        return {
            f"{PREFIX}text": ranked.pruned.output[0],
            f"{PREFIX}tokens_before": ranked.pruned.tokens_before,
            f"{PREFIX}tokens_after": ranked.pruned.tokens_after,
            **accounts(ranked, passages)[0],
        }

    def _text(self, value: bytes | None) -> str:
        text = _decoded(value, self.text_column)
        if len(text) > self.longest:
            raise _RowError(f"{self.text_column} has {len(text)} characters, over {self.longest}")
        return text


def _is_text(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = ("is_string", "is_large_string", "is_string_view", "is_binary", "is_large_binary", "is_binary_view")
    return any(getattr(pa.types, test)(kind) for test in tests)  # pyarrow has a function for each type


def _bytes(column: Any) -> list[bytes | None]:
    """Texts as they are stored: Arrow and Parquet let strings pass that are no UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    found: list[bytes | None] = column.cast(pa.large_binary()).to_pylist()
    return found


def _decoded(value: bytes | None, name: str) -> str:
    if value is None:
        raise _RowError(f"{name} is null")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _RowError(f"{name} is no UTF-8 at byte {error.start}") from error

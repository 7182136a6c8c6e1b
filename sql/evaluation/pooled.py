"""Linking over pooled databases: recall of the needed columns and tables among those of all databases."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ctxprune.errors import CtxpruneError, InputError
from ctxprune.storage.sealed import parse_json
from ctxprune.utils.percent import percent_or_none

from ..linking.gold import gold_links
from ..linking.pool import SchemaPool
from ..schema.schema import Column, Schema, Table
from .datasets import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ..linking.pool import PoolRanking

__all__ = ["COLUMNS_AT", "TABLES_AT", "PooledItem", "PooledSet", "Ranker", "load_pooled", "pooled", "read_elements"]

COLUMNS_AT, TABLES_AT = (10, 20, 50, 100), (3, 5, 10, 20)
_UNION, _QUESTIONS = "bird_UNION.txt", "bird_dev.json"


class Ranker(Protocol):
    """What `pooled` measures; `SchemaPool` is one."""

    def rank(self, question: str, evidence: str = "", *, k: int = 50) -> PoolRanking:
        """The best `k` columns and tables of the pool."""
        ...


@dataclass(frozen=True, slots=True)
class PooledItem:
    """One question.

    Attributes:
        question, evidence: As they came.
        columns: Gold (database, table, column), in lower case; may name some that the pool lacks.
        tables: Gold (database, table), in lower case.
        segments: A schema that a model invented for the question, where the set has one.
    """

    question: str
    evidence: str
    columns: frozenset[tuple[str, str, str]]
    tables: frozenset[tuple[str, str]]
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class PooledSet:
    """A pool and its questions.

    Attributes:
        name: Folder name.
        schemas: The pool.
        items: Labelled questions.
        unlabelled: Questions left out, since no label could be read from their gold query.
        fingerprint: sha256 (first 16 hex digits) over pool and questions.
    """

    name: str
    schemas: tuple[Schema, ...]
    items: tuple[PooledItem, ...]
    unlabelled: int
    fingerprint: str


def pooled(
    data: Path,
    *,
    ranker: Ranker | None = None,
    evidence: bool = True,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Rank the pool of a published set for each of its questions.

    Recall and strict recall are percentages: the mean share of a question's gold columns among the first k columns, and
    the share of questions with all of them there (questions without gold columns are left out of both); `tables_at` is
    the share of questions with all gold tables among the first k tables. Gold that the pool lacks counts as missed.

    Args:
        data: Folder of CRUSH4SQL (bird_UNION.txt and bird_dev.json), or a Spider folder (tables.json and dev.json),
            whose databases then are one pool.
        ranker: What ranks; default: a `SchemaPool` of the set's schemas.
        evidence: Also read an item's evidence.
        limit: Only that many items, evenly spread over the file.
        progress: Told how many items of how many are done.

    Returns:
        JSON-ready: `set`, `data` (fingerprint), `evidence`, `items`, `items_with_columns`, `unlabelled`, `databases`,
        `tables`, `columns`, `missing_gold` (gold columns that the pool lacks), `recall_at`, `strict_at` (by k as text),
        `tables_at`, `database_at_1`, `ms_per_question`, `ms_max`.

    Raises:
        InputError: The folder holds neither layout, or a file in it is damaged.
    """
    whole = load_pooled(data)
    items = whole.items if limit is None else _spread(whole.items, limit)
    ranks = ranker if ranker is not None else SchemaPool(whole.schemas)
    rows = []
    for done, item in enumerate(items, 1):
        rows.append(_row(ranks, item, evidence))
        if progress is not None:
            progress(done, len(items))
    known = {(s.name.lower(), ref.table.lower(), ref.column.lower()) for s in whole.schemas for ref in s.refs()}
    with_columns = [row for row, item in zip(rows, items, strict=True) if item.columns]
    return {
        "set": whole.name,
        "data": whole.fingerprint,
        "evidence": evidence,
        "items": len(items),
        "items_with_columns": len(with_columns),
        "unlabelled": whole.unlabelled,
        "databases": len(whole.schemas),
        "tables": sum(len(schema.tables) for schema in whole.schemas),
        "columns": sum(schema.n_columns for schema in whole.schemas),
        "missing_gold": sum(len(item.columns - known) for item in items),
        "recall_at": {str(k): _percent(row.recall[i] for row in with_columns) for i, k in enumerate(COLUMNS_AT)},
        "strict_at": {str(k): _percent(row.recall[i] == 1 for row in with_columns) for i, k in enumerate(COLUMNS_AT)},
        "tables_at": {str(k): _percent(row.tables[i] for row in rows) for i, k in enumerate(TABLES_AT)},
        "database_at_1": _percent(row.database for row in rows),
        "ms_per_question": round(sum(row.ms for row in rows) / max(len(rows), 1), 2),
        "ms_max": round(max((row.ms for row in rows), default=0.0), 2),
    }


def load_pooled(data: Path) -> PooledSet:
    """Read a pool and its questions from either layout that `pooled` takes.

    Raises:
        InputError: The folder holds neither layout, or a file in it is damaged.
    """
    if (data / _UNION).is_file() and (data / _QUESTIONS).is_file():
        return _crush(data)
    if (data / "tables.json").is_file():
        return _spider(data)
    raise InputError(
        "no pooled set", where=str(data), hint=f"looked for: {_UNION} with {_QUESTIONS}, tables.json with dev.json"
    )


def read_elements(lines: Iterable[str], *, where: str = "") -> tuple[Schema, ...]:
    """Schemas from lines "database.table.column", in the order of the lines; blank ones are passed over.

    Only the column may hold dots. Names are all that such a list says: no types, no keys.

    Raises:
        InputError: A line has fewer than three parts; `where` names the file in the message.
    """
    databases: dict[str, dict[str, dict[str, None]]] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip("\r\n")
        if text.strip():
            parts = text.split(".", 2)
            if len(parts) < 3:
                raise InputError("a line is not 'database.table.column'", where=f"{where or 'elements'}, line {number}")
            databases.setdefault(parts[0], {}).setdefault(parts[1], {})[parts[2]] = None
    return tuple(
        Schema(name, tuple(Table(table, tuple(map(Column, columns))) for table, columns in tables.items()))
        for name, tables in databases.items()
    )


def _crush(data: Path) -> PooledSet:
    union, questions = data / _UNION, data / _QUESTIONS
    try:
        text, raw = union.read_text(encoding="utf-8"), questions.read_bytes()
        rows = parse_json(raw)
    except (OSError, ValueError) as error:
        raise InputError(f"a file of the set cannot be read: {error}", where=str(data)) from error
    if not isinstance(rows, list):
        raise InputError("the file holds no JSON array of questions", where=str(questions))
    items = tuple(_crush_item(row, f"{_QUESTIONS}, item {number}") for number, row in enumerate(rows))
    digest = hashlib.sha256(text.encode() + raw).hexdigest()[:16]
    return PooledSet(data.resolve().name, read_elements(text.split("\n"), where=_UNION), items, 0, digest)


def _crush_item(row: Any, where: str) -> PooledItem:
    try:
        elements = [tuple(str(part).lower() for part in element) for element in row["schema_elements"]]
        columns = frozenset((element[0], element[1], element[2]) for element in elements if len(element) == 3)
        evidence, segments = row.get("evidence"), row.get("question_decomposition_hallucinate_schema_bird")
        return PooledItem(
            str(row["question"]),
            str(evidence or ""),
            columns,
            frozenset((element[0], element[1]) for element in elements if element[1]),
            tuple(map(str, segments or ())),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(f"an item lacks question or schema_elements ({error!r})", where=where) from error


def _spider(data: Path) -> PooledSet:
    bench = load(data)
    items = []
    for item in bench.items:
        try:
            gold = gold_links(item.gold, bench.schemas[item.db_id])
        except (CtxpruneError, KeyError):
            continue
        database = item.db_id.lower()
        items.append(
            PooledItem(
                item.question,
                item.evidence,
                frozenset((database, ref.table.lower(), ref.column.lower()) for ref in gold.columns),
                frozenset((database, table.lower()) for table in gold.tables),
            )
        )
    schemas = tuple(bench.schemas.values())
    digest = hashlib.sha256("".join([bench.fingerprint, *(schema.fingerprint for schema in schemas)]).encode())
    return PooledSet(bench.name, schemas, tuple(items), len(bench.items) - len(items), digest.hexdigest()[:16])


@dataclass(frozen=True, slots=True)
class _Row:
    recall: Sequence[float]
    tables: Sequence[bool]
    database: bool
    ms: float


def _row(ranker: Ranker, item: PooledItem, evidence: bool) -> _Row:
    start = time.perf_counter()
    ranking = ranker.rank(item.question, item.evidence if evidence else "", k=max(COLUMNS_AT))
    ms = 1000 * (time.perf_counter() - start)
    columns = [(name.lower(), ref.table.lower(), ref.column.lower()) for name, ref, _ in ranking.columns]
    tables = [(name.lower(), table.lower()) for name, table, _ in ranking.tables]
    databases = {name for name, _ in item.tables} | {name for name, _, _ in item.columns}
    return _Row(
        [len(item.columns.intersection(columns[:k])) / max(len(item.columns), 1) for k in COLUMNS_AT],
        [item.tables.issubset(tables[:k]) for k in TABLES_AT],
        bool(ranking.databases) and ranking.databases[0].database.lower() in databases,
        ms,
    )


def _spread(items: Sequence[PooledItem], limit: int) -> Sequence[PooledItem]:
    n = max(0, min(limit, len(items)))
    return [items[index * len(items) // n] for index in range(n)]


def _percent(values: Iterable[float]) -> float:
    return percent_or_none(values, digits=1) or 0.0

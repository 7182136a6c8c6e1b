"""Reads EHRSQL, whose database is not published: an empty one is made from its schema.

So no result can be checked. What can be measured is whether a question that the schema cannot answer is refused, and
how many of the others are.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

from ...schema.files import schemas_from_spider
from .questions import Question, QuestionSet, read_records
from .rules import AnyReference

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ANSWERABLE_SAMPLE", "is_ehrsql", "open_ehrsql"]

ANSWERABLE_SAMPLE = 200
"""Answerable questions that are asked beside all unanswerable ones."""
_SCHEMA, _TABLES, _PARTS = "schema.sql", "tables.json", ("valid.jsonl", "test.jsonl")
_SEED = 0
_ALLOWED = frozenset(
    {
        sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_REINDEX, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_FUNCTION,
    }
)  # fmt: skip


def is_ehrsql(data: Path) -> bool:
    """Whether a folder holds such a set."""
    return (data / _SCHEMA).is_file() and any((data / part).is_file() for part in _PARTS)


@contextmanager
def open_ehrsql(data: Path, *, answerable: int = ANSWERABLE_SAMPLE) -> Iterator[QuestionSet]:
    """All unanswerable questions and a sample of the answerable ones, over an empty database in a temporary folder.

    Args:
        data: The folder.
        answerable: Answerable questions at most, drawn with a fixed seed.

    Raises:
        InputError: A file is missing or damaged, or the schema does more than create tables.
    """
    if not is_ehrsql(data):
        raise InputError("the folder holds no EHRSQL", where=str(data), hint=f"looked for: {_SCHEMA}, {_PARTS[0]}")
    rows = [(part, row) for part in _PARTS if (data / part).is_file() for row in read_records(data / part)]
    questions = [_question(place, part, row) for place, (part, row) in enumerate(rows)]
    asked = [one.index for one in questions if one.answerable]
    drawn = set(random.Random(_SEED).sample(asked, min(answerable, len(asked))))
    chosen = tuple(one for one in questions if not one.answerable or one.index in drawn)
    schemas = schemas_from_spider(data / _TABLES) if (data / _TABLES).is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        paths: dict[str, Path] = {}
        for name in sorted({one.db_id for one in chosen}):
            # Numbered, since a db_id comes from a file and might be no name of one.
            paths[name] = Path(folder, f"{len(paths)}.sqlite")
            _create(paths[name], data / _SCHEMA)
        yield QuestionSet(data.resolve().name, chosen, paths, AnyReference(), schemas)


def _create(path: Path, schema: Path) -> None:
    try:
        text = schema.read_text(encoding="utf-8-sig")
        with closing(sqlite3.connect(path)) as connection:
            connection.set_authorizer(_authorize)
            connection.executescript(text)
            connection.commit()
    except (OSError, ValueError, sqlite3.Error) as error:
        raise InputError(f"the schema cannot be created: {error}", where=str(schema)) from error


def _authorize(action: int, *_arguments: str | None) -> int:
    """Tables only: the script comes with the data and must not reach other files."""
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _question(place: int, part: str, row: dict[str, Any]) -> Question:
    db_id, text, answerable = row.get("db_id"), row.get("question"), row.get("answerable")
    if not isinstance(db_id, str) or not isinstance(text, str) or not isinstance(answerable, bool):
        raise InputError("a question lacks db_id, question or answerable", where=f"{part}, question {place}")
    return Question(place, db_id, text, category="answerable" if answerable else "unanswerable", answerable=answerable)

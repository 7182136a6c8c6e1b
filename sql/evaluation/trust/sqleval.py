"""Reads sql-eval in its SQLite layout: items.json, unanswerable.json and database/NAME/NAME.sqlite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

from .questions import Question, QuestionSet, read_records
from .rules import AnyReference

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UNANSWERABLE", "is_sqleval", "load_sqleval"]

UNANSWERABLE = "unanswerable"
"""Category of the questions that have no answer."""
_ITEMS, _WITHOUT = "items.json", "unanswerable.json"


def is_sqleval(data: Path) -> bool:
    """Whether a folder holds such a set."""
    return (data / _ITEMS).is_file()


def load_sqleval(data: Path) -> QuestionSet:
    """The questions of `items.json`, then those of `unanswerable.json`, which may be absent.

    Raises:
        InputError: A file is missing or damaged.
    """
    if not data.is_dir():
        raise InputError("no such folder", where=str(data))
    if not is_sqleval(data):
        raise InputError("the folder holds no questions", where=str(data), hint=f"looked for: {_ITEMS}")
    questions = [_question(place, row) for place, row in enumerate(read_records(data / _ITEMS))]
    without = data / _WITHOUT
    for row in read_records(without) if without.is_file() else ():
        where = f"{_WITHOUT}, question {len(questions)}"
        db_id, text = _text(row, "db_id", where), _text(row, "question", where)
        questions.append(Question(len(questions), db_id, text, category=UNANSWERABLE, answerable=False))
    paths = {name: data / "database" / name / f"{name}.sqlite" for name in {one.db_id for one in questions}}
    there = {name: path for name, path in sorted(paths.items()) if path.is_file()}
    return QuestionSet(data.resolve().name, tuple(questions), there, AnyReference())


def _question(place: int, row: dict[str, Any]) -> Question:
    where = f"{_ITEMS}, question {place}"
    golds = row.get("golds")
    if not isinstance(golds, list) or not golds or not all(isinstance(gold, str) for gold in golds):
        raise InputError("a question lacks golds, a list of queries", where=where)
    evidence, category = row.get("evidence") or "", row.get("category") or ""
    if not isinstance(evidence, str) or not isinstance(category, str):
        raise InputError("evidence and category are texts", where=where)
    return Question(place, _text(row, "db_id", where), _text(row, "question", where), tuple(golds), evidence, category)


def _text(row: dict[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    # A db_id names a file, so it must not lead out of the folder.
    if not isinstance(value, str) or not value.strip() or (name == "db_id" and value != value.strip("./\\ ")):
        raise InputError(f"a question lacks {name} as text", where=where)
    if name == "db_id" and ("/" in value or "\\" in value):
        raise InputError("a db_id is no path", where=where)
    return value

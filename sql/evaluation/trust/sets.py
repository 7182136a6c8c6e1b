"""Opens the folder of a question set, whichever of the known layouts it has."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ctxprune.errors import InputError

from ..datasets import has_questions, load
from .ehrsql import is_ehrsql, open_ehrsql
from .questions import Question, QuestionSet
from .rules import SpiderRows
from .sqleval import is_sqleval, load_sqleval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["find_sets", "open_questions"]


def find_sets(data: Path, names: Sequence[str]) -> list[Path]:
    """The folders of sets in `data` that have these names, in their order; `data` alone where it is a set itself.

    Raises:
        InputError: There is no such folder, or none of these is in it.
    """
    if not data.is_dir():
        raise InputError("no such folder", where=str(data))
    if is_sqleval(data) or is_ehrsql(data) or has_questions(data):
        return [data]
    found = [data / name for name in dict.fromkeys(names) if (data / name).is_dir()]
    if not found:
        raise InputError("no question set found", where=str(data), hint=f"looked for: {', '.join(names)}")
    return found


@contextmanager
def open_questions(data: Path, *, schemas: Path | None = None, split: str = "dev") -> Iterator[QuestionSet]:
    """The set of a folder: sql-eval (`items.json`), EHRSQL (`schema.sql` and `valid.jsonl`), or one of Spider's family.

    The database of EHRSQL, which is not published, is an empty one that lasts as long as the context.

    Raises:
        InputError: The folder is missing, holds no such set, or a file in it is damaged.
        UsageError: Spider's family, and the split is none of its.
    """
    if not data.is_dir():
        raise InputError("no such folder", where=str(data))
    if is_sqleval(data):
        yield load_sqleval(data)
    elif is_ehrsql(data):
        with open_ehrsql(data) as questions:
            yield questions
    else:
        yield _spider(data, schemas, split)


def _spider(data: Path, schemas: Path | None, split: str) -> QuestionSet:
    bench = load(data, schemas=schemas, split=split)
    questions = tuple(
        Question(item.index, item.db_id, item.question, (item.gold,), item.evidence, item.difficulty)
        for item in bench.items
    )
    return QuestionSet(bench.name, questions, bench.databases, SpiderRows(), bench.schemas)

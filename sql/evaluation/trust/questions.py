"""Sets of questions to one or several databases, some of which have no answer there."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...schema.schema import Schema
    from .rules import RowRule

__all__ = ["Question", "QuestionSet", "read_records"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        index: Position in its set, from 0.
        db_id: Name of the database.
        text: The user's words.
        golds: Accepted queries; none where no answer can be checked.
        evidence: What is known beside the question; "" for nothing.
        category: The set's own label; "" where it has none.
        answerable: Whether the database can answer it.
    """

    index: int
    db_id: str
    text: str
    golds: tuple[str, ...] = ()
    evidence: str = ""
    category: str = ""
    answerable: bool = True

    @property
    def indices(self) -> tuple[int, ...]:
        """Of its judgements: its own."""
        return (self.index,)


@dataclass(frozen=True)
class QuestionSet:
    """A loaded set.

    Attributes:
        name: Of its folder.
        questions: All questions, in file order.
        databases: Paths of the SQLite files that are there, by db_id.
        rule: When rows are right.
        schemas: Documented schemas by db_id; the databases' own where they are not documented.
    """

    name: str
    questions: tuple[Question, ...]
    databases: Mapping[str, Path]
    rule: RowRule
    schemas: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def present(self) -> tuple[Question, ...]:
        """The questions whose database is there."""
        return tuple(question for question in self.questions if question.db_id in self.databases)

    @property
    def fingerprint(self) -> str:
        """Whether two runs saw the same data: sha256 (16 hex digits) of questions, references and sizes of files."""
        digest = hashlib.sha256()
        for one in self.questions:
            row = [one.db_id, one.text, one.golds, one.evidence, one.category, one.answerable]
            digest.update(json.dumps(row).encode())
        for name in sorted(self.databases):
            digest.update(f"{name} {self.databases[name].stat().st_size}\n".encode())
        return digest.hexdigest()[:16]

    def limited(self, most: int, *, seed: int = 0) -> QuestionSet:
        """At most so many of the questions: of each database, answerable or not, in turn a random one."""
        queues: dict[tuple[str, bool], list[Question]] = defaultdict(list)
        for question in self.present:
            queues[question.db_id, question.answerable].append(question)
        # Drawn, since the first questions of a file may be of one kind.
        rng = random.Random(seed)
        for queue in queues.values():
            rng.shuffle(queue)
        # The n-th question of every queue before the (n+1)-th of any, so that each kind has its share.
        turns = sorted((place, one.index) for queue in queues.values() for place, one in enumerate(queue))
        kept = {turn[1] for turn in turns[:most]}
        return replace(self, questions=tuple(one for one in self.questions if one.index in kept))


def read_records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON array, or of a file with one object a line (`.jsonl`).

    Raises:
        InputError: The file cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        lines = path.suffix == ".jsonl"
        rows = [parse_json(line) for line in text.split("\n") if line.strip()] if lines else parse_json(text)
    except (OSError, ValueError) as error:
        raise InputError(f"not a JSON file: {error}", where=str(path)) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError("the file holds no array of JSON objects", where=str(path))
    return rows

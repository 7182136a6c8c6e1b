"""Answered questions as examples: the interface of their sources, and a store in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from ctxprune.context.base import Context, Unit
from ctxprune.errors import InputError
from ctxprune.scorers.lexical.bm25 import Bm25Scorer
from ctxprune.storage.sealed import parse_json
from ctxprune.text.words import stem, words

from ..question import same_question
from .masking import mask_question, mask_question_by_sql, read_sql_names
from .prompts.base import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from ctxprune.scorers.base import Scorer

    from ..schema.hits import ValueHit
    from ..schema.schema import Schema

__all__ = ["Example", "ExampleSource", "ExampleStore", "FormScorer", "read_examples"]

_SQL_FIELDS = ("sql", "query", "SQL")
_SHOWN = 80  # characters of a question in a message


@dataclass(frozen=True, slots=True)
class Example:
    """One answered question.

    Attributes:
        question: In plain words.
        sql: A query that answers it.
        database: Name of the database that it was asked; "" where that is not known.
    """

    question: str
    sql: str
    database: str = ""


class ExampleSource(Protocol):
    """Finds answered questions like a new one. Safe to share between threads."""

    def similar(self, question: str, schema: Schema, n: int, *, hits: Sequence[ValueHit] = ()) -> Sequence[Example]:
        """Up to n examples, most similar first, never one with the same question.

        Args:
            question: The new question.
            schema: What its asker may see, linked where a linker ran; an example of the same database (by
                `Schema.name`) must not name anything outside it.
            n: How many, 0 or more.
            hits: Stored values that the question mentions.
        """
        ...


@dataclass(frozen=True)
class FormScorer(Bm25Scorer):
    """BM25 on stemmed words and pairs of neighbours, stop words included, since "how many", "not in" and
    "more than" determine the form of a query. Range and formula as in `Bm25Scorer`.
    """

    def analyse(self, text: str) -> list[str]:
        """The stems of all words of `text`, and the pairs."""
        stems = [stem(word) for word in words(text)]
        return [*stems, *(f"{a} {b}" for a, b in pairwise(stems))]


@dataclass(frozen=True)
class _Questions(Context[list[str]]):
    """Masked questions as a context."""

    units: Sequence[Unit]

    def render(self, kept: Collection[int]) -> list[str]:
        return [self.units[index].text for index in sorted(kept)]


@dataclass(frozen=True)
class ExampleStore:
    """Answered questions in memory, found by the similarity of questions in which names and values are masked.

    Attributes:
        pairs: The answered questions.
        scorer: Any scorer of the core, for instance an embedding one; it reads masked questions.
        same_database: Also take examples of the database that is asked.
    """

    pairs: tuple[Example, ...]
    scorer: Scorer = field(default_factory=FormScorer)
    same_database: bool = True
    _masked: _Questions = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        units = tuple(Unit(mask_question_by_sql(pair.question, pair.sql)) for pair in self.pairs)
        object.__setattr__(self, "_masked", _Questions(units))

    def similar(self, question: str, schema: Schema, n: int, *, hits: Sequence[ValueHit] = ()) -> Sequence[Example]:
        """As `ExampleSource.similar`; of examples with the same question (`same_question`) or query, but for blanks and
        case, only the first comes.
        """
        if n < 1 or not self.pairs:
            return ()
        scores = self.scorer.score(mask_question(question, schema, hits), self._masked)
        own = schema.name.casefold()
        allowed = _visible(schema)
        seen = {("question", same_question(question))}
        found: list[Example] = []
        for index in sorted(range(len(self.pairs)), key=lambda index: -float(scores[index])):
            pair = self.pairs[index]
            keys = {("question", same_question(pair.question)), ("query", " ".join(pair.sql.split()).casefold())}
            if scores[index] <= 0 or len(found) == n:
                break
            if keys & seen or (pair.database.casefold() == own and not (self.same_database and _fits(pair, allowed))):
                continue
            seen |= keys
            found.append(pair)
        return found


def read_examples(path: Path, *, on_empty: Callable[[str], None] | None = None) -> tuple[Example, ...]:
    """The pairs of a JSON array or a JSON Lines file, as Spider and BIRD publish them.

    Each is an object with `question`, one of `sql`, `query`, `SQL`, and where known `db_id`.

    Args:
        path: The file.
        on_empty: Called with a sentence for each question whose query is empty, which is passed over; None makes it an
            error.

    Raises:
        InputError: The file cannot be read, or an entry lacks its question or query.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:  # the latter for a path with a NUL character, and for what is no UTF-8
        raise InputError(f"the examples cannot be read: {error}", where=str(path)) from error
    try:
        if text.lstrip().startswith("["):
            entries = parse_json(text)
        else:
            entries = [parse_json(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"the examples are not JSON: {error}", where=str(path), hint="give a JSON array, or one object a line"
        ) from error
    found = []
    for number, entry in enumerate(entries, 1):
        fields = entry if isinstance(entry, dict) else {}
        if on_empty is not None and _is_unanswered(fields):
            on_empty(f"example {number}: the question {one_line(fields['question'], _SHOWN)!r} has no query")
        else:
            found.append(_example(fields, number, str(path)))
    return tuple(found)


def _is_unanswered(fields: dict[str, Any]) -> bool:
    """Whether there is a question whose query is empty; a missing field is a mistake of the file."""
    question, given = fields.get("question"), [fields[name] for name in _SQL_FIELDS if name in fields]
    asked = isinstance(question, str) and bool(question.strip())
    return asked and bool(given) and all(sql is None or (isinstance(sql, str) and not sql.strip()) for sql in given)


def _example(fields: dict[str, Any], number: int, where: str) -> Example:
    sql = next((fields[name] for name in _SQL_FIELDS if isinstance(fields.get(name), str)), "")
    question = fields.get("question")
    if not isinstance(question, str) or not question.strip() or not sql.strip():
        hint = f"give each an object with question and one of {', '.join(_SQL_FIELDS)}"
        raise InputError(f"example {number} has no question or no query", where=where, hint=hint)
    return Example(question, sql, str(fields.get("db_id") or fields.get("database") or ""))


def _visible(schema: Schema) -> frozenset[str]:
    names = {table.name.casefold() for table in schema.tables}
    return frozenset(names | {ref.column.casefold() for ref in schema.refs()})


def _fits(pair: Example, allowed: frozenset[str]) -> bool:
    """Whether the query keeps to the schema; a double-quoted value that is no name there counts against it."""
    return read_sql_names(pair.sql)[0] <= allowed

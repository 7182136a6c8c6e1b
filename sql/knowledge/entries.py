"""Entries of a team's knowledge: answered questions, business terms, notes on columns, instructions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeAlias

from ctxprune.errors import FormatError, UsageError
from ctxprune.text.words import fold
from ctxprune.utils.validation import check_choice

from ..question import same_question
from .question_kinds import QUESTION_KINDS

__all__ = [
    "KINDS",
    "Entry",
    "Instruction",
    "Note",
    "Pair",
    "Term",
    "entry_columns",
    "entry_id",
    "entry_key",
    "entry_name",
    "entry_to_dict",
    "explanation",
    "parse_entry",
]

_LONGEST = 2_000  # characters of a text
_LONGEST_SQL = 20_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and the query that answers it.

    Attributes:
        question, sql: The two.
        question_kind: The kind of question that it is an example for, one of `QUESTION_KINDS`; "" for any. Its own
            question is answered whatever the kind.

    Raises:
        UsageError: A text is empty, too long, or cannot be written as UTF-8, or the kind is unknown; the same for the
            other entries.
    """

    question: str
    sql: str
    question_kind: str = ""

    def __post_init__(self) -> None:
        _check_question_kind(self.question_kind)
        _check_text("question", self.question, _LONGEST)
        _check_text("sql", self.sql, _LONGEST_SQL)


@dataclass(frozen=True, slots=True)
class Term:
    """A business term and its meaning in this database.

    Attributes:
        term: "active customer".
        meaning: In words or as a condition: "status = 'A' and the last order is under 90 days old".
        columns: Those that the meaning speaks of, as "table.column"; linking keeps them where the term is asked about.
        question_kind: The kind of question that the meaning is for, one of `QUESTION_KINDS`; "" for any. One term may
            have another meaning for each kind.
    """

    term: str
    meaning: str
    columns: tuple[str, ...] = ()
    question_kind: str = ""

    def __post_init__(self) -> None:
        _check_question_kind(self.question_kind)
        _check_text("term", self.term, _LONGEST)
        _check_text("meaning", self.meaning, _LONGEST)
        for column in self.columns:
            _check_text("a column of a term", column, _LONGEST)


@dataclass(frozen=True, slots=True)
class Note:
    """A note on one column, which is written as "table.column"; `question_kind` as in `Term`."""

    column: str
    note: str
    question_kind: str = ""

    def __post_init__(self) -> None:
        _check_question_kind(self.question_kind)
        _check_text("column", self.column, _LONGEST)
        _check_text("note", self.note, _LONGEST)


@dataclass(frozen=True, slots=True)
class Instruction:
    """How questions of one kind are answered in this database; it needs no word of the question but those of the kind.

    Attributes:
        question_kind: One of `QUESTION_KINDS`: "share".
        instruction: "Shares are of paid orders, in percent with one decimal".
        columns: Those that it speaks of, as in `Term`.
    """

    question_kind: str
    instruction: str
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_text("question_kind", self.question_kind, _LONGEST)
        _check_question_kind(self.question_kind)
        _check_text("instruction", self.instruction, _LONGEST)
        for column in self.columns:
            _check_text("a column of an instruction", column, _LONGEST)


Entry: TypeAlias = Pair | Term | Note | Instruction
KINDS: Mapping[str, type[Pair] | type[Term] | type[Note] | type[Instruction]] = {
    "pair": Pair,
    "term": Term,
    "note": Note,
    "instruction": Instruction,
}


def entry_kind(entry: Entry) -> str:
    """ "pair", "term", "note" or "instruction"."""
    return type(entry).__name__.lower()


def entry_name(entry: Entry) -> str:
    """What people call an entry: its question, term, column, or kind of question."""
    if isinstance(entry, Pair):
        return entry.question
    if isinstance(entry, Term):
        return entry.term
    return entry.column if isinstance(entry, Note) else entry.question_kind


def explanation(entry: Term | Note | Instruction) -> str:
    """The text that an entry other than a pair gives."""
    if isinstance(entry, Term):
        return entry.meaning
    return entry.note if isinstance(entry, Note) else entry.instruction


def entry_columns(entry: Entry) -> tuple[str, ...]:
    """The columns that an entry states, as it writes them; none for pairs, whose queries name their own."""
    if isinstance(entry, Pair):
        return ()
    return (entry.column,) if isinstance(entry, Note) else entry.columns


def entry_key(entry: Entry) -> str:
    """What an entry is about; a file holds one entry a key, so that no question has two answers."""
    if isinstance(entry, Pair):
        return f"pair {same_question(entry.question) or entry.question}"
    if isinstance(entry, Term):
        kind = f" for {entry.question_kind}" if entry.question_kind else ""
        return f"term {same_question(entry.term) or entry.term}{kind}"
    if isinstance(entry, Instruction):
        return f"instruction {entry.question_kind} {' '.join(fold(entry.instruction).split())}"
    # Notes are keyed by their text as well: one column may have several.
    return f"note {fold(entry.column)} {' '.join(fold(entry.note).split())}"


def entry_id(entry: Entry) -> str:
    """A name of 11 characters computed from the key, so that it need not be stored: "p" for pairs and so on."""
    return entry_kind(entry)[0] + hashlib.sha256(entry_key(entry).encode()).hexdigest()[:10]


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    """An entry as it stands in a file."""
    document = {"kind": entry_kind(entry), **asdict(entry)}
    # Fields that say nothing are left out, so that files of entries without them stay as they were.
    for name in ("columns", "question_kind"):
        if name in document and not document[name]:
            del document[name]
    if "columns" in document:
        document["columns"] = list(document["columns"])
    return document


def parse_entry(document: Any) -> Entry:
    """The inverse of `entry_to_dict`.

    Raises:
        FormatError: It is something else; `what` says what is wrong.
    """
    if not isinstance(document, Mapping):
        raise FormatError(f"it is a {type(document).__name__}, not an object")
    kind = KINDS.get(str(document.get("kind")))
    if kind is None:
        raise FormatError(f"its kind is {document.get('kind')!r}, not one of {', '.join(KINDS)}")
    given = {name: value for name, value in document.items() if name != "kind"}
    known = {field.name: field.default is not MISSING for field in fields(kind)}
    strange = sorted(map(str, set(given) - set(known)))
    missing = sorted(name for name, optional in known.items() if not optional and name not in given)
    if strange or missing:
        raise FormatError(f"it has an unknown field {strange[0]!r}" if strange else f"it lacks {missing[0]!r}")
    if "columns" in given:
        if not isinstance(given["columns"], list):
            raise FormatError("its columns are not a list")
        given["columns"] = tuple(given["columns"])
    try:
        return kind(**given)
    except UsageError as error:
        raise FormatError(error.what, hint=error.hint) from error


def _check_question_kind(kind: object) -> None:
    if kind != "":
        check_choice("question_kind", kind, QUESTION_KINDS)


def _check_text(name: str, text: object, limit: int) -> None:
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"{name} is {text!r}, not a text", where=name)
    if len(text) > limit:
        raise UsageError(f"{name} has {len(text)} characters, over {limit}", where=name)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name} contains a lone surrogate, which is not valid UTF-8", where=name) from error

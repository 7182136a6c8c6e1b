"""Entries of a team's knowledge: answered questions, business terms, notes on columns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

from ctxprune.errors import FormatError, UsageError
from ctxprune.text.words import fold

from ..question import same_question

__all__ = ["KINDS", "Entry", "Note", "Pair", "Term", "entry_id", "entry_key", "entry_to_dict", "parse_entry"]

_LONGEST = 2_000  # characters of a text
_LONGEST_SQL = 20_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and the query that answers it.

    Raises:
        UsageError: A text is empty, too long, or cannot be written as UTF-8; the same for `Term` and `Note`.
    """

    question: str
    sql: str

    def __post_init__(self) -> None:
        _check_text("question", self.question, _LONGEST)
        _check_text("sql", self.sql, _LONGEST_SQL)


@dataclass(frozen=True, slots=True)
class Term:
    """A business term and its meaning in this database.

    Attributes:
        term: "active customer".
        meaning: In words or as a condition: "status = 'A' and the last order is under 90 days old".
        columns: Those that the meaning speaks of, as "table.column"; linking keeps them where the term is asked about.
    """

    term: str
    meaning: str
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_text("term", self.term, _LONGEST)
        _check_text("meaning", self.meaning, _LONGEST)
        for column in self.columns:
            _check_text("a column of a term", column, _LONGEST)


@dataclass(frozen=True, slots=True)
class Note:
    """A note on one column, which is written as "table.column"."""

    column: str
    note: str

    def __post_init__(self) -> None:
        _check_text("column", self.column, _LONGEST)
        _check_text("note", self.note, _LONGEST)


Entry: TypeAlias = Pair | Term | Note
KINDS: Mapping[str, type[Pair] | type[Term] | type[Note]] = {"pair": Pair, "term": Term, "note": Note}


def entry_kind(entry: Entry) -> str:
    """ "pair", "term" or "note"."""
    return type(entry).__name__.lower()


def entry_key(entry: Entry) -> str:
    """What an entry is about; a file holds one entry a key, so that no question has two answers."""
    if isinstance(entry, Pair):
        return f"pair {same_question(entry.question) or entry.question}"
    if isinstance(entry, Term):
        return f"term {same_question(entry.term) or entry.term}"
    # Notes are keyed by their text as well: one column may have several.
    return f"note {fold(entry.column)} {' '.join(fold(entry.note).split())}"


def entry_id(entry: Entry) -> str:
    """A name of 11 characters computed from the key, so that it need not be stored: "p" for pairs and so on."""
    return entry_kind(entry)[0] + hashlib.sha256(entry_key(entry).encode()).hexdigest()[:10]


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    """An entry as it stands in a file."""
    document = {"kind": entry_kind(entry), **asdict(entry)}
    if isinstance(entry, Term):
        document["columns"] = list(entry.columns)
        if not entry.columns:
            del document["columns"]
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
    known = {field.name for field in fields(kind)}
    strange = sorted(map(str, set(given) - known))
    missing = sorted(known - set(given) - {"columns"})
    if strange or missing:
        raise FormatError(f"it has an unknown field {strange[0]!r}" if strange else f"it lacks {missing[0]!r}")
    if "columns" in given:
        if not isinstance(given["columns"], list):
            raise FormatError("its columns are not a list")
        given["columns"] = tuple(given["columns"])
    try:
        return kind(**given)
    except UsageError as error:
        raise FormatError(error.what) from error


def _check_text(name: str, text: object, limit: int) -> None:
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"{name} is {text!r}, not a text", where=name)
    if len(text) > limit:
        raise UsageError(f"{name} has {len(text)} characters, over {limit}", where=name)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name} contains a lone surrogate, which is not valid UTF-8", where=name) from error

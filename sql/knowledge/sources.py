"""Reads entries from files: our own format, JSON Lines or JSON as Spider and BIRD have it, or CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.storage.sealed import parse_json

from ..generate.examples import read_examples
from ..generate.prompts.base import one_line
from .entries import Instruction, Note, Pair, Term, parse_entry
from .store import FORMAT, KnowledgeFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .entries import Entry

__all__ = ["read_entries"]

_SQL = ("sql", "query")
_SHOWN = 80  # characters of a question in a message


def read_entries(path: Path, database: str, *, on_empty: Callable[[str], None] | None = None) -> tuple[Entry, ...]:
    """Everything in `path` that can be learned about one database.

    Read are: a file of knowledge; JSON Lines of its entries without a header; a JSON array or JSON Lines of objects
    with `question` and `sql`, `query` or `SQL`, of which those of another `db_id` are passed over; and CSV with a
    header of `question` and `sql` (or `query`), of `term` and `meaning`, of `column` and `note`, or of `question_kind`
    and `instruction`; the first three may have `question_kind` as well, which may be empty.

    Args:
        path: The file.
        database: Name of the database, compared with `db_id` in any case.
        on_empty: Called with a sentence for each question whose query is empty, which is passed over; None makes it an
            error.

    Raises:
        InputError: The file cannot be read, holds nothing of use, or an entry is wrong; the message says where.
        FormatError: A file of knowledge is wrong; the message says which line and why.
    """
    try:
        # Spreadsheets write a byte order mark before CSV.
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file cannot be read: {error}", where=str(path)) from error
    start = text.lstrip()
    unanswered: list[str] = []
    report = None if on_empty is None else unanswered.append
    # Told by content, not by the ending: JSON Lines come as .json, .jsonl and .txt.
    if not start.startswith(("{", "[")):
        entries = tuple(_csv_entries(text, path, report))
    elif _first(start).get("format") == FORMAT:
        entries = KnowledgeFile(path).read()
    elif "kind" in _first(start):
        entries = tuple(_own_entries(text, path))
    else:
        entries = _pairs(path, database, report)
    if not entries and unanswered:
        raise InputError("no question of the file has a query", where=str(path), hint=unanswered[0])
    if not entries:
        raise InputError("the file holds nothing about this database", where=str(path), hint=f"its name is {database}")
    for row in unanswered:
        if on_empty is not None:
            on_empty(row)
    return entries


def _first(text: str) -> dict[str, object]:
    """The object on the first line; {} for anything else."""
    try:
        found = parse_json(text.split("\n", 1)[0])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _pairs(path: Path, database: str, on_empty: Callable[[str], None] | None) -> tuple[Entry, ...]:
    # Published sets hold many databases; pairs of others would be answers to other schemas.
    own = database.casefold()
    examples = read_examples(path, on_empty=on_empty)
    try:
        return tuple(Pair(e.question, e.sql) for e in examples if not e.database or e.database.casefold() == own)
    except UsageError as error:
        raise InputError(error.what, where=str(path)) from error


def _own_entries(text: str, path: Path) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield parse_entry(parse_json(line))
        except (ValueError, RecursionError, FormatError) as error:
            raise InputError(f"line {number}: {error}", where=str(path)) from error


def _csv_entries(text: str, path: Path, on_empty: Callable[[str], None] | None) -> Iterator[Entry]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = {(name or "").strip().casefold(): name for name in reader.fieldnames or ()}
        sql = next((name for name in _SQL if name in names), "")
        layouts = (("question", sql), ("term", "meaning"), ("column", "note"), ("question_kind", "instruction"))
        layout = next((both for both in layouts if all(name in names for name in both)), None)
        if layout is None:
            hint = "begin with the names question,sql or term,meaning or column,note or question_kind,instruction"
            raise InputError("this is neither JSON nor CSV with a header that is known", where=str(path), hint=hint)
        for row in reader:
            left, right = (row[names[name]] or "" for name in layout)
            meant_for = row[names["question_kind"]] if "question_kind" in names else ""
            # Questions are often collected before their queries: those that have one need not wait.
            if on_empty is not None and layout[0] == "question" and not right.strip():
                on_empty(f"line {reader.line_num}: the question {one_line(left, _SHOWN)!r} has no query")
                continue
            try:
                yield _entry(layout[0], left, right, (meant_for or "").strip().casefold())
            except UsageError as error:
                raise InputError(f"line {reader.line_num}: {error.what}", where=str(path), hint=error.hint) from error
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: it is not CSV ({error})", where=str(path)) from error


def _entry(layout: str, left: str, right: str, meant_for: str) -> Entry:
    if layout == "question_kind":
        return Instruction(meant_for, right)
    if layout == "question":
        return Pair(left, right, meant_for)
    return Term(left, right, question_kind=meant_for) if layout == "term" else Note(left, right, meant_for)

"""Which knowledge a command uses, and how entries are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ctxprune.sql.database.database import Database
    from ctxprune.sql.knowledge import Entry, Knowledge

__all__ = ["as_line", "knowledge_for"]


def knowledge_for(database: Database, file: Path | None) -> Knowledge | None:
    """What `file` holds, or without one the database's own file where there is one, which stderr then says.

    Raises:
        InputError: There is no such `file`.
        FormatError: A line of it is wrong.
        UsageError: There is no home folder to look for the database's own file.
    """
    from ctxprune.cli import _console
    from ctxprune.errors import UsageError
    from ctxprune.sql.knowledge import Knowledge, KnowledgeFile, default_path

    if file is not None:
        return Knowledge.of(file)
    try:
        own = KnowledgeFile(default_path(database))
    except UsageError:
        return None  # without a home folder nothing was learned
    if not own.exists():
        return None
    known = Knowledge.of(own)
    _console.say(f"knowledge: {_console.counted(len(known.entries), 'line')} of {_console.visible(str(own.path))}")
    return known


def as_line(entry: Entry) -> str:
    """An entry on one printable line, behind its id."""
    from ctxprune.cli import _console
    from ctxprune.sql.generate.prompts.base import one_line
    from ctxprune.sql.knowledge import Note, Pair, entry_id

    if isinstance(entry, Pair):
        left, right = entry.question, entry.sql
    elif isinstance(entry, Note):
        left, right = entry.column, entry.note
    else:
        left, right = entry.term, entry.meaning + (f" [{', '.join(entry.columns)}]" if entry.columns else "")
    kind = type(entry).__name__.lower()
    return _console.visible(f"{entry_id(entry)}  {kind:4}  {one_line(left)}  =>  {one_line(right)}")

"""Where the command line writes: data on stdout, everything for people on stderr."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.errors import CtxpruneError, InputError
from ctxprune.storage.drafts import draft_of
from ctxprune.utils.database_files import is_database
from ctxprune.utils.plain_data import as_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ctxprune.sql.database.database import Database

__all__ = [
    "check_not_input",
    "check_target",
    "escape",
    "format_count",
    "format_error",
    "make_cell",
    "make_rows_table",
    "print_figures",
    "print_json",
    "print_note",
    "print_tree",
    "report_unreadable",
    "stdout_console",
    "write_file",
    "write_parts",
]

_LONGEST_CELL = 60
_MOST_NAMES = 10
_COLUMNS = 80  # of a terminal that does not say
_BRANCHES = str.maketrans({"├": "|", "└": "`", "─": "-", "│": "|", "…": "~"})


def print_json(document: object) -> None:
    """Print one JSON document on stdout, and nothing else.

    Bytes become hexadecimal text; numbers that JSON lacks (NaN, infinities) become strings. Characters that stdout
    cannot take become JSON's own escapes.
    """
    plain = as_plain(document)
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(plain, allow_nan=False)
    sys.stdout.write(text + "\n")


def check_not_input(target: Path, *inputs: str | Path) -> None:
    """Make sure that `target`, which an option wants written, is none of the files that the command reads.

    Raises:
        InputError: It is one of `inputs`, or the log of one that is a database.
    """
    # The log of a database belongs to it: writing over the log damages the database.
    for name in (f"{path}{suffix}" for path in inputs for suffix in ("", "-wal", "-shm", "-journal", ".wal")):
        if os.path.realpath(target) == os.path.realpath(name) or _same(target, name):
            raise InputError("this file is read, so it is not written", where=str(target), hint="name another file")


def check_target(target: Path, *inputs: str | Path) -> None:
    """As `check_not_input`, and `target` is no database either.

    Raises:
        InputError: It is one of them, or it cannot be looked at.
    """
    check_not_input(target, *inputs)
    try:
        database = target.is_file() and is_database(_beginning(target))
    except OSError as error:
        raise _unwritable(target, error) from error
    if database:
        raise InputError("this is a database, so it is not written", where=str(target), hint="name another file")


def write_file(target: Path, text: str, *inputs: str | Path) -> None:
    """Write `text` as UTF-8, whole or not at all; what `check_target` refuses is left alone.

    Raises:
        InputError: As `check_target`, or the file cannot be written.
    """
    # Lone surrogates come from JSON and from file names; a report must not fail on them.
    write_parts(target, [text.encode("utf-8", "backslashreplace")], *inputs)


def write_parts(target: Path, parts: Iterable[bytes], *inputs: str | Path) -> None:
    """As `write_file`, of bytes that need not be in memory together; an error of `parts` leaves the target as it was.

    Raises:
        InputError: As `write_file`.
    """
    check_target(target, *inputs)
    try:
        if target.exists() and not target.is_file():  # a pipe or a device
            with target.open("wb") as stream:
                stream.writelines(parts)
            return
        with draft_of(target) as draft, draft.open("wb") as stream:
            stream.writelines(parts)
    except OSError as error:
        raise _unwritable(target, error) from error


def _same(target: Path, name: str) -> bool:
    try:
        return target.samefile(name)
    except OSError:  # one of them is not there
        return False


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _unwritable(target: Path, error: OSError) -> InputError:
    return InputError(f"the file cannot be written ({error.strerror})", where=str(target))


def stdout_console() -> Console:
    """A rich console on stdout, for tables that are the answer."""
    from rich.console import Console

    return Console(soft_wrap=False)


def print_note(text: str) -> None:
    """One line for people, on stderr; on a terminal, which would break it within words, lines of its width."""
    line = f"ctxprune: {text}"
    if sys.stderr.isatty() and (width := _stderr_width()) < len(line):
        # long words are paths and commands, which are copied as a whole
        line = textwrap.fill(
            line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False,
            replace_whitespace=False, drop_whitespace=True,
        )  # fmt: skip
    sys.stderr.write(f"{line}\n")


def _stderr_width() -> int:
    """Columns of the terminal behind stderr; `COLUMNS` where it is set."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError, ValueError, AttributeError):
        if (columns := os.get_terminal_size(sys.stderr.fileno()).columns) > 0:
            return columns
    return _COLUMNS


def print_tree(text: str) -> None:
    """Lines of a tree on stderr, in ASCII where stderr has no characters for the branches."""
    try:
        text.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        text = text.translate(_BRANCHES)
    sys.stderr.write(f"{text}\n")


def report_unreadable(database: Database) -> None:
    """On stderr, which tables and views of the database could not be read, if any."""
    database.schema()
    names = [escape(f"{name} ({' '.join(why.split())})") for name, why in database.unreadable.items()]
    if names:
        more = f", and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        print_note(f"left out, since unreadable: {', '.join(names[:_MOST_NAMES])}{more}")


def format_count(number: int, noun: str) -> str:
    """The number with its noun: "1 row", "2 rows"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_error(error: BaseException) -> str:
    """An error as one line: its code where it is ours, and its text with line breaks folded."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{error.code} {text}" if isinstance(error, CtxpruneError) else text


def print_figures(title: str, rows: Iterable[tuple[str, object]]) -> None:
    """A table of names and figures on stdout."""
    from rich.table import Table

    table = Table("", "", show_header=False, title=title)
    for name, value in rows:
        table.add_row(name, str(value))
    stdout_console().print(table)


def escape(text: str) -> str:
    """`text` with everything that could move a terminal's cursor or hide text as visible escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def make_cell(value: object) -> Text:
    """A database cell for a table, at most 60 characters; NULL and blobs in SQL's notation."""
    from rich.text import Text

    if isinstance(value, (bytes, bytearray)):
        text = f"x'{bytes(value[:_LONGEST_CELL]).hex()}'"
    else:
        text = "NULL" if value is None else str(value)
    # Cut before escaping: a cell may have megabytes.
    shown = escape(text[: _LONGEST_CELL + 1])
    return Text(shown if len(shown) <= _LONGEST_CELL else shown[: _LONGEST_CELL - 1] + "…")


def make_rows_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, most: int) -> Table:
    """The first `most` rows of a query result as a table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for name in columns:
        table.add_column(make_cell(name), overflow="fold")
    for row in rows[:most]:
        table.add_row(*map(make_cell, row))
    return table

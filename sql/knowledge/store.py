"""One file of knowledge a database: JSON Lines, a header and then one entry a line.

    {"format": "ctxprune.knowledge", "version": 1, "database": "shop"}
    {"kind": "pair", "question": "How many shops are open?", "sql": "SELECT COUNT(*) FROM shop WHERE open = 1"}
    {"kind": "term", "term": "big shop", "meaning": "area > 1000", "columns": ["shop.area"]}
    {"kind": "note", "column": "shop.open", "note": "1 while the shop trades, also during holidays"}
    {"kind": "instruction", "question_kind": "share", "instruction": "Shares are in percent with one decimal"}

JSON Lines and not TOML: a diff shows whole entries and a merge takes them line by line, errors have line numbers, and
Python reads and writes it without another package. Entries keep their order; new ones come last. Blank lines and the
same line twice, which merges leave behind, are passed over.

A writer holds a lock beside the file, reads it anew, and replaces it in one step: a reader sees the old file or the new
one, and of two writers neither loses anything.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.storage.drafts import draft_of
from ctxprune.storage.folders import config_folder
from ctxprune.storage.locks import try_lock
from ctxprune.storage.sealed import parse_json

from .entries import entry_id, entry_key, entry_to_dict, parse_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

    from ..database.database import Database
    from .entries import Entry

__all__ = ["FORMAT", "VERSION", "Change", "KnowledgeFile", "default_path"]

FORMAT, VERSION = "ctxprune.knowledge", 1
_MOST_BYTES = 64_000_000
_LEAST = 4  # characters of an id that say which one is meant
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")


@dataclass(frozen=True, slots=True)
class Change:
    """The result of adding entries: new ones, those that replaced another, those that were stored already, and those
    that another one about the same was left in place of."""

    added: tuple[Entry, ...] = ()
    replaced: tuple[Entry, ...] = ()
    unchanged: tuple[Entry, ...] = ()
    left: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class KnowledgeFile:
    """A file of knowledge; nothing is read or created on construction.

    Attributes:
        path: The file.
        wait: Seconds that a writer waits for another's lock.
    """

    path: Path
    wait: float = 30.0

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    def read(self) -> tuple[Entry, ...]:
        """All entries in the order of the file.

        Raises:
            InputError: There is no such file, or it cannot be read.
            FormatError: A line is wrong; the message says which and why.
        """
        return self._parsed()[1]

    def database(self) -> str:
        """Name of the database that the file was made for, as its header says; "" where it says none.

        Raises:
            InputError, FormatError: As `read`.
        """
        return self._parsed()[0]

    def add(self, entries: Sequence[Entry], *, database: str = "", replace: bool = True) -> Change:
        """Add entries; one about the same question, term or note takes the place of the old one. Makes the file.

        Args:
            entries: What is new.
            database: Name for the header of a new file.
            replace: False leaves the old one.

        Raises:
            InputError: The file cannot be read or written, or another process holds it for too long.
            FormatError: As `read`; the file stays as it is.
        """
        added: list[Entry] = []
        replaced: list[Entry] = []
        unchanged: list[Entry] = []
        left: list[Entry] = []

        def change(before: dict[str, Entry]) -> dict[str, Entry]:
            after = dict(before)
            for entry in entries:
                known = after.setdefault(entry_key(entry), entry)
                if known is entry:
                    added.append(entry)
                elif known == entry:
                    unchanged.append(entry)
                elif replace:
                    replaced.append(entry)
                    after[entry_key(entry)] = entry
                else:
                    left.append(entry)
            return after

        self._rewrite(change, database)
        return Change(tuple(added), tuple(replaced), tuple(unchanged), tuple(left))

    def remove(self, ids: Sequence[str]) -> tuple[Entry, ...]:
        """Remove entries by their ids (`entry_id`), or by beginnings of 4 characters or more that only one id has.

        Returns those that went.

        Raises:
            UsageError: No entry, or more than one, has such an id; then nothing is removed.
            InputError, FormatError: As `add`.
        """
        gone: list[Entry] = []

        def change(before: dict[str, Entry]) -> dict[str, Entry]:
            for some in ids:
                found = [key for key, entry in before.items() if _names(some, entry_id(entry))]
                if len(found) != 1:
                    what = (
                        f"{len(found)} entries have an id like {some!r}" if found else f"no entry has the id {some!r}"
                    )
                    raise UsageError(what, where=str(self.path), hint="--list shows all ids")
                gone.append(before[found[0]])
            return {key: entry for key, entry in before.items() if entry not in gone}

        if not self.exists():
            raise InputError("there is no such file of knowledge", where=str(self.path))
        self._rewrite(change, "")
        return tuple(gone)

    def _parsed(self) -> tuple[str, tuple[Entry, ...]]:
        """Name of the database and the entries."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(_MOST_BYTES + 1)
        except FileNotFoundError as error:
            raise InputError("there is no such file of knowledge", where=str(self.path)) from error
        except (OSError, ValueError) as error:  # the latter for a path with a NUL character
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise InputError(f"the knowledge cannot be read ({reason})", where=str(self.path)) from error
        if len(raw) > _MOST_BYTES:
            raise FormatError(f"the file has over {_MOST_BYTES} bytes", where=str(self.path))
        lines = [(number, line.strip()) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]
        if not lines:
            raise self._wrong(1, "the header is missing", f'begin with {{"format": "{FORMAT}", "version": {VERSION}}}')
        header = self._header(*lines[0])
        entries: dict[str, tuple[int, Entry]] = {}
        for number, line in lines[1:]:
            entry = self._entry(number, line)
            first, known = entries.setdefault(entry_key(entry), (number, entry))
            # The same line twice is harmless and left by merges; two answers to one question are not.
            if known != entry:
                about = entry_key(entry).partition(" ")[0]
                raise self._wrong(number, f"it differs from line {first} about the same {about}", "keep one of them")
        return header, tuple(entry for _, entry in entries.values())

    def _header(self, number: int, line: bytes) -> str:
        header = self._json(number, line.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise self._wrong(number, f"it is not the header of a {FORMAT} file")
        if header.get("version") != VERSION:
            raise self._wrong(number, f"the version is {header.get('version')!r}, this ctxprune reads {VERSION}")
        return str(header.get("database", ""))

    def _entry(self, number: int, line: bytes) -> Entry:
        try:
            return parse_entry(self._json(number, line))
        except FormatError as error:
            if error.where:
                raise
            raise self._wrong(number, error.what, error.hint) from error

    def _json(self, number: int, line: bytes) -> object:
        if line.startswith(tuple(mark.encode() for mark in _CONFLICT)):
            raise self._wrong(number, "a merge left its mark here", "keep the lines of both sides, remove the mark")
        try:
            return parse_json(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise self._wrong(number, "it is not UTF-8") from error
        except (ValueError, RecursionError) as error:
            raise self._wrong(number, f"it is not JSON ({error})") from error

    def _wrong(self, number: int, what: str, hint: str = "") -> FormatError:
        return FormatError(f"line {number}: {what}", where=str(self.path), hint=hint)

    def _rewrite(self, change: Callable[[dict[str, Entry]], dict[str, Entry]], database: str) -> None:
        # Through symbolic links, which would otherwise be replaced by a file.
        place = Path(os.path.realpath(self.path))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with _locked(place.with_name(f".{place.name}.lock"), self.wait):
                name, entries = self._parsed() if self.exists() else (database, ())
                before = {entry_key(entry): entry for entry in entries}
                after = change(before)
                # An unchanged file keeps its time stamp, so that nothing that watches it wakes.
                if after != before or not self.exists():
                    with draft_of(place) as draft:
                        draft.write_text(_text(name, tuple(after.values())), encoding="utf-8", newline="\n")
        except OSError as error:
            raise InputError(f"the knowledge cannot be written ({error.strerror})", where=str(self.path)) from error


def default_path(database: Database) -> Path:
    """Where knowledge of a database is kept unless told: in the user's configuration, one file per database path, named
    as the folder of its value index is.

    Raises:
        UsageError: There is no home folder.
    """
    return config_folder() / "knowledge" / f"{database.file_stem}.jsonl"


def _names(some: str, name: str) -> bool:
    """Whether `some` is this id, or enough of its beginning."""
    return some == name or (len(some) >= _LEAST and name.startswith(some))


def _text(database: str, entries: tuple[Entry, ...]) -> str:
    header = {"format": FORMAT, "version": VERSION, **({"database": database} if database else {})}
    return "".join(_line(document) + "\n" for document in (header, *map(entry_to_dict, entries)))


def _line(document: dict[str, Any]) -> str:
    line = json.dumps(document, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:  # half of a surrogate pair in the name of the database: JSON can hold it, UTF-8 cannot
        return json.dumps(document)
    return line


@contextmanager
def _locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock file, which is removed afterwards so that it comes into nobody's repository."""
    until = time.monotonic() + seconds
    while True:
        handle = path.open("a+", encoding="utf-8")
        # The lock file may have been removed by its last holder between opening and locking.
        if try_lock(handle.fileno()) and _is(handle, path):
            break
        handle.close()
        if time.monotonic() > until:
            raise InputError(f"another process holds the knowledge for over {seconds:g} s", where=str(path))
        time.sleep(0.01)
    with handle:
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file
                path.unlink(missing_ok=True)


def _is(handle: TextIO, path: Path) -> bool:
    """Whether the open file still is the one at `path`, and not one that its last holder has removed."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except OSError:
        return False

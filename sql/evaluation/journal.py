"""The log of a run: one JSON line an item, written as items are done, from which a run that was killed goes on."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from ctxprune.errors import FormatError, InputError
from ctxprune.storage.sealed import LONGEST_LINE, sealed_line, unseal_lines

from .outcome import Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Entry", "Journal", "read_log"]

E = TypeVar("E", bound="Entry")
Loaded_co = TypeVar("Loaded_co", bound="Entry", covariant=True)

_FORMAT, _VERSION = "ctxprune-bench-log", 2
_READ = (1, 2)  # lines of version 1 have no checksums; such a log is gone on with, and its new lines have them


class Entry(Protocol):
    """What a log keeps of one item, such as `Result`."""

    @property
    def index(self) -> int:
        """Which item; a log holds each once."""

    def record(self) -> dict[str, Any]:
        """The entry, JSON-safe."""


class Loader(Protocol[Loaded_co]):
    """Makes an entry of what its `record` gave; an `InputError` where it is none."""

    def __call__(self, record: Any, *, where: str = "") -> Loaded_co: ...


class Journal(Generic[E]):
    """An append-only file. The first line says which run it belongs to; every other line is one item's result.

    Lines are in the order in which items were done, and hold their times, so two logs of one run differ; the results
    that a finished run gives back, in the items' order and without times, do not. Each line is written in one piece and
    flushed to the disk, so that a process killed at any moment loses at most the items it was working on; a last line
    that was cut short is dropped when the log is opened again. For many threads, and for one process at a time.

    Args:
        path: The file; made if it is absent.
        run: What the results depend on (JSON-safe): data, predictions, rules. A log of another run is refused.
        load: Reads one line's result, such as `Result.load`.

    Attributes:
        done: Results that the file already holds, by index.

    Raises:
        InputError: The file belongs to another run, is used by another process, or cannot be written.
        FormatError: It is no log of ours, or damaged.
    """

    def __init__(self, path: Path, run: Mapping[str, Any], load: Loader[E]) -> None:
        self.path, self._load = path, load
        self._lock = threading.Lock()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise InputError(f"the log cannot be written ({error.strerror})", where=str(path)) from error
        try:
            _lock_file(self._file, path)
            self.done = self._begin(dict(run))
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Journal[E]:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._lock:  # a thread that still works must not write into whatever takes this number next
            os.close(self._file)
            self._file = -1

    def add(self, result: E) -> None:
        """Write one item's result; it is on the disk when this returns."""
        with self._lock:
            if result.index not in self.done:
                self._write(result.record())
                self.done[result.index] = result

    def _begin(self, run: dict[str, Any]) -> dict[int, E]:
        header = {"format": _FORMAT, "version": _VERSION, "run": run}
        documents, whole = unseal_lines(self.path, "the log")
        if not documents:
            with self.path.open("rb") as file:
                text = file.read(LONGEST_LINE)
            if text and not sealed_line(header).startswith(text):
                raise FormatError("this is no log of a benchmark run, so it is not written", where=str(self.path))
            os.ftruncate(self._file, 0)
            self._write(header)
            return {}
        found = _header(documents, self.path)
        if found["run"] != json.loads(json.dumps(run)):
            differ = [name for name in run if found["run"].get(name) != run[name]]
            raise InputError(
                f"the log belongs to another run (different: {', '.join(differ) or 'options'})",
                where=str(self.path), hint="name another file, or remove this one to start anew",
            )  # fmt: skip
        results = _results(documents, self.path, self._load)
        os.ftruncate(self._file, whole)
        return results

    def _write(self, document: dict[str, Any]) -> None:
        line = sealed_line(document)
        try:
            while line:
                line = line[os.write(self._file, line) :]
            os.fsync(self._file)
        except OSError as error:
            raise InputError(f"the log cannot be written ({error.strerror})", where=str(self.path)) from error


def read_log(path: Path) -> tuple[dict[str, Any], tuple[Result, ...]]:
    """What a log says of its run, and its results in the items' order; a last line that was cut short is left out.

    Raises:
        InputError: The file cannot be read.
        FormatError: It is no log of ours, or damaged.
    """
    try:
        documents, _whole = unseal_lines(path, "the log")
    except OSError as error:
        raise InputError(f"the log cannot be read ({error.strerror})", where=str(path)) from error
    header, results = _header(documents, path), _results(documents, path, Result.load)
    return header["run"], tuple(results[index] for index in sorted(results))


def _header(documents: list[Any], path: Path) -> dict[str, Any]:
    header = documents[0] if documents else None
    if not isinstance(header, dict) or header.get("format") != _FORMAT or not isinstance(header.get("run"), dict):
        raise FormatError("this is no log of a benchmark run", where=str(path))
    if header.get("version") not in _READ:
        raise FormatError(f"the log has version {header.get('version')!r}, known is {_VERSION}", where=str(path))
    return header


def _results(documents: list[Any], path: Path, load: Loader[E]) -> dict[int, E]:
    results: dict[int, E] = {}
    for number, document in enumerate(documents[1:], start=2):
        result = load(document, where=f"{path}, line {number}")
        results.setdefault(result.index, result)
    return results


def _lock_file(handle: int, path: Path) -> None:
    """Keep other processes out until the file is closed; where the system cannot, they are not kept out."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise InputError("another run is writing this log", where=str(path)) from error

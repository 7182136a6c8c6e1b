"""A value index on disk: one directory, plain arrays, no pickle.

    DIR/manifest.json     format, version, fingerprints, columns, which arrays there are, and a checksum of all that
    DIR/data-XXXXXXXX/    one .npy file per array, memory-mapped by any number of readers
    DIR/build-XXXXXXXX/   what an unfinished build has spilled; removed when it is done
    DIR/privacy.json      which columns are hidden, where some are
    DIR/.lock             held while a builder writes

A writer fills a new data directory and then replaces the manifest, which is one atomic step: a reader sees the old
index or the new one, whatever moment the writer is killed at. The next writer goes on with what a killed one had
spilled, if it builds the same, and removes what it left otherwise. Two writers follow each other; the later one stays.
Links that stand where a writer keeps something of its own are removed and never followed.

Every byte is compared before an answer rests on it: manifest, headers and the checksums of blocks when an index is
opened, each block when it is first read (block_checks.py), and everything by `verify`.

Version 3: a checksum for each block, which are in the array "checks", in the order of ARRAYS; the manifest is sealed.
Version 2 had one for each whole array, which nothing compared, and none of the manifest. Indexes of versions 1 and 2
are rebuilt, by `ValueIndex.for_database` by itself; hidden columns stay hidden, and a sample is taken as before.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, IndexBuildError
from ctxprune.storage.locks import try_lock
from ctxprune.storage.sealed import parse_json, seal, unseal

from .block_checks import BUILD
from .disk import STATE, write_merged
from .privacy import PRIVACY_FILE, write_draft
from .saved_arrays import ARRAYS, compare_arrays, read_arrays

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .block_checks import BlockChecks
    from .index_arrays import MergeSource

__all__ = [
    "ARRAYS",
    "FORMAT",
    "VERSION",
    "locked",
    "mark_damaged",
    "mark_if_damaged",
    "read",
    "read_manifest",
    "reported",
    "saved_sample",
    "verify",
    "work_folder",
    "write",
]

FORMAT = "ctxprune.values"
VERSION = 3
_OURS = re.compile("(?:data|build)-[0-9a-f]{8}")


def write(directory: Path, manifest: dict[str, Any], sources: Sequence[MergeSource]) -> None:
    """Replace the index in `directory` by the merge of `sources`. The caller holds `locked(directory)`.

    Raises:
        IndexBuildError: It cannot be written: read-only, or the disk is full. What was there before stays.
    """
    name = f"data-{secrets.token_hex(4)}"
    data = directory / name
    try:
        with reported(directory):
            start = time.perf_counter()
            data.mkdir()
            shapes = write_merged(data, sources)
            _sync(data)
            document = {"format": FORMAT, "version": VERSION, "data": name, "arrays": shapes, **manifest}
            document["seconds"] = round(manifest.get("seconds", 0.0) + time.perf_counter() - start, 3)
            draft = data / "manifest.json"
            with draft.open("w", encoding="utf-8") as file:
                file.write(seal(document, indent=1))
                file.flush()
                os.fsync(file.fileno())
            # the one atomic step: before it readers see the old index, after it the new one
            draft.replace(directory / "manifest.json")
            _sync(directory)
    except BaseException:
        # an interrupt may come after the manifest was replaced; then the data are in use
        if not _published(directory, name):
            shutil.rmtree(data, ignore_errors=True)
        raise
    _sweep(directory, {name})


def _published(directory: Path, name: str) -> bool:
    """Whether the manifest names this data directory already, so that an interrupt came too late."""
    try:
        return bool(read_manifest(directory).get("data") == name)
    except FormatError:
        return False


@contextmanager
def work_folder(directory: Path, wanted: object) -> Iterator[Path]:
    """The folder of one build in `directory`, the same for the same `wanted` (JSON-safe); what other builds left is
    removed. The caller holds `locked(directory)`.

    After an error it stays, so that the next build goes on from it, unless nothing in it is of use or the disk is full.

    Raises:
        IndexBuildError: For every `OSError` inside.
    """
    work = directory / f"build-{_digest(wanted)}"
    keep = {work.name}
    with suppress(FormatError):
        keep.add(str(read_manifest(directory).get("data")))
    try:
        with reported(directory):
            _sweep(directory, keep)
            work.mkdir(exist_ok=True)
            yield work
    except BaseException as error:
        if isinstance(error, IndexBuildError) or not (work / STATE).exists():
            shutil.rmtree(work, ignore_errors=True)
        raise


def _digest(wanted: object) -> str:
    return hashlib.sha256(json.dumps([VERSION, wanted], sort_keys=True).encode()).hexdigest()[:8]


def _sweep(directory: Path, keep: set[str]) -> None:
    for old in directory.iterdir():
        if _OURS.fullmatch(old.name) and old.is_symlink():
            old.unlink(missing_ok=True)  # itself, and nothing of what it leads to
        elif _OURS.fullmatch(old.name) and old.name not in keep:
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def reported(directory: Path) -> Iterator[None]:
    """Turns an `OSError` of writing into an `IndexBuildError`."""
    try:
        yield
    except OSError as error:
        raise _unwritable(directory, error) from error


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of the index in `directory`.

    Raises:
        FormatError: There is none, it is damaged, of another format, or of another version.
    """
    path = directory / "manifest.json"
    text, document = _manifest_text(directory)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError("this is not a value index of ctxprune", where=str(directory), hint="name another directory")
    if document.get("version") != VERSION:
        raise FormatError(
            f"the index has version {document.get('version')!r}, this ctxprune reads version {VERSION}",
            where=str(directory),
            hint=f"upgrade ctxprune, or rebuild the index: {BUILD}",
        )
    try:
        found: dict[str, Any] = unseal(text)
    except ValueError as error:
        raise FormatError(f"the manifest is damaged ({error})", where=str(path), hint=BUILD) from error
    return found


def mark_damaged(directory: Path) -> None:
    """Have the next build make the index in `directory` anew, with the columns hidden and the sample taken as before.

    Raises:
        FormatError: There is no index of this version with a sound manifest.
        IndexBuildError: As `locked`; or the directory cannot be written.
    """
    read_manifest(directory)  # first, since locking makes a directory that is absent
    with locked(directory), reported(directory):
        # A manifest without its checksum is refused as damaged, and still says what the index was made from.
        write_draft(directory / "manifest.json", json.dumps(read_manifest(directory), indent=1))


def saved_sample(directory: Path) -> int:
    """Rows of each table that the index in `directory` was made from, whatever its version; 0 for all, or no index."""
    try:
        _text, document = _manifest_text(directory)
        return int(document.get("sample") or 0) if document.get("format") == FORMAT else 0
    except (FormatError, AttributeError, TypeError, ValueError, OverflowError):
        return 0


def _manifest_text(directory: Path) -> tuple[bytes, Any]:
    path = directory / "manifest.json"
    try:
        text = path.read_bytes()
        return text, parse_json(text)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FormatError("there is no value index", where=str(directory), hint=BUILD) from error
    except (OSError, ValueError) as error:
        raise FormatError(f"the manifest cannot be read ({error})", where=str(path), hint=BUILD) from error


def read(directory: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]], dict[str, BlockChecks]]:
    """Manifest, memory-mapped arrays, and what compares their blocks, by name, of the index in `directory`.

    Raises:
        FormatError: As `read_manifest`; or an array is missing, truncated or inconsistent.
    """
    failed: object = None
    while True:
        manifest = read_manifest(directory)
        try:
            return manifest, *read_arrays(directory, manifest)
        except FormatError:  # a writer may have replaced the data between the two reads
            if manifest.get("data") == failed:
                raise
            failed = manifest.get("data")


def verify(directory: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]], dict[str, BlockChecks]]:
    """Compare every byte of the index in `directory` with its checksums; in bounded memory.

    Returns:
        As `read`.

    Raises:
        FormatError: As `read`; or a byte differs.
    """
    opened = read(directory)
    compare_arrays(directory, opened[0], ARRAYS)
    return opened


def mark_if_damaged(directory: Path, *, every_byte: bool) -> FormatError | None:
    """Have the next build make the index in `directory` anew if it is damaged: the one way from damage to a rebuild.

    Args:
        directory: Where the index is.
        every_byte: Compare all of it, as `verify`; otherwise only what `read` compares, which takes no time.

    Returns:
        The damage; None for a sound index and for one that is built anew anyway, such as an absent one.

    Raises:
        IndexBuildError: As `mark_damaged`.
    """
    try:
        if every_byte:
            verify(directory)
        else:
            read(directory)
    except FormatError as error:
        with suppress(FormatError):
            mark_damaged(directory)
            return error
    return None


@contextmanager
def locked(directory: Path, *, seconds: float = 600.0) -> Iterator[None]:
    """Hold the directory for writing; made if absent. The system frees the lock of a process that dies.

    Raises:
        FormatError: The directory holds something else; it is left as it is.
        IndexBuildError: The directory cannot be made or written, or another process holds it for over `seconds`.
    """
    try:
        _refuse_foreign(directory)
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.fdopen(_open_itself(directory / ".lock"), "a+b")
    except OSError as error:
        raise _unwritable(directory, error) from error
    with handle:
        until = time.monotonic() + seconds
        while not try_lock(handle.fileno()):
            if time.monotonic() > until:
                raise IndexBuildError(
                    f"another process has been writing this index for over {seconds:g} s",
                    where=str(directory),
                    hint="wait for it, or name another directory",
                )
            time.sleep(0.05)
        yield


def _open_itself(path: Path) -> int:
    """Opens a file to append to, made if absent; a link that stands there is an OSError and not followed."""
    # Windows has no O_NOFOLLOW
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _refuse_foreign(directory: Path) -> None:
    if not directory.exists():
        return
    names = sorted(path.name for path in directory.iterdir())
    mine = {".lock", *filter(_OURS.fullmatch, names)}
    if "manifest.json" in names:
        try:
            read_manifest(directory)
            return
        except FormatError as error:
            if "not a value index" in error.what:
                raise
            if error.__cause__ is None:  # of another version
                return
        if mine.intersection(names):
            mine.add("manifest.json")
    strange = [name for name in names if name not in mine and name != PRIVACY_FILE]
    if strange:
        raise FormatError(
            f"the directory holds other files, such as {strange[0]!r}",
            where=str(directory),
            hint="name an empty or a new directory",
        )


def _sync(directory: Path) -> None:
    with suppress(OSError):  # not every system lets a directory be opened
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unwritable(directory: Path, error: OSError) -> IndexBuildError:
    reason = error.strerror or str(error)
    return IndexBuildError(
        f"the index cannot be written ({reason})", where=str(directory), hint="name a writable directory with --out"
    )

"""A value index on disk: one directory, plain arrays, no pickle.

    DIR/manifest.json     format, version, fingerprints, columns, and which arrays there are
    DIR/data-XXXXXXXX/    one .npy file per array, memory-mapped by any number of readers
    DIR/build-XXXXXXXX/   what an unfinished build has spilled; removed when it is done
    DIR/privacy.json      which columns are hidden, where some are
    DIR/.lock             held while a builder writes

A writer fills a new data directory and then replaces the manifest, which is one atomic step: a reader sees the old
index or the new one, whatever moment the writer is killed at. The next writer goes on with what a killed one had
spilled, if it builds the same, and removes what it left otherwise. Two writers follow each other; the later one stays.

Version 2: rows sorted by value within each column; keys and bands as packed entries with directories; bit sketches
instead of signatures; permutations in the manifest. An index of version 1 is rebuilt.
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

from .._lock import try_lock
from .build import Part
from .disk import STATE, checksum, mapped, write_merged
from .minhash import BANDS
from .privacy import PRIVACY_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .build import Source

__all__ = [
    "ARRAYS",
    "FORMAT",
    "VERSION",
    "locked",
    "read",
    "read_manifest",
    "reported",
    "source_of",
    "verify",
    "work_folder",
    "write",
]

FORMAT = "ctxprune.values"
VERSION = 2
ARRAYS = (*Part.names(), "key_starts", "band_starts")
"""The files of a data directory."""

_OURS = re.compile("(?:data|build)-[0-9a-f]{8}")
_REBUILD = "run: ctxprune sql index DATABASE --out DIR"


def write(directory: Path, manifest: dict[str, Any], sources: Sequence[Source]) -> None:
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
                json.dump(document, file, ensure_ascii=True, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(directory / "manifest.json")
            _sync(directory)
    except BaseException:
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
    digest = hashlib.sha256(json.dumps([VERSION, wanted], sort_keys=True).encode()).hexdigest()
    work = directory / f"build-{digest[:8]}"
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


def _sweep(directory: Path, keep: set[str]) -> None:
    for old in directory.iterdir():
        if _OURS.fullmatch(old.name) and old.name not in keep:
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
        FormatError: There is none, it is damaged, of another format, or of a newer version.
    """
    path = directory / "manifest.json"
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FormatError("there is no value index", where=str(directory), hint=_REBUILD) from error
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"the manifest cannot be read ({error})", where=str(path), hint=_REBUILD) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError("this is not a value index of ctxprune", where=str(directory), hint="name another directory")
    if document.get("version") != VERSION:
        raise FormatError(
            f"the index has version {document.get('version')!r}, this ctxprune reads version {VERSION}",
            where=str(directory),
            hint=f"upgrade ctxprune, or rebuild the index: {_REBUILD}",
        )
    return document


def read(directory: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Manifest and memory-mapped arrays, by name, of the index in `directory`.

    Raises:
        FormatError: As `read_manifest`; or an array is missing, truncated or inconsistent.
    """
    failed: object = None
    while True:
        manifest = read_manifest(directory)
        try:
            return manifest, _read_arrays(directory, manifest)
        except FormatError:  # a writer may have replaced the data between the two reads
            if manifest.get("data") == failed:
                raise
            failed = manifest.get("data")


def verify(directory: Path, manifest: dict[str, Any]) -> None:
    """Compare the arrays that an update takes over with their checksums, since `read` only looks at their sizes.

    Raises:
        FormatError: One differs.
    """
    for name in Part.names():
        path = directory / Path(manifest["data"]).name / f"{name}.npy"
        if checksum(path) != manifest["arrays"][name].get("crc"):
            raise FormatError("an array of the index is damaged", where=str(path), hint=_REBUILD)


def source_of(directory: Path, manifest: dict[str, Any], name: str) -> NDArray[Any]:
    """One array of an index that `read` has found sound, mapped anew."""
    array = mapped(directory / Path(manifest["data"]).name / f"{name}.npy")
    return array.reshape(BANDS, -1) if name == "bands" else array


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
        handle = (directory / ".lock").open("a+b")
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


def _read_arrays(directory: Path, manifest: dict[str, Any]) -> dict[str, NDArray[Any]]:
    found = {}
    try:
        data = directory / Path(manifest["data"]).name
        for name in ARRAYS:
            path, said = data / f"{name}.npy", manifest["arrays"][name]
            if path.stat().st_size != said["bytes"]:
                raise FormatError("a file of the index is truncated or changed", where=str(path), hint=_REBUILD)
            array = mapped(path)
            if array.dtype.str != said["dtype"] or list(array.shape) != said["shape"]:
                raise FormatError("an array differs from the manifest", where=str(path), hint=_REBUILD)
            found[name] = array
        counts = [column.get("values", 0) for column in manifest["columns"]]
        _check(found, sum(counts), directory)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FormatError(f"the index is damaged ({reason})", where=str(directory), hint=_REBUILD) from error
    for name in ("bands", "band_starts"):
        found[name] = found[name].reshape(BANDS, -1)
    return found


def _check(arrays: dict[str, NDArray[Any]], n_values: int, directory: Path) -> None:
    ends, key_starts, band_starts = arrays["ends"], arrays["key_starts"], arrays["band_starts"]
    sound = (
        ends.shape == (n_values,)
        and (int(ends[-1]) if n_values else 0) == len(arrays["text"])
        and arrays["sketches"].shape == (n_values, 2)
        and int(key_starts[-1]) == len(arrays["keys"])
        and len(arrays["bands"]) % BANDS == 0
        and len(band_starts) % BANDS == 0
        and int(band_starts[-1]) == len(arrays["bands"]) // BANDS
    )
    if not sound:
        raise FormatError("the arrays of the index do not belong together", where=str(directory), hint=_REBUILD)


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

"""A value index on disk: one directory, plain arrays, no pickle.

    DIR/manifest.json     format, version, fingerprints, columns, and which arrays there are
    DIR/data-XXXXXXXX/    one .npy file per array, memory-mapped by any number of readers
    DIR/.lock             held while a builder writes

A writer fills a new data directory and then replaces the manifest, which is one atomic step: a reader sees the old
index or the new one, whatever moment the writer is killed at. What a killed writer left is removed by the next one.
Two writers follow each other; the later one stays.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError, IndexBuildError

from .build import Arrays

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMAT", "VERSION", "locked", "read", "read_manifest", "write"]

FORMAT = "ctxprune.values"
VERSION = 1
_REBUILD = "run: ctxprune sql index DATABASE --out DIR"


def write(directory: Path, manifest: dict[str, Any], arrays: Arrays) -> None:
    """Replace the index in `directory`. The caller holds `locked(directory)`.

    Raises:
        IndexBuildError: It cannot be written: read-only, or the disk is full. What was there before stays.
    """
    name = f"data-{secrets.token_hex(4)}"
    data = directory / name
    try:
        data.mkdir()
        shapes = {field: _write_array(data / f"{field}.npy", getattr(arrays, field)) for field in Arrays.names()}
        _sync(data)
        document = {"format": FORMAT, "version": VERSION, "data": name, "arrays": shapes, **manifest}
        draft = data / "manifest.json"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=True, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / "manifest.json")
        _sync(directory)
    except OSError as error:
        shutil.rmtree(data, ignore_errors=True)
        raise _unwritable(directory, error) from error
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise
    for old in directory.glob("data-*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)


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
    except (OSError, ValueError) as error:
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


def read(directory: Path) -> tuple[dict[str, Any], Arrays]:
    """Manifest and memory-mapped arrays of the index in `directory`.

    Raises:
        FormatError: As `read_manifest`; or an array is missing, truncated or inconsistent.
    """
    manifest = read_manifest(directory)
    try:
        return manifest, _read_arrays(directory, manifest)
    except FormatError:
        again = read_manifest(directory)  # a writer may have replaced the data between the two reads
        if again.get("data") == manifest.get("data"):
            raise
        return again, _read_arrays(directory, again)


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
        while not _try_lock(handle.fileno()):
            if time.monotonic() > until:
                raise IndexBuildError(
                    f"another process has been writing this index for over {seconds:g} s",
                    where=str(directory),
                    hint="wait for it, or name another directory",
                )
            time.sleep(0.05)
        yield


def _try_lock(handle: int) -> bool:
    try:
        if os.name == "nt":  # pragma: no cover
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _refuse_foreign(directory: Path) -> None:
    if not directory.exists():
        return
    if (directory / "manifest.json").exists():
        try:
            read_manifest(directory)
        except FormatError as error:
            if "not a value index" in error.what:
                raise
        return
    strange = [path.name for path in directory.iterdir() if path.name != ".lock" and not path.name.startswith("data-")]
    if strange:
        raise FormatError(
            f"the directory holds other files, such as {strange[0]!r}",
            where=str(directory),
            hint="name an empty or a new directory",
        )


def _write_array(path: Path, array: np.ndarray[Any, Any]) -> dict[str, Any]:
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return {"dtype": array.dtype.str, "shape": list(array.shape), "bytes": path.stat().st_size}


def _read_arrays(directory: Path, manifest: dict[str, Any]) -> Arrays:
    found = {}
    try:
        data = directory / Path(manifest["data"]).name
        for name in Arrays.names():
            path, said = data / f"{name}.npy", manifest["arrays"][name]
            if path.stat().st_size != said["bytes"]:
                raise FormatError("a file of the index is truncated or changed", where=str(path), hint=_REBUILD)
            array = np.load(path, mmap_mode="r" if said["bytes"] > 4096 else None, allow_pickle=False)
            if array.dtype.str != said["dtype"] or list(array.shape) != said["shape"]:
                raise FormatError("an array differs from the manifest", where=str(path), hint=_REBUILD)
            found[name] = np.asarray(array)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FormatError(f"the index is damaged ({reason})", where=str(directory), hint=_REBUILD) from error
    arrays = Arrays(**found)
    _check(arrays, directory)
    return arrays


def _check(arrays: Arrays, directory: Path) -> None:
    n = len(arrays.ends)
    sound = (
        len(arrays.columns) == n
        and (int(arrays.ends[-1]) if n else 0) == len(arrays.text)
        and len(arrays.key_hashes) == len(arrays.key_rows)
        and len(arrays.signatures) == len(arrays.fuzzy_rows)
        and arrays.band_keys.shape == arrays.band_rows.shape
        and arrays.band_keys.shape[1:] == arrays.fuzzy_rows.shape
        and arrays.permutations.shape == (2, arrays.signatures.shape[1])
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

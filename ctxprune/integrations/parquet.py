"""Bulk pruning of Parquet corpora, one partition at a time: in this process, or in many (`ray.py`).

A partition is some rows of one row group of a source file, and becomes one file of the target. A file appears in one
step, so what is there is whole: a run that was stopped, or lost a worker, goes on with the partitions that are missing.
Each file carries a checksum of all its bytes among the key-value pairs of its footer, and so does the manifest: what is
there is compared with it before it is taken for done. Other readers of Parquet need not know of it.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ctxprune.errors import CtxpruneError, FormatError, InputError, UsageError
from ctxprune.integrations._accounts import PREFIX
from ctxprune.integrations.arrow import PruneRows
from ctxprune.storage.sealed import seal, unseal
from ctxprune.utils.extras import require
from ctxprune.utils.fingerprint import fingerprint
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

pa = require("pyarrow", "ray")
fs = require("pyarrow.fs", "ray")
compute = require("pyarrow.compute", "ray")
parquet = require("pyarrow.parquet", "ray")

__all__ = ["Partition", "PruneReport", "PruneRows", "prune_parquet", "prune_partition"]

FORMAT, VERSION = "ctxprune.parquet", 2
_READ = (1, 2)  # files of a target that was begun by version 1 need no checksum; new ones have it all the same
_MANIFEST = "_ctxprune.json"  # hidden
_ENDING, _DRAFT = ".parquet", ".draft"
_CHECKSUM, _EMPTY = b"ctxprune.crc32", b"00000000"
_MAGIC = b"PAR1"  # the first and the last bytes of every Parquet file
_DELETE = "delete it: its rows are pruned again"
_COUNTED = [f"{PREFIX}{name}" for name in ("error", "tokens_before", "tokens_after")]


@dataclass(frozen=True, slots=True)
class Partition:
    """Rows `first` to `first + rows` of row group `group` of the file `source`; `target` is the file they become."""

    source: str
    group: int
    first: int
    rows: int
    target: str


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What was done.

    Attributes:
        partitions: How many were written.
        skipped: How many were there before; they count nowhere else.
        rows: Rows written.
        errors: Those of them with a reason in `ctxprune_error`.
        tokens_before, tokens_after: Sums over the other rows.
    """

    partitions: int = 0
    skipped: int = 0
    rows: int = 0
    errors: int = 0
    tokens_before: int = 0
    tokens_after: int = 0

    def __add__(self, other: PruneReport) -> PruneReport:
        others = asdict(other)
        return PruneReport(**{name: value + others[name] for name, value in asdict(self).items()})


def prune_parquet(
    source: str | Path,
    target: str | Path,
    prune: PruneRows,
    *,
    rows: int = 10_000,
    run: Callable[[Callable[[Partition], PruneReport], list[Partition]], Iterable[PruneReport]] = map,
) -> PruneReport:
    """Prune every row of a Parquet file, or of all `.parquet` files below a folder, into a folder with the same layout.

    The target is the same, byte for byte, whatever runs it and however often it was stopped. Partitions that it holds
    are skipped, so calling it again does what is missing, new files of the source included; one call at a time.

    Args:
        source: File or folder: a path, or a URI of a file system that pyarrow knows. A file must not change later.
            Names that begin with "_" or "." are skipped.
        target: Folder, likewise; workers on other machines must reach both.
        prune: What becomes of the rows.
        rows: Most rows of a partition, from 1 up: what is done again where a worker is lost. A worker holds a whole row
            group of the source in memory.
        run: Calls a function with each partition, in any order, and gives what it returns: `map`, or
            `ctxprune.integrations.ray.RayPool(workers)`. Where partitions are there, it is called with them first, to
            compare them with their checksums; then with those to be written.

    Raises:
        UsageError: An argument is out of its range, or `prune` cannot be fingerprinted.
        InputError: There is no Parquet file; one is damaged, lacks a column or changed since the target was begun; the
            target cannot be written.
        FormatError: The target holds something else, was begun with another `prune` or `rows`, or a file of it is
            damaged.
        RuntimeError: A scorer or policy failed with an error that is none of ours; the message says at which rows.
    """
    check_whole("rows", rows)
    reading, root = _place(source)
    writing, folder = _place(target)
    if f"{folder}/".startswith(f"{root}/"):
        raise UsageError("the target lies within the source", where=str(target), hint="give a folder beside it")
    sources = [_source(reading, root, path, prune) for path in _files(reading, root) if not _is_hidden(path, root)]
    if not sources:
        raise InputError("there is no Parquet file", where=str(source))
    version = _claim(writing, folder, [fingerprint(prune), rows], sources)
    plan = [partition for one in sources for partition in one.partitions(folder, rows)]
    there = {*_files(writing, folder)}
    # A partition is written whole or not at all, so a file that exists is finished.
    missing, report = [one for one in plan if one.target not in there], PruneReport()
    if len(missing) < len(plan):  # first, so that a damaged file is reported before anything is pruned
        compare = partial(_compare_partition, writing=writing, version=version)
        report = sum(run(compare, [one for one in plan if one.target in there]), report)
    work = partial(prune_partition, prune=prune, reading=reading, writing=writing, version=version)
    report = sum(run(work, missing), report)
    for draft in _files(writing, folder, _DRAFT):
        writing.delete_file(draft)  # of a killed worker
    return report


def prune_partition(
    partition: Partition, *, prune: PruneRows, reading: Any, writing: Any, version: int = VERSION
) -> PruneReport:
    """Write one partition, from one pyarrow.fs.FileSystem to another or the same.

    One that is there already stays and counts as written: a worker was lost between writing and reporting it.

    Args:
        partition: Which rows, and the file they become.
        prune: What becomes of the rows.
        reading, writing: The file systems of source and target.
        version: The version that the target was begun with. From 2 on every file of it must have a checksum.

    Raises:
        InputError, FormatError, RuntimeError: As `prune_parquet`.
    """
    if _is_there(writing, partition.target):
        return _report(_written_counts(writing, partition.target, version))
    where = f"{partition.source}, row group {partition.group}, rows from {partition.first}"
    try:
        with reading.open_input_file(partition.source) as file:
            table = parquet.ParquetFile(file).read_row_group(partition.group)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"the rows cannot be read ({error})", where=where) from error
    try:
        table = prune(table.slice(partition.first, partition.rows))
    except CtxpruneError:
        raise
    except Exception as error:
        raise RuntimeError(f"the rows cannot be pruned [{where}]") from error
    _write(writing, partition.target, _sealed(table))
    return _report(table)


def _compare_partition(partition: Partition, *, writing: Any, version: int) -> PruneReport:
    """Compare one that is there with its checksum; it counts as skipped.

    Raises:
        FormatError: As `_read_whole`.
    """
    _read_whole(writing, partition.target, version)
    return PruneReport(skipped=1)


def _written_counts(system: Any, path: str, version: int) -> Any:
    """The columns that are counted, of a file of the target.

    Raises:
        FormatError: As `_read_whole`; or it lacks them.
    """
    content = _read_whole(system, path, version)
    try:
        return parquet.read_table(pa.BufferReader(content), columns=_COUNTED).select(_COUNTED)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise FormatError(f"a file of the target cannot be read ({error})", where=path, hint=_DELETE) from error


def _sealed(table: Any) -> bytes:
    """The bytes of a Parquet file whose footer holds CRC-32 of all its bytes, its own eight digits taken as zeros."""
    stream = pa.BufferOutputStream()
    parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), _CHECKSUM: _EMPTY}), stream)
    content = bytearray(stream.getvalue())
    place = _digits_of(content)
    content[place : place + len(_EMPTY)] = f"{zlib.crc32(content):08x}".encode()
    return bytes(content)


def _digits_of(content: bytes | bytearray) -> int:
    """Where the digits of the checksum stand, -1 where there is none: right behind its name and a length."""
    found = content.rfind(_CHECKSUM)
    place = found + len(_CHECKSUM) + 2  # Thrift's compact protocol: a byte for the field, one for the length
    if found < 0 or place + len(_EMPTY) > len(content):  # a file that is cut off may end behind the name
        return -1
    return place if content[place - 1] == len(_EMPTY) else -1


def _read_whole(system: Any, path: str, version: int) -> bytes:
    """A file of a target that was begun with this version, compared with its checksum.

    Raises:
        FormatError: It differs, cannot be read, or has no checksum although the version requires one.
    """
    try:
        with system.open_input_stream(path) as file:
            content = bytes(file.read())
    except (OSError, pa.ArrowException) as error:
        raise FormatError(f"a file of the target cannot be read ({error})", where=path, hint=_DELETE) from error
    place = _digits_of(content)
    if place < 0:
        if version > 1:
            raise FormatError("a file of the target has no checksum", where=path, hint=_DELETE)
        if not content.startswith(_MAGIC) or not content.endswith(_MAGIC):  # all that is known of a file of version 1
            raise FormatError("a file of the target is cut off", where=path, hint=_DELETE)
        return content
    end = place + len(_EMPTY)
    found = zlib.crc32(content[end:], zlib.crc32(_EMPTY, zlib.crc32(content[:place])))
    if f"{found:08x}".encode() != content[place:end]:
        raise FormatError("a file of the target is damaged", where=path, hint=_DELETE)
    return content


def _report(table: Any) -> PruneReport:
    error, *tokens = (table[name] for name in _COUNTED)
    before, after = (compute.sum(column).as_py() or 0 for column in tokens)
    return PruneReport(1, 0, len(table), len(table) - error.null_count, before, after)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file: its path, its name below the root, its bytes, and the rows of each row group."""

    path: str
    name: str
    size: int
    groups: tuple[int, ...]

    def partitions(self, folder: str, rows: int) -> Iterator[Partition]:
        for group, size in enumerate(self.groups):
            for first in range(0, size, rows):
                target = f"{folder}/{self.name.removesuffix(_ENDING)}-{group:05}-{first:09}{_ENDING}"
                yield Partition(self.path, group, first, min(rows, size - first), target)


def _source(system: Any, root: str, path: str, prune: PruneRows) -> _Source:
    try:
        with system.open_input_file(path) as file:
            size, opened = file.size(), parquet.ParquetFile(file)
            groups = tuple(opened.metadata.row_group(index).num_rows for index in range(opened.num_row_groups))
    except (OSError, pa.ArrowException) as error:
        raise InputError("the file cannot be read as Parquet", where=path) from error
    prune.check(opened.schema_arrow, where=path)
    return _Source(path, path[len(root) :].lstrip("/") or path.rpartition("/")[2], size, groups)


def _place(place: str | Path) -> tuple[Any, str]:
    """A pyarrow.fs.FileSystem and the path there."""
    text = os.fspath(place)
    if "://" not in text:
        return fs.LocalFileSystem(), os.path.abspath(text)
    try:
        system, path = fs.FileSystem.from_uri(text)
    except (OSError, pa.ArrowException) as error:
        raise InputError("pyarrow cannot reach the place", where=text.partition("://")[0]) from error
    return system, path.rstrip("/")


def _is_there(system: Any, path: str) -> bool:
    return bool(system.get_file_info(path).type == fs.FileType.File)


def _files(system: Any, root: str, ending: str = _ENDING) -> list[str]:
    """The file, or all files below the folder, that end so, in order; [] where there is nothing."""
    if _is_there(system, root):
        return [root]
    found = system.get_file_info(fs.FileSelector(root, allow_not_found=True, recursive=True))
    return sorted(one.path for one in found if one.type == fs.FileType.File and one.path.endswith(ending))


def _is_hidden(path: str, root: str) -> bool:
    """Whether readers of Parquet pass over the file, or over a folder that it is in."""
    return any(part.startswith(("_", ".")) for part in path[len(root) :].split("/"))


def _claim(system: Any, folder: str, settings: list[Any], sources: Sequence[_Source]) -> int:
    """Writes down what the target is made from, or compares it with what is written there; the version it was begun
    with.
    """
    path = f"{folder}/{_MANIFEST}"
    new: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "settings": settings,
        "files": {one.name: one.size for one in sources},
    }
    if _is_there(system, path):
        old = _manifest(system, path)
        if old["settings"] != settings:
            hint = "give what was given before, or another folder"
            raise FormatError(
                "the target was begun with another pruner or another number of rows", where=folder, hint=hint
            )
        for one in sources:
            if old["files"].get(one.name, one.size) != one.size:
                raise InputError(
                    "the file changed since the target was begun", where=one.path, hint="give another target"
                )
        new |= {"version": old["version"], "files": old["files"] | new["files"]}
    elif _files(system, folder, ""):
        raise FormatError("the target holds something else", where=folder, hint="give an empty or a new folder")
    _write(system, path, seal(new, indent=1).encode())
    return int(new["version"])


def _manifest(system: Any, path: str) -> dict[str, Any]:
    try:
        with system.open_input_stream(path) as file:
            manifest: dict[str, Any] = unseal(file.read(), required=False)
        version = manifest["version"]
        if manifest["format"] == FORMAT and version in _READ:
            return {"version": version, "settings": manifest["settings"], "files": dict(manifest["files"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError("the manifest of the target is damaged", where=path, hint="give another folder") from error
    raise FormatError("the target is of another format", where=path, hint=f"this release knows {FORMAT} {VERSION}")


def _write(system: Any, path: str, content: Any) -> None:
    """A file that appears in one step; whoever else writes it writes the same."""
    folder, _, name = path.rpartition("/")
    draft = f"{folder}/.{name}.{uuid4().hex}{_DRAFT}"
    try:
        system.create_dir(folder)
        with system.open_output_stream(draft) as file:
            file.write(content)
        system.move(draft, path)
    except OSError as error:
        raise InputError(f"the target cannot be written ({type(error).__name__})", where=path) from error

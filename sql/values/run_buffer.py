"""Gathers the arrays of new values: made in this process or in several, kept in memory or spilled to disk as runs.

With a folder, arrays are written to disk once they take some memory, and the state of the build is written with them at
the end of a column, so that a build that was killed resumes from there.
"""

from __future__ import annotations

import shutil
import zlib
from collections import deque
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import IndexBuildError
from ctxprune.storage.sealed import seal, unseal

from .disk import STATE, ArrayWriter, checksum, load, mapped, write_run
from .index_arrays import IndexArrays, MergeSource, ValueBatch, check_count, concatenate, map_batch, merge
from .minhash import Signer
from .privacy import write_draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ProcessPoolExecutor
    from types import TracebackType

    from numpy.typing import NDArray

    from .reuse import PreviousIndex

__all__ = ["RunBuffer"]

_BATCH = 20_000  # values that are mapped at a time
_SPILL = 96_000_000  # bytes of arrays in memory


class RunBuffer:
    """Buffer of the new values of an index during its build; a context manager.

    Args:
        signer: Makes their MinHash signatures.
        folder: Work folder of this build; None to keep everything in memory.
        workers: Processes that map; 1 maps in this one.
        spill: Bytes of arrays that are kept in memory, where there is a folder; default 96 million.

    Attributes:
        rows: Values of the new index so far, reused ones included.
    """

    def __init__(
        self, signer: Signer, folder: Path | None = None, *, workers: int = 1, spill: int | None = None
    ) -> None:
        self.folder, self.rows = folder, 0
        self._signer, self._workers, self._spill = signer, workers, _SPILL if spill is None else spill
        self._masked = False
        self._values: list[str] = []
        self._fuzzy: list[NDArray[np.bool_]] = []
        self._new: list[NDArray[np.uint32]] = []
        self._pending: deque[tuple[IndexArrays | Future[IndexArrays], NDArray[np.uint32]]] = deque()
        self._parts: list[tuple[IndexArrays, NDArray[np.uint32]]] = []
        self._runs: list[dict[str, Any]] = []
        self._kept_runs = 0
        self._previous_name = ""
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> RunBuffer:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def add(self, values: list[str], before: NDArray[np.int64], previous: PreviousIndex, *, fuzzy: bool | None) -> None:
        """Add the next values of the index, with the row of each in the existing one, -1 for a new value.

        `fuzzy` is whether the LSH stage may find them; None where they are digests of masked values.

        Raises:
            IndexBuildError: There are too many values, or a process that signs them has died.
        """
        check_count(self.rows + len(values))
        if self._masked != (fuzzy is None):
            self._map()
            self._masked = fuzzy is None
        rows = np.arange(self.rows, self.rows + len(values), dtype=np.uint32)
        self.rows += len(values)
        kept = before >= 0
        previous.reuse(before[kept], rows[kept])
        fresh = np.flatnonzero(~kept)
        self._values += values if len(fresh) == len(values) else [values[k] for k in fresh.tolist()]
        self._fuzzy.append(np.full(len(fresh), bool(fuzzy), dtype=np.bool_))
        self._new.append(rows[fresh])
        if len(self._values) >= _BATCH:
            self._map()

    def checkpoint(self, reports: list[dict[str, Any]], previous: PreviousIndex) -> None:
        """End a column: once enough has gathered, write it and the state of the build to disk.

        The state is written last, so that it never names a run that is not whole.
        """
        much = sum(part.nbytes for part, _rows in self._parts) >= self._spill // 4
        if self.folder is None or not (much or len(self._runs) > self._kept_runs):
            return
        self._map()
        self._collect(0)
        self._to_disk()
        (old_rows := self.folder / "older.tmp.npy").unlink(missing_ok=True)
        with ArrayWriter(old_rows, np.uint32) as writer:
            writer.append(previous.new_rows)
        name = f"older-{len(self._runs)}.npy"
        old_rows.replace(self.folder / name)
        state = {
            "reports": reports,
            "rows": self.rows,
            "runs": self._runs,
            "older": {"name": name, "crc": zlib.crc32(previous.new_rows.data if len(previous.new_rows) else b"")},
        }
        write_draft(self.folder / STATE, seal(state))
        self._kept_runs = len(self._runs)

    def resume(self, previous: PreviousIndex) -> list[dict[str, Any]]:
        """Take over what a killed build left in the folder, and return the reports of the columns it had read.

        Incomplete files are removed; [] where nothing is usable.
        """
        if self.folder is None:
            return []
        reports = self._read_state(previous)
        keep = {run["name"] for run in self._runs} | ({STATE, self._previous_name} if reports else set())
        for path in self.folder.iterdir():
            if path.name not in keep:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        return reports

    def _read_state(self, previous: PreviousIndex) -> list[dict[str, Any]]:
        folder = self.folder or Path()
        try:
            state = unseal((folder / STATE).read_bytes())
            name = Path(state["older"]["name"]).name
            rows = mapped(folder / name)
            whole = checksum(folder / name) == state["older"]["crc"] and rows.shape == previous.new_rows.shape
            runs = ((folder / Path(run["name"]).name, run["arrays"]) for run in state["runs"])
            if not whole or not all(_is_intact(run, arrays) for run, arrays in runs):
                return []
            previous.new_rows[:] = rows
            self.rows, self._runs, self._previous_name = int(state["rows"]), state["runs"], name
            self._kept_runs = len(self._runs)
            return list(state["reports"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
            return []

    def sources(self) -> list[MergeSource]:
        """What goes into the merge."""
        self._map()
        self._collect(0)
        found = [load(self.folder / run["name"]) for run in self._runs] if self.folder is not None else []
        return found + [MergeSource.of(part, rows) for part, rows in self._parts]

    def _map(self) -> None:
        if not self._values:
            return
        batch = ValueBatch(self._values, np.concatenate(self._fuzzy), self._masked)
        rows = np.concatenate(self._new)
        self._values, self._fuzzy, self._new = [], [], []
        if self._workers > 1:
            with _report_deaths():
                self._pending.append((self._processes().submit(_map_in_process, batch, self._signer), rows))
            self._collect(2 * self._workers)
        else:
            self._pending.append((map_batch(batch, self._signer), rows))
            self._collect(0)

    def _collect(self, most: int) -> None:
        """Take finished arrays, the oldest first, until at most `most` are under way."""
        while len(self._pending) > most:
            part, rows = self._pending.popleft()
            with _report_deaths():
                self._parts.append((part if isinstance(part, IndexArrays) else part.result(), rows))
            if self.folder is not None and sum(part.nbytes for part, _rows in self._parts) >= self._spill:
                self._to_disk()

    def _to_disk(self) -> None:
        if not self._parts or self.folder is None:
            return
        name = f"run-{len(self._runs):05d}"
        merged = merge(concatenate([part for part, _rows in self._parts]))
        rows = np.concatenate([rows for _part, rows in self._parts])
        self._parts = []
        self._runs.append({"name": name, "arrays": write_run(self.folder / name, merged, rows)})

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            from concurrent.futures import ProcessPoolExecutor
            from multiprocessing import get_context

            self._pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))
        return self._pool


@contextmanager
def _report_deaths() -> Iterator[None]:
    try:
        yield
    except BrokenExecutor as error:
        hint = "give it more memory, or build with workers=1; with more, the main module must be importable"
        raise IndexBuildError("a process that signs values has died", hint=hint) from error


def _is_intact(run: Path, arrays: dict[str, int]) -> bool:
    return set(arrays) == {*IndexArrays.names(), "rows"} and all(
        checksum(run / f"{name}.npy") == crc for name, crc in arrays.items()
    )


def _map_in_process(batch: ValueBatch, signer: Signer) -> IndexArrays:
    return map_batch(batch, _kept_signer(signer.permutations.tobytes()))


@lru_cache(maxsize=1)
def _kept_signer(permutations: bytes) -> Signer:
    """One signer per process, since it learns the hash values of bigrams."""
    return Signer(np.frombuffer(permutations, dtype=np.uint32).reshape(2, -1))

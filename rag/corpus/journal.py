"""What is known of a corpus whose pruning was stopped: one folder beside the target, three numbers a record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError
from ctxprune.storage.drafts import draft_of
from ctxprune.storage.sealed import seal, unseal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Journal"]

FORMAT, VERSION = "ctxprune.corpus.journal", 1
_STATE = "state.json"
_COLUMNS: dict[str, Any] = {"qualities": np.float32, "reasons": np.uint8, "ids": np.uint64}


class Journal:
    """Qualities, reasons and hashes of ids of the records that were judged, and where the next one is.

    Args:
        folder: Which is there. What a run with other settings left in it is started anew.
        settings: What the numbers depend on (JSON-safe): the source and its size, the quality, the fields.

    Attributes:
        records: How many are known.
        position: Where the source goes on, [] at its beginning.

    Raises:
        FormatError: The folder holds something else.
        OSError: It cannot be read or written.
    """

    def __init__(self, folder: Path, settings: Any) -> None:
        self._folder, self._settings = folder, settings
        state = self._read_state()
        if state is None:
            # First of all: numbers of these settings must never stand beside the state of others.
            (folder / _STATE).unlink(missing_ok=True)
        self.records: int = state["records"] if state else 0
        self.position: list[int] = state["position"] if state else []
        self._is_saved = state is not None
        self._files = {}
        for name, kind in _COLUMNS.items():
            path = folder / f"{name}.bin"
            size = self.records * np.dtype(kind).itemsize
            if size and (not path.is_file() or path.stat().st_size < size):
                raise FormatError("the journal of a stopped run is cut off", where=str(folder), hint="delete it")
            file = path.open("r+b" if path.is_file() else "xb")
            # What was written behind the last saved state is judged again.
            file.truncate(size)
            file.seek(size)
            self._files[name] = file

    def add(self, **columns: NDArray[Any]) -> None:
        """Add records: `qualities` float32, `reasons` uint8, `ids` uint64, all (n,)."""
        for name, kind in _COLUMNS.items():
            self._files[name].write(np.ascontiguousarray(columns[name], dtype=kind).tobytes())
        self.records += len(columns["qualities"])

    def save(self, position: list[int]) -> None:
        """Keep what was added; a run that is killed goes on from here."""
        self.position = position
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        state = {
            "format": FORMAT,
            "version": VERSION,
            "settings": self._settings,
            "records": self.records,
            "position": position,
        }
        with draft_of(self._folder / _STATE) as draft:
            draft.write_text(seal(state), encoding="utf-8")
        self._is_saved = True

    def columns(self) -> dict[str, NDArray[Any]]:
        """All that was added, by name."""
        for file in self._files.values():
            file.flush()
        return {name: np.fromfile(self._folder / f"{name}.bin", dtype=kind) for name, kind in _COLUMNS.items()}

    def close(self) -> None:
        """Let go of the files, which stay if something was saved."""
        if not self._is_saved:
            self.remove()
        for file in self._files.values():
            file.close()

    def remove(self) -> None:
        """Delete its files."""
        for file in self._files.values():
            file.close()
        drafts = (path.name for path in self._folder.glob(f".*.{_STATE}"))  # of a run that was killed in `save`
        for name in (_STATE, *(f"{column}.bin" for column in _COLUMNS), *drafts):
            (self._folder / name).unlink(missing_ok=True)

    def _read_state(self) -> dict[str, Any] | None:
        path = self._folder / _STATE
        if not path.is_file():
            return None
        try:
            state = unseal(path.read_bytes())
            known = state["format"] == FORMAT and state["version"] == VERSION
            same = known and state["settings"] == self._settings
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"the journal of a stopped run is damaged ({error})", where=str(path), hint="delete its folder"
            ) from error
        return state if same else None

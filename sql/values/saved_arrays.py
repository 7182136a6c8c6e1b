"""The arrays of a saved index: mapped and matched with their manifest, and compared with their checksums."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError

from .block_checks import BUILD, REPAIR, BlockChecks, n_blocks
from .disk import CHECKED, checksum, header_of, mapped
from .minhash import BANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ARRAYS", "compare_arrays", "read_arrays", "source_of"]

ARRAYS = (*CHECKED, "checks")
"""The files of a data directory."""


def read_arrays(directory: Path, manifest: dict[str, Any]) -> tuple[dict[str, NDArray[Any]], dict[str, BlockChecks]]:
    """The arrays of an index, memory-mapped, and what compares their blocks, by name.

    Raises:
        FormatError: An array is missing, truncated or inconsistent.
    """
    try:
        data = directory / Path(manifest["data"]).name
        found = {name: _read_array(data / f"{name}.npy", manifest["arrays"][name]) for name in ARRAYS}
        counts = [column.get("values", 0) for column in manifest["columns"]]
        _check_sizes(found, sum(counts), directory)
        checks = _checks(found, data, manifest["arrays"]["checks"]["crc"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FormatError(f"the index is damaged ({reason})", where=str(directory), hint=BUILD) from error
    for name in ("bands", "band_starts"):
        found[name] = found[name].reshape(BANDS, -1)
    return found, checks


def _read_array(path: Path, declared: dict[str, Any]) -> NDArray[Any]:
    if path.stat().st_size != declared["bytes"]:
        raise FormatError("a file of the index is truncated or changed", where=str(path), hint=BUILD)
    array = mapped(path)
    if header_of(array.dtype, array.shape) != header_of(np.dtype(declared["dtype"]), declared["shape"]):
        raise FormatError("an array differs from the manifest", where=str(path), hint=BUILD)
    return array


def _checks(arrays: dict[str, NDArray[Any]], data: Path, crc: int) -> dict[str, BlockChecks]:
    """What compares the blocks of each array; their checksums are compared here."""
    sums = arrays["checks"]
    if zlib.crc32(sums.tobytes()) != crc:
        raise FormatError("the checksums of the index are damaged", where=str(data / "checks.npy"), hint=BUILD)
    counts = [n_blocks(arrays[name].nbytes) for name in CHECKED]
    if sum(counts) != len(sums):
        raise FormatError("the arrays of the index do not belong together", where=str(data), hint=BUILD)
    parts = np.split(sums, np.cumsum(counts)[:-1])
    return {
        name: BlockChecks(arrays[name], mine, data / f"{name}.npy") for name, mine in zip(CHECKED, parts, strict=True)
    }


def _check_sizes(arrays: dict[str, NDArray[Any]], n_values: int, directory: Path) -> None:
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
        raise FormatError("the arrays of the index do not belong together", where=str(directory), hint=BUILD)


def compare_arrays(directory: Path, manifest: dict[str, Any], names: Sequence[str]) -> None:
    """Compare every byte of these arrays with their checksums; in bounded memory.

    Raises:
        FormatError: One differs.
    """
    for name in names:
        path = directory / Path(manifest["data"]).name / f"{name}.npy"
        try:
            found = checksum(path)
        except (OSError, ValueError) as error:
            raise FormatError(f"an array cannot be read ({error})", where=str(path), hint=REPAIR) from error
        if found != manifest["arrays"][name]["crc"]:
            raise FormatError("an array of the index is damaged", where=str(path), hint=REPAIR)


def source_of(directory: Path, manifest: dict[str, Any], name: str) -> NDArray[Any]:
    """One array of an index that `read_arrays` has found sound, mapped anew."""
    array = mapped(directory / Path(manifest["data"]).name / f"{name}.npy")
    return array.reshape(BANDS, -1) if name == "bands" else array

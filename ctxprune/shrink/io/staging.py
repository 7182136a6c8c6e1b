"""Folders that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from ctxprune.errors import InputError

PART = ".part-"
"""What the names of folders with unfinished files begin with."""
_LAST = ("manifest.json", "shrunk.json")  # a folder without its manifest is unfinished


@contextmanager
def stage_files(place: Path, model: nn.Module) -> Iterator[Path]:
    """A folder whose files go to another one when the block ends, the manifest last; where it raises none does.

    The other one is made if it is not there; what else is in it stays. The model's size says how much room is needed,
    where a file cannot be written (`InputError`).
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=PART, dir=place) as name:
            part = Path(name)
            for old in place.glob(f"{PART}*"):  # of a run that was killed
                if old != part:
                    shutil.rmtree(old)
            yield part
            entries = sorted(part.rglob("*"), key=lambda entry: (entry.name in _LAST, str(entry)))
            for entry in entries:
                if entry.name in _LAST and entry.parent == part:
                    (place / entry.name).unlink(missing_ok=True)
            for entry in entries:
                target = place / entry.relative_to(part)
                target.mkdir(exist_ok=True) if entry.is_dir() else os.replace(entry, target)
    except OSError as error:
        size = sum(value.numel() * value.element_size() for value in model.state_dict().values())
        hint = f"up to {size / 1e6:,.1f} MB are needed: make room, or name another folder"
        # files are written in a folder beside those that they replace
        where = place / Path(error.filename).name if error.filename else place
        what = f"the model cannot be written ({error.strerror or error})"
        raise InputError(what, where=str(where), hint=hint) from error

"""Files that appear as a whole or not at all."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["draft_of"]

_LONGEST_END = 200  # bytes


@contextmanager
def draft_of(target: Path) -> Iterator[Path]:
    """Give an empty draft beside `target`, which takes its place when the block ends; an error removes the draft.

    A reader, and whoever goes on after a kill or a power cut, sees the old file or the new one. An existing target
    keeps its mode; a link stays one, and the file that it points to is replaced.

    Raises:
        OSError: The folder cannot be written, or the target cannot be replaced.
    """
    place = Path(os.path.realpath(target))
    # A name of its own for each call: threads that share one would publish what another has half written. It ends as
    # the target's does, since formats go by it; file systems limit the bytes of a name, not its characters.
    end = target.name
    while len(os.fsencode(end)) > _LONGEST_END:
        end = end[1:]
    draft = place.with_name(f".{uuid4().hex[:16]}.{end}")
    known = place.exists()
    # What only its owner may read must not be open to others while it is written.
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if known else 0o666))
    try:
        yield draft
        with draft.open("r+b") as file:
            os.fsync(file.fileno())  # else a crash of the machine may leave the new name with nothing in it
        if known:
            shutil.copymode(place, draft)
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)

"""What a corpus in a file offers: its records a part at a time, and how those that stay are written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .records import PassageReader

__all__ = ["CorpusFile", "Part"]


@dataclass(frozen=True, slots=True)
class Part:
    """Some records in a row: their texts (None for a broken one), their ids, and where the next part starts."""

    texts: list[str | None]
    ids: list[Any]
    position: list[int]


class CorpusFile(ABC):
    """A file of records, of which only a part is in memory.

    Attributes:
        path: The file.
        reader: Where text and id are, and what becomes of broken records.
        endings: What names of such files end in.
    """

    endings: ClassVar[tuple[str, ...]]

    def __init__(self, path: Path, reader: PassageReader) -> None:
        if not isinstance(reader.text, str) or not isinstance(reader.id, str):
            raise UsageError("a file is read by names of fields", hint="give PassageReader(text=NAME, id=NAME)")
        self.path, self.reader = path, reader

    @abstractmethod
    def parts(self, position: list[int], size: int) -> Iterator[Part]:
        """The records from a position on, `size` at a time; [] is the beginning.

        Raises:
            InputError: The file is damaged, or a record is broken and not to be passed over.
        """

    @abstractmethod
    def copy(self, kept: NDArray[Any], target: Path, on_dropped: Callable[[int, Any], None] | None) -> None:
        """Write the records that stay, each as it stands in the source, to a new file.

        Args:
            kept: bool (n_records,).
            target: The file, which is not there.
            on_dropped: Called with place and id of each record that goes, in order.

        Raises:
            InputError: The source no longer has so many records.
            OSError: The target cannot be written.
        """

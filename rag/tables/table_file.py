"""What a table in a file offers: its rows a part at a time, and how kept rows are written back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .options import TableOptions

__all__ = ["Part", "Section", "TableFile"]


@dataclass(frozen=True)
class Part:
    """Some rows: `columns`, an array of Arrow a column, to look into; and `rows`, a RecordBatch, to remember."""

    columns: list[Any]
    rows: Any


@dataclass(frozen=True)
class Section:
    """A stretch of rows that can be passed over: its number, how many rows it has (0 where that is not known), and how
    to read them."""

    number: int
    rows: int
    parts: Callable[[], Iterator[Part]]


class TableFile(ABC):
    """A table in a file, of which only a part is in memory.

    Attributes:
        path: The file.
        names: Of the columns.
        endings: What names of such files end in.
    """

    path: Path
    names: tuple[str, ...]
    endings: ClassVar[tuple[str, ...]]

    @abstractmethod
    def parts(self) -> Iterator[Part]:
        """All rows, in order.

        Raises:
            InputError: The file is damaged.
        """

    def sections(self) -> Iterator[Section]:
        """All rows, in order; one section for a file without row groups."""
        yield Section(0, 0, self.parts)

    @abstractmethod
    def write(self, table: Any, file: Any) -> None:
        """Write what `Table` gave to a file that is open for bytes."""

    @abstractmethod
    def table(self, rows: Any) -> Any:
        """What `Table` takes for remembered rows, a pyarrow.Table of what the parts have as `rows`, or None."""

    def reading(self, options: TableOptions) -> TableOptions:
        """The options by which `Table` reads it as this file does."""
        return options

"""A line of a training file, and what a selector of lines is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TEXT_FIELDS", "Line", "LineSelector", "Lines", "line_text", "question_of", "source_of"]

TEXT_FIELDS = ("query", "question", "passage", "text", "program", "output")
"""Fields of a line whose texts are compared."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        number: From 1 up.
        raw: As it stands in the file, with its end.
        row: The JSON object.
    """

    number: int
    raw: bytes
    row: Mapping[str, Any]


Lines: TypeAlias = Iterable[Line]
"""Lines that can be iterated several times, with the same lines each time: a sequence, or a `LineFile`."""


class LineSelector(ABC):
    """Scores the lines of a file; the lines of the highest scores are kept."""

    compared: ClassVar[bool] = False
    """Whether it is built with lines to compare with, as its only argument; others are built with the seed alone."""

    @abstractmethod
    def score(self, lines: Lines) -> NDArray[np.float64]:
        """A finite number for each line, float64 (n_lines,), higher = keep.

        Args:
            lines: May be iterated several times. None gives an empty array.
        """


def line_text(line: Line) -> str:
    """All texts of a line, with blanks between; "" where it has none."""
    return " ".join(str(line.row[name]) for name in TEXT_FIELDS if line.row.get(name) is not None)


def question_of(line: Line) -> str | int:
    """What a line is grouped by: its question, or its number where it has none."""
    found = line.row.get("query", line.row.get("question"))
    return found if isinstance(found, str) else line.number


def source_of(line: Line, field: str = "") -> str:
    """The name of a line's source: a text or a number; "" where it has none, or it is something else.

    Args:
        line: A line.
        field: Field that holds it; "" for "source" or, where a line has none, "lang".
    """
    found = line.row.get(field) if field else line.row.get("source", line.row.get("lang"))
    return str(found) if isinstance(found, (str, int, float)) else ""

"""Sets of questions about tables with the cells that answer them: FeTaQA, WikiTableQuestions and TAT-QA."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.text import fold
from ctxprune.train.sets import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["HEADER", "Cell", "TableItem", "held_out", "plain_words", "read_table_items"]

Cell = tuple[int, int]
HEADER = -1
"""The row of a cell that stands in the header."""

_CHOICES = ("dev", "test", "all")
_ENDINGS = (".jsonl.gz", ".jsonl")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class TableItem:
    """One question about one table.

    Attributes:
        name: Of the set's own.
        table: Which table or document it is about; what sets are split by.
        question: As it came.
        title: What the table is about; "" where nothing says so.
        levels: Rows of the header from the top, each (n_columns,).
        rows: The body, (n_rows, n_columns).
        needed: For each thing that is needed the cells that hold it, (row, column) with rows of the body from 0 and
            `HEADER` for the header; any one of them will do.
        marked: Whether the needed cells are those that the set itself marks, rather than those that say the answer.
        lookup: Whether the answer is a cell, so that the item counts in the figures.
    """

    name: str
    table: str
    question: str
    title: str
    levels: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    needed: tuple[tuple[Cell, ...], ...]
    marked: bool
    lookup: bool = True

    @property
    def cells(self) -> int:
        """Cells of the body."""
        return len(self.rows) * len(self.levels[0])


def read_table_items(path: Path, *, lookup: bool = True) -> list[TableItem]:
    """The items of a file, or of a folder: of its dev file, else test, else all; never of its train file.

    Three shapes are read. FeTaQA: `table`, `gold_cells`; each gold cell is needed. WikiTableQuestions: `*_questions`
    beside `*_tables`; for each answer the cells that are the same words. TAT-QA: `table` with `questions`; for each
    span the cells, header included, that are the same words, else those that contain them.

    Args:
        path: File or folder.
        lookup: Only questions whose answers are cells: all of FeTaQA; `all_answers_are_cells`; answer_from "table" and
            answer_type "span". False adds the other questions for which needed cells can be told (for training): of
            TAT-QA those with several spans, and the operands of a derivation.

    Raises:
        InputError: There is no such file, or it is of none of the shapes.
    """
    file = _file(path)
    try:
        items = list(_of_file(file))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"this is no set of questions about tables ({type(error).__name__}: {error})",
            where=file.name,
            hint="give FeTaQA, WikiTableQuestions or TAT-QA as JSON lines",
        ) from error
    return [item for item in items if item.cells and (item.lookup or not lookup)]


def held_out(table: str) -> bool:
    """Whether the shipped weights have seen nothing of this table, in sets that were used for training in part.

    The last hexadecimal digit of the table's sha256 is odd: half of them.
    """
    return hashlib.sha256(table.encode("utf-8", "surrogatepass")).digest()[-1] % 2 == 1


def plain_words(text: str) -> str:
    """The folded words of a text with single spaces: "12/7/1985*" and "12 7 1985" are the same."""
    return " ".join(_WORD.findall(fold(text)))


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    for choice in _CHOICES:
        for stem in (choice, f"{choice}_questions"):
            for ending in _ENDINGS:
                if (path / f"{stem}{ending}").is_file():
                    return path / f"{stem}{ending}"
    raise InputError("there is no dev, test or all file of questions", where=str(path), hint="name the file")


def _of_file(file: Path) -> Iterator[TableItem]:
    if "_questions" in file.name:
        tables = {row["id"]: row for row in read_rows(file.with_name(file.name.replace("_questions", "_tables")))}
        for row in read_rows(file):
            yield _wikitable(row, tables[row["table_id"]])
        return
    for row in read_rows(file):
        if "gold_cells" in row:
            yield _fetaqa(row)
        else:
            yield from _tatqa(row)


def _fetaqa(row: dict[str, Any]) -> TableItem:
    levels, rows = _parted(row["table"], 1)
    gold = tuple(((line - 1, column),) for line, column in sorted(map(tuple, row["gold_cells"])))
    title = f"{row['title']} / {row['section']}"
    return TableItem(str(row["id"]), row["title"], row["question"], title, levels, rows, gold, marked=True)


def _wikitable(row: dict[str, Any], table: dict[str, Any]) -> TableItem:
    levels, rows = _parted([table["header"], *table["rows"]], 1)
    needed = tuple(_saying(str(answer), (), rows) for answer in row["answers"])
    lookup = bool(row["all_answers_are_cells"])
    return TableItem(
        row["id"], row["table_id"], row["question"], table["title"], levels, rows, needed, marked=False, lookup=lookup
    )


def _tatqa(row: dict[str, Any]) -> Iterator[TableItem]:
    levels, rows = _parted(row["table"], _header_rows(row["table"]))
    for entry in row["questions"]:
        if entry["answer_type"] in ("span", "multi-span"):
            answers = entry["answer"] if isinstance(entry["answer"], list) else [entry["answer"]]
            found = [_saying(str(answer), levels, rows) for answer in answers]
        else:
            found = [_saying(figure, (), rows) for figure in re.findall(r"\d[\d,]*\.?\d*", entry["derivation"])]
        lookup = entry["answer_from"] == "table" and entry["answer_type"] == "span"
        needed = tuple(cells for cells in found if cells or lookup)
        yield TableItem(
            entry["id"], row["id"], entry["question"], "", levels, rows, needed, marked=False, lookup=lookup
        )


def _parted(lines: Sequence[Sequence[Any]], header_rows: int) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """Header and body, all rows as long as the longest."""
    width = max(map(len, lines))
    whole = tuple(tuple(str(cell) for cell in (*line, *[""] * (width - len(line)))) for line in lines)
    return whole[:header_rows], whole[header_rows:]


def _header_rows(lines: Sequence[Sequence[str]]) -> int:
    """The first row, and the rows after it that have no label."""
    return next((place for place, line in enumerate(lines) if place and line[0].strip()), 1)


def _saying(answer: str, levels: Iterable[Sequence[str]], rows: Sequence[Sequence[str]]) -> tuple[Cell, ...]:
    """The cells that are the same words as the answer; where there is none, those that contain them."""
    wanted = plain_words(answer)
    lines = [*((HEADER, level) for level in levels), *enumerate(rows)]
    texts = [(row, column, plain_words(text)) for row, line in lines for column, text in enumerate(line)]
    same = tuple((row, column) for row, column, text in texts if text == wanted)
    return same or tuple((row, column) for row, column, text in texts if wanted and f" {wanted} " in f" {text} ")

"""Sets of questions about tables with the cells that answer them: FeTaQA, WikiTableQuestions and TAT-QA."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ctxprune.errors import InputError
from ctxprune.storage.json_lines import read_rows
from ctxprune.text.words import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Cell", "TableItem", "is_held_out", "normalize_words", "read_table_items"]

Cell = tuple[int, int]
"""Row and column; rows count from the first line of the table, header included."""

_CHOICES = ("dev", "test", "all")
_ENDINGS = (".jsonl.gz", ".jsonl")
_WORD = re.compile(r"[^\W_]+")
_FIGURE = re.compile(r"\d[\d,]*\.?\d*")


@dataclass(frozen=True, slots=True)
class TableItem:
    """One question about one table.

    Attributes:
        name: Identifier that the set gives.
        table: Identifier of the table or document; sets are split by it.
        question: Text of the question, unchanged.
        title: Title of the table; "" without one.
        lines: All rows of the table, header and body, each (n_columns,).
        header_rows: How many of them are the header; None where the set does not say.
        needed: For each required fact the cells that state it; any one of them is enough.
        gold: Where the needed cells come from: "cells" are marked by the set; for "answers", and for their "spans" in
            the table, they are the cells that state them.
        lookup: Whether the answer is a cell, so that the item counts in the figures.
    """

    name: str
    table: str
    question: str
    title: str
    lines: tuple[tuple[str, ...], ...]
    header_rows: int | None
    needed: tuple[tuple[Cell, ...], ...]
    gold: Literal["cells", "answers", "spans"]
    lookup: bool = True


def read_table_items(path: Path, *, lookup: bool = True) -> list[TableItem]:
    """Read the items of a file, or of a folder: of its dev file, else test, else all; never of its train file.

    Three shapes are read. FeTaQA: `table`, `gold_cells`; each gold cell is needed. WikiTableQuestions: `*_questions`
    beside `*_tables`; for each answer the cells of the body that are the same words, else those that contain them.
    TAT-QA: `table` with `questions`; for each span likewise, the header included.

    Args:
        path: File or folder.
        lookup: Only questions whose answers are cells: all of FeTaQA; `all_answers_are_cells`; answer_from "table" and
            answer_type "span". False adds the other questions, as far as needed cells can be told (for training): of
            TAT-QA those with several spans, and the operands of a derivation.

    Raises:
        InputError: There is no such file, or it is of none of the shapes.
    """
    file = _find_file(path)
    try:
        items = list(_read_file(file))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"this is no set of questions about tables ({type(error).__name__}: {error})",
            where=file.name,
            hint="give FeTaQA, WikiTableQuestions or TAT-QA as JSON lines",
        ) from error
    return [item for item in items if item.needed and (item.lookup or not lookup)]


def is_held_out(table: str) -> bool:
    """Whether the shipped weights were not trained on this table, in sets of which a part was used for training.

    The last hexadecimal digit of the table's sha256 is odd: half of them.
    """
    return hashlib.sha256(table.encode("utf-8", "surrogatepass")).digest()[-1] % 2 == 1


def normalize_words(text: str) -> str:
    """Reduce a text to its folded words with single spaces: "12/7/1985*" and "12 7 1985" are the same."""
    return " ".join(_WORD.findall(fold(text)))


def _find_file(path: Path) -> Path:
    if path.is_file():
        return path
    for choice in _CHOICES:
        for stem in (choice, f"{choice}_questions"):
            for ending in _ENDINGS:
                if (path / f"{stem}{ending}").is_file():
                    return path / f"{stem}{ending}"
    raise InputError("there is no dev, test or all file of questions", where=str(path), hint="name the file")


def _read_file(file: Path) -> Iterator[TableItem]:
    if "_questions" in file.name:
        tables = {row["id"]: row for row in read_rows(file.with_name(file.name.replace("_questions", "_tables")))}
        for row in read_rows(file):
            yield _read_wikitable(row, tables[row["table_id"]])
        return
    for row in read_rows(file):
        if "gold_cells" in row:
            yield _read_fetaqa(row)
        else:
            yield from _read_tatqa(row)


def _read_fetaqa(row: dict[str, Any]) -> TableItem:
    gold = tuple(((line, column),) for line, column in sorted(map(tuple, row["gold_cells"])))
    title = f"{row['title']} / {row['section']}"
    return TableItem(str(row["id"]), row["title"], row["question"], title, _pad_lines(row["table"]), 1, gold, "cells")


def _read_wikitable(row: dict[str, Any], table: dict[str, Any]) -> TableItem:
    lines = _pad_lines([table["header"], *table["rows"]])
    needed = tuple(_find_cells(str(answer), lines, 1) for answer in row["answers"])
    lookup = bool(row["all_answers_are_cells"])
    name, question = row["id"], row["question"]
    return TableItem(name, row["table_id"], question, table["title"], lines, 1, needed, "answers", lookup)


def _read_tatqa(row: dict[str, Any]) -> Iterator[TableItem]:
    lines = _pad_lines(row["table"])
    for entry in row["questions"]:
        answers = entry["answer"] if isinstance(entry["answer"], list) else [entry["answer"]]
        spans = entry["answer_type"] in ("span", "multi-span")
        found = [
            _find_cells(str(answer), lines, 0)
            for answer in (answers if spans else _FIGURE.findall(entry["derivation"]))
        ]
        # Arithmetic over cells and answers from the text beside the table are no look-ups.
        lookup = entry["answer_from"] == "table" and entry["answer_type"] == "span"
        needed = tuple(cells for cells in found if cells or lookup)
        name, question = entry["id"], entry["question"]
        yield TableItem(name, row["id"], question, "", lines, None, needed, "spans", lookup)


def _pad_lines(lines: Sequence[Sequence[Any]]) -> tuple[tuple[str, ...], ...]:
    """Pad all lines with empty cells to the longest."""
    width = max(map(len, lines))
    return tuple(tuple(str(cell) for cell in (*line, *[""] * (width - len(line)))) for line in lines)


def _find_cells(answer: str, lines: Sequence[Sequence[str]], first: int) -> tuple[Cell, ...]:
    """The cells from the line `first` on that are the same words as the answer; if none is, those that contain them."""
    wanted = normalize_words(answer)
    texts = [
        (row, column, normalize_words(text))
        for row, line in enumerate(lines[first:], start=first)
        for column, text in enumerate(line)
    ]
    # A cell that only contains the answer counts where none is equal to it: most of those mention it by chance.
    same = tuple((row, column) for row, column, text in texts if text == wanted)
    return same or tuple((row, column) for row, column, text in texts if wanted and f" {wanted} " in f" {text} ")

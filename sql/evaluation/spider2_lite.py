"""Spider 2.0-lite's comparison of result tables (xlang-ai/Spider2, spider2-lite/evaluation_suite/evaluate.py).

A prediction's table is right if every wanted column of one accepted reference table equals one of its columns, whatever
their names and order; more columns do no harm, and one column may serve several times. `spider2lite_eval.jsonl` says
which columns are wanted (`condition_cols`) and whether the order of rows counts (`ignore_order`).

The official code reads tables with pandas, so cells are typed here as pandas types them: a column is whole numbers,
numbers, truth values or text, and an empty cell or one of some words (NA, null, None, ...) is a missing value.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["ResultTable", "match_any", "match_table", "read_table", "score_folder", "table_of"]

_MISSING = frozenset(
    [
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    ]
)  # the first is the empty cell
_TOLERANCE = 1e-2
_INTEGER = re.compile(r"\s*[-+]?\d+\s*")
_NUMBER = re.compile(r"\s*[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?)\s*", re.IGNORECASE)
_TRUTH = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_LARGEST = 2**63
Cell = int | float | bool | str | None


@dataclass(frozen=True)
class ResultTable:
    """A table by columns: each has a kind ("int", "float", "bool" or "text"), and None where a value is missing."""

    kinds: tuple[str, ...]
    columns: tuple[tuple[Cell, ...], ...]

    def vectors(self, wanted: Sequence[int] | None = None) -> list[list[Cell]]:
        """The wanted columns (None: all), missing values as 0. Whole numbers beside columns of numbers become floats.

        Raises:
            IndexError: There is no such column.
        """
        indexes = range(len(self.columns)) if wanted is None else wanted
        chosen = [(self.kinds[index], self.columns[index]) for index in indexes]
        kinds = {kind for kind, _ in chosen}
        floats = "float" in kinds and kinds <= {"int", "float"}
        return [[0 if cell is None else float(cell) if floats else cell for cell in column] for _, column in chosen]


def read_table(path: Path) -> ResultTable:
    """A CSV file with a header.

    Raises:
        InputError: The file cannot be read, is empty, or a line has more cells than the header.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"the table cannot be read: {error}", where=str(path)) from error
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if not rows:
        raise InputError("the table is empty, without even a header", where=str(path))
    width = len(rows[0])
    if any(len(row) > width for row in rows):
        raise InputError("a line has more cells than the header", where=str(path))
    return _typed([row + [""] * (width - len(row)) for row in rows[1:]], width)


def table_of(rows: Sequence[Sequence[object]], width: int) -> ResultTable:
    """The table of a query's rows, as it would come back from a CSV file; `width` is the number of columns."""
    return _typed([["" if cell is None else str(cell) for cell in row] for row in rows], width)


def match_table(predicted: ResultTable, gold: ResultTable, *, wanted: Any = None, ignore_order: bool = False) -> bool:
    """Whether every wanted column of the reference equals a column of the prediction.

    Numbers are equal up to 0.01 absolutely or 1e-9 relatively, a missing value equals 0, everything else must be the
    same. With `ignore_order`, each column is sorted for itself, by the text of its cells.

    Args:
        predicted, gold: The two tables.
        wanted: Positions of the reference's columns: a list, a number, or nothing (also 0, as in the official code) for
            all.
        ignore_order: The order of rows does not count.

    Raises:
        InputError: The reference lacks a wanted column.
    """
    positions = None if not wanted else wanted if isinstance(wanted, (list, tuple)) else [wanted]
    try:
        references = gold.vectors(positions)
    except (IndexError, TypeError) as error:
        raise InputError(f"the reference has no columns {wanted!r}") from error
    columns = predicted.vectors()
    return all(any(_equal(reference, column, ignore_order) for column in columns) for reference in references)


def match_any(
    predicted: ResultTable, accepted: Sequence[ResultTable], *, wanted: Any = None, ignore_order: bool = False
) -> bool:
    """Whether the prediction equals one of several accepted references.

    `wanted` is one list for each of them, or one list for all. As in the official code, a plain list beside a single
    reference gives its first element only.

    Raises:
        InputError: There are fewer lists than references, or a reference lacks a wanted column.
    """
    if not isinstance(wanted, list) and wanted is not None:
        raise InputError(f"{wanted!r} is no list of columns")
    if wanted in (None, [], [[]], [None]):
        choices: Sequence[Any] = [[]] * len(accepted)
    elif len(accepted) > 1 and not all(isinstance(one, list) for one in wanted):
        choices = [wanted] * len(accepted)
    else:
        choices = wanted
    for position, gold in enumerate(accepted):
        if position >= len(choices):
            raise InputError(f"{len(choices)} lists of columns for {len(accepted)} references")
        if match_table(predicted, gold, wanted=choices[position], ignore_order=ignore_order):
            return True
    return False


def score_folder(gold: Path, results: Path) -> dict[str, bool]:
    """Verdicts by instance for a folder of CSV files (the official mode `exec_result`).

    Args:
        gold: The set's `evaluation_suite/gold`, with `spider2lite_eval.jsonl` and `exec_result/`.
        results: One `INSTANCE.csv` for each predicted instance. Those without settings are left out; one that cannot be
            read or compared is wrong.

    Raises:
        InputError: The settings cannot be read.
    """
    settings = _settings(gold / "spider2lite_eval.jsonl")
    names = sorted(path.stem for path in results.glob("*.csv") if path.stem in settings)
    return {name: _score(gold / "exec_result", results / f"{name}.csv", settings[name]) for name in names}


def _score(folder: Path, result: Path, setting: Mapping[str, Any]) -> bool:
    wanted, ignore_order = setting.get("condition_cols"), bool(setting.get("ignore_order", False))
    single = folder / result.name
    several = [folder / f"{result.stem}_{letter}.csv" for letter in "abcdefghijklmnopqrstuvwxyz"]
    try:
        predicted = read_table(result)
        if single.is_file():
            return match_table(predicted, read_table(single), wanted=wanted, ignore_order=ignore_order)
        accepted = [read_table(path) for path in several if path.is_file()]
        return match_any(predicted, accepted, wanted=wanted, ignore_order=ignore_order)
    except InputError:
        return False


def _settings(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        rows = [parse_json(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        return {row["instance_id"]: row for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"the settings cannot be read: {error}", where=str(path)) from error


def _equal(left: Sequence[Cell], right: Sequence[Cell], ignore_order: bool) -> bool:
    if ignore_order:
        left, right = sorted(left, key=_text_order), sorted(right, key=_text_order)
    return len(left) == len(right) and all(map(_same, left, right))


def _text_order(cell: Cell) -> tuple[str, bool]:
    return str(cell), isinstance(cell, (int, float))


def _same(left: Cell, right: Cell) -> bool:
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(float(left), float(right), abs_tol=_TOLERANCE)
    return left == right


def _typed(rows: Sequence[Sequence[str]], width: int) -> ResultTable:
    columns = [_column([row[index] for row in rows]) for index in range(width)]
    return ResultTable(tuple(kind for kind, _ in columns), tuple(cells for _, cells in columns))


def _column(texts: Sequence[str]) -> tuple[str, tuple[Cell, ...]]:
    present = [text for text in texts if text not in _MISSING]
    whole = len(present) == len(texts)
    if not present:
        return ("float" if texts else "text"), (None,) * len(texts)
    if whole and all(map(_INTEGER.fullmatch, present)) and all(-_LARGEST <= int(text) < _LARGEST for text in present):
        return "int", tuple(map(int, present))
    if all(map(_NUMBER.fullmatch, present)):
        return "float", _mapped(texts, float)
    if all(text in _TRUTH for text in present):
        return ("bool" if whole else "text"), _mapped(texts, _TRUTH.__getitem__)
    return "text", _mapped(texts, str)


def _mapped(texts: Iterable[str], convert: Any) -> tuple[Cell, ...]:
    return tuple(None if text in _MISSING else convert(text) for text in texts)

"""Pruning tables in files that are larger than memory: one pass finds the rows worth a closer look."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from ctxprune.errors import InputError, UsageError
from ctxprune.policies import TableBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.utils.extras import require

from .files import IpcFile, ParquetFile, open_table
from .frames import take_rows
from .options import NO_OPTIONS, TableOptions
from .pool import Pool
from .probe import Probe
from .table import Table
from .table_file import TableFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.pruning.result import Pruned

    from .group_words import GroupWords
    from .table_file import Part

pa = require("pyarrow", "tables")

__all__ = ["PrunedFile", "prune_file"]

_EXTREMES = 24  # rows that are remembered of each order
_SURE = 3  # rows that are kept whatever the scorer says of them, if they fit


@dataclass(frozen=True)
class PrunedFile:
    """A pruned table of a file.

    Attributes:
        pruned: What became of the rows that were looked at closely; its `output` is a pyarrow.Table, or a text of CSV.
        rows: Rows that were kept, and rows of the file.
        columns: Columns that were kept, and columns of the file.
        target: The file that was written; None without one.
        groups_skipped: Row groups that were not read, since they hold nothing that is looked for.
    """

    pruned: Pruned[Any]
    rows: tuple[int, int]
    columns: tuple[int, int]
    target: Path | None = None
    groups_skipped: int = 0

    @property
    def output(self) -> Any:
        """What is left of the table: a pyarrow.Table for Parquet and Arrow IPC, a text for CSV."""
        return self.pruned.output

    @property
    def note(self) -> str:
        """A line about what was dropped of the whole file, for the reader of the output; "" where nothing was."""
        return self.pruned.note

    @property
    def text(self) -> str:
        """What is left of the table as CSV."""
        if isinstance(self.output, str):
            return self.output
        table = Table(self.output)
        return table.to_text(range(len(table.units)))


def prune_file(
    source: str | Path,
    question: str,
    target: str | Path | None = None,
    *,
    pruner: Pruner | None = None,
    candidates: int = 1000,
    options: TableOptions = NO_OPTIONS,
    groups: str | Path | None = None,
) -> PrunedFile:
    """What a table in a file keeps for a question; of the file only a part at a time is in memory.

    The file is read once. Words, numbers, dates and bounds of the question are looked for in the columns of their kind
    (`Probe`), and rows count by how rare in the file is what they hold. Where the question asks for an extreme, the
    rows at the ends of the columns it may mean are remembered: of all rows, and of those that hold most of the rest of
    the question. The best rows are then pruned as a `Table`: the very best of them are required (`Context.required`),
    and columns that show why they were found are among its keys unless the options name others. Nothing that is asked
    of all rows (a sum, a count) is worked out: the note says how many there are.

    Args:
        source: Parquet, Arrow IPC (the file format), or CSV in UTF-8 with any delimiter; told by its first bytes.
        question: What the table is needed for.
        target: Where to write what is kept, in the format of the source; the file appears in one step. None writes
            nothing.
        pruner: Prunes the rows that are left; by default the tabular scorer within 2,000 tokens.
        candidates: Rows that are looked at closely, from 1 up.
        options: How to read and write the table.
        groups: What `index_groups` wrote for a Parquet file: row groups in which nothing can be found are not read,
            and the result is the same. Not where the question asks for an extreme, which any row may be.

    Raises:
        FormatError: `groups` is no such file, or of another state of the source.
        UsageError: An argument is of the wrong kind; the target is the source, or its name is that of another format.
        InputError: The source cannot be read or the target cannot be written.
        BudgetError: As `Pruner.prune`.
        MissingExtraError: pyarrow is not installed.
    """
    path, place = Path(source), None if target is None else Path(target)
    if not isinstance(question, str) or not question.strip():
        raise UsageError(f"the question is {question!r}", hint="give a text that asks something")
    if not isinstance(candidates, int) or isinstance(candidates, bool) or candidates < 1:
        raise UsageError(f"candidates is {candidates!r}", hint="give a whole number from 1 up")
    if place is not None and place.exists() and path.exists() and os.path.samefile(path, place):
        raise UsageError("the target is the source", where=str(place), hint="give another path")
    file = open_table(path, options)
    if place is not None:
        _check_ending(file, place)
    found = _candidates(file, question, candidates, _open_groups(file, groups))
    table = Table(file.table(found.rows), replace(file.reading(options), rows=found.size))
    if found.evidence and not options.key:
        table = Table(table.data, replace(table.options, key=(*table.keys, *found.evidence)))
    pruner = Pruner("tabular.v1", TableBudget(2000)) if pruner is None else pruner
    result = pruner.prune(question, _with_sure_rows(table, found.sure))
    grid = table.grids[0]
    kept = {unit.index for unit in result.kept}
    rows, columns = (sum(unit in kept for unit in units) for units in (grid.row_units, grid.column_units))
    if place is not None:
        _write(file, result.output, place)
    return PrunedFile(result, (rows, found.size), (columns, len(grid.header)), place, found.skipped)


def _check_ending(file: TableFile, target: Path) -> None:
    ending = target.suffix.lower()
    if ending in {*ParquetFile.endings, *IpcFile.endings, ".csv", ".tsv"} and ending not in file.endings:
        known = " or ".join(file.endings)
        raise UsageError(
            "the target is written in the format of the source", where=str(target), hint=f"end it in {known}"
        )


def _with_sure_rows(table: Table[Any], sure: NDArray[np.bool_]) -> Context[Any]:
    """The table, of which these rows, bool (n_rows,), are required."""
    required = np.zeros(len(table.units), dtype=np.bool_)
    units = table.grids[0].row_units
    if len(units) == len(sure):  # else CSV with quotes that are no pairs: cut otherwise as a whole
        required[list(units)] = sure
    return table.with_required(required)


@dataclass(frozen=True)
class _Found:
    """What one pass found.

    Attributes:
        size: Rows of the file.
        rows: Those that are best looked at closely, in order, as a pyarrow.Table; None where there are none.
        sure: bool (n_candidates,): the very best of them, and the ends of orders.
        evidence: Columns that show why.
        skipped: Row groups that were not read.
    """

    size: int
    rows: Any
    sure: NDArray[np.bool_]
    evidence: list[int]
    skipped: int = 0


def _open_groups(file: TableFile, groups: str | Path | None) -> GroupWords | None:
    if groups is None:
        return None
    from .group_words import GroupWords

    if not isinstance(file, ParquetFile):
        raise UsageError("groups is given for a file without row groups", where=str(file.path), hint="leave it out")
    return GroupWords(Path(groups), file)


class _Sweep:
    """One pass over a file, some of whose row groups are passed over.

    Attributes:
        size: Rows that were read or passed over so far.
        skipped: Row groups that were passed over.
        probe: What is looked for, once rows without a hit matter no longer; set by the reader.
    """

    def __init__(self, file: TableFile, groups: GroupWords | None) -> None:
        self._file, self._groups = file, groups
        self.size = self.skipped = 0
        self.probe: Probe | None = None

    def parts(self) -> Iterator[Part]:
        """The parts that are read, in order."""
        for section in self._file.sections():
            probe = self.probe
            if self._groups and probe and not self._groups.may_hold(section.number, probe):
                self.size, self.skipped = self.size + section.rows, self.skipped + 1
                continue
            for part in section.parts():
                self.size += part.rows.num_rows
                yield part


def _candidates(file: TableFile, question: str, wanted: int, groups: GroupWords | None) -> _Found:
    probe = None
    pools: list[Pool] = []
    sweep = _Sweep(file, groups)
    for part in sweep.parts():
        if probe is None:
            probe = Probe(question, file.names, part)
            counts = np.zeros((len(file.names) + 1, probe.size), dtype=np.int64)
            extremes = [
                Pool(_EXTREMES, order, alone=alone) for order in range(len(probe.orders)) for alone in (False, True)
            ]
            pools = [Pool(wanted), *extremes]
        hits = probe.look(part)
        counts += hits.counts
        weights = np.log1p((sweep.size - counts[-1]) / (counts[-1] + 0.5))
        for pool in pools:
            pool.add(part, sweep.size - part.rows.num_rows, hits, weights)
        # Rows without a hit fill up the candidates, and stand at the ends of orders: until then all rows are read.
        if len(pools) == 1 and len(pools[0]) >= wanted:
            sweep.probe = probe
    if probe is None or not sweep.size:
        return _Found(sweep.size, None, np.zeros(0, dtype=np.bool_), [])
    kept = [pool.rows(weights) for pool in pools if len(pool)]
    numbers, first = np.unique(np.concatenate([numbers for numbers, _ in kept]), return_index=True)
    sure = [pool.best(_SURE if place == 0 else 1, weights) for place, pool in enumerate(pools)]
    rows = take_rows(pa.concat_tables([rows for _, rows in kept]), first)
    evidence = probe.evidence(counts, sweep.size)
    return _Found(sweep.size, rows, np.isin(numbers, np.concatenate(sure)), evidence, sweep.skipped)


def _write(file: TableFile, table: Any, target: Path) -> None:
    draft = target.with_name(f".{target.name}.{uuid4().hex}.draft")
    try:
        with draft.open("xb") as opened:
            file.write(table, opened)
        draft.replace(target)
    except OSError as error:
        raise InputError(f"the target cannot be written ({error.strerror})", where=str(target)) from error
    finally:
        draft.unlink(missing_ok=True)

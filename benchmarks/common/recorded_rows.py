"""Rows of a record that is measured in many runs: a further run adds rows to those that are there.

A row is known by its recipe, target, seed and settings. Each carries the command and the commit that made it, since the
record's own are those of the last run alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.common.parts import say
from benchmarks.common.record import RESULTS, command, commit
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

IDENTITY = ("recipe", "target", "seed", "steps", "calibration", "pool", "rate", "objective")


class RecordedRows:
    """The rows of results/NAME.json, where they were measured on the same data.

    Attributes:
        figures: Of the record as it was found; {} where there is none.

    Args:
        name: Of the record.
        data: Fingerprints of the data of this run.
        again: Whether a row that is there is measured anew, and replaced.
        folder: Of the record.

    Raises:
        UsageError: The record's rows are of other data.
    """

    def __init__(self, name: str, data: Mapping[str, str], *, again: bool = False, folder: Path = RESULTS) -> None:
        self._again = again
        # of the code that runs: a commit may come while a row is measured
        self._made = {"command": command(), "commit": commit()}
        self._rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.figures: Mapping[str, Any] = {}
        path = folder / f"{name}.json"
        if not path.is_file():
            return
        document = json.loads(path.read_text(encoding="utf-8"))
        if other := sorted(key for key in {*document["data"], *data} if document["data"].get(key) != data.get(key)):
            # figures of two models or of two sets of questions do not belong in one table
            raise UsageError(
                f"the rows of {path.name} are of other data ({', '.join(other)})",
                hint="give the data of the record, or delete the record to begin anew",
            )
        self.figures = document["figures"]
        for row in self.figures["rows"]:
            self._rows[identity(row)] = row

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows, sorted, so that the order of runs does not show in the record."""
        return [self._rows[key] for key in sorted(self._rows, key=str)]

    def row(self, title: Mapping[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The row of this title, from the record where it was measured without an error, or made now.

        Args:
            title: What the row is known by.
            make: Measures it; the title is added to what it returns.
        """
        key = identity(title)
        # a row of a failed run holds the error as its status; rows of records without a status are done
        if key in self._rows and not self._again and self._rows[key].get("status", "done") == "done":
            say(f"{title['recipe']} {title['target']} seed {title['seed']} steps {title['steps']}: in the record")
            return self._rows[key]
        self._rows[key] = dict(title) | make() | self._made
        return self._rows[key]


def identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a row is known by; settings that it does not have are None."""
    return tuple(row.get(name) for name in IDENTITY)

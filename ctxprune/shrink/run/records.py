"""Records of trials, and the log that keeps them so that a search goes on after it was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.storage.sealed import sealed_line, unseal_lines

SIZES = ("bytes", "flops", "parameters", "weights")
"""Measures of a model's size that every trial reports."""


@dataclass(frozen=True, slots=True)
class MeasuredTime:
    """Time of the smaller model against the full one's, where time was the target."""

    full_milliseconds: float
    milliseconds: float  # of the smaller model
    time_left: float  # the one as a share of the other
    exact: bool  # whether the target is used up to within 3 %


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """What was measured of a trial's model."""

    quality: float  # on what is held out; higher = better
    # Of the multiply-adds, or of the measure that was asked of the recipe; None where no recipe ran.
    share: float | None
    seconds: float  # that the trial took
    sizes: Mapping[str, float]  # by measure, from `SIZES`
    time: MeasuredTime | None = None  # where time was the target
    notes: Mapping[str, Any] | None = None  # of the recipe's pieces; None where no recipe ran
    # Quality before the recipe's finish; None where nothing was removed before it, or nothing follows.
    unrecovered: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        found: dict[str, Any] = {"quality": self.quality, "unrecovered": self.unrecovered, "share": self.share}
        found |= {"seconds": self.seconds, **self.sizes}
        found |= {**(asdict(self.time) if self.time else {}), "notes": self.notes}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> TrialFigures:
        """What `to_dict` wrote, beside other keys."""
        names = [entry.name for entry in fields(MeasuredTime)]
        time = MeasuredTime(*(line[name] for name in names)) if "time_left" in line else None
        sizes = {name: line[name] for name in SIZES}
        own = {name: line.get(name) for name in ("share", "notes", "unrecovered")}
        return cls(quality=line["quality"], seconds=line["seconds"], sizes=sizes, time=time, **own)


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial of a search."""

    recipe: str  # its name
    rung: int  # of the halving, from 0 up
    steps: int  # of recovery
    data: float  # share of the calibration batches
    figures: TrialFigures | None = None  # of the smaller model; None where the trial failed
    reason: str = ""  # why it failed; "" where it did not

    @property
    def failed(self) -> bool:
        """Whether there is no model."""
        return self.figures is None

    def needed_figures(self) -> TrialFigures:
        """The figures; of a trial that failed its reason is raised."""
        if self.figures is None:
            raise UsageError(self.reason, where=self.recipe)
        return self.figures

    def to_dict(self) -> dict[str, Any]:
        """As a line of the log and of the report; the order of the keys is part of the format."""
        if self.figures is None:
            return self.effort() | {"status": "failed", "reason": self.reason}
        return self.effort() | {"status": "done"} | self.figures.to_dict()

    def effort(self) -> dict[str, Any]:
        """What was run, as plain values."""
        return {"rung": self.rung, "recipe": self.recipe, "steps": self.steps, "data": self.data}

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> TrialRecord:
        """What `to_dict` wrote; a `KeyError` where a key is missing."""
        figures = None if line["status"] == "failed" else TrialFigures.from_dict(line)
        return cls(line["recipe"], line["rung"], line["steps"], line["data"], figures, line.get("reason", ""))


def stored_plan(folder: Path) -> dict[str, Any] | None:
    """The plan of the search in a folder, as its log has it; None where there is none."""
    documents = _read_log(folder)
    return documents[0] if documents and isinstance(documents[0], dict) else None


def check_no_run(folder: Path) -> None:
    """Refuse a folder with a run that has a finished trial; one that failed before its first blocks nothing."""
    if any(line.get("status") == "done" for line in _read_log(folder)):
        hint = "go on with --resume, or name another folder"
        raise UsageError("there is a run in this folder", where=str(folder), hint=hint)


def _read_log(folder: Path) -> list[Any]:
    path = folder / "trials.jsonl"
    return unseal_lines(path, "the state of the run")[0] if path.is_file() else []


class TrialLog:
    """The records of a search, on disk and in memory.

    Args:
        folder: Of the search's state; made if it is not there.
        plan: What the search depends on, as plain values: a log of another plan is refused.
        resume: Go on with the log that is there; without it one with a finished trial is refused.
    """

    def __init__(self, folder: Path, plan: dict[str, Any], *, resume: bool) -> None:
        self.folder, self._path = folder, folder / "trials.jsonl"
        self.records: list[TrialRecord] = []
        if not resume:
            check_no_run(folder)
            self._path.unlink(missing_ok=True)
        if not self._path.exists():
            self._append(plan)
            return
        found = self._read()
        if found and found[0] != plan:
            changed = sorted(name for name in plan if found[0].get(name) != plan[name])
            raise UsageError(
                f"the run in this folder is another one: {', '.join(changed)} differ", where=str(folder),
                hint="give the same options, or name another folder",
            )  # fmt: skip
        if not found:
            self._append(plan)
        self.records = [self._record(line) for line in found[1:]]

    @property
    def done(self) -> dict[tuple[int, str], TrialRecord]:
        """Records by rung and recipe, failed ones too: a trial that is here is not run again."""
        return {(record.rung, record.recipe): record for record in self.records}

    def place(self, rung: int, name: str) -> Path:
        """Where a trial's model is; a name that leads out of the folder, where files could be deleted, is refused."""
        place = self.folder / f"{rung}-{name}"
        if place.resolve().parent != self.folder.resolve():
            raise UsageError(f"{name!r:.80} is no name of a folder in the run's own", where=str(self.folder))
        return place

    def add(self, record: TrialRecord) -> None:
        """Write a trial's record, then keep it."""
        line = json.loads(json.dumps(record.to_dict(), default=str))
        self._append(line)
        self.records.append(self._record(line))  # as a resumed search reads it, so that both end in the same report

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(sealed_line(dict(line)))
                file.flush()
                # hours of work hang on a line: it must outlast a crash of the machine
                os.fsync(file.fileno())
        except OSError as error:
            what = f"the state of the run cannot be written ({error.strerror})"
            hint = "make room or name another folder; --resume goes on with what is there"
            raise InputError(what, where=str(self._path), hint=hint) from error

    def _record(self, line: Mapping[str, Any]) -> TrialRecord:
        try:
            return TrialRecord.from_dict(line)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"a line of the run's state is no trial ({error})"
            raise FormatError(what, where=str(self._path), hint="name another folder") from error

    def _read(self) -> list[dict[str, Any]]:
        """All whole lines; half of one at the end, from a run that was killed, is cut off."""
        documents, whole = unseal_lines(self._path, "the state of the run")
        # appending to half a line would join two records
        if whole != self._path.stat().st_size:
            with self._path.open("r+b") as file:
                file.truncate(whole)
        return documents

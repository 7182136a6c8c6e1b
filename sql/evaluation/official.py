"""Official mode: one item's verdict, bit for bit that of the official script, without damage to anything.

Each item sees its database as it was published: queries run on a private copy that is made anew once something has
changed it, in a process of their own that is ended at the item's deadline and has a memory limit. So a verdict depends
neither on the order of items nor on the number of workers, while the official scripts hand a database that one
prediction has damaged to the next. Only two things are refused there: files outside of the private folder (ATTACH and
VACUUM INTO with such a path, a computed one or a "file:" URI; pragmas that set a folder), and what needs more than the
memory limit.

The copies lie in the system's temporary folder ($TMPDIR), one database at a time for each worker, so it must have room
for that; what a run that was killed has left there the next run removes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ctxprune
from ctxprune.errors import DatabaseError, InputError

from ..database.drivers._child import Child
from .copies import PrivateCopy, PrivateFolder
from .outcome import Outcome
from .spider import order_matters, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rules import ExecutionRule

__all__ = ["OfficialScorer"]

_MEMORY = 4_000_000_000
_START_SECONDS = 60.0
_MAIN = "import sys; sys.path.insert(0, sys.argv[1]); from ctxprune.sql.evaluation._scorer import main; main()"


class OfficialScorer:
    """Scores one item at a time. A context manager; for one thread.

    Args:
        rule: The official script's rules.
        repeat: Repetitions for R-VES; 0 for no R-VES.
        memory: Bytes of address space that a query's process may have.
    """

    def __init__(self, rule: ExecutionRule, *, repeat: int = 0, memory: int = _MEMORY) -> None:
        self.rule, self.repeat, self.memory = rule, repeat, memory
        self._folder = PrivateFolder()
        self._copy = PrivateCopy(self._folder.path)
        self._process: _Process | None = None

    def __enter__(self) -> OfficialScorer:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and remove the private copy."""
        self._end()
        self._folder.remove()

    def score(self, path: Path, gold: str, predicted: str) -> Outcome:
        """One item's outcome.

        Raises:
            DatabaseError: The database cannot be copied, or no process can be started.
        """
        request = self._request(gold, predicted)
        answer = self._ask(path, request | {"op": "suite" if self.rule.every_database else "pair"})
        outcome = _outcome(answer, changed=self._copy.changed())
        if answer["culprit"]:  # did the reference fail, or did the prediction keep it from running?
            outcome = replace(outcome, gold_error=self._ask(path, request | {"op": "gold"})["error"])
        if self.repeat and outcome.error in {"", "gold"}:
            outcome = replace(outcome, times=self._times(path, request))
        return outcome

    def tables(self, path: Path) -> Mapping[str, list[str]]:
        """Columns by table in lower case, as the Spider script reads them.

        Raises:
            InputError: It cannot read them, as where the name of a table must be quoted, and would end.
            DatabaseError: As `score`.
        """
        answer = self._ask(path, {"op": "tables", "seconds": self.rule.seconds})
        if answer["error"]:
            raise InputError(f"the schema cannot be read ({answer['error']})", where=str(path))
        tables: dict[str, list[str]] = answer["tables"]
        return tables

    def _request(self, gold: str, predicted: str) -> dict[str, Any]:
        text = self.rule.text
        return {
            "gold": prepare(gold, text, predicted=False),
            "predicted": prepare(predicted, text, predicted=True),
            "ordered": self.rule.ordered_like_gold and order_matters(prepare(gold, text, predicted=False)),
            "plug_value": text.plug_value,
            "this_year": text.this_year,
            "strict_text": self.rule.strict_text,
            "seconds": self.rule.seconds,
            "repeat": self.repeat,
        }

    def _times(self, path: Path, request: dict[str, Any]) -> list[float]:
        seconds = self.rule.seconds * self.repeat
        answer = self._ask(path, request | {"op": "times", "seconds": seconds})
        return list(answer.get("ratios", ()))

    def _ask(self, path: Path, request: dict[str, Any]) -> dict[str, Any]:
        paths = self._copy.paths(path, whole=self.rule.every_database)
        # the process is kept between items: starting one takes longer than most queries
        process = self._started()
        process.send(request | {"paths": paths})
        try:
            answer: dict[str, Any] | None = process.receive(time.monotonic() + request["seconds"])
        except TimeoutError:
            answer = {"error": "timeout"}
        if answer is None:
            answer = {"error": process.exit_reason()[0]}
        if answer.get("error") in {"timeout", "limit"}:
            self._end()
            kind = answer["error"]
            return {"right": False, "error": kind, "culprit": kind, "rows": None, "gold_rows": None, "tables": {}}
        return answer

    def _started(self) -> _Process:
        if self._process is None or not self._process.alive:
            self._end()
            self._process = _Process(self._copy.folder, self.memory)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            with suppress(OSError):
                self._process.kill()
            self._process = None


class _Process(Child):
    """A `_scorer` process whose working folder is the private one."""

    def __init__(self, folder: Path, memory: int) -> None:
        self.memory = memory
        self._buffer = bytearray()
        root = str(Path(ctxprune.__file__).resolve().parent.parent)
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-c", _MAIN, root],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, cwd=folder,
            )  # fmt: skip
        except OSError as error:
            raise DatabaseError(f"the process that runs the queries cannot start ({error})") from error
        self._stdin, self._stdout = self._process.stdin, self._process.stdout  # type: ignore[assignment]
        try:
            self.send({"memory": memory})
            ready = self.receive(time.monotonic() + _START_SECONDS)
        except (TimeoutError, ValueError) as error:
            self.kill()
            raise DatabaseError("the process that runs the queries does not answer") from error
        if ready != ["ready"]:
            raise DatabaseError(f"the process that runs the queries ended at once (status {self.kill()})")


def _outcome(answer: Mapping[str, Any], *, changed: bool) -> Outcome:
    culprit, message = answer["culprit"], answer["error"]
    kind = {"": "", "gold": "gold", "timeout": "timeout", "limit": "memory"}.get(culprit, "rejected")
    if message.startswith("MemoryError"):
        kind = "memory"
    return Outcome(
        right=bool(answer["right"]),
        error=kind,
        message="" if kind in {"timeout", "memory"} else message,
        rows=answer["rows"],
        gold_rows=answer["gold_rows"],
        soft_f1=answer.get("f1"),
        changed=changed,
    )

"""Keeps each finished part of a long benchmark, so that a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from benchmarks.common.record import RESULTS

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY = 5.0  # seconds between two lines of progress


class Parts:
    """Rows by what they were measured on: a file of JSON lines beside the result, which git ignores.

    A line that a kill cut in half is passed over. Without `keep` earlier rows are thrown away.
    """

    def __init__(self, name: str, *, keep: bool = True) -> None:
        self.path = RESULTS / f"{name}.part.jsonl"
        self._rows: dict[str, Any] = {}
        self._titles: dict[str, str] = {}
        if not keep:
            self.path.unlink(missing_ok=True)
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").split("\n"):
                with suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    self._keep(entry["key"], entry["title"], entry["row"])

    def row(self, title: str, what: object, make: Callable[[], Any]) -> Any:
        """The kept row of `title` and `what` (compared by its repr), or a new one, kept at once."""
        key = fingerprint((title, what))
        if key in self._rows:
            say(f"{title}: kept")
            return self._rows[key]
        row = make()
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" if self._cut() else "")
            file.write(json.dumps({"key": key, "title": title, "row": row}, ensure_ascii=False) + "\n")
        self._keep(key, title, row)
        return row

    def has(self, title: str, what: object) -> bool:
        """Whether the row of `title` and `what` is kept."""
        return fingerprint((title, what)) in self._rows

    def titled(self, start: str) -> list[Any]:
        """All kept rows whose title begins so, in the order in which they were made."""
        return [self._rows[key] for key, title in self._titles.items() if title.startswith(start)]

    def _keep(self, key: str, title: str, row: Any) -> None:
        self._rows[key], self._titles[key] = row, title

    def _cut(self) -> bool:
        """Whether the last line lacks its end."""
        content = self.path.read_bytes() if self.path.exists() else b""
        return bool(content) and not content.endswith(b"\n")


def fingerprint(what: object) -> str:
    """First 16 hexadecimal digits of the sha256 of the repr."""
    return hashlib.sha256(repr(what).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def ticker(title: str) -> Callable[[int, int], None]:
    """A progress function that writes a line to stderr every few seconds."""
    last = monotonic()

    def tick(done: int, total: int) -> None:
        nonlocal last
        if monotonic() - last >= _EVERY:
            last = monotonic()
            say(f"{title}: {done} of {total}")

    return tick


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

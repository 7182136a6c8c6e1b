"""Predictions in the formats of the official scripts, and in JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .datasets import Item

__all__ = ["Prediction", "Predictions", "gold_as_predictions", "read_predictions"]

SEPARATOR = "\t----- bird -----\t"
_SQL_FIELDS = ("sql", "SQL", "query", "prediction", "predicted_sql", "pred_sql", "pred")


@dataclass(frozen=True, slots=True)
class Prediction:
    """One prediction.

    Attributes:
        sql: The text, as the official script takes it out of its file.
        db_id: The database that it names; "" where the format has none.
        problem: "" or what is wrong with the entry itself: "not_text" (no string), "no_separator" (BIRD), "empty".
    """

    sql: str
    db_id: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Predictions:
    """All predictions of one system, in file order; the n-th belongs to the n-th item of the set.

    Attributes:
        entries: The predictions.
        form: "bird" (JSON object), "list" (JSON array or JSON Lines), "lines" (Spider's text) or "gold".
        digest: First 16 hex digits of a sha256 over the entries.
        stops: Why the official script would end on this file before it scores anything; "" where it would not.
    """

    entries: tuple[Prediction, ...]
    form: str
    stops: str = ""

    @property
    def digest(self) -> str:
        """Tells whether two runs saw the same predictions."""
        parts = [[entry.sql, entry.db_id, entry.problem] for entry in self.entries]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def read_predictions(path: Path) -> Predictions:
    """Read a file of predictions; what it begins with tells its format.

    A JSON object is BIRD's: its values are "SQL<TAB>----- bird -----<TAB>db_id", its keys count for nothing. A JSON
    array, or JSON Lines, holds strings or objects with a field for the SQL (`sql`, `query`, `prediction`, ...) and
    perhaps `db_id`. Everything else is Spider's text: one query a line, up to its first tab.

    Raises:
        InputError: The file cannot be read, is not UTF-8, or is damaged JSON.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # the latter for a path with a NUL character, and for what is no UTF-8
        raise InputError(f"the predictions cannot be read: {_reason(error)}", where=str(path)) from error
    start = text.lstrip()[:1]
    if start not in {"{", "["}:
        return _lines(text)
    document = _document(text, path)
    if isinstance(document, dict):
        return Predictions(tuple(map(_bird, document.values())), "bird")
    return Predictions(tuple(map(_entry, document)), "list")


def gold_as_predictions(items: Sequence[Item]) -> Predictions:
    """The references as predictions: a check of the set and of the runner, which should give 100 %."""
    return Predictions(tuple(Prediction(item.gold, item.db_id) for item in items), "gold")


def _reason(error: Exception) -> str:
    """Without the number and the path that the error of a system call repeats, or the words of a decoder."""
    if isinstance(error, UnicodeDecodeError):
        return f"this is not UTF-8 text (byte {error.start} is 0x{error.object[error.start]:02x})"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _document(text: str, path: Path) -> dict[str, Any] | list[Any]:
    try:
        document = parse_json(text)
    except ValueError as whole:
        try:
            return [parse_json(line) for line in text.split("\n") if line.strip()]
        except ValueError:
            raise InputError(f"the predictions are damaged JSON: {whole}", where=str(path)) from whole
    if isinstance(document, dict) and any(isinstance(document.get(field), str) for field in _SQL_FIELDS):
        return [document]  # JSON Lines with one line
    return document if isinstance(document, dict) else list(document)


def _bird(value: Any) -> Prediction:
    if not isinstance(value, str):
        return Prediction(" ", "financial", "not_text")
    parts = value.split(SEPARATOR)
    if len(parts) != 2:
        return Prediction(value.strip(), "financial", "no_separator")
    return Prediction(parts[0], parts[1], "" if parts[0].strip() else "empty")


def _entry(value: Any) -> Prediction:
    if isinstance(value, dict):
        sql = next((value[field] for field in _SQL_FIELDS if field in value), None)
        db_id = value.get("db_id")
        found = _entry(sql)
        return Prediction(found.sql, db_id if isinstance(db_id, str) else "", found.problem)
    if not isinstance(value, str):
        return Prediction(" ", "", "not_text")
    if value.count(SEPARATOR) == 1:
        return _bird(value)
    return Prediction(value, "", "" if value.strip() else "empty")


def _lines(text: str) -> Predictions:
    """Spider's text. An empty line ends a session; Spider has one, so any other number of them ends the script."""
    lines = text.split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    sessions, open_session = 0, False
    entries: list[Prediction] = []
    for line in lines:
        sql = line.strip().split("\t")[0]
        sessions += not sql
        open_session = bool(sql)
        entries.append(Prediction(sql, "", "" if sql else "empty"))
    sessions += open_session
    if entries and entries[-1].problem and sessions == 1:
        entries.pop()  # it only ends the one session
    stops = "" if sessions == 1 else f"the predictions make {sessions} sessions, not 1 (an empty line ends one)"
    return Predictions(tuple(entries), "lines", stops)

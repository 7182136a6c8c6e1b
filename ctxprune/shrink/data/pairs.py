"""Pairs of question and passage: read from JSON lines, grouped by source."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctxprune.errors import InputError
from ctxprune.storage.json_lines import numbered_rows

__all__ = ["Pair", "group_by_source", "read_pairs"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with one passage.

    Attributes:
        question: Pairs of the same question are a group.
        passage: What may answer it.
        label: Grade from 0 up, higher = more relevant; None where it is not known.
        teacher: A teacher's score, of any range, higher = more relevant; None where there is none.
        source: Of which set or, where that is not said, of which language (`lang`) it is.
    """

    question: str
    passage: str
    label: float | None = None
    teacher: float | None = None
    source: str = ""


def read_pairs(path: str | Path) -> list[Pair]:
    """The pairs of a file of JSON lines; see `ctxprune.shrink.data` for its fields.

    Raises:
        InputError: The file cannot be read, or a line is no pair; the message names the line.
    """
    file = Path(path)
    found: list[Pair] = []
    for line, row in numbered_rows(file):
        pair = _pair(row, file.name, line)
        first = found[0] if found else pair
        for name, own, other in (("label", pair.label, first.label), ("teacher", pair.teacher, first.teacher)):
            if (own is None) != (other is None):
                raise _odd(f"{name!r} stands in some lines and not in others", file.name, line)
        found.append(pair)
    if not found:
        raise InputError("the file holds no pairs", where=file.name, hint="give one JSON object a line")
    return found


def group_by_source(pairs: Iterable[Pair]) -> dict[str, list[Pair]]:
    """The pairs of each source, sources sorted: calibration sets that can be compared with one another."""
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.source, []).append(pair)
    return dict(sorted(found.items()))


def _pair(row: Any, where: str, line: int) -> Pair:
    if not isinstance(row, dict):
        raise _odd("this is no JSON object", where, line)
    texts = []
    for names in (("query", "question"), ("passage", "text")):
        value = next((row[name] for name in names if name in row), None)
        if not isinstance(value, str) or not value.strip():
            raise _odd(f"there is no text in {names[0]!r} or {names[1]!r}", where, line)
        texts.append(value)
    label, teacher = (_number(row.get(name), name, where, line) for name in ("label", "teacher"))
    if label is not None and label < 0:
        raise _odd(f"'label' is {label:g}; grades go from 0 up", where, line)
    return Pair(texts[0], texts[1], label, teacher, str(row.get("source", row.get("lang", ""))))


def _number(value: Any, name: str, where: str, line: int) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _odd(f"{name!r} is {value!r}, which is no number", where, line)
    return float(value)


def _odd(what: str, where: str, line: int) -> InputError:
    return InputError(f"{what}, in line {line}", where=where, hint='a line is {"query": …, "passage": …, "label": 0}')

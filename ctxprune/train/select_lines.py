"""Choose lines of a training file: a share by scores, proportions of sources, or those whose answer is right.

A file is read once for each step and never held as a whole: what stays in memory is a few numbers a line. Of a
question's lines all stay or all go where a share is chosen, since they are trained on together.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError
from ctxprune.storage.compressed import open_bytes
from ctxprune.storage.json_lines import numbered_rows
from ctxprune.train.line_selectors.base import TEXT_FIELDS, Line, Lines, question_of, source_of
from ctxprune.utils.validation import check_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LineFile", "LineIndex", "check_fields", "filter_lines", "index_lines", "keep_counts", "keep_share"]

_NEEDED: Mapping[str, Sequence[Sequence[str]]] = {
    "answer": (("output",), ("answer",)),
    "program": (("program",), ("answer", "gold")),
    "frequency": (TEXT_FIELDS,),
    "importance": (TEXT_FIELDS,),
    "nearest": (TEXT_FIELDS,),
}
"""What a line must have so that it can be chosen by this; of several names one."""


@dataclass(frozen=True, slots=True)
class LineFile:
    """The lines of a file of JSON objects, gzipped or not, read anew by each iteration; empty lines are passed over.

    Attributes:
        path: The file; not a pipe, which can be read once only.
    """

    path: Path

    def __iter__(self) -> Iterator[Line]:
        """Each line with its number.

        Raises:
            InputError: The file cannot be read; a line, whose number is said, is no JSON object or holds a carriage
                return that ends it only as text; or there is no line.
        """
        name, rows, found = self.path.name, numbered_rows(self.path), False
        if self.path.is_fifo():  # opening it a second time would wait for ever
            raise InputError("it is a pipe, and lines are read several times", where=name, hint="write them to a file")
        pending: tuple[int, Any] | None = next(rows, None)
        with open_bytes(self.path) as lines:
            for number, raw in enumerate(lines, 1):
                # a lone carriage return ends a line of text but none of bytes: all further numbers would differ
                if raw.count(b"\r") > raw.endswith(b"\r\n"):
                    hint = "end lines with \\n or \\r\\n"
                    raise InputError(f"line {number} holds a carriage return alone", where=name, hint=hint)
                if pending is None or pending[0] != number:
                    continue
                if not isinstance(pending[1], dict):
                    raise InputError(f"line {number} is no JSON object", where=name)
                found = True
                yield Line(number, raw, pending[1])
                pending = next(rows, None)
        if pending is not None:
            raise InputError("the file changed while it was read", where=name, hint="give a file, not a pipe")
        if not found:
            raise InputError("the file holds no lines", where=name, hint="give one JSON object a line")


@dataclass(frozen=True, slots=True)
class LineIndex:
    """What choosing needs of the lines beside their scores.

    Attributes:
        questions: Number of each line's question, from 0 up: int64 (n_lines,).
        sources: Place in `names` of each line's source: int64 (n_lines,).
        names: The sources, in the order of their first lines; "" for lines without one.
    """

    questions: NDArray[np.int64]
    sources: NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def lines_by_source(self) -> dict[str, int]:
        """How many lines each source has."""
        counts = np.bincount(self.sources, minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))


def index_lines(lines: Lines, field: str = "") -> LineIndex:
    """Questions and sources of lines.

    Args:
        lines: Of the file.
        field: As `source_of`.
    """
    questions: dict[str | int, int] = {}
    sources: dict[str, int] = {}
    pairs = []
    for line in lines:
        name = source_of(line, field)
        question = question_of(line)
        pairs.append((questions.setdefault(question, len(questions)), sources.setdefault(name, len(sources))))
    table = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    return LineIndex(table[:, 0], table[:, 1], tuple(sources))


def check_fields(lines: Lines, by: str, *, where: str) -> None:
    """Refuse a file without a line that could be chosen: none would be kept, or the first ones.

    Args:
        lines: Of the file.
        by: How lines are chosen; "random" and choices by a model need no field that is checked here.
        where: Name of the file.

    Raises:
        InputError: No line has the fields that this needs.
    """
    needed = _NEEDED.get(by, ())
    if any(all(any(line.row.get(name) is not None for name in names) for names in needed) for line in lines):
        return
    missing = " and ".join(" or ".join(f'"{name}"' for name in names) for names in needed)
    raise InputError(f"no line has {missing}", where=where, hint=f"{by} needs it; name another file or another --by")


def filter_lines(lines: Lines, check: Callable[[Mapping[str, Any]], str]) -> tuple[list[bool], dict[str, int]]:
    """Whether each line is kept, and how many go for which reason; of two with the same texts the second goes.

    Repetition is dropped as in Think, Prune, Train, Improve (Costello and others, 2025), which keeps different right
    solutions of a question.

    Args:
        lines: In the order of the file.
        check: The reason why a row goes, "" where it stays.
    """
    seen: set[tuple[str, ...]] = set()
    kept, dropped = [], Counter[str]()
    for line in lines:
        reason = check(line.row)
        key = tuple(str(line.row.get(name, "")) for name in (*TEXT_FIELDS, "db_id"))
        if not reason and key in seen:
            reason = "repeated"
        # what was dropped is no repetition: the same output may stand beside a wrong answer first
        if not reason:
            seen.add(key)
        kept.append(not reason)
        if reason:
            dropped[reason] += 1
    return kept, dict(dropped)


def keep_share(
    index: LineIndex, scores: NDArray[np.float64], share: float, *, explore: float = 0.0, seed: int = 0
) -> NDArray[np.bool_]:
    """The questions of the highest mean scores, until `share` of the lines is chosen; one at least: bool (n_lines,).

    Ayed and Hayou, Data pruning and neural scaling laws, 2023: where little is kept, chosen lines are not distributed
    as the data are, and a part that is drawn at random mends that. Differs: all lines weigh the same.

    Args:
        index: Of the lines.
        scores: float64 (n_lines,), higher = keep.
        share: Of the lines, above 0 and up to 1. The question that crosses it is taken whole.
        explore: Part of the share that is drawn at random from what the scores leave, from 0 to under 1.
        seed: Of the draw.

    Raises:
        UsageError: A number is out of its range.
    """
    check_range("share", share, open_low=True)
    check_range("explore", explore, open_high=True)
    sizes = np.bincount(index.questions)
    count = share * len(index.questions) - 1e-9
    taken = np.zeros(len(sizes), dtype=bool)
    chosen = 0
    for limit, order in _orders(index.questions, scores, count, explore, seed):
        for group in order:
            if chosen >= limit:
                break
            if not taken[group]:
                taken[group] = True
                chosen += int(sizes[group])
    return taken[index.questions]


def keep_counts(
    index: LineIndex,
    scores: NDArray[np.float64],
    counts: Mapping[str, int],
    *,
    explore: float = 0.0,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Of each source the questions of the highest mean scores, never over its count of lines: bool (n_lines,).

    Counts are met exactly where each question has one line. A question whose lines no longer fit is passed over, and a
    smaller one is taken instead. Lines of one question in two sources count as two questions.

    Args:
        index: Of the lines.
        scores: float64 (n_lines,), higher = keep.
        counts: Lines by source; sources that are absent here are left out.
        explore, seed: As `keep_share`.

    Raises:
        UsageError: `explore` is out of its range.
    """
    check_range("explore", explore, open_high=True)
    kept = np.zeros(len(scores), dtype=bool)
    for place, name in enumerate(index.names):
        own = np.flatnonzero(index.sources == place)
        if not counts.get(name, 0):
            continue
        groups = np.unique(index.questions[own], return_inverse=True)[1]
        sizes = np.bincount(groups)
        taken = np.zeros(len(sizes), dtype=bool)
        chosen = 0
        # a seed of its own for each source: another source in the file does not change what is drawn of this one
        for limit, order in _orders(groups, scores[own], counts[name], explore, f"{seed} {name}"):
            for group in order:
                if not taken[group] and chosen + sizes[group] <= limit:
                    taken[group] = True
                    chosen += int(sizes[group])
        kept[own] = taken[groups]
    return kept


def _orders(
    groups: NDArray[np.int64], scores: NDArray[np.float64], count: float, explore: float, seed: int | str
) -> Iterator[tuple[float, Sequence[int]]]:
    """Up to how many lines groups are taken in which order: by their mean scores, then at random."""
    if not len(groups):
        return
    means = np.bincount(groups, weights=scores) / np.bincount(groups)
    yield count * (1 - explore), np.argsort(-means, kind="stable").tolist()
    if explore:
        order = list(range(len(means)))
        random.Random(seed).shuffle(order)
        yield count, order

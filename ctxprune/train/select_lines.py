"""Choose lines of a training file without a model: at random, by rare words, or by whether their answer is right.

Of a question's lines all stay or all go where a share is chosen, since they are trained on together.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.storage.compressed import open_bytes
from ctxprune.storage.json_lines import numbered_rows
from ctxprune.text.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Line",
    "best_lines",
    "check_fields",
    "filter_lines",
    "question_of",
    "random_scores",
    "rarity_scores",
    "read_lines",
]

_TEXTS = ("query", "question", "passage", "text", "program", "output")
_NEEDED: Mapping[str, Sequence[Sequence[str]]] = {
    "answer": (("output",), ("answer",)),
    "program": (("program",), ("answer", "gold")),
    "frequency": (_TEXTS,),
}
"""What a line must have so that it can be chosen by this; of several names one."""
_RARE = 1e-4  # frequency up to which a word is never too frequent


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        number: From 1 up.
        raw: As it stands in the file, with its end.
        row: The JSON object.
    """

    number: int
    raw: bytes
    row: Mapping[str, Any]


def read_lines(file: Path) -> list[Line]:
    """The lines of a file of JSON objects, gzipped or not; those without anything are left out.

    Raises:
        InputError: The file cannot be read, a line is no JSON object or holds a carriage return that ends it only as
            text, or there is no line.
    """
    rows = list(numbered_rows(file))
    with open_bytes(file) as lines:
        raw = list(lines)
    # a lone carriage return ends a line of text but none of bytes, so the numbers of all further lines would differ
    for number, line in enumerate(raw, 1):
        if line.count(b"\r") > line.endswith(b"\r\n"):
            raise InputError(
                f"line {number} holds a carriage return alone", where=file.name, hint="end lines with \\n or \\r\\n"
            )
    found = []
    for number, row in rows:
        if not isinstance(row, dict):
            raise InputError(f"line {number} is no JSON object", where=file.name)
        if number > len(raw):
            raise InputError("the file changed while it was read", where=file.name, hint="give a file, not a pipe")
        found.append(Line(number, raw[number - 1], row))
    if not found:
        raise InputError("the file holds no lines", where=file.name, hint="give one JSON object a line")
    return found


def check_fields(lines: Sequence[Line], by: str, *, where: str) -> None:
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


def question_of(line: Line) -> Any:
    """What a line is grouped by: its question, or itself."""
    found = line.row.get("query", line.row.get("question"))
    return found if isinstance(found, str) else line.number


def filter_lines(lines: Sequence[Line], check: Callable[[Mapping[str, Any]], str]) -> tuple[list[bool], dict[str, int]]:
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
        key = tuple(str(line.row.get(name, "")) for name in (*_TEXTS, "db_id"))
        if not reason and key in seen:
            reason = "repeated"
        # what was dropped is no repetition: the same output may stand beside a wrong answer first
        if not reason:
            seen.add(key)
        kept.append(not reason)
        if reason:
            dropped[reason] += 1
    return kept, dict(dropped)


def random_scores(lines: Sequence[Line], seed: int) -> list[float]:
    """A random number for each question's lines."""
    rng = random.Random(seed)
    drawn = {question: rng.random() for question in dict.fromkeys(map(question_of, lines))}
    return [drawn[question_of(line)] for line in lines]


def rarity_scores(lines: Sequence[Line]) -> list[float]:
    """For each line the mean over its words of log sqrt(t / f), at most 0, f a word's share of all words: WFPP.

    Liang and Larson, 2024; t is 0.0001. A line without words has the score of one of rare words, 0.
    """
    texts = [words(" ".join(str(line.row[name]) for name in _TEXTS if name in line.row)) for line in lines]
    counts = Counter(word for text in texts for word in text)
    total = counts.total()
    worth = {word: min(0.5 * math.log(_RARE * total / count), 0.0) for word, count in counts.items()}
    return [sum(worth[word] for word in text) / max(len(text), 1) for text in texts]


def best_lines(lines: Sequence[Line], scores: Sequence[float], share: float) -> list[bool]:
    """The questions of the highest mean scores, until `share` of the lines is chosen; one at least.

    Raises:
        UsageError: The share is not above 0 and up to 1.
    """
    if not 0 < share <= 1:
        raise UsageError(f"share is {share!r}", hint="give a share above 0 and up to 1")
    groups: dict[Any, list[int]] = {}
    for place, line in enumerate(lines):
        groups.setdefault(question_of(line), []).append(place)
    ranked = sorted(groups.values(), key=lambda own: -sum(scores[place] for place in own) / len(own))
    kept, chosen = [False] * len(lines), 0
    for own in ranked:
        if chosen >= share * len(lines) - 1e-9:
            break
        chosen += len(own)
        for place in own:
            kept[place] = True
    return kept

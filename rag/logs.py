"""Logs as contexts: records are the units, and dropped records are counted by their template."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from ctxprune.context.base import Context, Unit
from ctxprune.errors import UsageError
from ctxprune.scorers.structured.log_templates import find_templates, read_lines

from .passages.tiny_units import check_units, count_most_units

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Log"]

_NOT_BLANK = re.compile(r"[^\s][^\n]*")


@dataclass(frozen=True, eq=False)
class Log(Context[str]):
    """A log of records. Renders as a text of lines.

    A record is a line with its continuation lines, such as a stack trace. Records that differ only
    in times, numbers, addresses, paths, quoted texts and other parameters have the same template. `LogScorer` reads the
    templates, so that a budget is not spent on many lines of one template.

    Attributes:
        text: The log, of any size that fits into memory.
        notes: Add lines that count dropped records: after the last kept record of a template "… 1,204 more like this",
            and at the end, for templates without a kept record, "… 5 more of other kinds". Without kept records there
            are no notes.
        units: One for each record; `text[start:end]` of its span is its text.
        templates: The number of each unit's template.
        patterns: The templates, with "*" for what varies.
        kind: "log".

    Raises:
        UsageError: `text` is not a str.
        InputError: There are more than 200,000 lines that are not blank, and more than one for 16 characters.
    """

    text: str = field(repr=False)
    notes: bool = True
    units: tuple[Unit, ...] = field(init=False, repr=False)
    templates: tuple[int, ...] = field(init=False, repr=False)
    patterns: tuple[str, ...] = field(init=False, repr=False)
    kind: str = field(default="log", init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise UsageError(f"text is a {type(self.text).__name__}", hint="give a str")
        _check_lines(self.text)
        lines = read_lines(self.text)
        templates, patterns = find_templates(lines.forms)
        units = tuple(Unit(self.text[start:end], span=(start, end)) for start, end in lines.spans)
        object.__setattr__(self, "units", units)
        object.__setattr__(self, "templates", tuple(templates))
        object.__setattr__(self, "patterns", tuple(patterns))

    def render(self, kept: Collection[int]) -> str:
        """The kept records in order, each byte for byte, with the notes; the whole text if all are kept."""
        chosen = sorted(set(kept))
        if len(chosen) == len(self.units):
            return self.text
        left = Counter(self.templates)
        left.subtract(self.templates[index] for index in chosen)
        last = {self.templates[index]: index for index in chosen}
        # Notes end as the first line of the log does.
        newline = "\r\n" if self.text.endswith("\r\n", 0, self.text.find("\n") + 1) else "\n"
        parts = []
        for index, following in zip_longest(chosen, chosen[1:]):
            start, end = self._find_span(index)
            gap = self.text[end : self._find_span(index + 1)[0]]
            ending = gap[: gap.find("\n") + 1]  # "" after the last line of a text without a final line end
            parts.append(self.text[start:end] + ending)
            # The count comes once a template, after its last kept record, where a reader has seen what it is like.
            if self.notes and last[self.templates[index]] == index and (more := left[self.templates[index]]):
                parts.append(f"{'' if ending else newline}… {more:,} more like this{newline if ending else ''}")
            if following == index + 1:
                parts.append(gap[len(ending) :])
        written = "".join(parts)
        others = sum(count for template, count in left.items() if template not in last)
        if self.notes and chosen and others:
            ended = written.endswith("\n")
            written += f"{'' if ended else newline}… {others:,} more of other kinds{newline if ended else ''}"
        return written

    def _find_span(self, index: int) -> tuple[int, int]:
        """The span of a record; for the index after the last one, the end of the text."""
        span = self.units[index].span if index < len(self.units) else None
        return span if span is not None else (len(self.text), len(self.text))


def _check_lines(text: str) -> None:
    """Refuse a log of too many lines; see `check_units`. Blank lines do not count."""
    # Line ends first: counting them is fast, and few logs need the exact count of lines that are not blank.
    if text.count("\n") > count_most_units(len(text)):
        lines = sum(1 for _ in _NOT_BLANK.finditer(text))
        check_units(lines, len(text), "read it as plain text, or give a part of it")

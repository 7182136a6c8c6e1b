"""Logs as contexts: records are the units, and dropped records are counted by their template."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from ctxprune.context.base import Context, Unit
from ctxprune.context.split import SplitContext, cut_units
from ctxprune.errors import UsageError
from ctxprune.scorers.structured.log_templates import find_templates, read_lines

from .passages.cutting import CUTS, find_parts
from .passages.tiny_units import check_units, count_most_units

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["Log"]

_NOT_BLANK = re.compile(r"[^\s][^\n]*")
# Behind line ends the fields of a line: tabs, bars, members of JSON, and before the key of `key=value`.
_FIELD = re.compile(r"\t+|\s\|\s+|(?<=[\"\]}\d]),\s*(?=[\"\[{])|(?<!\s)\s+(?=[\w.-]+=)")
_RECORD_CUTS = (CUTS[0], _FIELD, *CUTS[1:])


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
    _records: Sequence[int] = field(init=False, repr=False)  # of each unit the number of its record, rising

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
        object.__setattr__(self, "_records", range(len(units)))

    def render(self, kept: Collection[int]) -> str:
        """The kept records in order, each byte for byte, with the notes; the whole text if all are kept.

        Where a record was cut into parts, "…" stands for those that are dropped.
        """
        chosen = sorted(set(kept))
        if len(chosen) == len(self.units):
            return self.text
        left = self._count_left(chosen)
        last = {self.templates[index]: index for index in chosen}
        # Notes end as the first line of the log does.
        newline = "\r\n" if self.text.endswith("\r\n", 0, self.text.find("\n") + 1) else "\n"
        parts, before = [], -1
        for index, following in zip_longest(chosen, chosen[1:]):
            parts.append(self._mark_start(index, before, newline) + self.units[index].text)
            before = index
            if following is not None and self._records[following] == self._records[index]:
                parts.append(self._join_parts(index, following, newline))
                continue
            end, gap = self._find_gap(index)
            ending = gap[: gap.find("\n") + 1]  # "" after the last line of a text without a final line end
            parts.append(_mark_end(self.text[self._find_span(index)[1] : end], newline) + ending)
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

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """See `Context.split_units`: records are cut at line ends first, lines at their fields, then at clauses."""
        parts = find_parts(self.text, self.units, sizes, _RECORD_CUTS)
        if not parts:
            return None
        split, (units, origins) = copy(self), cut_units(self.text, self.units, parts)
        object.__setattr__(split, "units", units)
        object.__setattr__(split, "templates", tuple(self.templates[origin] for origin in origins))
        object.__setattr__(split, "_records", [self._records[origin] for origin in origins])
        return SplitContext(split, origins)

    def _count_left(self, chosen: Sequence[int]) -> Counter[int]:
        """By template the records of which nothing is kept."""
        templates = dict(zip(self._records, self.templates, strict=True))
        left = Counter(templates.values())
        left.subtract(templates[record] for record in {self._records[index] for index in chosen})
        return left

    def _mark_start(self, index: int, before: int, newline: str) -> str:
        """What stands for the dropped start of a record, "" where `before`, the unit kept before, is of the same."""
        record = self._records[index]
        if before >= 0 and self._records[before] == record:
            return ""
        start, own = (self._find_span(unit)[0] for unit in (bisect_left(self._records, record), index))
        return "" if start == own else f"…{newline}" if "\n" in self.text[start:own] else "… "

    def _join_parts(self, index: int, following: int, newline: str) -> str:
        """What stands between two kept parts of a record."""
        between = self.text[self._find_span(index)[1] : self._find_span(following)[0]]
        if following == index + 1:
            return between
        return f"{newline}…{newline}" if "\n" in between else " … "

    def _find_gap(self, index: int) -> tuple[int, str]:
        """Where the record of a unit ends, and what stands between it and the next one."""
        following = bisect_right(self._records, self._records[index])
        end = self._find_span(following - 1)[1]
        return end, self.text[end : self._find_span(following)[0]]

    def _find_span(self, index: int) -> tuple[int, int]:
        """The span of a unit; for the index after the last one, the end of the text."""
        span = self.units[index].span if index < len(self.units) else None
        return span if span is not None else (len(self.text), len(self.text))


def _mark_end(dropped: str, newline: str) -> str:
    """What stands for the end of a record that is dropped."""
    return "" if not dropped else f"{newline}…" if "\n" in dropped else " …"


def _check_lines(text: str) -> None:
    """Refuse a log of too many lines; see `check_units`. Blank lines do not count."""
    # Line ends first: counting them is fast, and few logs need the exact count of lines that are not blank.
    if text.count("\n") > count_most_units(len(text)):
        lines = sum(1 for _ in _NOT_BLANK.finditer(text))
        check_units(lines, len(text), "read it as plain text, or give a part of it")

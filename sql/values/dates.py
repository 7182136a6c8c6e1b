"""How columns write days: recognising the form of stored texts or numbers, reading them, and writing others alike."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FORMS", "MONTHS", "DateForm", "Day", "detect", "valid"]

Day = tuple[int, int, int]  # year, month, day; the day is 0 for a whole month, and so is the month for a whole year

_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
MONTHS = {name: k for k, full in enumerate(_NAMES, 1) for name in (full, full[:3])} | {"sept": 9}
# The parts of a form: year, padded and bare month and day, name of the month. Of two forms that fit, the first counts.
FORMS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y",
    "%k/%e/%Y", "%e/%k/%Y", "%Y-%k-%e", "%Y/%k/%e", "%e.%k.%Y", "%e-%b-%Y", "%e %b %Y", "%b %e, %Y", "%Y-%m", "%Y%m",
)  # fmt: skip
_PARTS = {
    "Y": r"(?P<Y>[12]\d{3})", "m": r"(?P<m>0\d|1[0-2])", "d": r"(?P<d>[0-2]\d|3[01])", "k": r"(?P<m>1[0-2]|0?\d)",
    "e": r"(?P<d>[12]\d|3[01]|0?\d)", "b": r"(?P<b>[A-Za-z]{3,9})\.?",
}  # fmt: skip
_TIME = r"(?P<time>[ T]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-]\d\d:?\d\d)?)?"
_ENOUGH = 0.95


@dataclass(frozen=True, slots=True)
class DateForm:
    """One way to write days.

    Attributes:
        pattern: One of `FORMS`.
        timed: Stored texts also have a time of day.
        glue: What stands between day and time, " " or "T".
    """

    pattern: str
    timed: bool = False
    glue: str = " "

    @property
    def sorts(self) -> bool:
        """Texts in this form sort as the days do."""
        return self.pattern.startswith("%Y") and "%k" not in self.pattern

    @property
    def monthly(self) -> bool:
        """It has no day of the month."""
        return "%d" not in self.pattern and "%e" not in self.pattern

    def read(self, text: str) -> Day | None:
        """The day that a stored text means; None for one in another form."""
        match = _compiled(self.pattern).fullmatch(text.strip())
        if match is None:
            return None
        parts = match.groupdict()
        month = int(parts["m"]) if parts.get("m") else MONTHS.get((parts.get("b") or "").lower(), 0)
        day = (int(parts["Y"]), month, int(parts["d"]) if parts.get("d") else 0)
        return day if valid(day, whole_month=self.monthly) else None

    def write(self, day: Day) -> str:
        """The day in this form, without a time; a month or year as the first part of it where the form sorts.

        Raises nothing; "" where the form cannot say it ("2012" in "%d/%m/%Y").
        """
        year, month, number = day
        if self.monthly:
            number = 0
        pattern = self.pattern
        if not month or (not number and not self.monthly):
            if not self.sorts:
                return ""
            pattern = pattern[:2] if not month else pattern[: pattern.index("%m") + 2]
        texts = {
            "Y": f"{year:04d}", "m": f"{month:02d}", "d": f"{number:02d}", "k": str(month), "e": str(number),
            "b": _NAMES[month - 1][:3].capitalize(),
        }  # fmt: skip
        return re.sub("%([Ymdkeb])", lambda match: texts[match.group(1)], pattern)

    def bounds(self, day: Day) -> tuple[str, str]:
        """The first and last text of a day, month or year, both included; ("", "") where such texts do not sort."""
        year, month, number = day
        if number or (self.monthly and month):
            low = high = self.write(day)
            return (low, f"{low}{self.glue}23:59:59") if self.timed and self.sorts else (low, high)
        if not self.sorts:
            return "", ""
        last = (year, month or 12, monthrange(year, month or 12)[1])
        high = self.write(last)
        return self.write((year, month or 1, 1)), f"{high}{self.glue}23:59:59" if self.timed else high


def detect(texts: Sequence[str]) -> DateForm | None:
    """The form in which at least 95 % of some stored texts are days; None where there is none."""
    for pattern in FORMS:
        form = DateForm(pattern)
        if sum(form.read(text) is not None for text in texts[:20]) < _ENOUGH * len(texts[:20]):
            continue
        if sum(form.read(text) is not None for text in texts) >= max(1.0, _ENOUGH * len(texts)):
            times = [match.group("time") for text in texts if (match := _compiled(pattern).fullmatch(text.strip()))]
            timed = [time for time in times if time]
            return DateForm(pattern, bool(timed), timed[0][0] if timed else " ")
    return None


def valid(day: Day, *, whole_month: bool = False) -> bool:
    """Whether there is such a day between the years 1000 and 2999."""
    year, month, number = day
    if not 1000 <= year <= 2999 or not 1 <= month <= 12:
        return False
    return number == 0 if whole_month else 1 <= number <= monthrange(year, month)[1]


@lru_cache(maxsize=len(FORMS))
def _compiled(pattern: str) -> re.Pattern[str]:
    body = re.sub("%([Ymdkeb])|(.)", lambda m: _PARTS[m.group(1)] if m.group(1) else re.escape(m.group(2)), pattern)
    return re.compile(body + _TIME)

"""What a question lets one look for in the columns of a large table: words, numbers, dates, bounds, extremes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.grid import Grid
from ctxprune.scorers.structured.table_reading.headers import named_columns
from ctxprune.scorers.structured.table_reading.question_form import QuestionForm, directions, question_form
from ctxprune.scorers.structured.table_reading.reading import TableReading
from ctxprune.text.words import terms, words
from ctxprune.utils.extras import require

from ._cells import cell_text
from .frames import arrow_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .table_file import Part

pa = require("pyarrow", "tables")
compute = require("pyarrow.compute", "tables")

__all__ = ["Hits", "Probe", "column_numbers", "is_text", "plain_column"]

_ACCENTED = {
    letters[0]: letters for letters in ("aàáâãäåāă", "cçćč", "eèéêëēęě", "iìíîïī", "lł", "nñńň", "oòóôõöøō", "sśšş",
                                        "uùúûüūů", "yýÿ", "zźżž")
}  # fmt: skip

_SAMPLE = 256  # rows by which columns are read
_MOST = 62  # things that are looked for; their hits are bits of one number
_ORDERS = 6  # extremes that are looked for
_EVIDENCE = 2  # columns that show what was found, and as many along which it was ordered
_NAMED = 0.5  # from which a column counts as named, 0 to 1
_STEM = 4  # letters of a beginning, at least
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_NUMBER = r"^\s*[$€£¥]?\s*-?[0-9][0-9,]*(?:\.[0-9]+)?\s*%?\s*$"


@dataclass(frozen=True)
class Hits:
    """What was found in the rows of a part.

    Attributes:
        bits: uint64 (n_rows,): bit i is set where thing i is found.
        orders: For each order (`Probe.orders`) float64 (n_rows,), higher = nearer to the extreme; -inf without a value.
        counts: int64 (n_columns + 1, n_things): in how many rows each thing is found, by column and (last) in any.
    """

    bits: NDArray[np.uint64]
    orders: tuple[NDArray[np.float64], ...]
    counts: NDArray[np.int64]


class Probe:
    """What is looked for, made from a question and the first rows of the table.

    Columns that are no text, number, date or truth value are passed over. A word is found where one of a text begins
    with it or with its stem, whatever the case. A number is found as a number, and in texts as one that stands alone; a
    date in dates; a bound ("over 50", "since 2019") in columns of its kind. Extremes are looked for along the columns
    that the question names best.

    Attributes:
        size: How many things are looked for.
        words: The words that are looked for in texts, and `word_patterns` how, for RE2.
        tests: Columns of numbers and dates, and the ranges that are looked for in them.
        orders: The column of each extreme that the question asks for, and whether the greatest values are wanted.
    """

    def __init__(self, question: str, names: tuple[str, ...], part: Part) -> None:
        form = question_form(question)
        rows = _texts(part)
        reading = TableReading(Grid(names, rows, tuple(range(len(rows)))))
        self._named = named_columns(list(dict.fromkeys(terms(question))), reading)
        self._kinds = [_kind(column, kind) for column, kind in zip(part.columns, reading.kinds, strict=True)]
        self.words = tuple(_words(question))[: _MOST // 2]
        self.word_patterns = tuple(map(_word_pattern, self.words))
        likely = [int(column) for column in np.argsort(-self._named, kind="stable")]
        self.tests = _tests(form, self._kinds, likely)[: _MOST - len(self.word_patterns)]
        self.size = len(self.word_patterns) + len(self.tests)
        valued = [column for column in likely if self._kinds[column] in ("number", "date")]
        orders = [(column, most) for column in valued for most in directions(form, reading.kinds[column])]
        self.orders = tuple(orders[:_ORDERS])

    def look(self, part: Part) -> Hits:
        """What is found in a part."""
        bits = np.zeros(part.rows.num_rows, dtype=np.uint64)
        counts = np.zeros((len(part.columns) + 1, self.size), dtype=np.int64)
        self._look_for_words(part, bits, counts)
        needed = {test[0] for test in self.tests} | {order[0] for order in self.orders}
        numbers = {column: column_numbers(part.columns[column]) for column in needed}
        for thing, (column, low, high) in enumerate(self.tests, start=len(self.word_patterns)):
            inside = (numbers[column] >= low) & (numbers[column] <= high)
            counts[column, thing] = counts[-1, thing] = inside.sum()
            bits |= inside.astype(np.uint64) << np.uint64(thing)
        orders = [numbers[column] if most else -numbers[column] for column, most in self.orders]
        return Hits(bits, tuple(np.where(np.isnan(order), -np.inf, order) for order in orders), counts)

    def evidence(self, counts: NDArray[np.int64], size: int) -> list[int]:
        """The columns that show why rows were found: those that hold the rarest things, and along which the question
        orders by name.

        Args:
            counts: The sum over all `Hits.counts`.
            size: Rows of the table; what stands in half of them is not rare.
        """
        things = np.where(counts[:-1] > 0, counts[:-1], size)
        rarest = things.min(axis=1, initial=size)
        found = [int(column) for column in np.argsort(rarest, kind="stable") if rarest[column] < size / 2]
        ordered = dict.fromkeys(column for column, _ in self.orders if self._named[column] >= _NAMED)
        return sorted({*found[:_EVIDENCE], *[*ordered][:_EVIDENCE]})

    def _look_for_words(self, part: Part, bits: NDArray[np.uint64], counts: NDArray[np.int64]) -> None:
        """Add the words that texts hold; all columns of texts are looked through as one."""
        columns = np.asarray([place for place, kind in enumerate(self._kinds) if kind == "text"], dtype=np.int64)
        if not self.word_patterns or not len(columns) or not len(bits):
            return
        texts = pa.concat_arrays([plain_column(part.columns[column]).cast(pa.large_string()) for column in columns])
        places = np.flatnonzero(_matches(texts, "|".join(self.word_patterns)))
        texts = texts.take(pa.array(places))
        for thing, pattern in enumerate(self.word_patterns):
            found = places[_matches(texts, pattern)]
            rows = np.unique(found % len(bits))
            bits[rows] |= np.uint64(1 << thing)
            counts[columns, thing] += np.bincount(found // len(bits), minlength=len(columns))
            counts[-1, thing] += len(rows)


def _tests(form: QuestionForm, kinds: list[str], likely: list[int]) -> list[tuple[int, float, float]]:
    """Columns and the ranges that are looked for in them; one for each column, so that a rare hit counts as one."""
    found = []
    for value in form.values:
        near = 0.0 if float(value.low).is_integer() else 1e-9 * abs(value.low)
        for column in likely:
            if kinds[column] == "number":
                found.append((column, value.low - near, value.low + near))
            elif kinds[column] == "date" and value.dated:
                found.append((column, value.low, float(np.nextafter(value.high, -np.inf))))
    for bound in form.conditions:
        fitting = ("number", "date") if bound.dated else ("number",)
        high = float(np.nextafter(bound.high, -np.inf)) if bound.dated else bound.high
        found += [(column, bound.low, high) for column in likely if kinds[column] in fitting]
    return found


def _kind(column: Any, seen: str) -> str:
    """ "text", "number", "date" or "other": what to look for in a column, of which a sample was `seen` as that."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "date"
    if not is_text(kind):
        return "other"
    if seen in ("number", "percent", "year"):
        return "number"
    return "date" if seen == "date" and _shares(column, _DATE) > 0.5 else "text"


def is_text(kind: Any) -> bool:
    """Whether a type of Arrow is one of texts."""
    # pyarrow has a function for each type.
    return any(getattr(pa.types, test)(kind) for test in ("is_string", "is_large_string", "is_string_view"))


def _shares(column: Any, pattern: str) -> float:
    return float(_matches(plain_column(column.slice(0, _SAMPLE)), pattern).mean())


def plain_column(column: Any) -> Any:
    """The column without a dictionary, and its texts as all functions of Arrow know them."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return column.cast(pa.large_string() if kind == pa.string_view() else kind)


def column_numbers(column: Any) -> NDArray[np.float64]:
    """float64 (n_rows,), NaN where there is none; dates as years, by months of a 12th and days of a 372nd."""
    column = plain_column(column)
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return _years(column)
    if is_text(column.type):
        if len(column) and _shares(column, _DATE) > 0.5:
            return _years(
                compute.strptime(compute.utf8_slice_codeunits(column, 0, 10), "%Y-%m-%d", "s", error_is_null=True)
            )
        digits = compute.replace_substring_regex(column, r"[^0-9.\-]", "")
        column = compute.if_else(compute.match_substring_regex(column, _NUMBER), digits, None)
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _years(column: Any) -> NDArray[np.float64]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp(column.type.unit))  # UTC: no data base of time zones is needed
    days = compute.year(column), compute.month(column), compute.day(column)
    year, month, day = (part.cast(pa.float64()).to_numpy(zero_copy_only=False) for part in days)
    years: NDArray[np.float64] = year + (month - 1) / 12 + (day - 1 + _day_share(column)) / 372
    return years


def _day_share(column: Any) -> Any:
    """How much of the day has passed, from 0 up to 1."""
    if not pa.types.is_timestamp(column.type):
        return 0.0
    clock = compute.hour(column), compute.minute(column), compute.second(column)
    hours, minutes, seconds = (part.cast(pa.float64()).to_numpy(zero_copy_only=False) for part in clock)
    return (hours + (minutes + seconds / 60) / 60) / 24


def _words(question: str) -> list[str]:
    """The words that say something, each as the beginning that its forms share; a number as it stands."""
    told = {*terms(question)}
    found = []
    for word in words(question):
        own = [term for term in terms(word) if term in told]
        if own:
            size = next(
                (i for i, pair in enumerate(zip(word, own[0], strict=False)) if pair[0] != pair[1]), len(own[0])
            )
            shared = word[:size]
            found.append(shared if len(shared) >= _STEM else word)
    return list(dict.fromkeys(found))


def _word_pattern(word: str) -> str:
    """Where a text has a word that begins so, whatever its accents; a number must stand alone. For RE2."""
    if word.isdigit():
        return rf"(?:^|[^0-9]){word}(?:$|[^0-9])"
    letters = "".join(f"[{_ACCENTED[char]}]" if char in _ACCENTED else re.escape(char) for char in word)
    return rf"(?i)(?:^|[^\pL\pN]){letters}"


def _matches(column: Any, pattern: str) -> NDArray[np.bool_]:
    found = compute.match_substring_regex(column, pattern).fill_null(fill_value=False)
    result: NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
    return result


def _texts(part: Part) -> tuple[tuple[str, ...], ...]:
    """The first rows, as a reader sees them."""
    columns = (map(cell_text, arrow_values(column.slice(0, _SAMPLE))) for column in part.columns)
    return tuple(zip(*columns, strict=True))

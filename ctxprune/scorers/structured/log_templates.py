"""Log lines as records, and what records have in common: their templates.

What changes from line to line (times, numbers, addresses, paths, quoted texts) is masked; words that take many values
in one place of otherwise equal lines are found by counting. Templates are Drain's idea (He, Zhu, Zheng and Lyu, "Drain:
an online log parsing approach with fixed depth tree", ICWS 2017), which joins lines that have half of their words in
common: "login accepted" and "login refused" would be one there, and are two here. Time grows with the text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

__all__ = ["MASK", "MOST_READ", "LogLines", "find_templates", "form_of", "read_lines"]

MASK = "*"

_MANY = 8  # different words in one place of otherwise equal lines that make it a parameter
MOST_READ = 1 << 16  # characters of a record that make its template; what follows is data, a dump for instance
_LONGEST = 60  # words of a template in which they are
_ROUNDS = 4  # a line with two such words has the second one found when the first is masked
_HEADS = 0.5  # of the first lines start like a record: then nothing else does
_SAMPLE = 1000
_DIGITS = str.maketrans("123456789", "000000000")
_RUN = re.compile("00+")
_MONTH = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
# What is masked where each run of digits is one 0 already. Every part starts at the border of a word or has a limit,
# so that a long line takes no more time than many short ones.
_VALUES = (
    rf"{_MONTH} +0(?:[ :.,+-]+0)*|0/{_MONTH}/0(?:[ :+-]+0)*"  # dates with names of months
    r"|0-0-0(?:[T ]0:0(?::0)?(?:[.,]0)?(?: ?(?:Z|UTC|[+-]0(?::0)?))?)?"
    r"|\b[a-zA-Z][a-zA-Z0+.-]{1,20}://[^\s\"'<>]+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
    r"|\b0x[0a-fA-F]+\b|\b(?=[a-fA-F]*0)[0a-fA-F]{3,}(?:-[0a-fA-F]+)*\b"
    r"|(?<![a-zA-Z0])(?=[a-zA-Z]*0[a-zA-Z])[a-zA-Z0]{12,}(?![a-zA-Z0])"  # identifiers made by a machine
    r"|(?<![\w*])[~.]{0,2}/[\w.@%+~-]+(?:/[\w.@%+~*-]*)*|\b[A-Z]:\\[^\s\"']+"  # paths
    r"|0(?:[.,:/-]0)*"
)
_CHANGING = re.compile(rf"{_VALUES}|(?<!\w)\"[^\"]*\"|(?<!\w)'[^']*'")
_CHANGING_IN_JSON = re.compile(_VALUES)  # the message is quoted there
_TIME = rf"0[-/.:]0[-/.:]0|{_MONTH} +0 0:0|0/{_MONTH}/0:|0\.0\b"
_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|CRIT|CRITICAL|FATAL|ALERT|EMERG|PANIC)\b"
_HEAD = re.compile(rf"[\[(<]?(?:{_TIME}|{_LEVEL}|[IWEF]0 0:)|(?:\S+ ){{1,3}}\[?(?:{_TIME})|\{{\"|\w+=\S+ \w+=")
_GOES_ON = re.compile(
    r"\s|Caused by:|Traceback |During handling of|The above exception|[\])}]|\.\.\. 0 more|[\w.]+(?:Error|Exception)\b"
)


@dataclass(frozen=True, slots=True)
class LogLines:
    """A log cut into records.

    Attributes:
        spans: Of each record, without the line end behind it; a record may go over several lines.
        forms: Of each record its text with runs of digits as one 0.
    """

    spans: list[tuple[int, int]]
    forms: list[str]


def read_lines(text: str) -> LogLines:
    """The records of a log; blank lines are in none unless within one.

    Where most lines start with a time or a level, a record goes up to the next such line; else it takes the lines that
    are indented and those that belong to a stack trace.
    """
    forms = form_of(text).split("\n")
    # Decided once for the whole log: a stack trace has lines that look like heads of records.
    sample = [form for form in forms[:_SAMPLE] if form.strip() and not form[0].isspace()]
    headed = sum(_HEAD.match(form) is not None for form in sample) > _HEADS * len(sample)
    starts: dict[str, bool] = {}
    spans: list[tuple[int, int]] = []
    records: list[str] = []
    further: defaultdict[int, list[str]] = defaultdict(list)  # lines of records of several
    begin = 0
    for form, line in zip(forms, text.split("\n"), strict=True):
        # Lines of one form start a record alike, and most lines of a log have one of a few forms.
        if form not in starts:
            starts[form] = _starts(form, headed)
        end = begin + len(line.rstrip())
        if end > begin and (starts[form] or not records):
            spans.append((begin, end))
            records.append(form.rstrip())
        elif end > begin:
            spans[-1] = spans[-1][0], end
            further[len(records) - 1].append(form.rstrip())
        begin += len(line) + 1
    for index, lines in further.items():
        records[index] = "\n".join([records[index], *lines])
    return LogLines(spans, records)


def form_of(text: str) -> str:
    """The text with each run of digits as one 0."""
    return _RUN.sub("0", text.translate(_DIGITS))


def find_templates(forms: list[str]) -> tuple[list[int], list[str]]:
    """For each record the number of its template, by first coming, and the templates, `MASK` for what changes.

    Of a record the first 65,536 characters are read.
    """
    masked = {
        form: (_CHANGING_IN_JSON if form.startswith("{") else _CHANGING).sub(MASK, form[:MOST_READ])
        for form in dict.fromkeys(forms)
    }
    names = list(dict.fromkeys(masked.values()))
    joined = dict(zip(names, _with_parameters(names), strict=True))
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(joined[masked[form]], len(numbers)) for form in forms]
    return found, list(numbers)


def _starts(form: str, headed: bool) -> bool:
    return _HEAD.match(form) is not None if headed else _GOES_ON.match(form) is None


def _with_parameters(templates: list[str]) -> list[str]:
    """Each template with words masked that change from one to the next."""
    split = [template.split(" ") for template in templates]
    equally_long: defaultdict[int, list[list[str]]] = defaultdict(list)
    for words in split:
        equally_long[len(words)].append(words)
    for count, lines in equally_long.items():
        if count <= _LONGEST:
            _mask_parameters(lines)
    return [" ".join(words) for words in split]


def _mask_parameters(lines: list[list[str]]) -> None:
    """In place; `lines` have the same number of words.

    A line is hashed as a sum over its words, so that the hash with one of them left out is a subtraction.
    """
    numbers = {MASK: 0, "": 1}
    ids = np.array([[numbers.setdefault(word, len(numbers)) for word in words] for words in lines])
    random = np.random.default_rng(0)
    # A fixed seed: the same log has the same templates on every machine.
    weights = random.integers(1 << 63, size=len(numbers) + 1, dtype=np.uint64)  # the last one is that of a gap
    factors = random.integers(1 << 63, size=ids.shape[1], dtype=np.uint64)
    for _ in range(_ROUNDS):
        terms = weights[ids] * factors
        wholes = terms.sum(axis=1)
        # Equal hashes with a word left out mean lines that differ in that word alone.
        _, gaps = np.unique(wholes[:, None] - terms + weights[-1] * factors, return_inverse=True)
        gaps = gaps.reshape(ids.shape)
        _, different = np.unique(wholes, return_index=True)
        words = ids > 1
        counts = np.bincount(gaps[different][words[different]], minlength=gaps.max() + 1)[gaps] * words
        places = counts.argmax(axis=1)
        rows = np.flatnonzero(counts.max(axis=1) >= _MANY)
        if not len(rows):
            break
        ids[rows, places[rows]] = 0
    for row, place in np.argwhere(ids == 0).tolist():
        lines[row][place] = MASK

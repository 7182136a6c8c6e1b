"""Cells of text that a question names: as they stand, in another form of the word, or by an abbreviation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.column_names import is_short_for
from ctxprune.text.words import STOP_WORDS, fold, split_identifier, stem, word_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["AskedWords", "NamedCells", "find_named_cells", "read_words_asked"]

_FEW = 64  # distinct texts of a column of categories, whose abbreviations are looked for
_KINDS = 8  # distinct texts of a column up to which two letters are taken for the beginning of a word
_REPEATED = 0.5  # distinct texts over filled cells of such a column, at most
_MOST_WORDS = 400  # of a question that are read; what it asks for is seldom said later
_LONGEST = 12  # words of a cell that is looked for as a whole
_MOST_LETTERS = 600  # characters of one; a cell of megabytes is not cut into words to be told that it has too many
_SEXES = ({"woman", "women", "female", "females", "girl", "girls"}, {"man", "men", "male", "males", "boy", "boys"})
_SEX_CELLS = ({"female", "f", "women", "woman", "w"}, {"male", "m", "men", "man"})
_STATES = (
    "alabama al alaska ak arizona az arkansas ar california ca colorado co connecticut ct delaware de florida fl "
    "georgia ga hawaii hi idaho id illinois il indiana in iowa ia kansas ks kentucky ky louisiana la maine me "
    "maryland md massachusetts ma michigan mi minnesota mn mississippi ms missouri mo montana mt nebraska ne nevada nv "
    "ohio oh oklahoma ok oregon or pennsylvania pa tennessee tn texas tx utah ut vermont vt virginia va washington wa "
    "wisconsin wi wyoming wy"
)
_CODES = dict(zip(_STATES.split()[::2], _STATES.split()[1::2], strict=True))
_NOT = frozenset((
    "not", "except", "excluding", "excluded", "without", "outside", "besides", "isn", "aren", "wasn", "weren", "doesn",
    "didn",
))  # fmt: skip
_NEGATES = 3  # words before a cell's within which such a word turns it round
_OTHER = frozenset(("other than", "apart from", "aside from", "different from", "rather than"))
_COMPARED = frozenset(("than", "as", "like", "versus"))
_INITIAL = re.compile(r"[A-Z]")


@dataclass(frozen=True)
class AskedWords:
    """The words of a question.

    Attributes:
        written: As they are written.
        folded: Folded.
        stems: Stems of these.
    """

    written: tuple[str, ...]
    folded: tuple[str, ...]
    stems: tuple[str, ...]


@dataclass(frozen=True)
class NamedCells:
    """Cells of one column that the same words of a question name.

    Attributes:
        column: Index of the column.
        start, end: The words.
        rows: bool (n_rows,), the rows whose cell is named; or, where the question excludes them, the other rows whose
            cell says something.
        exact: Whether the cell's own words stand in the question, and not something that is short for them.
        excludes: Whether the question excludes what it names ("not in Oslo").
        compared: Whether other rows are compared with it ("older than Ana", "the same town as Ana").
    """

    column: int
    start: int
    end: int
    rows: NDArray[np.bool_]
    exact: bool
    excludes: bool
    compared: bool


def read_words_asked(query: str) -> AskedWords:
    """Cut a question into its words; of a longer one the first 400, since each is held against each column."""
    written = tuple(query[start:end] for start, end in word_spans(query)[:_MOST_WORDS])
    folded = tuple(map(fold, written))
    return AskedWords(written, folded, tuple(map(stem, folded)))


def find_named_cells(asked: AskedWords, reading: TableReading) -> list[NamedCells]:
    """The cells that a question names, by column and by the words that name them; of words that name a longer cell of
    the column, too, only that one ("New York" and not "York")."""
    found = []
    for number, column in enumerate(reading.columns):
        if reading.kinds[number] != "text" or not len(column):
            continue
        spans: dict[tuple[int, int], set[int]] = {}
        exact: set[tuple[int, int]] = set()
        for place, start, end, is_exact in _named_places(asked, reading, number):
            spans.setdefault((start, end), set()).add(place)
            if is_exact:
                exact.add((start, end))
        for start, end in _widest(spans):
            rows = np.isin(column.places, sorted(spans[start, end]))
            excludes = _is_excluded(asked.folded, start)
            if excludes:
                rows = ~rows & column.filled[column.places]
            compared = not excludes and _is_compared(asked.folded, start)
            found.append(NamedCells(number, start, end, rows, (start, end) in exact, excludes, compared))
    return found


def _widest(spans: dict[tuple[int, int], set[int]]) -> list[tuple[int, int]]:
    return [
        span
        for span in spans
        if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in spans)
    ]


def _is_excluded(folded: Sequence[str], start: int) -> bool:
    before = folded[max(start - _NEGATES, 0) : start]
    pairs = {" ".join(pair) for pair in pairwise(before)}
    return not _NOT.isdisjoint(before) or not _OTHER.isdisjoint(pairs) or before[-1:] == ("non",)


def _is_compared(folded: Sequence[str], start: int) -> bool:
    # An article or a title may stand between: "than the Red Lions".
    return not _COMPARED.isdisjoint(folded[max(start - 2, 0) : start])


def _named_places(asked: AskedWords, reading: TableReading, number: int) -> Iterator[tuple[int, int, int, bool]]:
    """For each distinct cell of a column that is named its place, the words from and to, and whether it is exact."""
    column = reading.columns[number]
    categories = len(column.folded) <= _FEW and reading.distinct[number] <= _REPEATED
    # Of a column of many texts only those that hold a word of the question.
    places = [*range(len(column.folded))] if categories else _places_with_terms(asked, reading, number)
    sex = {word for word in column.folded if word} <= set().union(*_SEX_CELLS)
    for place in places:
        text = column.folded[place]
        if not text or len(text) > _MOST_LETTERS:
            continue
        span = _find_words(asked, text)
        if span is not None:
            yield place, *span, True
        elif categories and (short := _find_short(asked, text, sex=sex, few=len(column.folded) <= _KINDS)) is not None:
            yield place, *short, False
        elif categories and (parts := _find_parts(asked, _written(reading, number, place))) is not None:
            yield place, *parts, False
        elif categories and (initials := _find_acronym(asked, text)) is not None:
            yield place, *initials, False


def _places_with_terms(asked: AskedWords, reading: TableReading, number: int) -> list[int]:
    width, column = max(reading.shape[1], 1), reading.columns[number]
    found: set[int] = set()
    for word in {*asked.stems}:
        cells = reading.places.find_places(word)
        rows = cells[cells % width == number] // width
        found.update(np.unique(column.places[rows]).tolist())
    return sorted(found)


def _find_words(asked: AskedWords, text: str) -> tuple[int, int] | None:
    """Where the words of a folded cell stand in the question, in whatever form; None where they do not."""
    cell = [fold(text[start:end]) for start, end in word_spans(text)]
    if not cell or len(cell) > _LONGEST:
        return None
    stems, size = tuple(map(stem, cell)), len(cell)
    for start in range(len(asked.stems) - size + 1):
        if asked.stems[start : start + size] == stems and _says_cell(asked, start, size):
            return start, start + size
    return None


def _says_cell(asked: AskedWords, start: int, size: int) -> bool:
    """Whether these words are a name: "it" and "or" are only in capitals ("Who works in IT?")."""
    if size > 1 or asked.folded[start] not in STOP_WORDS:
        return True
    return len(asked.written[start]) > 1 and asked.written[start].isupper()


def _written(reading: TableReading, column: int, place: int) -> str:
    row = int(np.argmax(reading.columns[column].places == place))
    return reading.grid.rows[row][column]


def _find_parts(asked: AskedWords, text: str) -> tuple[int, int] | None:
    """Where words stand of which the parts of an identifier are short: "associate professor" of "AssocProf"."""
    parts = split_identifier(text)
    size = len(parts)
    if size < 2 or not text.replace("_", "").isalpha():
        return None
    for start in range(len(asked.folded) - size + 1):
        pairs = zip(parts, asked.folded[start : start + size], strict=True)
        if all(part == word or is_short_for(part, word) for part, word in pairs):
            return start, start + size
    return None


def _find_acronym(asked: AskedWords, text: str) -> tuple[int, int] | None:
    """Where the question has in capitals the initials of a folded cell of several words: "HR" of "human resources"."""
    cell = [text[start:end] for start, end in word_spans(text)]
    if not 1 < len(cell) <= _LONGEST:
        return None
    # With and without what is small between names: both "DoD" and "DD" are in use.
    forms = {"".join(word[0] for word in cell), "".join(word[0] for word in cell if word not in STOP_WORDS)}
    for place, word in enumerate(asked.written):
        if len(word) > 1 and word[:1].isupper() and word[-1:].isupper() and asked.folded[place] in forms:
            return place, place + 1
    return None


def _find_short(asked: AskedWords, text: str, *, sex: bool, few: bool) -> tuple[int, int] | None:
    """Where the question says what a cell of one word is short for, or the other way round; of `few` texts in the
    column two letters may be the beginning of a word, and initials may be small."""
    if not text.replace(".", "").isalpha():
        return None
    short = text.replace(".", "")
    for place, word in enumerate(asked.folded):
        if word in STOP_WORDS:
            continue
        if sex and any(word in words and short in cells for words, cells in zip(_SEXES, _SEX_CELLS, strict=True)):
            return place, place + 1
        if _CODES.get(word) == short or _is_beginning(short, word, few=few):
            return place, place + 1
    return _find_initials(asked, short, few=few)


def _is_beginning(short: str, word: str, *, few: bool) -> bool:
    least = 2 if few else 3
    return least <= len(short) < len(word) and len(word) > 3 and word.startswith(short)


def _find_initials(asked: AskedWords, short: str, *, few: bool) -> tuple[int, int] | None:
    """Where words begin with the letters of `short`: "United States" of "US" or "USA", "blue collar" of "BC"."""
    telling = [place for place, word in enumerate(asked.folded) if word not in STOP_WORDS]
    for size in range(len(short), max(len(short) - 2, 1), -1):
        for first in range(len(telling) - size + 1):
            places = telling[first : first + size]
            capital = all(_INITIAL.match(asked.written[place]) for place in places)
            whole = few and size == len(short)
            initials = "".join(asked.folded[place][0] for place in places)
            if (capital or whole) and short.startswith(initials):
                return places[0], places[-1] + 1
    return None

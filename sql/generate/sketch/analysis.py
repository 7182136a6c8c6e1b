"""What a question says about a schema: tokens, mentions of columns, tables and values, numbers, quoted texts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from ctxprune.text.words import STOP_WORDS, fold, stem

from .periods import find_periods, is_year

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...schema.hits import RangeHit, ValueHit
    from ...schema.schema import ColumnRef
    from .view import Name, SchemaView

__all__ = ["MAX_TOKENS", "Analysis", "Mention", "Token", "Value", "analyse", "similar_words", "tokenize"]

MAX_TOKENS = 80
_DATE = r"\d{4}-\d{1,2}-\d{1,2}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?|\d{1,2}/\d{1,2}/\d{2,4}"
_NUMBER = r"(?:(?<![\w)])-(?=\d))?(?:\d+(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d+(?![^\W_]))"
_TOKEN = re.compile(rf"{_DATE}|{_NUMBER}|[^\W_]+n['’]t\b|[^\W_]+|[<>=!%$]+")
_IS_DATE = re.compile(_DATE, re.IGNORECASE)
_QUOTED = re.compile(r"\"([^\"]{1,80})\"|(?<!\w)'([^']{1,80})'(?!\w)|“([^”]{1,80})”|‘([^’]{1,80})’|`([^`]{1,80})`")
_NUMBERS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
# Similarities as rapidfuzz gives them, 0..100: above it a word counts as the same with a typo.
_FUZZY = 84.0
_SHORTENED = 0.9  # "student ids" for stuid
_ABBREVIATED = 0.6  # "department" for dept
_SURE = 0.55  # mentions below are no mentions


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the question: folded text, stem, characters [start, end), numeric value if it has one."""

    text: str
    stem: str
    start: int
    end: int
    number: float | int | None = None
    capital: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens [start, end) that name a column or table; `score` 0..1 is the weighted share of its name that matched."""

    start: int
    end: int
    score: float
    exact: float


@dataclass(frozen=True, slots=True)
class Value:
    """A literal of the question: tokens [start, end), its kind and the columns that store it.

    Attributes:
        kind: "hit" (stored somewhere), "quoted", "number", "date" or "name" (capitalised, not stored).
        value: The closest stored text of a hit, else the text or number as written.
        written: As written in the question; of a month or day in words, as `value`.
        places: (column, stored value, score), best first; empty unless it was found in the database.
        numbers: Of a year that rather means days, the columns of numbers that it may mean all the same; None: all.
    """

    start: int
    end: int
    kind: str
    value: str | int | float
    written: str | int | float
    places: tuple[tuple[ColumnRef, str, float], ...] = ()
    numbers: frozenset[ColumnRef] | None = None


@dataclass(frozen=True)
class Analysis:
    """Everything the later steps read; token positions throughout."""

    tokens: tuple[Token, ...]
    columns: Mapping[int, tuple[Mention, ...]]
    tables: Mapping[int, tuple[Mention, ...]]
    values: tuple[Value, ...]
    truncated: bool = False


def tokenize(question: str, limit: int = MAX_TOKENS) -> tuple[tuple[Token, ...], bool]:
    """The first `limit` tokens and whether there were more."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(question[: limit * 40]):
        if len(tokens) == limit:
            return tuple(tokens), True
        raw = match.group()
        text = fold(raw)
        number = _number(text)
        tokens.append(Token(text, _stem(text), match.start(), match.end(), number, raw[:1].isupper()))
    return tuple(tokens), len(question) > limit * 40


def analyse(
    question: str,
    view: SchemaView,
    hits: Sequence[ValueHit],
    related: Mapping[str, Mapping[str, float]],
    ranges: Sequence[RangeHit] = (),
) -> Analysis:
    """Read one question against one schema.

    Args:
        question: The user's words.
        view: The prepared schema.
        hits: Stored values that the question mentions, with character spans.
        related: For a question stem, schema stems that it often stands for, 0..1.
        ranges: Columns that its numbers and days may be compared with, the likeliest first.
    """
    tokens, cut = tokenize(question)
    similar = [similar_words(tokens, position, view, related) for position in range(len(tokens))]
    columns = _mentions(similar, view.column_words, [facts.name for facts in view.columns])
    tables = _mentions(similar, view.table_words, list(view.tables))
    values = tuple(_with_numbers(value, tokens, view, ranges) for value in _values(question, tokens, view, hits))
    return Analysis(tokens, columns, tables, values, cut)


def _stem(text: str) -> str:
    return "id" if text == "ids" else stem(text)  # too short for the stemmer, yet in every other question


def _number(text: str) -> int | float | None:
    if text in _NUMBERS:
        return _NUMBERS[text]
    plain = text.replace(",", "")
    if re.fullmatch(r"-?[0-9]{1,17}", plain):
        return int(plain)
    if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", plain):
        return float(plain)
    return None


def similar_words(
    tokens: Sequence[Token], position: int, view: SchemaView, related: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Schema stems that the token (alone or joined with the next) may stand for, with a similarity 0..1."""
    token = tokens[position]
    found = {word: weight for word, weight in related.get(token.stem, {}).items() if word in view.words}
    # The token may be the first or the second half of a compound ("home town" for hometown).
    for first in (position - 1, position):
        if 0 <= first < len(tokens) - 1:
            found.update(_joined(tokens[first], tokens[first + 1], view))
    if token.stem in view.words:
        found[token.stem] = 1.0
    elif len(token.stem) >= 4 and token.text not in STOP_WORDS and token.number is None:
        for word, close in _spelled_alike(token, view):
            found[word] = max(close, found.get(word, 0.0))
    return found


def _joined(first: Token, second: Token, view: SchemaView) -> dict[str, float]:
    """Stems that two neighbouring words make together: "home town" for hometown, "student ids" for stuid."""
    found: dict[str, float] = {}
    if first.text + second.stem in view.words:
        found[first.text + second.stem] = 1.0
    for word, before in view.endings.get(second.stem, ()):
        if first.text.startswith(before):
            found[word] = max(_SHORTENED, found.get(word, 0.0))
    return found


def _spelled_alike(token: Token, view: SchemaView) -> Iterator[tuple[str, float]]:
    """Stems of nearly the same letters, and abbreviations of the word."""
    for word, ratio, _ in process.extract(token.stem, view.vocabulary, scorer=fuzz.ratio, score_cutoff=66.0, limit=4):
        close = _closeness(token.stem, word, ratio)
        if close:
            yield word, close
    for word in view.short.get(token.stem[0], ()):
        if _abbreviates(word, token.text):
            yield word, _ABBREVIATED


def _abbreviates(word: str, text: str) -> bool:
    """Do the letters of `word` stand in `text` in that order, as in dept for department?"""
    if len(word) >= len(text):
        return False
    rest = iter(text)
    return all(letter in rest for letter in word)


def _closeness(token: str, word: str, ratio: float) -> float:
    if len(word) < 4:
        return 0.0
    shared = 0
    for a, b in zip(token, word, strict=False):
        if a != b:
            break
        shared += 1
    if shared >= 4 and shared >= 0.7 * min(len(token), len(word)):
        return 0.85 if ratio >= _FUZZY else 0.7
    return 0.75 if ratio >= _FUZZY and min(len(token), len(word)) >= 5 else 0.0


def _mentions(
    similar: Sequence[Mapping[str, float]],
    postings: Mapping[str, Sequence[tuple[int, int]]],
    names: Sequence[Name],
) -> dict[int, tuple[Mention, ...]]:
    """Runs of neighbouring tokens (one gap allowed) that match words of one name: per name the best three."""
    by_name: dict[int, list[tuple[int, int, float]]] = {}
    for position, words in enumerate(similar):
        for word, closeness in words.items():
            for number, place in postings.get(word, ()):
                by_name.setdefault(number, []).append((position, place, closeness))
    found: dict[int, tuple[Mention, ...]] = {}
    for number, matches in by_name.items():
        runs = sorted(_runs(matches, names[number]), key=lambda m: (-m.score, m.start))
        if runs:
            found[number] = tuple(runs[:3])
    return found


def _runs(matches: list[tuple[int, int, float]], name: Name) -> list[Mention]:
    runs: list[Mention] = []
    current: list[tuple[int, int, float]] = []
    # The sentinel at the end closes the last run.
    for match in [*matches, (10**9, 0, 0.0)]:
        repeated = any(match[1] == place and match[0] != position for position, place, _ in current)
        # A run ends at a gap of more than one token, and where a word of the name comes a second time.
        if current and (match[0] - current[-1][0] > 2 or repeated):
            runs.append(_mention(current, name))
            current = []
        current.append(match)
    return runs


def _mention(matches: list[tuple[int, int, float]], name: Name) -> Mention:
    best: dict[int, float] = {}
    for _, place, closeness in matches:
        best[place] = max(best.get(place, 0.0), closeness)
    score = sum(name.weights[place] * closeness for place, closeness in best.items())
    exact = sum(name.weights[place] for place, closeness in best.items() if closeness >= 1.0)
    return Mention(matches[0][0], matches[-1][0] + 1, score, exact)


def _values(question: str, tokens: Sequence[Token], view: SchemaView, hits: Sequence[ValueHit]) -> tuple[Value, ...]:
    # Stored values come first, then quotes, periods and numbers: each takes its tokens from those after it.
    stored = [value for value in _stored(question, tokens, view, hits) if not _is_bound(tokens, value)]
    taken = {position for value in stored for position in range(value.start, value.end)}
    quoted = [value for value in _quoted(question, tokens) if not _overlaps(value, taken)]
    taken |= {position for value in quoted for position in range(value.start, value.end)}
    periods = _periods(question, tokens, taken) if any(column.kind == "date" for column in view.columns) else []
    taken |= {position for value in periods for position in range(value.start, value.end)}
    numbers = [
        Value(position, position + 1, "number", token.number, token.number)
        for position, token in enumerate(tokens)
        if token.number is not None and position not in taken
    ]
    numbers += [
        Value(position, position + 1, "date", _written(question, token), _written(question, token))
        for position, token in enumerate(tokens)
        if position not in taken and _IS_DATE.fullmatch(token.text)
    ]
    names = [] if stored or quoted else _capitals(question, tokens, taken)
    return tuple(sorted([*stored, *quoted, *periods, *numbers, *names], key=lambda value: (value.start, -value.end)))


def _periods(question: str, tokens: Sequence[Token], taken: set[int]) -> list[Value]:
    """Months and days written in words, which are no numbers."""
    found: list[Value] = []
    for start, end, period in find_periods(question):
        covered = [i for i, token in enumerate(tokens) if token.start < end and token.end > start]
        if covered and not taken.intersection(covered):
            found.append(Value(covered[0], covered[-1] + 1, "date", period, period))
    return found


def _with_numbers(value: Value, tokens: Sequence[Token], view: SchemaView, ranges: Sequence[RangeHit]) -> Value:
    """A year that some column of days holds means no number outside of what a column holds, unless that is likelier."""
    if not is_year(value.value):
        return value
    place = (tokens[value.start].start, tokens[value.end - 1].end)
    hits = [(hit, ref) for hit in ranges if hit.span == place and (ref := view.known(hit.ref)) is not None]
    first = next((i for i, (_, ref) in enumerate(hits) if view.columns[view.index[ref]].kind == "date"), None)
    if first is None:
        return value
    return replace(value, numbers=frozenset(ref for i, (hit, ref) in enumerate(hits) if hit.inside or i < first))


def _is_bound(tokens: Sequence[Token], value: Value) -> bool:
    """A date right after "between", or after the "and" that follows such a one, is a bound, stored or not."""
    if not _IS_DATE.fullmatch(tokens[value.start].text) or value.end != value.start + 1:
        return False
    before = [token.text for token in tokens[max(value.start - 3, 0) : value.start]]
    return before[-1:] == ["between"] or (before[-1:] == ["and"] and before[:1] == ["between"])


def _written(question: str, token: Token) -> str:
    return question[token.start : token.end]


def _overlaps(value: Value, taken: set[int]) -> bool:
    return any(position in taken for position in range(value.start, value.end))


def _stored(question: str, tokens: Sequence[Token], view: SchemaView, hits: Sequence[ValueHit]) -> list[Value]:
    """Value hits grouped by the tokens they cover; a longer or closer hit silences those inside it."""
    groups: dict[tuple[int, int], dict[ColumnRef, tuple[str, float]]] = {}
    for hit in hits:
        covered = [i for i, token in enumerate(tokens) if token.start < hit.span[1] and token.end > hit.span[0]]
        ref = view.known(hit.ref)
        if not covered or ref is None:
            continue
        places = groups.setdefault((covered[0], covered[-1] + 1), {})
        if hit.score > places.get(ref, ("", 0.0))[1]:
            places[ref] = (hit.value, hit.score)
    # Long and close hits first: "New York City" must not leave "York" as a second value.
    ranked = sorted(groups, key=lambda span: (-_span_score(span, groups[span]), span))
    chosen: list[Value] = []
    taken: set[int] = set()
    for start, end in ranked:
        if taken & set(range(start, end)) or _is_noise(tokens[start:end], groups[start, end]):
            continue
        taken |= set(range(start, end))
        found = sorted(((ref, v, s) for ref, (v, s) in groups[start, end].items()), key=lambda p: -p[2])
        number = tokens[start].number if end == start + 1 else None
        if number is not None:
            chosen.append(Value(start, end, "number", number, number, tuple(found)))
        else:
            text = question[tokens[start].start : tokens[end - 1].end]
            chosen.append(Value(start, end, "hit", found[0][1], text, tuple(found)))
    return chosen


def _span_score(span: tuple[int, int], places: Mapping[ColumnRef, tuple[str, float]]) -> float:
    return (span[1] - span[0]) + 2.0 * max(score for _, score in places.values())


def _is_noise(tokens: Sequence[Token], places: Mapping[ColumnRef, tuple[str, float]]) -> bool:
    """Small words and bare numbers are stored somewhere in every database; they are values only as more than that."""
    if all(token.text in STOP_WORDS for token in tokens):
        return not (tokens[0].capital and len(tokens) == 1 and len(tokens[0].text) == 1)
    return max(score for _, score in places.values()) < _SURE


def _quoted(question: str, tokens: Sequence[Token]) -> list[Value]:
    found: list[Value] = []
    for match in _QUOTED.finditer(question[: tokens[-1].end + 100] if tokens else ""):
        text = next(group for group in match.groups() if group is not None).strip()
        covered = [i for i, token in enumerate(tokens) if token.start >= match.start() and token.end <= match.end()]
        if covered and text:
            found.append(Value(covered[0], covered[-1] + 1, "quoted", text, text))
    return found


def _capitals(question: str, tokens: Sequence[Token], taken: set[int]) -> list[Value]:
    """Runs of capitalised words after the first word."""
    found: list[Value] = []
    position = 1
    while position < len(tokens):
        end = position
        while end < len(tokens) and tokens[end].capital and end not in taken and tokens[end].number is None:
            end += 1
        if end > position and not all(token.text in STOP_WORDS for token in tokens[position:end]):
            text = question[tokens[position].start : tokens[end - 1].end]
            found.append(Value(position, end, "name", text, text))
        position = max(end, position + 1)
    return found

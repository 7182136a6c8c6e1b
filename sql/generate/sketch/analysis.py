"""What a question says about a schema: tokens, mentions of columns, tables and values, numbers, quoted texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from ctxprune.text import STOP_WORDS, fold, stem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...schema import ColumnRef
    from ...values.base import ValueHit
    from .view import Name, SchemaView

__all__ = ["MAX_TOKENS", "Analysis", "Mention", "Token", "Value", "analyse", "tokenize"]

MAX_TOKENS = 80
_TOKEN = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|[^\W_]+|[<>=!%$]+")
_QUOTED = re.compile(r"\"([^\"]{1,80})\"|(?<!\w)'([^']{1,80})'(?!\w)|“([^”]{1,80})”|‘([^’]{1,80})’|`([^`]{1,80})`")
_NUMBERS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()
    )
}
_FUZZY = 84.0
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
        kind: "hit" (stored somewhere), "quoted", "number" or "name" (capitalised, not stored).
        value: Text or number as written.
        places: (column, stored value, score), best first; empty unless it was found in the database.
    """

    start: int
    end: int
    kind: str
    value: str | int | float
    places: tuple[tuple[ColumnRef, str, float], ...] = ()


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
        tokens.append(Token(text, stem(text), match.start(), match.end(), number, raw[:1].isupper()))
    return tuple(tokens), len(question) > limit * 40


def analyse(
    question: str, view: SchemaView, hits: Sequence[ValueHit], related: Mapping[str, Mapping[str, float]]
) -> Analysis:
    """Read one question against one schema.

    Args:
        question: The user's words.
        view: The prepared schema.
        hits: Stored values that the question mentions, with character spans.
        related: For a question stem, schema stems that it often stands for, 0..1.
    """
    tokens, cut = tokenize(question)
    similar = [_similar(tokens, position, view, related) for position in range(len(tokens))]
    columns = _mentions(similar, view.column_words, [facts.name for facts in view.columns])
    tables = _mentions(similar, view.table_words, list(view.tables))
    return Analysis(tokens, columns, tables, _values(question, tokens, view, hits), cut)


def _number(text: str) -> int | float | None:
    if text in _NUMBERS:
        return _NUMBERS[text]
    plain = text.replace(",", "")
    if plain.isdigit() and plain.isascii() and len(plain) < 18:
        return int(plain)
    if re.fullmatch(r"[0-9]{1,15}\.[0-9]{1,15}", plain):
        return float(plain)
    return None


def _similar(
    tokens: Sequence[Token], position: int, view: SchemaView, related: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Schema stems that the token (alone or joined with the next) may stand for, with a similarity 0..1."""
    token = tokens[position]
    found: dict[str, float] = {}
    words = view.words
    for word, weight in related.get(token.stem, {}).items():
        if word in words:
            found[word] = weight
    for step in (-1, 1):
        if 0 <= position + step < len(tokens):
            pair = sorted((position, position + step))
            joined = tokens[pair[0]].text + tokens[pair[1]].stem
            if joined in words:
                found[joined] = 1.0
    if token.stem in words:
        found[token.stem] = 1.0
    elif len(token.stem) >= 4 and token.text not in STOP_WORDS and token.number is None:
        for word, score, _ in process.extract(
            token.stem, view.vocabulary, scorer=fuzz.ratio, score_cutoff=66.0, limit=4
        ):
            close = _closeness(token.stem, word, score)
            if close > found.get(word, 0.0):
                found[word] = close
    return found


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
    """Runs of neighbouring tokens (one gap allowed) that match words of one name, best first, at most three per name."""
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
    for match in [*matches, (10**9, 0, 0.0)]:
        repeated = any(match[1] == place and match[0] != position for position, place, _ in current)
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
    stored = _stored(tokens, view, hits)
    taken = {position for value in stored for position in range(value.start, value.end)}
    quoted = [value for value in _quoted(question, tokens) if not _overlaps(value, taken)]
    taken |= {position for value in quoted for position in range(value.start, value.end)}
    numbers = [
        Value(position, position + 1, "number", token.number)
        for position, token in enumerate(tokens)
        if token.number is not None and position not in taken
    ]
    names = [] if stored or quoted else _capitals(question, tokens, taken)
    return tuple(sorted([*stored, *quoted, *numbers, *names], key=lambda value: (value.start, -value.end)))


def _overlaps(value: Value, taken: set[int]) -> bool:
    return any(position in taken for position in range(value.start, value.end))


def _stored(tokens: Sequence[Token], view: SchemaView, hits: Sequence[ValueHit]) -> list[Value]:
    """Value hits grouped by the tokens they cover; a longer or closer hit silences those inside it."""
    groups: dict[tuple[int, int], dict[ColumnRef, tuple[str, float]]] = {}
    for hit in hits:
        covered = [i for i, token in enumerate(tokens) if token.start < hit.span[1] and token.end > hit.span[0]]
        if not covered or hit.ref not in view.index:
            continue
        places = groups.setdefault((covered[0], covered[-1] + 1), {})
        if hit.score > places.get(hit.ref, ("", 0.0))[1]:
            places[hit.ref] = (hit.value, hit.score)
    ranked = sorted(groups, key=lambda span: (-_span_score(span, groups[span]), span))
    chosen: list[Value] = []
    taken: set[int] = set()
    for start, end in ranked:
        if taken & set(range(start, end)) or _is_noise(tokens[start:end], groups[start, end]):
            continue
        taken |= set(range(start, end))
        places = sorted(((ref, v, s) for ref, (v, s) in groups[start, end].items()), key=lambda p: -p[2])
        chosen.append(Value(start, end, "hit", places[0][1], tuple(places)))
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
            found.append(Value(covered[0], covered[-1] + 1, "quoted", text))
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
            found.append(Value(position, end, "name", text))
        position = max(end, position + 1)
    return found

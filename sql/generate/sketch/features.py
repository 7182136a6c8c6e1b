"""Turns an analysed question into named features: of the question, of each column, of each table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .cues import cue_class

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .analysis import Analysis, Mention
    from .view import SchemaView

__all__ = ["Features", "Reading", "column_features", "question_features", "read", "table_features"]

Features = dict[str, float]
# Score from which a mention makes its token a C or T in the shape of a question.
_SURE = 0.6
_NGRAM = 3


@dataclass(frozen=True)
class Reading:
    """An analysis with every token reduced to a class.

    Attributes:
        shape: Per token the word itself where it is a cue, else V (value), N (number), C (column), T (table) or
            W (other).
        cues: Cue words present.
        best: For each token, the highest score of a column mention over it.
        rivals: For each token, the columns that mentions over it may mean.
        classes: As `shape`, with cue classes instead of their words.
    """

    analysis: Analysis
    view: SchemaView
    shape: tuple[str, ...]
    cues: frozenset[str]
    best: tuple[float, ...]
    rivals: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]


def read(analysis: Analysis, view: SchemaView, cues: Collection[str]) -> Reading:
    """Classify the tokens; `cues` are the words kept as they are."""
    size = len(analysis.tokens)
    column, table = [0.0] * size, [0.0] * size
    rivals: list[list[int]] = [[] for _ in range(size)]
    for number, mentions in analysis.columns.items():
        for mention in mentions:
            for position in range(mention.start, mention.end):
                column[position] = max(column[position], mention.score)
                rivals[position].append(number)
    for mentions in analysis.tables.values():
        for mention in mentions:
            for position in range(mention.start, mention.end):
                table[position] = max(table[position], mention.score)
    value = ["" for _ in range(size)]
    for found in analysis.values:
        for position in range(found.start, found.end):
            value[position] = "N" if found.kind == "number" else "V"
    shape = tuple(_shape(analysis, i, cues, value[i], column[i], table[i]) for i in range(size))
    classes = tuple(cue_class(analysis.tokens[i].text) or word for i, word in enumerate(shape))
    present = frozenset(token.text for token in analysis.tokens if token.text in cues)
    return Reading(analysis, view, shape, present, tuple(column), tuple(tuple(r) for r in rivals), classes)


def _shape(analysis: Analysis, i: int, cues: Collection[str], value: str, column: float, table: float) -> str:
    token = analysis.tokens[i]
    if value:
        return value
    if token.text in cues:
        return token.text
    if max(column, table) >= _SURE:
        return "C" if column >= table else "T"
    return "N" if token.number is not None else "W"


def question_features(reading: Reading) -> Features:
    """N-grams over the reduced tokens, with runs of one class drawn together, and counts of what was found."""
    found: Features = {}
    squeezed = _squeezed(reading.shape)
    # N-grams of shapes generalise over words, those of classes keep the grammar.
    for words in (squeezed, _squeezed(reading.classes)):
        for size in range(1, _NGRAM + 1):
            for start in range(len(words) - size + 1):
                found[" ".join(words[start : start + size])] = 1.0
    tokens = reading.analysis.tokens
    for token in tokens:
        found[f"w={token.stem}"] = 1.0
    for first, second in pairwise(tokens):
        found[f"w={first.stem} {second.stem}"] = 1.0
    kinds = [value.kind for value in reading.analysis.values]
    for name, count in (
        ("values", sum(kind != "number" for kind in kinds)),
        ("numbers", kinds.count("number")),
        ("columns", sum(shape == "C" for shape in squeezed)),
        ("tables", sum(shape == "T" for shape in squeezed)),
    ):
        found[f"#{name}={min(count, 4)}"] = 1.0
    found["#length"] = min(len(tokens), 40) / 20.0
    return found


def _squeezed(words: Sequence[str]) -> list[str]:
    """Runs of one token class drawn together, with border marks."""
    kept = ["^"]
    for word in words:
        if len(word) > 1 or not word.isupper() or kept[-1] != word:
            kept.append(word)
    return [*kept, "$"]


def _context(reading: Reading, mention: Mention, tag: str) -> Iterator[tuple[str, float]]:
    shape, classes = reading.shape, reading.classes
    for offset in (1, 2, 3):
        before = mention.start - offset
        yield f"{tag}-{offset}={shape[before] if before >= 0 else '^'}", 1.0
        after = mention.end - 1 + offset
        yield f"{tag}+{offset}={shape[after] if after < len(shape) else '$'}", 1.0
        if before >= 0 and classes[before] != shape[before]:
            yield f"{tag}-{offset}={classes[before]}", 1.0
        if after < len(shape) and classes[after] != shape[after]:
            yield f"{tag}+{offset}={classes[after]}", 1.0


def _place(reading: Reading, mention: Mention, tag: str) -> Iterator[tuple[str, float]]:
    size = max(1, len(reading.shape))
    yield f"{tag}score", mention.score
    yield f"{tag}full", float(mention.score > 0.95)
    yield f"{tag}exact", mention.exact
    yield f"{tag}start", mention.start / size
    yield f"{tag}early", float(mention.start < 4)
    yield f"{tag}width", (mention.end - mention.start) / 4.0


def _verb(reading: Reading) -> int:
    """Where the first condition word stands: what is before it is likely asked for, what is after it likely filters."""
    for i, word in enumerate(reading.shape):
        if i and word in ("whose", "that", "who", "with", "where", "have", "has", "having", "for", "ordered", "sorted"):
            return i
    return len(reading.shape)


def column_features(reading: Reading, number: int) -> Features:
    """Features of one column: how and where it is mentioned, its table, its kind, its stored values."""
    analysis, view = reading.analysis, reading.view
    facts = view.columns[number]
    found: Features = {"1": 1.0, f"kind={facts.kind}": 1.0}
    mentions = analysis.columns.get(number, ())
    tables = analysis.tables.get(facts.table, ())
    table_score = tables[0].score if tables else 0.0
    found["table"] = table_score
    found["table full"] = float(table_score > 0.95)
    found["table rank"] = float(sum(m[0].score > table_score for m in analysis.tables.values()))
    found["alone"] = float(len(view.tables) == 1)
    for name, flag in (("key", facts.key), ("foreign", facts.foreign), ("label", facts.label)):
        if flag:
            found[name] = 1.0
    found["first"] = float(facts.position == 0)
    found["twins"] = math.log(facts.twins)
    if not mentions:
        found["none"] = 1.0
        if facts.label:
            found["none label table"] = table_score
        if tables:
            found.update(_context(reading, tables[0], "nt"))
            found["nt early"] = float(tables[0].start < 5)
    else:
        _mention_features(reading, number, mentions, tables, found)
    _value_features(reading, number, mentions, found)
    for cue in reading.cues:
        found[f"q={cue}"] = 1.0
    for word, shape in zip(reading.classes, reading.shape, strict=True):
        if word != shape:
            found[f"q={word}"] = 1.0
    return found


def _mention_features(
    reading: Reading,
    number: int,
    mentions: tuple[Mention, ...],
    tables: tuple[Mention, ...],
    found: Features,
) -> None:
    top = mentions[0]
    found.update(_place(reading, top, ""))
    found.update(_context(reading, top, ""))
    verb = _verb(reading)
    found["before verb"] = float(top.start < verb)
    found["after verb"] = float(top.start > verb)
    if len(mentions) > 1 and mentions[1].score > 0.8 * top.score:
        found["twice"] = 1.0
        found.update(_context(reading, mentions[1], "2"))
        found.update(_place(reading, mentions[1], "2"))
        found["2after verb"] = float(mentions[1].start > verb)
    # Columns that the same words may mean; the network learns to prefer those of a mentioned table.
    rivals = {rival for position in range(top.start, top.end) for rival in reading.rivals[position]} - {number}
    scores = [reading.analysis.columns[rival][0].score for rival in rivals]
    found["beaten"] = float(sum(score > top.score + 1e-6 for score in scores))
    found["is beaten"] = float(found["beaten"] > 0)
    found["tied"] = float(sum(abs(score - top.score) <= 1e-6 for score in scores))
    found["margin"] = top.score - max(scores, default=0.0)
    own = reading.view.columns[number].table
    same = [r for r in rivals if abs(reading.analysis.columns[r][0].score - top.score) <= 1e-6]
    found["tied better table"] = float(
        sum(_table_score(reading, reading.view.columns[r].table) > _table_score(reading, own) for r in same)
    )
    found["tied key"] = float(any(reading.view.columns[r].key for r in same))
    if tables:
        near = min(tables, key=lambda t: abs(t.start - top.start))
        gap = near.start - top.start
        found["table near"] = 1.0 / (1.0 + abs(gap))
        found["table after"] = float(0 < gap <= 4)
        found["table before"] = float(-4 <= gap < 0)
        found["table same"] = float(near.start <= top.start < near.end or top.start <= near.start < top.end)
    closest = _nearest_table(reading, top)
    if closest is not None:
        found["own table nearest"] = float(closest == own)


def _table_score(reading: Reading, table: int) -> float:
    mentions = reading.analysis.tables.get(table, ())
    return mentions[0].score if mentions else 0.0


def _nearest_table(reading: Reading, mention: Mention) -> int | None:
    best, chosen = 99.0, None
    for table, mentions in sorted(reading.analysis.tables.items()):
        for other in mentions:
            if other.score < _SURE:
                continue
            gap = other.start - mention.start
            # A table behind the column ("names of singers") is likelier its own than one before it.
            cost = gap if gap >= 0 else 1.5 * -gap
            if cost < best:
                best, chosen = cost, table
    return chosen


def _value_features(reading: Reading, number: int, mentions: tuple[Mention, ...], found: Features) -> None:
    ref = reading.view.columns[number].ref
    for value in reading.analysis.values:
        for rank, (place, _, score) in enumerate(value.places):
            if place != ref:
                continue
            found["value"] = max(found.get("value", 0.0), score)
            found["value exact"] = max(found.get("value exact", 0.0), float(score >= 1.0))
            found["value only"] = max(found.get("value only", 0.0), float(len(value.places) == 1))
            found["value first"] = max(found.get("value first", 0.0), float(rank == 0))
            if mentions:
                gap = min(abs(m.start - value.start) for m in mentions)
                found["value near"] = max(found.get("value near", 0.0), 1.0 / (1.0 + gap))
    if mentions:
        gaps = [v.start - mentions[0].end for v in reading.analysis.values if v.start >= mentions[0].end]
        if gaps:
            found["next value"] = 1.0 / (1.0 + min(gaps))


def table_features(reading: Reading, table: int) -> Features:
    """Features of one table: its mention, its matched columns, its stored values, its neighbours."""
    analysis, view = reading.analysis, reading.view
    found: Features = {"1": 1.0, "alone": float(len(view.tables) == 1)}
    mentions = analysis.tables.get(table, ())
    if mentions:
        top = mentions[0]
        found.update(_place(reading, top, ""))
        found.update(_context(reading, top, ""))
        rivals = [m for t, ms in analysis.tables.items() if t != table for m in ms]
        over = [m for m in rivals if m.start < top.end and top.start < m.end]
        found["beaten"] = float(sum(m.score > top.score + 1e-6 for m in over))
        found["tied"] = float(sum(abs(m.score - top.score) <= 1e-6 for m in over))
        found["rank"] = float(sum(m.score > top.score for m in rivals))
        columns = max((reading.best[i] for i in range(top.start, top.end)), default=0.0)
        found["column over"] = columns
    else:
        found["none"] = 1.0
    own = [number for number, facts in enumerate(view.columns) if facts.table == table]
    scores = sorted((analysis.columns[n][0].score for n in own if n in analysis.columns), reverse=True)
    for rank in range(2):
        found[f"column {rank}"] = scores[rank] if len(scores) > rank else 0.0
    unique = [analysis.columns[n][0].score for n in own if n in analysis.columns and view.columns[n].twins == 1]
    found["unique column"] = max(unique, default=0.0)
    refs = {view.columns[n].ref for n in own}
    held = [max((s for ref, _, s in v.places if ref in refs), default=0.0) for v in analysis.values]
    found["values"] = max(held, default=0.0)
    only = [v for v in analysis.values if v.places and all(ref in refs for ref, _, _ in v.places)]
    found["values only here"] = float(bool(only))
    near = {view.table_index[edge.other] for edge in view.graph.neighbours(view.table_name(table))}
    linked = [analysis.tables[t][0].score for t in near if t in analysis.tables]
    found["neighbour"] = max(linked, default=0.0)
    found["two neighbours"] = float(sum(score > _SURE for score in linked) >= 2)
    return found

"""Model scores for one question, in the form the slot filler asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.text.words import STOP_WORDS

from .bounds import read_bounds
from .cues import cue_class

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ...schema.schema import ColumnRef
    from .analysis import Value
    from .features import Features, Reading
    from .query import Literal
    from .view import SchemaView

__all__ = [
    "NUMBER_ROLES",
    "OPERATORS",
    "ROLES",
    "Pair",
    "Scores",
    "candidate_pairs",
    "pair_features",
    "slot_features",
    "value_features",
]

ROLES = ("select", "agg", "filter", "group", "order", "nested", "used", "countd")
OPERATORS = ("<", ">", "<=", ">=", "=", "!=", "like", "between", "none")
NUMBER_ROLES = ("where", "having", "limit", "none")
_DEPTHS = (("select", 4), ("agg", 2), ("filter", 2), ("group", 1), ("order", 2), ("nested", 1), ("countd", 1))
_MAX_PLACES = 6
_UNSTORED_COLUMNS = 3


class Pair(NamedTuple):
    """Literal number `value` compared with column `column`; `score` is a log-odds."""

    score: float
    value: int
    column: int
    literal: str | int | float


@dataclass(frozen=True)
class Scores:
    """Log-odds of columns (by role) and tables, literal placements and comparison directions for one question.

    Attributes:
        reading: The question.
        columns: (n_columns, len(ROLES)).
        tables: (n_tables,).
        placements: All literal-column pairs, best first.
        operators: For each literal the log-probability of OPERATORS.
        roles: For each literal the log-probability of NUMBER_ROLES.
    """

    reading: Reading
    columns: NDArray[np.float32]
    tables: NDArray[np.float32]
    placements: tuple[Pair, ...]
    operators: tuple[tuple[float, ...], ...]
    roles: tuple[tuple[float, ...], ...]

    @property
    def view(self) -> SchemaView:
        """The schema."""
        return self.reading.view

    def ref(self, column: int) -> ColumnRef:
        """The column with that number."""
        return self.view.columns[column].ref

    def column(self, column: int, role: str) -> float:
        """Log-odds that the column plays the role."""
        return float(self.columns[column, ROLES.index(role)])

    @cached_property
    def _ranked(self) -> Mapping[str, tuple[int, ...]]:
        # Stable, so that equal scores keep the order of the schema on every platform.
        order = (-self.columns).argsort(axis=0, kind="stable")
        return {role: tuple(int(n) for n in order[:12, i]) for i, role in enumerate(ROLES)}

    def top(self, role: str, count: int) -> Sequence[int]:
        """The `count` likeliest columns for a role (12 at most)."""
        return self._ranked[role][:count]

    def table(self, table: int) -> float:
        """Log-odds that the table is used."""
        return float(self.tables[table])

    def top_tables(self, count: int, besides: Collection[str] = (), near: Collection[str] = ()) -> list[int]:
        """The likeliest tables outside `besides`; with `near`, only tables that join one of those directly."""
        allowed = {edge.other for name in near for edge in self.view.graph.neighbours(name)}
        names = [self.view.table_name(t) for t in range(len(self.tables))]
        order = sorted(range(len(self.tables)), key=lambda t: -self.tables[t])
        if not besides:
            return order[:count]
        return [t for t in order if names[t] not in besides and (not near or names[t] in allowed)][:count]

    def pairs(self, values: Collection[int], op: str) -> list[Pair]:
        """Placements of these literals that suit an operator, best first."""
        found = [pair for pair in self.placements if pair.value in values and self._suits(pair, op)]
        return found[:8]

    def _suits(self, pair: Pair, op: str) -> bool:
        if op == "cmp":
            kind = self.reading.analysis.values[pair.value].kind
            return kind in ("number", "date") or self.view.columns[pair.column].kind == "date"
        if op in ("like", "not like"):
            return self.view.columns[pair.column].kind != "number"
        return True

    def literal(self, value: int) -> str | int | float:
        """The literal: the closest stored text of a hit, else as written."""
        return self.reading.analysis.values[value].value

    def comparison(self, value: int) -> str:
        """The likeliest comparison with that literal."""
        # Among the four order comparisons only: the template has decided that it is one.
        return OPERATORS[max(range(4), key=self.operators[value].__getitem__)]

    def operator(self, value: int, op: str) -> float:
        """Log-probability that the question compares the literal in that way."""
        return self.operators[value][OPERATORS.index(op)] if op in OPERATORS else -4.0

    @cached_property
    def bounds(self) -> Mapping[Literal, str]:
        """How years and days are compared, where the words beside them say so."""
        return read_bounds(self.reading.analysis)

    def number_role(self, value: int, role: str) -> float:
        """Log-probability of what a number is for."""
        return self.roles[value][NUMBER_ROLES.index(role)]

    def pattern(self, value: int) -> str:
        """A LIKE pattern for the literal: prefix, suffix or anywhere, as the words before it say."""
        text = str(self.reading.analysis.values[value].written).strip("%")
        start = self.reading.analysis.values[value].start
        before = {token.stem for token in self.reading.analysis.tokens[max(0, start - 5) : start]}
        if before & {"start", "begin", "prefix", "initial", "first"}:
            return f"{text}%"
        if before & {"end", "suffix", "finish", "last"}:
            return f"%{text}"
        return f"%{text}%"

    def mention_order(self, column: int) -> tuple[int, int]:
        """Sort key: where the question names the column, then its position in the schema."""
        mentions = self.reading.analysis.columns.get(column, ())
        return (mentions[0].start if mentions else 999, column)


def slot_features(scores: Scores) -> Features:
    """What the slots say about the shape: how many columns and literals look wanted, and how surely."""
    found: Features = {}
    for role, depth in _DEPTHS:
        ranked = scores.top(role, depth)
        for rank in range(depth):
            logit = scores.column(ranked[rank], role) if rank < len(ranked) else -6.0
            share = _share(logit)
            found[f"{role}@{rank}"] = share
            found[f"{role}@{rank}>"] = float(share > 0.5)
    best: dict[int, float] = {}
    for pair in scores.placements:
        best.setdefault(pair.value, pair.score)
    shares = sorted((_share(logit) for logit in best.values()), reverse=True)
    for rank in range(3):
        found[f"pair@{rank}"] = shares[rank] if rank < len(shares) else 0.0
    found[f"pairs={min(4, sum(share > 0.5 for share in shares))}"] = 1.0
    for i, role in enumerate(NUMBER_ROLES):
        found[f"role {role}"] = max((math.exp(row[i]) for row in scores.roles), default=0.0)
    for i, op in enumerate(OPERATORS):
        found[f"operator {op}"] = max((math.exp(row[i]) for row in scores.operators), default=0.0)
    ranked_tables = sorted((_share(float(logit)) for logit in scores.tables), reverse=True)
    for rank in range(1, 3):
        found[f"table@{rank}"] = ranked_tables[rank] if rank < len(ranked_tables) else 0.0
    return found


def _share(logit: float) -> float:
    # Clamped, so that the exponential does not overflow.
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def value_features(reading: Reading, value: int) -> Features:
    """Features of a literal by itself: kind, neighbouring words at their distance and in bags."""
    found: Features = {"1": 1.0}
    item = reading.analysis.values[value]
    found[f"kind={item.kind}"] = 1.0
    tokens = reading.analysis.tokens
    # Words before a literal reach further than those behind it: "older than the age of 30".
    for offset in range(1, 6):
        before, after = item.start - offset, item.end - 1 + offset
        word = tokens[before].text if before >= 0 else "^"
        if offset < 4:
            found[f"-{offset}={word}"] = 1.0
        found[f"b={word}"] = 1.0
        if cue_class(word):
            found[f"b={cue_class(word)}"] = 1.0
            found[f"-{offset}={cue_class(word)}"] = 1.0
        if offset < 4:
            word = tokens[after].text if after < len(tokens) else "$"
            found[f"+{offset}={word}"] = 1.0
            found[f"a={word}"] = 1.0
            if cue_class(word):
                found[f"a={cue_class(word)}"] = 1.0
    if item.start > 1:
        found[f"-21={tokens[item.start - 2].text} {tokens[item.start - 1].text}"] = 1.0
    if isinstance(item.value, (int, float)):
        found["year"] = float(1500 < item.value < 2100)
        found["small"] = float(0 < item.value < 13)
    for offset in (1, 2):
        after = item.end - 1 + offset
        found[f"s+{offset}={reading.shape[after] if after < len(reading.shape) else '$'}"] = 1.0
        before = item.start - offset
        found[f"s-{offset}={reading.shape[before] if before >= 0 else '^'}"] = 1.0
    return found


def candidate_pairs(reading: Reading, columns: NDArray[np.float32]) -> list[tuple[int, int, str | int | float, float]]:
    """(literal, column, stored or written value, place score) worth scoring."""
    filters = (-columns[:, ROLES.index("filter")]).argsort(kind="stable")
    pairs: list[tuple[int, int, str | int | float, float]] = []
    for number, value in enumerate(reading.analysis.values):
        seen: set[int] = set()
        for ref, stored, score in value.places[:_MAX_PLACES]:
            column = reading.view.index[ref]
            seen.add(column)
            pairs.append((number, column, _typed(stored, value.value, reading.view.columns[column].kind), score))
        # A number need not be stored to be compared, so likely columns without it are tried as well.
        if value.kind == "number" or not value.places:
            fresh = [int(c) for c in filters if int(c) not in seen and _fits(reading, value, int(c))]
            pairs.extend((number, column, value.value, 0.0) for column in fresh[:_UNSTORED_COLUMNS])
    return pairs


def _fits(reading: Reading, value: Value, column: int) -> bool:
    facts = reading.view.columns[column]
    if value.kind == "date":
        return facts.kind in ("date", "text")
    if facts.kind not in ("number", "id") or value.numbers is None:
        return facts.kind != "number" or value.kind == "number"
    return facts.ref in value.numbers


def _typed(stored: str, written: str | int | float, kind: str) -> str | int | float:
    if isinstance(written, (int, float)) and kind == "number":
        return written
    return stored


def pair_features(
    reading: Reading, pair: tuple[int, int, str | int | float, float], columns: NDArray[np.float32]
) -> Features:
    """Features of one literal placed in one column."""
    number, column, literal, score = pair
    value, facts = reading.analysis.values[number], reading.view.columns[column]
    found: Features = {"1": 1.0, f"kind={value.kind} {facts.kind}": 1.0, f"kind={value.kind}": 1.0, "place": score}
    for role, logit in zip(ROLES, columns[column], strict=True):
        found[f"logit {role}"] = float(logit) / 4.0
    found["stored"] = float(score > 0)
    found["exact"] = float(score >= 1.0)
    found["places"] = min(len(value.places), 5) / 5.0
    found["only"] = float(len(value.places) == 1)
    found["key"] = float(facts.key)
    found["foreign"] = float(facts.foreign)
    found["label"] = float(facts.label)
    rivals = [float(columns[reading.view.index[ref], ROLES.index("filter")]) for ref, _, _ in value.places]
    found["best rival"] = float(bool(rivals) and float(columns[column, ROLES.index("filter")]) >= max(rivals))
    mentions = reading.analysis.columns.get(column, ())
    if mentions:
        gaps = [value.start - m.end for m in mentions]
        gap = min(gaps, key=abs)
        found["near"] = 1.0 / (1.0 + abs(gap))
        found["before"] = float(0 <= gap <= 3)
        found["after"] = float(gap < 0)
        found["mention"] = mentions[0].score
        inside = [m for m in mentions if m.start <= value.start < m.end]
        found["inside"] = float(bool(inside))
    else:
        found["unmentioned"] = 1.0
    tables = reading.analysis.tables.get(facts.table, ())
    found["table"] = tables[0].score if tables else 0.0
    written = reading.analysis.tokens[value.start : value.end]
    found["capital"] = float(any(token.capital for token in written))
    found["length"] = float(value.end - value.start) / 4.0
    found["cue"] = float(all(token.text in reading.cues or token.text in STOP_WORDS for token in written))
    found["same case"] = float(str(literal) == str(value.written))
    found["same"] = float(str(literal).casefold() == str(value.written).casefold())
    found["gap"] = abs(len(str(literal)) - len(str(value.written))) / (1.0 + len(str(literal)))
    over = max(reading.best[value.start : value.end], default=0.0)
    found["over column"] = over
    for offset in (1, 2):
        before, after = value.start - offset, value.end - 1 + offset
        found[f"s-{offset}={reading.shape[before] if before >= 0 else '^'}"] = 1.0
        found[f"s+{offset}={reading.shape[after] if after < len(reading.shape) else '$'}"] = 1.0
    return found

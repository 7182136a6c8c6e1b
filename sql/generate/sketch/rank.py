"""Features of a complete candidate query: what the final ranking reads."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.text.words import STOP_WORDS

from .query import Item, Query, queries_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schema.schema import ColumnRef
    from .features import Features, Reading
    from .model import Likely
    from .query import Condition
    from .scores import Scores

__all__ = ["Draft", "Ranker"]

# Cues whose absence says as much as their presence.
_TELLING = (
    "MOST",
    "LEAST",
    "MORE",
    "LESS",
    "NOT",
    "EACH",
    "SUM",
    "AVG",
    "COUNT",
    "SORT",
    "LIKE",
    "BOTH",
    "or",
    "and",
    "ALL",
)


class Draft(NamedTuple):
    """A query with where it came from: its template, the log-odds of its slots."""

    query: Query
    likely: Likely
    slots: float


def _cues(reading: Reading) -> tuple[str, ...]:
    """Single cue words and classes, and neighbouring pairs of them, of one question."""
    words = [word if len(word) > 1 or not word.isupper() else "" for word in reading.classes]
    plain = [word for word in reading.shape if len(word) > 1 or not word.isupper()]
    pairs = [f"{a} {b}" for a, b in pairwise(reading.classes) if len(a) > 1 and len(b) > 1]
    values = f"#{min(3, sum(value.kind != 'number' for value in reading.analysis.values))}"
    absent = {f"!{name}" for name in _TELLING if name not in words and name not in plain}
    return tuple(sorted({word for word in words if word} | set(plain) | set(pairs) | {values} | absent))


def _decisions(query: Query) -> tuple[str, ...]:
    """The choices behind a query, each a short text, to be crossed with the cues of the question."""
    aggs = sorted({item.agg + ("d" if item.distinct else "") for item in query.select if item.agg})
    plain = sum(not item.agg for item in query.select)
    found = [f"n{plain}", f"a{','.join(aggs)}"]
    way = f"{'desc' if query.desc else 'asc'}{'' if query.limit is None else '1' if query.limit == 1 else 'k'}"
    found.append(f"o{'' if not query.order else (query.order[0].agg or 'col') + way}")
    if query.order:
        found.append(way)
    literal = [c.op for c in query.where if not isinstance(c.value, Query)]
    found.append(f"w{len(literal)}{query.connector if len(literal) > 1 else ''}")
    found += [f"p{op}" for op in set(literal)]
    for condition in query.where:
        if isinstance(condition.value, Query):
            found.append(f"s{condition.op}{condition.value.select[0].agg}{len(condition.value.where)}")
    found.append(f"g{bool(query.group)}{','.join(c.item.agg + c.op for c in query.having)}")
    found.append(f"c{query.compound}")
    if query.select[0].ref is None and not query.select[0].agg:
        found.append("star")
    return tuple(found)


class Ranker:
    """Computes features of candidates for one question; what they share is computed once."""

    def __init__(self, reading: Reading, scores: Scores) -> None:
        self.reading, self.scores, self.view = reading, scores, reading.view
        self.best_pair: dict[int, float] = {}
        self.pair: dict[tuple[int, int], float] = {}
        for pair in scores.placements:
            self.best_pair.setdefault(pair.value, pair.score)
            self.pair[pair.value, pair.column] = pair.score
        self.by_literal: dict[object, list[int]] = {}
        for pair in scores.placements:
            for form in (pair.literal, scores.literal(pair.value)):
                known = self.by_literal.setdefault(str(form), [])
                if pair.value not in known:
                    known.append(pair.value)
        for number, value in enumerate(reading.analysis.values):
            known = self.by_literal.setdefault(str(value.value), [])
            if number not in known:
                known.append(number)
        self.cues = _cues(reading)
        self.used_role = [scores.column(n, "used") for n in range(len(self.view.columns))]

    def features(self, draft: Draft) -> Features:
        """Features of one candidate."""
        query = draft.query
        found: Features = {"1": 1.0}
        # Divided to keep all features near -3..3, which one step size suits.
        found["whole"] = max(draft.likely.whole, -9.0) / 3.0
        found["parts"] = max(draft.likely.parts, -12.0) / 3.0
        found["template"] = draft.likely.score / 3.0
        found["unseen"] = float(draft.likely.whole <= -9.0)
        found["slots"] = max(draft.slots, -20.0) / 5.0
        self._shape(query, found)
        self._select(query, found)
        self._where(query, found)
        self._group_order(query, found)
        self._tables(query, found)
        self._coverage(query, found)
        self._nested(query, found)
        # Crossing each decision with each cue lets a linear part learn "highest" with ORDER BY DESC LIMIT 1.
        for part in _decisions(query):
            for cue in self.cues:
                found[f"x{part}|{cue}"] = 1.0
        return found

    def _shape(self, query: Query, found: Features) -> None:
        aggs = ",".join(sorted(item.agg or ("*" if item.ref is None else "") for item in query.select))
        found[f"select={aggs}"] = 1.0
        found[f"order={','.join(i.agg or 'col' for i in query.order)} {query.desc} {query.limit is not None}"] = 1.0
        found[f"where={query.connector if len(query.where) > 1 else ''}{len(query.where)}"] = 1.0
        found[f"group={len(query.group)} {len(query.having)}"] = 1.0
        found[f"compound={query.compound}"] = 1.0
        for condition in query.where:
            nested = isinstance(condition.value, Query)
            found[f"op={condition.op} {nested}"] = 1.0

    def _logit(self, ref: ColumnRef | None, role: str) -> float:
        return 0.0 if ref is None else self.scores.column(self.view.index[ref], role)

    def _select(self, query: Query, found: Features) -> None:
        plain = [item.ref for item in query.select if item.ref is not None and not item.agg]
        aggs = [item.ref for item in query.select if item.ref is not None and item.agg]
        for name, refs, role in (("select", plain, "select"), ("agg", aggs, "agg")):
            if refs:
                logits = [self._logit(ref, role) for ref in refs]
                found[f"{name} min"] = min(logits) / 3.0
                found[f"{name} mean"] = sum(logits) / len(logits) / 3.0
                found[f"{name} has"] = 1.0
        chosen = {self.view.index[ref] for ref in plain}
        rest = [self.scores.column(n, "select") for n in self.scores.top("select", 8) if n not in chosen]
        found["select missed"] = max(rest, default=-6.0) / 3.0
        found["select missed sum"] = sum(max(0.0, 1.0 + logit) for logit in rest) / 3.0
        if plain:
            facts = [self.view.columns[n] for n in chosen]
            found["select key"] = float(any(f.key for f in facts))
            found["select id"] = float(any(f.kind == "id" for f in facts))
            found["select label"] = float(any(f.label for f in facts))
            found["select same name"] = float(len({f.name.stems for f in facts}) < len(facts))
            found["select tables"] = float(len({ref.table for ref in plain}) - 1)
            found["select unmentioned"] = float(sum(n not in self.reading.analysis.columns for n in chosen))
            equal = {c.item.ref for c in query.where if c.op == "=" and not isinstance(c.value, Query)}
            found["select filtered"] = float(any(ref in equal for ref in plain))

    def _literals(self, query: Query) -> Iterator[tuple[Condition, str | int | float]]:
        for part in queries_in(query):
            for condition in (*part.where, *part.having):
                if isinstance(condition.value, tuple):
                    for literal in condition.value:
                        yield condition, literal
                elif condition.value is not None and not isinstance(condition.value, Query):
                    yield condition, condition.value

    def _where(self, query: Query, found: Features) -> None:
        used: set[int] = set()
        logits: list[float] = []
        for condition, literal in self._literals(query):
            numbers = self.by_literal.get(str(literal)) or self.by_literal.get(str(literal).strip("%")) or []
            fresh = [n for n in numbers if n not in used] or numbers
            if not fresh:
                continue
            column = -1 if condition.item.ref is None else self.view.index[condition.item.ref]
            # A literal that occurs twice in the question is matched to the place that fits its column best.
            number = max(fresh, key=lambda n: self.pair.get((n, column), -9.0))
            used.add(number)
            way = self.scores.operator(number, condition.op.removeprefix("not "))
            found["operator min"] = min(found.get("operator min", 0.0), way / 3.0)
            found["operator sum"] = found.get("operator sum", 0.0) + way / 3.0
            if condition.item.agg:
                found["having number"] = self.scores.number_role(number, "having") / 3.0
            elif condition.op not in ("like", "not like"):
                logit = self.pair.get((number, column), -5.0)
                logits.append(logit)
                found["pair not best"] = found.get("pair not best", 0.0) + float(
                    logit < self.best_pair.get(number, -9.0) - 1e-6
                )
            kind = self.reading.analysis.values[number].kind
            found[f"literal {condition.op} {kind}"] = 1.0
        for part in queries_in(query):
            if part.limit is not None and part.limit > 1:
                used.update(self.by_literal.get(str(part.limit), ())[:1])
        if logits:
            found["pair min"] = min(logits) / 3.0
            found["pair mean"] = sum(logits) / len(logits) / 3.0
            found["pair has"] = 1.0
        values = self.reading.analysis.values
        unused = [n for n in range(len(values)) if n not in used]
        found["unused"] = float(len(unused))
        found["unused hits"] = float(sum(values[n].kind != "number" for n in unused))
        found["unused best"] = max((self.best_pair.get(n, -5.0) for n in unused), default=-5.0) / 3.0
        found["unused all"] = float(bool(values) and len(unused) == len(values))
        for number in unused:
            role = max(("having", "limit", "none", "where"), key=lambda r: self.scores.number_role(number, r))
            if values[number].kind == "number":
                found[f"unused {role}"] = 1.0
        equal = [c.item.ref for c in query.where if c.op == "=" and not isinstance(c.value, Query)]
        clash = len(set(equal)) < len(equal)
        found["contradiction"] = float(clash and query.connector == "and")
        found["or columns"] = float(query.connector == "or" and len(set(equal)) == len(equal) and len(equal) > 1)

    def _group_order(self, query: Query, found: Features) -> None:
        if query.group:
            ref = query.group[0]
            facts = self.view.columns[self.view.index[ref]]
            found["group logit"] = self._logit(ref, "group") / 3.0
            selected = any(item.ref == ref and not item.agg for item in query.select)
            found["group selected"] = float(selected)
            found["group key"] = float(facts.key)
            joined = len(query.tables) > 1
            found[f"group {selected} {facts.key} {joined}"] = 1.0
            label = any(item.ref and self.view.columns[self.view.index[item.ref]].label for item in query.select)
            found[f"group label {selected} {label} {joined}"] = 1.0
            found[f"group counted {joined}"] = 1.0
        top = self.scores.top("group", 1)
        found["group best"] = self.scores.column(top[0], "group") / 3.0 if top else 0.0
        if query.order:
            item = query.order[0]
            if item.ref is not None:
                role = "agg" if item.agg else "order"
                found["order logit"] = self._logit(item.ref, role) / 3.0
                found["order kind " + self.view.columns[self.view.index[item.ref]].kind] = 1.0
                found["order selected"] = float(any(i.ref == item.ref for i in query.select))
        top = self.scores.top("order", 1)
        found["order best"] = self.scores.column(top[0], "order") / 3.0 if top else 0.0

    def _tables(self, query: Query, found: Features) -> None:
        used: set[str] = set()
        joins = 0
        for part in queries_in(query):
            path = self.view.graph.connect(part.tables, part.via) or []
            used.update(part.tables)
            used.update(edge.other for edge in path)
            joins += len(path)
        logits = [self.scores.table(self.view.table_index[name]) for name in used]
        rest = [self.scores.table(t) for t in range(len(self.view.tables)) if self.view.table_name(t) not in used]
        found["table min"] = min(logits) / 3.0
        found["table sum"] = sum(min(0.0, logit) for logit in logits) / 3.0
        found["table missed"] = max(rest, default=-5.0) / 3.0
        via = [self.used_role[self.view.index[ref]] for part in queries_in(query) for ref in part.via]
        if via:
            found["via"] = min(via) / 3.0
            found["has via"] = 1.0
        found["joins"] = float(joins)
        found[f"joins={min(joins, 4)}"] = 1.0
        refs = {ref.table for part in queries_in(query) for ref in _refs(part)}
        found["tables extra"] = float(len(used - refs))
        found["extra counted"] = float(
            bool(used - refs) and any(i.agg == "count" for i in (*query.select, *query.order))
        )
        for name in used - refs:
            mentions = self.reading.analysis.tables.get(self.view.table_index[name], ())
            found["extra mention"] = max(found.get("extra mention", 0.0), mentions[0].score if mentions else 0.0)

    def _coverage(self, query: Query, found: Features) -> None:
        analysis = self.reading.analysis
        covered = [False] * len(analysis.tokens)
        score = [0.0] * len(analysis.tokens)
        columns = {self.view.index[ref] for part in queries_in(query) for ref in _refs(part)}
        tables = {self.view.table_index[name] for part in queries_in(query) for name in part.tables}
        for number in columns:
            for mention in analysis.columns.get(number, ()):
                for position in range(mention.start, mention.end):
                    covered[position] = True
                    score[position] = max(score[position], mention.score)
        for number in tables:
            for mention in analysis.tables.get(number, ()):
                for position in range(mention.start, mention.end):
                    covered[position] = True
                    score[position] = max(score[position], mention.score)
        for shape in ("C", "T", "W"):
            positions = [i for i, s in enumerate(self.reading.shape) if s == shape]
            found[f"open {shape}"] = float(sum(not covered[i] for i in positions))
        found["open strong"] = sum(
            max(0.0, self.reading.best[i] - score[i])
            for i, token in enumerate(analysis.tokens)
            if token.text not in STOP_WORDS and self.reading.shape[i] not in ("V", "N")
        )
        missed = [
            self.used_role[n]
            for n in self.scores.top("used", 8)
            if n not in columns and not self._twin_used(n, columns)
        ]
        found["used missed"] = max(missed, default=-5.0) / 3.0
        found["used missed sum"] = sum(max(0.0, logit) for logit in missed) / 3.0
        found["used min"] = min((self.used_role[n] for n in columns), default=0.0) / 3.0
        found["columns"] = float(len(columns))
        found["unmentioned"] = float(sum(n not in analysis.columns for n in columns))

    def _nested(self, query: Query, found: Features) -> None:
        """Sub-queries and set operations: which table stands outside, which inside."""
        pairs: list[tuple[ColumnRef | None, Query]] = [
            (c.item.ref, c.value) for c in query.where if isinstance(c.value, Query)
        ]
        if query.right is not None:
            pairs.append((query.select[0].ref, query.right))
        for ref, inner in pairs:
            inside = inner.select[0].ref
            if ref is None or inside is None:
                continue
            outer, other = self.view.columns[self.view.index[ref]], self.view.columns[self.view.index[inside]]
            found["outer key"] = float(outer.key)
            found["inner foreign"] = float(other.foreign)
            found["outer foreign"] = float(outer.foreign)
            tables = self.reading.analysis.tables
            last = self.view.table_index[inner.tables[-1]]
            first = self.view.table_index[query.tables[0]]
            a = tables[first][0].start if first in tables else 99
            b = tables[last][0].start if last in tables else 99
            found["outer first"] = float(a < b)
            found["outer last"] = float(a > b)
            found["inner table"] = self.scores.table(last) / 3.0
            found["inner same"] = float(first == last)

    def _twin_used(self, number: int, columns: set[int]) -> bool:
        stems = self.view.columns[number].name.stems
        return any(self.view.columns[other].name.stems == stems for other in columns)


def _refs(query: Query) -> Iterator[ColumnRef]:
    items: list[Item] = [*query.select, *(c.item for c in query.where), *(c.item for c in query.having), *query.order]
    yield from (item.ref for item in items if item.ref is not None)
    yield from query.group
    yield from query.via

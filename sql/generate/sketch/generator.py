"""The sketch generator: questions become SQL without a language model."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.errors import GenerationError, UsageError

from ...guard.intent import write_request
from ..base import Candidate, Generator
from .analysis import MAX_TOKENS, analyse
from .compose import rank_drafts
from .model import Model, read_related
from .periods import find_stored_days
from .query import Query
from .view import SchemaView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...schema.schema import Schema
    from ..base import Request
    from .compose import Ranked
    from .query import Condition, Item

__all__ = ["WEIGHTS", "SketchGenerator", "load_related"]

WEIGHTS = "sketch-v1.npz"
_VIEWS = 16


@lru_cache(maxsize=1)
def load_related() -> Mapping[str, Mapping[str, float]]:
    """The word associations of the shipped model: for a question stem, schema stems that it often stands for, 0..1."""
    return read_related(_shipped(), WEIGHTS)


def _shipped() -> bytes:
    return files(__package__).joinpath("weights").joinpath(WEIGHTS).read_bytes()


class SketchGenerator(Generator):
    """Composes SELECT statements from schema names, stored values and cues of the question.

    Only names of the request's schema and literals of the question or of its value hits come into the SQL, quoted for
    the schema's dialect. Deterministic: the seed is ignored. One object may be shared between threads.

    Args:
        weights: Another model file, made by `ctxprune.sql.evaluation.sketch_training.train`; default the shipped one.
    """

    name = "sketch.v1"
    paths = ("full+values", "linked+values")  # what both find weighs more: a pruned column costs less that way

    def __init__(self, weights: str | Path | None = None) -> None:
        self._weights = Path(weights) if weights is not None else None
        self._lock = threading.Lock()
        self._model: Model | None = None
        self._views: OrderedDict[int, tuple[Schema, SchemaView]] = OrderedDict()

    def __reduce__(self) -> tuple[type[SketchGenerator], tuple[Path | None]]:
        return type(self), (self._weights,)

    def generate(self, request: Request) -> Sequence[Candidate]:
        """Up to `request.n` candidates, best first, each with its probability among all that were considered.

        () for an empty question, one that asks for a change of the data, and one that says nothing about the schema.
        Of a very long question only the first 80 words are read; a note says so.

        Raises:
            UsageError: `request.n` is below 1.
            FormatError: The model file is damaged.
        """
        if request.n < 1:
            raise UsageError(f"n is {request.n}, it must be at least 1")
        start = time.perf_counter()
        text = request.question[: MAX_TOKENS * 40]
        if not text.strip() or not request.schema.n_columns or write_request(text):
            return ()
        model, view = self._loaded(), self._view(request.schema)
        analysis = analyse(text, view, request.hits, model.related, request.ranges)
        if not analysis.tokens:
            return ()
        scores = model.score(model.read(analysis, view))
        if not model.is_about(scores):
            return ()
        found = rank_drafts(model, scores)
        notes = (f"only the first {MAX_TOKENS} words were read",) if analysis.truncated else ()
        ms = (time.perf_counter() - start) * 1000
        return self._candidates(found, view, request, (notes, ms))

    def _candidates(
        self, found: list[Ranked], view: SchemaView, request: Request, extra: tuple[tuple[str, ...], float]
    ) -> list[Candidate]:
        notes, ms = extra
        writer = view.writer.with_dates(find_stored_days(request.samples))
        made: dict[str, Candidate] = {}
        for probability, query in found:
            try:
                sql = writer.write(query)
            except GenerationError:
                continue  # tables without a join path
            if sql not in made:
                made[sql] = Candidate(
                    sql=sql,
                    generator=self.name,
                    path=request.path,
                    score=probability,
                    ms=ms,
                    notes=(*notes, *_explain(query, view)),
                )
            if len(made) == request.n:
                break
        return list(made.values())

    def _loaded(self) -> Model:
        with self._lock:
            if self._model is None:
                if self._weights is not None:
                    self._model = Model.load(self._weights.read_bytes(), str(self._weights))
                else:
                    self._model = Model.load(_shipped(), WEIGHTS)
            return self._model

    def _view(self, schema: Schema) -> SchemaView:
        """The prepared schema; the last few are kept, each with its schema so that its identity stays taken."""
        with self._lock:
            # By identity, since hashing a wide schema for every question would cost more than it saves.
            held = self._views.get(id(schema))
            if held is not None:
                self._views.move_to_end(id(schema))
                return held[1]
        view = SchemaView.of(schema)
        with self._lock:
            self._views[id(schema)] = schema, view
            while len(self._views) > _VIEWS:
                self._views.popitem(last=False)
        return view


def _explain(query: Query, view: SchemaView) -> tuple[str, ...]:
    """Notes such as "show: city.name", "filter: city.country = 'Spain'", "sort: city.population, descending"."""
    notes = ["show: " + ", ".join(_item(item) for item in query.select)]
    if query.where:
        notes.append("filter: " + f" {query.connector} ".join(_condition(c) for c in query.where))
    if query.group:
        notes.append("per: " + ", ".join(f"{ref.table}.{ref.column}" for ref in query.group))
    if query.having:
        notes.append("groups with: " + " and ".join(_condition(c) for c in query.having))
    if query.order:
        way = "descending" if query.desc else "ascending"
        first = "" if query.limit is None else f", first {query.limit}"
        notes.append("sort: " + ", ".join(_item(item) for item in query.order) + f", {way}{first}")
    path = view.graph.connect(query.tables, query.via) or []
    if path:
        notes.append("join: " + ", ".join(dict.fromkeys([query.tables[0], *(edge.other for edge in path)])))
    if query.right is not None:
        notes.append(f"{query.compound}: " + "; ".join(_explain(query.right, view)))
    return tuple(notes)


def _item(item: Item) -> str:
    inner = "*" if item.ref is None else f"{item.ref.table}.{item.ref.column}"
    if not item.agg:
        return inner
    return f"{item.agg}({'distinct ' if item.distinct else ''}{inner})"


def _condition(condition: Condition) -> str:
    left, value = _item(condition.item), condition.value
    if value is None:
        return f"{left} {condition.op}"
    if isinstance(value, Query):
        return f"{left} {condition.op} (sub-query on {', '.join(value.tables)})"
    if isinstance(value, tuple):
        return f"{left} between {value[0]!r} and {value[1]!r}"
    return f"{left} {condition.op} {value!r}"

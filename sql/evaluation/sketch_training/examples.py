"""Training examples: questions with gold queries, analysed against their schemas."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from ctxprune.errors import InputError
from ctxprune.text.words import STOP_WORDS, stem

from ...database.database import Database
from ...generate.sketch.analysis import tokenize
from ...generate.sketch.gold import parse_query
from ...generate.sketch.query import queries_in
from ...generate.sketch.view import SchemaView
from ...values.index import ValueIndex
from ..datasets import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ...generate.sketch.query import Query
    from ...schema.schema import Schema
    from ...values.base import ValueHit
    from ..datasets import Benchmark

__all__ = ["Example", "Related", "execute", "folds", "handmade", "learn_related", "read_examples"]

Related = dict[str, dict[str, float]]
_TICKS, _ROWS = 60, 20_000
_GROUP, _LEARNED_LEAST, _LEARNED_SHARE = 0.7, 2, 0.25


@dataclass(frozen=True)
class Example:
    """One question with what is known about it.

    Attributes:
        number: Position in its file.
        database: Path of the SQLite file, None where it is absent.
        query: The gold query in the generator's shape, None where it lies outside.
    """

    number: int
    db_id: str
    question: str
    gold: str
    view: SchemaView
    hits: tuple[ValueHit, ...]
    query: Query | None
    database: Path | None


def read_examples(data: Path, *, split: str = "train", schemas: Path | None = None) -> list[Example]:
    """All questions of a benchmark folder, with value hits where the database is present.

    Raises:
        InputError: The folder cannot be read.
    """
    bench = load(data, split=split, schemas=schemas)
    views = {name: SchemaView.of(bench.schemas[name]) for name in {item.db_id for item in bench.items}}
    indexes = {name: _index(bench, name) for name in views}
    found: list[Example] = []
    for item in bench.items:
        view, index = views[item.db_id], indexes[item.db_id]
        raw = index.lookup(item.question) if index is not None else []
        found.append(
            Example(
                number=item.index,
                db_id=item.db_id,
                question=item.question,
                gold=item.gold,
                view=view,
                hits=tuple(raw),
                query=_query(item.gold, view.schema),
                database=bench.databases.get(item.db_id),
            )
        )
    return found


def _index(bench: Benchmark, name: str) -> ValueIndex | None:
    path = bench.databases.get(name)
    if path is None:
        return None
    with Database(path) as database:
        return ValueIndex.build(database)


def _query(gold: str, schema: Schema) -> Query | None:
    try:
        return parse_query(gold, schema)
    except InputError:
        return None


def folds(examples: Sequence[Example], count: int, seed: int) -> dict[str, int]:
    """A fold number for every database, so that no database is on both sides of a split."""
    import numpy as np

    names = sorted({example.db_id for example in examples})
    order = np.random.default_rng(seed).permutation(len(names))
    return {names[int(j)]: i % count for i, j in enumerate(order)}


def handmade() -> Related:
    """The word list of this package: question stem to schema stems, all with one strength."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in files(__package__).joinpath("related.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        left, _, right = line.partition(">")
        sources = left.split()
        for source in sources:
            for target in right.split() or sources:
                if stem(source) != stem(target):
                    found[stem(source)][stem(target)] = _GROUP
    return dict(found)


def learn_related(examples: Sequence[Example], base: Mapping[str, Mapping[str, float]]) -> Related:
    """`base` and the pairs that examples show: question words that match nothing, schema words that go unnamed."""
    both: dict[tuple[str, str], set[str]] = defaultdict(set)
    seen: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        if example.query is None:
            continue
        stems = {t.stem for t in tokenize(example.question)[0] if t.text not in STOP_WORDS and t.number is None}
        wanted = _gold_stems(example.query, example.view)
        free = {word for word in stems if word not in wanted and not base.get(word, {}).keys() & wanted}
        unnamed = {word for word in wanted - stems if not any(word in base.get(other, {}) for other in stems)}
        for word in free:
            seen[word].add(example.db_id)
            for target in unnamed:
                both[word, target].add(example.db_id)
    databases = len({example.db_id for example in examples})
    merged: Related = {word: dict(targets) for word, targets in base.items()}
    for (word, target), names in sorted(both.items()):
        share = len(names) / (len(seen[word]) + 1)
        if len(names) >= _LEARNED_LEAST and share >= _LEARNED_SHARE and len(seen[word]) < 0.3 * databases:
            merged.setdefault(word, {}).setdefault(target, round(min(0.8, 0.4 + share / 2), 2))
    return merged


def _gold_stems(query: Query, view: SchemaView) -> set[str]:
    found: set[str] = set()
    for part in queries_in(query):
        items = (*part.select, *part.order, *(c.item for c in (*part.where, *part.having)))
        for item in items:
            if item.ref is not None:
                found.update(view.columns[view.index[item.ref]].name.stems)
        for name in part.tables:
            found.update(view.tables[view.table_index[name]].stems)
    return found


def _countdown(ticks: int) -> Callable[[], bool]:
    """True from the given call on, which stops the statement."""
    left = iter(range(ticks))
    return lambda: next(left, None) is None


def execute(path: Path, statements: Iterable[str]) -> list[list[tuple[object, ...]] | None]:
    """Rows of each statement, None where it fails or needs more than a few million steps. Opened read-only."""
    found: list[list[tuple[object, ...]] | None] = []
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "ignore")
        for statement in statements:
            connection.set_progress_handler(_countdown(_TICKS), 100_000)
            try:
                found.append(connection.execute(statement).fetchmany(_ROWS))
            except sqlite3.Error:
                found.append(None)
    return found

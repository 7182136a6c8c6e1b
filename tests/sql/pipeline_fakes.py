"""Fixed parts of a pipeline, for its tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Candidate, Request
from ctxprune.sql.linking.base import Linked
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.sql.schema.schema import ColumnRef, Schema
from ctxprune.sql.values.base import ValueHit


class Keep:
    """A linker that keeps one table."""

    def __init__(self, table: str) -> None:
        self.table = table

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        kept = [ref for ref in schema.refs() if ref.table == self.table]
        return Linked(schema.subset(kept), schema, dict.fromkeys(schema.refs(), 0.0), {}, hits=hits)


class Found:
    """A value lookup with fixed hits."""

    def __init__(self, *hits: ValueHit) -> None:
        self.hits = hits

    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        return self.hits

    def within(self, columns: Collection[ColumnRef]) -> Found:
        return Found(*(hit for hit in self.hits if hit.ref in columns))


class Writes:
    """A generator with fixed statements."""

    name = "writes.v1"

    def __init__(self, *statements: str, paths: tuple[str, ...] = ("full",)) -> None:
        self.statements, self.paths = statements, paths
        self.requests: list[Request] = []

    def generate(self, request: Request) -> Sequence[Candidate]:
        self.requests.append(request)
        return [Candidate(sql, self.name, request.path) for sql in self.statements]


def hit(value: str, table: str = "city", column: str = "name") -> ValueHit:
    return ValueHit(ColumnRef(table, column), value, (0, 1), 1.0, "exact")


def pipeline(database: Database, *generators: object, **options: object) -> Pipeline:
    options.setdefault("linker", Keep("city"))
    options.setdefault("values", Found())
    return Pipeline(database, generators=generators, **options)

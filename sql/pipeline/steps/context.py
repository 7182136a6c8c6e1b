"""Steps before generation: stored values, the linked schema, example values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ctxprune.utils.foreign import optional_member

from ...guard.intent import write_request
from ...linking.doubts import SchemaWords, find_doubts, find_resemblances
from ...linking.wrapped import counter_of, with_columns
from ...schema.schema import ColumnRef
from ...values.column_samples import column_samples
from ...values.restrict import check_leaves_out, fold_ref, restrict
from .base import Refusal, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ...database.database import Database
    from ...linking.base import Linker
    from ...linking.doubts import Doubt
    from ...schema.schema import Schema
    from ...values.base import RangeHit, ValueHit, ValueLookup
    from .base import State

__all__ = [
    "LinkSchema",
    "ReadSamples",
    "RetrieveValues",
    "Sampler",
    "Screen",
    "ShowValues",
    "with_values",
    "without_examples",
]


class Sampler(Protocol):
    """Reads example values; a `Database`."""

    def with_examples(self, schema: Schema, *, n: int) -> Schema:
        """`schema` with up to n stored values in every `Column.examples`."""
        ...


@dataclass(frozen=True)
class Screen(Step):
    """Refuses questions that ask to change the database. It only saves time: the guard protects the database."""

    name: str = "screen"

    def run(self, state: State) -> State:
        """The same state, or a refusal."""
        found = write_request(state.question)
        if not found:
            return state
        reason = f"I can only read this database, so I left it as it is: the question asks for a change ({found!r})."
        return replace(state, refusal=Refusal("write_request", reason))


class _Prepared(NamedTuple):
    """The parts of `RetrieveValues` for one schema: a look-up of what may be shown of it, and its words."""

    schema: Schema
    values: ValueLookup
    words: SchemaWords


@dataclass(frozen=True)
class RetrieveValues(Step):
    """Finds stored values that the question mentions, and its words that mean nothing the caller may see.

    Attributes:
        values: Where they are looked up.
        private: Columns whose values are never shown. They, and columns outside the caller's schema, take no part in
            the look-up (`ValueIndex.within`). Where there are none, a look-up without `within` is taken, too, and hits
            outside the schema are dropped afterwards.
        withheld: Whether the database holds more than the caller may see; doubts then say so.

    Raises:
        UsageError: There are private columns, and `values`, or a look-up that it wraps, has no `within`.
    """

    values: ValueLookup
    private: tuple[ColumnRef, ...] = ()
    withheld: bool = False
    name: str = "values"
    _prepared: list[_Prepared] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.private:
            check_leaves_out(self.values, "private columns")

    def run(self, state: State) -> State:
        """Adds `hits`, `doubts`, and `ranges` where the lookup has them."""
        prepared = self._prepare(state.schema)
        ranges = self.find_ranges(state)
        hits = self.find(state.question, state, state.evidence)
        doubts = find_doubts(
            state.question, prepared.words, hits=hits, ranges=ranges, told=state.evidence, withheld=self.withheld
        )
        return replace(state, hits=hits, ranges=ranges, doubts=doubts)

    def find_ranges(self, state: State) -> tuple[RangeHit, ...]:
        """Columns whose ranges hold numbers and days of the question, its evidence, and what was recalled for it."""
        ranges = optional_member(self._prepare(state.schema).values, "ranges", None)
        return () if ranges is None else tuple(ranges(state.question, state.evidence_text))

    def find_resemblances(self, state: State) -> tuple[Doubt, ...]:
        """The words of the question that are no names which the caller may see; see `find_resemblances`."""
        words = self._prepare(state.schema).words
        return find_resemblances(state.question, words, hits=state.hits, ranges=state.ranges, told=state.evidence_text)

    def find(self, text: str, state: State, evidence: str = "") -> tuple[ValueHit, ...]:
        """The hits of any text on what may be shown of the state's schema."""
        return tuple(self._prepare(state.schema).values.lookup(text, evidence))

    def _prepare(self, schema: Schema) -> _Prepared:
        """Look-up and words of a schema, built once as long as it stays the same."""
        # By identity: a pipeline keeps its schema until the index changes.
        for prepared in self._prepared:
            if prepared.schema is schema:
                return prepared
        private = set(map(fold_ref, self.private))
        values = restrict(self.values, [ref for ref in schema.refs() if fold_ref(ref) not in private])
        prepared = _Prepared(schema, values, SchemaWords.of(schema))
        # One entry: an older schema does not come back.
        self._prepared[:] = [prepared]
        return prepared


@dataclass(frozen=True)
class LinkSchema(Step):
    """Reduces the schema to what the question needs; columns of recalled terms and notes stay."""

    linker: Linker
    name: str = "link"

    def run(self, state: State) -> State:
        """Adds `linked`."""
        linked = self.linker.link(state.question, state.schema, hits=state.hits, evidence=state.evidence_text)
        if state.known is not None:
            linked = with_columns(linked, sorted(state.known.columns), "known term or note", counter_of(self.linker))
        return replace(state, linked=linked)


@dataclass(frozen=True)
class ShowValues(Step):
    """Adds a few stored values to every detailed column of the linked schema, for prompts.

    Attributes:
        database: Where they are stored; each column is read once.
        n: Values per column, 1 or more.
        private: Columns whose values are never shown.
    """

    database: Sampler
    n: int = 3
    private: tuple[ColumnRef, ...] = ()
    name: str = "examples"
    _seen: dict[ColumnRef, tuple[object, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def run(self, state: State) -> State:
        """Adds `shown`, where a linker ran."""
        if state.linked is None:
            return state
        schema = state.linked.schema
        private = {fold_ref(ref) for ref in self.private}
        # A soft linker lists all columns and details few; only these get values.
        worth = state.linked.detailed
        wanted = [ref for ref in schema.refs() if worth is None or ref in worth]
        # Each column is read once per pipeline, since examples cost a query.
        missing = [ref for ref in wanted if ref not in self._seen and fold_ref(ref) not in private]
        if missing:
            filled = self.database.with_examples(schema.subset(missing), n=self.n)
            self._seen.update({ColumnRef(t.name, c.name): c.examples for t in filled.tables for c in t.columns})
        return replace(state, shown=with_values(schema, {ref: self._seen.get(ref, ()) for ref in wanted}))


@dataclass(frozen=True)
class ReadSamples(Step):
    """Reads a few stored values of every column, for generators that decide by them without a prompt.

    Attributes:
        database: Where they are stored; each schema is read once.
        private: Columns whose values are never shown.
    """

    database: Database
    private: tuple[ColumnRef, ...] = ()
    name: str = "samples"
    _read: list[tuple[Schema, dict[ColumnRef, tuple[object, ...]]]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def run(self, state: State) -> State:
        """Adds `samples`."""
        for schema, samples in self._read:
            if schema is state.schema:
                return replace(state, samples=samples)
        samples = column_samples(self.database, state.schema, private=self.private)
        # One entry: an older schema does not come back.
        self._read[:] = [(state.schema, samples)]
        return replace(state, samples=samples)


def with_values(schema: Schema, values: Mapping[ColumnRef, tuple[object, ...]]) -> Schema:
    """`schema` with exactly these examples."""
    tables = []
    for table in schema.tables:
        columns = (replace(c, examples=values.get(ColumnRef(table.name, c.name), ())) for c in table.columns)
        tables.append(replace(table, columns=tuple(columns)))
    return replace(schema, tables=tuple(tables))


def without_examples(schema: Schema, hidden: Collection[ColumnRef]) -> Schema:
    """`schema` without the examples that stand beside some columns.

    Raises:
        SchemaError: There is no such column.
    """
    names = {(schema.table(ref.table).name, schema.table(ref.table).column(ref.column).name) for ref in hidden}
    if not names:
        return schema
    shown = {ref: schema.table(ref.table).column(ref.column).examples for ref in schema.refs() if ref not in names}
    return with_values(schema, shown)

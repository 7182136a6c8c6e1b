"""Linking with the help of a preliminary SQL: what a first draft of the query names, and what another linker adds.

A draft names nearly only columns that are needed, and misses some in a quarter of the questions even where a strong
model wrote it (RSL-SQL, "backward schema linking", arXiv 2411.00073; PET-SQL, arXiv 2403.09732). So the draft's columns
are kept, and of the others those that the inner linker finds likely for the question, and for the question together
with the draft's words; the less the inner linker thinks of the draft's columns, the more of the others are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError, UsageError
from ctxprune.models.weights import load_shipped, reading
from ctxprune.scorers.base import Scorer

from ..values.base import as_value_lookup
from ..values.restrict import restrict
from .base import LINKERS, as_linker
from .context import SchemaContext
from .features import sigmoid
from .policy import JoinablePolicy
from .ranked import RankedLinker
from .scored import ScoredLinker
from .usage import QueryUsage, query_usage
from .words import natural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy

    from ..generate.base import Generator
    from ..schema.schema import Schema
    from ..values.base import ValueHit, ValueLookup
    from .base import Linked, Linker
    from .statistics import SchemaStatistics

__all__ = ["FORMAT", "Draft", "PresqlContext", "PresqlLinker", "PresqlScorer", "PresqlWeights", "presql_features"]

FORMAT, VERSION = "ctxprune.linking.presql", 1
_FILE = "presql.json"
_FEATURES = ["bias", "plain", "told", "agreement"]
_LEAST = 1e-5  # scores are cut to this far from 0 and 1 before their logarithms are taken
_MAX_LITERAL = 100  # characters of a literal that are shown to the inner linker


@dataclass(frozen=True)
class Draft:
    """What is known from a preliminary SQL.

    Attributes:
        usage: What it names; not empty.
        plain: What the inner linker kept for the question alone.
        with_sql: What it kept for the question with the SQL's words as further evidence.
    """

    usage: QueryUsage
    plain: Linked
    with_sql: Linked

    @property
    def agreement(self) -> float:
        """Mean score that the inner linker gives to the SQL's columns (to its tables, if it names no column): 0..1."""
        scores = [self.plain.scores[ref] for ref in self.usage.columns]
        return float(np.mean(scores or [self.plain.table_scores[name] for name in self.usage.tables]))


class PresqlContext(SchemaContext):
    """A schema with a draft; the other arguments are those of `SchemaContext`."""

    def __init__(
        self,
        schema: Schema,
        draft: Draft,
        *,
        hits: Sequence[ValueHit] = (),
        evidence: str = "",
        statistics: SchemaStatistics | None = None,
    ) -> None:
        super().__init__(schema, hits=hits, evidence=evidence, statistics=statistics)
        self.draft = draft


def presql_features(draft: Draft) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the weights weigh, for every column and every table: float64 (n_columns, 3) and (n_tables, 3).

    The logits of the inner linker's scores for the question and for the question with the SQL's words, and the
    agreement.
    """
    schema, both = draft.plain.full, (draft.plain, draft.with_sql)
    columns = [[linked.scores[ref] for ref in schema.refs()] for linked in both]
    tables = [[linked.table_scores[table.name] for table in schema.tables] for linked in both]
    return _stacked(columns, draft.agreement), _stacked(tables, draft.agreement)


def _stacked(scores: Sequence[Sequence[float]], agreement: float) -> NDArray[np.float64]:
    # logits of 0 and 1 are infinite
    cut = np.clip(np.array(scores, dtype=np.float64).reshape(2, -1), _LEAST, 1 - _LEAST)
    logits = np.log(cut / (1 - cut))
    return np.column_stack([*logits, np.full(logits.shape[1], agreement)])


@dataclass(frozen=True)
class PresqlWeights:
    """Weights of the three features and a bias, for what the SQL does not name.

    Attributes:
        columns, tables: float64 (4,), the bias first.
    """

    columns: NDArray[np.float64]
    tables: NDArray[np.float64]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PresqlWeights:
        """Read the layout that `presql.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        with reading(data, (FORMAT, VERSION), _FEATURES) as read:
            columns, tables = (np.asarray(read[name], dtype=np.float64) for name in ("columns", "tables"))
        if columns.shape != (4,) or tables.shape != (4,):
            raise FormatError(f"the weights are damaged (shapes {columns.shape} and {tables.shape})")
        if not (np.isfinite(columns).all() and np.isfinite(tables).all()):
            raise FormatError("the weights are damaged (numbers that are not finite)")
        return cls(columns, tables)


def _load_weights() -> PresqlWeights:
    return load_shipped(PresqlWeights.from_dict, __package__, _FILE)


@dataclass(frozen=True)
class PresqlScorer(Scorer):
    """Probability 0..1 that a question needs a unit of a `PresqlContext`: 1 for what the SQL names.

    Attributes:
        weights: By default those that come with the library, fitted with `ranked.v1` as inner linker to the published
            SQL of weak and strong systems (`benchmarks/training/linking_presql_weights.py`).
    """

    weights: PresqlWeights = field(default_factory=_load_weights, repr=False)

    def score(self, query: str, context: Context[Any]) -> Scores:  # noqa: ARG002
        """float32 (n_units,).

        Raises:
            UsageError: The context is no `PresqlContext`.
        """
        if not isinstance(context, PresqlContext):
            raise UsageError(f"a {type(context).__name__} has no preliminary SQL", hint="use PresqlLinker")
        scores = np.zeros(len(context.units), dtype=np.float32)
        usage = context.draft.usage
        columns, tables = presql_features(context.draft)
        scores[list(context.column_units)] = sigmoid(self.weights.columns[0] + columns @ self.weights.columns[1:])
        scores[list(context.table_units)] = sigmoid(self.weights.tables[0] + tables @ self.weights.tables[1:])
        named = [
            unit for unit, table in zip(context.table_units, context.schema.tables, strict=True)
            if table.name in usage.tables
        ]  # fmt: skip
        named += [unit for unit in context.column_units if context.refs[unit] in usage.columns]
        scores[named] = 1.0
        return scores


@LINKERS.register("presql.v1")
@dataclass(frozen=True)
class PresqlLinker(ScoredLinker):
    """The columns of a preliminary SQL with a few likely others, and the keys and tables that join them.

    Names in the SQL that the schema lacks count as the only known one that is spelled almost alike, or not at all.
    Where there is no SQL, or none that can be parsed, the inner linker alone decides.

    Attributes:
        scorer: Combines the two; gives probabilities 0..1.
        policy: More recall: lower `columns`.
        inner: The other linker; its scores are taken for probabilities.
        source: Writes the preliminary SQL for `link`; None for the sketch generator, which needs no model.
        drafts: How many of its candidates are read, 1 or more; their names are united.
        values: Where the SQL's text literals are looked up; None for nowhere.
    """

    scorer: Scorer = field(default_factory=PresqlScorer)
    policy: Policy = field(default_factory=lambda: JoinablePolicy(columns=0.095, tables=0.1))
    inner: Linker = field(default_factory=RankedLinker)
    source: Generator | None = None
    drafts: int = 1
    values: ValueLookup | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        as_linker(self.inner)  # checked here, and kept as it was given
        if self.values is not None:
            as_value_lookup(self.values)
        if self.drafts < 1:
            raise UsageError(f"drafts is {self.drafts!r}", hint="give a whole number from 1 up")
        if self.source is None:
            from ..generate.sketch import SketchGenerator

            object.__setattr__(self, "source", SketchGenerator())

    @property
    def wrapped(self) -> Linker:
        """The inner linker."""
        return self.inner

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Have a preliminary SQL written and link with it."""
        from ..generate.base import Request

        sqls: list[str] = []
        if self.source is not None and f"{question}{evidence}".strip() and schema.n_columns:
            request = Request(question, schema, hits=hits, evidence=evidence, path="full", n=self.drafts)
            sqls = [candidate.sql for candidate in self.source.generate(request) if not candidate.error][: self.drafts]
        return self.link_sql(sqls, question, schema, hits=hits, evidence=evidence)

    def link_sql(
        self, sqls: Sequence[str], question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = ""
    ) -> Linked:
        """Link with SQL that is there already, in the schema's dialect; the names of several are united."""
        draft = self.draft(sqls, question, schema, hits=hits, evidence=evidence)
        if draft is None:
            return self.inner.link(question, schema, hits=hits, evidence=evidence)
        return self.combine(draft, question, hits=hits, evidence=evidence)

    def combine(self, draft: Draft, question: str, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """What is kept of a draft's schema."""
        schema = draft.plain.full
        context = PresqlContext(schema, draft, hits=hits, evidence=evidence, statistics=self._cache.get(schema))
        linked = self._linked(question if question.strip() else evidence, context)
        named = draft.usage.columns
        return replace(linked, reasons={ref: _why(ref in named, why) for ref, why in linked.reasons.items()})

    def draft(
        self, sqls: Sequence[str], question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = ""
    ) -> Draft | None:
        """What the inner linker says to the SQL; None where nothing was asked or the SQL names no table."""
        usage = QueryUsage.united(query_usage(sql, schema, dialect=schema.dialect) for sql in sqls)
        if usage.empty or not f"{question}{evidence}".strip():
            return None
        plain = self.inner.link(question, schema, hits=hits, evidence=evidence)
        # the inner linker runs a second time, with the words and values of the SQL as further evidence
        found, text = [*hits, *self._stored(usage, question, schema)], f"{evidence}\n{_words(usage, schema)}".strip()
        return Draft(usage, plain, self.inner.link(question, schema, hits=found, evidence=text))

    def _stored(self, usage: QueryUsage, question: str, schema: Schema) -> list[ValueHit]:
        """Values that equal the SQL's literals. Their spans count no characters of the question: it is not in them."""
        if self.values is None or not usage.literals:
            return []
        quoted = "\n".join(f"'{text[:_MAX_LITERAL]}'" for text in usage.literals)
        return list(restrict(self.values, tuple(schema.refs())).lookup(question, quoted))


def _words(usage: QueryUsage, schema: Schema) -> str:
    names = [natural(ref.column) for ref in schema.refs() if ref in usage.columns]
    names += [natural(table.name) for table in schema.tables if table.name in usage.tables]
    return " ".join([*names, *(text[:_MAX_LITERAL] for text in usage.literals)])


def _why(named: bool, reasons: tuple[str, ...]) -> tuple[str, ...]:
    return ("named by the preliminary SQL", *reasons) if named else reasons

"""A linked schema: the part of a schema that a question needs, with scores and reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .hits import ValueHit
    from .schema import ColumnRef, Schema

__all__ = ["Linked"]


@dataclass(frozen=True)
class Linked:
    """A schema cut to what a question needs.

    Attributes:
        schema: The kept tables, columns and keys.
        full: The schema that came in.
        scores: Score of every column of `full`, higher = more likely needed (also of the dropped ones).
        table_scores: Score of every table of `full`.
        reasons: Why each kept column was kept: ("name: 'city'", "value: 'Paris'", "key of flights", ...).
        hits: The value hits that were used.
        detailed: The columns of `schema` that are worth more words than their name; None for all of them.
        tokens_before, tokens_after: Tokens of the rendered units, by the counter named in `tokenizer`.
    """

    schema: Schema
    full: Schema
    scores: Mapping[ColumnRef, float]
    table_scores: Mapping[str, float]
    reasons: Mapping[ColumnRef, tuple[str, ...]] = field(default_factory=dict)
    hits: Sequence[ValueHit] = ()
    tokens_before: int = 0
    tokens_after: int = 0
    tokenizer: str = ""
    detailed: frozenset[ColumnRef] | None = None

    @property
    def kept(self) -> frozenset[ColumnRef]:
        """The kept columns."""
        return frozenset(self.schema.refs())

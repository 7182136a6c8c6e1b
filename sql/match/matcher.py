"""Matches two schemas: profiles, pairs, scores, one network, one assignment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.utils.validation import Checked, check_number, check_range, check_whole, checked_field, describe_type

from ..database.database import Database
from ..schema.schema import ColumnRef, Schema
from .assignment import assign_sparse, gains_over, log_odds
from .candidates import MOST_PAIRS, choose_pairs
from .features import SCORERS, rival_gap, score_all
from .model import load_weights
from .profile import MOST_ROWS, profile_schema
from .result import Candidate, Match, Matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .base import Pairs
    from .model import MatchWeights
    from .profile import ColumnProfile, Values
    from .refine import MatchRefiner
    from .tags import ColumnTagger

__all__ = ["MatchConfig", "match_profiles", "match_schemas", "match_sides", "mean_chances"]

_SHOWN = 20  # candidates kept of each source column
_REASONS = {
    "name_characters.v1": ("same name", 0.999),
    "name_words.v1": ("names have the same words", 0.7),
    "name_meaning.v1": ("names of like meaning", 0.6),
    "value_jaccard.v1": ("same values", 0.9),
    "value_containment.v1": ("values of one are in the other", 0.9),
    "value_tokens.v1": ("values share words", 0.6),
    "number_quantiles.v1": ("numbers are distributed alike", 0.95),
    "description.v1": ("descriptions of like meaning", 0.6),
    "table_name.v1": ("tables of like names", 0.7),
}


@dataclass(frozen=True)
class MatchConfig(Checked):
    """How schemas are matched.

    Attributes:
        min_confidence: 0..1; pairs below it are no matches.
        rows: Rows of each table that are read, where a database is given.
        seconds: For reading each database.
        most_pairs: Up to so many pairs of columns are all compared; beyond, 20 likely ones a column.
        private: Columns, of either schema, whose values are not looked at.
        weights: Another combination than the shipped one.
        learned: False: the mean of all scorers instead, which needs no weights and gives no probability.

    Raises:
        UsageError: A number is out of range, or `private` holds something else.
    """

    min_confidence: float = checked_field(0.5, check_range)
    rows: int = checked_field(5_000, check_whole)
    seconds: float = checked_field(30.0, check_number, over=0)
    most_pairs: int = checked_field(MOST_PAIRS, check_whole)
    private: frozenset[ColumnRef] = frozenset()
    weights: MatchWeights | None = None
    learned: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows > MOST_ROWS:
            raise UsageError(f"rows is {self.rows}", hint=f"give a whole number from 1 to {MOST_ROWS}")
        if not isinstance(self.private, (frozenset, set)) or not all(
            isinstance(ref, ColumnRef) for ref in self.private
        ):
            raise UsageError(f"private is {self.private!r:.100}", hint="give a set of ColumnRef(table, column)")


def match_schemas(
    source: Schema,
    target: Schema,
    *,
    source_values: Values = None,
    target_values: Values = None,
    config: MatchConfig | None = None,
    tagger: ColumnTagger | None = None,
    refiner: MatchRefiner | None = None,
) -> Matches:
    """Which columns of two schemas hold the same thing, at most one partner each; a column may have none.

    Scorers of names, values, types and keys are weighed by two small networks (the second knows rivals and tables), and
    the assignment with the largest sum of log-odds over `min_confidence` is taken. Of n and m columns up to
    `config.most_pairs` pairs are all compared, else 20·n: 5,000 by 5,000 columns take minutes, not hours. Two equal
    calls give equal results. An empty schema gives no matches.

    Methods after "Valentine: Evaluating Matching Techniques for Dataset Discovery" (the kinds of evidence) and
    "SMUTF: Schema Matching Using Generative Tags and Hybrid Features" (features weighed by a learned combination).

    Args:
        source: The schemas; of the same database before and after a change, or of two databases.
        target: Likewise.
        source_values: Where their values are: a `Database`, values by column, or None for the schema's
            own examples. Names and types alone do where there are no values.
        target_values: Likewise.
        config: Default MatchConfig().
        tagger: Describes columns further before they are compared, such as `ChatTagger`.
        refiner: Decides between close candidates, such as `ChatRefiner`.

    Raises:
        UsageError: An argument is of another type.
        DatabaseError: A database cannot be read at all.
    """
    config = MatchConfig() if config is None else config
    return match_sides((source, target), (source_values, target_values), config, tagger, refiner)[0]


def match_sides(
    schemas: tuple[Schema, Schema],
    values: tuple[Values, Values],
    config: MatchConfig,
    tagger: ColumnTagger | None,
    refiner: MatchRefiner | None,
) -> tuple[Matches, Sequence[ColumnProfile], Sequence[ColumnProfile]]:
    """`match_schemas` with the profiles of both sides."""
    for name, schema in zip(("source", "target"), schemas, strict=True):
        if not isinstance(schema, Schema):
            raise UsageError(f"{name} is {describe_type(schema)}, not a Schema", where=name)
    if not isinstance(config, MatchConfig):
        raise UsageError(f"config is {describe_type(config)}", hint="give a MatchConfig")
    for name, helper, method in (("tagger", tagger, "tag"), ("refiner", refiner, "refine")):
        if helper is not None and not callable(getattr(helper, method, None)):
            raise UsageError(f"{name} is {describe_type(helper)}, without a method {method}", where=name)
    left, right = (
        profile_schema(schema, given, rows=config.rows, seconds=config.seconds, private=config.private)
        for schema, given in zip(schemas, values, strict=True)
    )
    notes = (*_unread(left, values[0], config, "first"), *_unread(right, values[1], config, "second"))
    if tagger is not None:
        (left, first), (right, second) = tagger.tag(left), tagger.tag(right)
        notes = (*notes, *first, *second)
    matches = replace(match_profiles(left, right, config), notes=notes)
    return (matches if refiner is None else refiner.refine(matches, left, right)), left, right


def _unread(profiles: Sequence[ColumnProfile], values: Values, config: MatchConfig, side: str) -> Iterator[str]:
    """A note for each table of a database that could not be read."""
    if not isinstance(values, Database):
        return
    tables: dict[str, bool] = {}
    for profile in profiles:
        if profile.ref not in config.private:
            tables[profile.ref.table] = tables.get(profile.ref.table, False) or profile.cells is not None
    for table in sorted(name for name, is_read in tables.items() if not is_read):
        yield f"{table} of the {side} schema was not read: too slow, too large or broken"


def match_profiles(
    source: Sequence[ColumnProfile], target: Sequence[ColumnProfile], config: MatchConfig | None = None
) -> Matches:
    """`match_schemas` for profiles made before, for instance of one schema against many."""
    config = MatchConfig() if config is None else config
    pairs = choose_pairs(source, target, config.most_pairs)
    scores = score_all(pairs)
    weights = (config.weights or load_weights()) if config.learned else None
    chances = mean_chances(scores) if weights is None else weights.chances(pairs, scores)
    return _settle(pairs, scores, chances, config.min_confidence)


def mean_chances(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the scorers whose evidence is there, float64 (n_pairs,), 0..1: the baseline without training."""
    present = ~np.isnan(scores)
    return np.asarray(np.where(present, scores, 0.0).sum(axis=1) / np.maximum(present.sum(axis=1), 1))


def _settle(pairs: Pairs, scores: NDArray[np.float64], chances: NDArray[np.float64], bar: float) -> Matches:
    chosen = assign_sparse(pairs.rows, pairs.columns, gains_over(bar, chances, log_odds(chances)))
    margins = np.minimum(rival_gap(chances, pairs.rows), rival_gap(chances, pairs.columns))
    left, right = [p.ref for p in pairs.source], [p.ref for p in pairs.target]
    rows, columns = pairs.rows, pairs.columns
    matches = [
        Match(left[rows[at]], right[columns[at]], float(chances[at]), float(margins[at]), _reasons(scores[at]))
        for at in sorted(chosen.tolist(), key=lambda at: int(rows[at]))
    ]
    order = np.lexsort((columns, rows, -chances))
    seen = np.zeros(len(left), dtype=np.int64)
    candidates = []
    for at in order.tolist():
        if seen[rows[at]] < _SHOWN:
            seen[rows[at]] += 1
            candidates.append(Candidate(left[rows[at]], right[columns[at]], float(chances[at])))
    return Matches(tuple(matches), tuple(left), tuple(right), tuple(candidates))


def _reasons(scores: NDArray[np.float64]) -> tuple[str, ...]:
    found = [
        (float(score - bar), text)
        for name, score in zip(SCORERS, scores, strict=True)
        if (text := _REASONS.get(name, ("", 2.0))[0]) and score >= (bar := _REASONS[name][1])
    ]
    names = [text for _, text in sorted(found, key=lambda entry: -entry[0])]
    if "same name" in names and "names have the same words" in names:
        names.remove("names have the same words")
    if "same values" in names and "values of one are in the other" in names:
        names.remove("values of one are in the other")
    return tuple(names)

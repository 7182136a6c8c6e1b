"""The rows of numbers that the combination weighs: all scorers, what is missing, and how far rivals are behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .base import MATCH_SCORERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .base import Pairs

__all__ = ["CONTEXT_FEATURES", "FEATURES", "SCORERS", "context_features", "pair_features", "rival_gap", "score_all"]

#: The scorers whose scores the shipped weights are for, in their order.
SCORERS = (
    "name_characters.v1", "name_words.v1", "name_part.v1", "name_meaning.v1", "table_name.v1", "full_name.v1",
    "description.v1", "declared_type.v1", "key_role.v1", "place.v1", "value_containment.v1", "value_jaccard.v1",
    "value_tokens.v1", "value_letters.v1", "value_forms.v1", "value_length.v1", "number_quantiles.v1",
    "number_range.v1", "number_share.v1", "distinctness.v1", "filled.v1",
)  # fmt: skip
_MISSING = ("description.v1", "value_containment.v1", "value_tokens.v1", "number_quantiles.v1")
_COMPARED = ("name_words.v1", "name_characters.v1", "name_meaning.v1", "value_jaccard.v1", "value_containment.v1",
             "value_tokens.v1", "value_letters.v1", "number_quantiles.v1")  # fmt: skip
FEATURES = (
    *SCORERS,
    *(f"has {name}" for name in _MISSING),
    *(f"{name} over rivals of the {side}" for name in _COMPARED for side in ("source", "target")),
)
CONTEXT_FEATURES = (
    "logit", "over rivals of the source", "over rivals of the target", "tables", "source table", "target table",
    "tables over rivals of the source", "tables over rivals of the target", "same name, other values",
    *(f"pair {name}" for name in ("name_characters.v1", "name_words.v1", "value_jaccard.v1", "value_containment.v1")),
    "has values", "referred", "both refer", "share of the source column", "share of the target column",
)  # fmt: skip
_SAME_NAME = 0.97


def score_all(pairs: Pairs) -> NDArray[np.float64]:
    """float64 (n_pairs, len(SCORERS)), 0..1; NaN where a scorer's evidence is missing."""
    if not len(pairs):
        return np.zeros((0, len(SCORERS)))
    return np.column_stack([MATCH_SCORERS.get(name)().score(pairs) for name in SCORERS])


def pair_features(pairs: Pairs, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 (n_pairs, len(FEATURES)) from what `score_all` gives."""
    filled = np.nan_to_num(scores, nan=0.0)
    present = [~np.isnan(scores[:, SCORERS.index(name)]) for name in _MISSING]
    gaps = [
        rival_gap(filled[:, SCORERS.index(name)], side) for name in _COMPARED for side in (pairs.rows, pairs.columns)
    ]
    return np.column_stack([filled, *present, *gaps]).astype(np.float64)


def rival_gap(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each value minus the largest other one of its group; the value itself where it is alone. float64 (n,)."""
    if not len(values):
        return np.zeros(0)
    size = int(group.max()) + 1
    best = np.zeros(size)
    np.maximum.at(best, group, values)
    is_best = values >= best[group]
    # The first of equal ones is the best, so that each of two equal rivals has a gap of 0.
    first = np.full(size, len(values))
    np.minimum.at(first, group[is_best], np.flatnonzero(is_best))
    second = np.zeros(size)
    others = np.arange(len(values)) != first[group]
    np.maximum.at(second, group[others], values[others])
    return np.where(others, values - best[group], values - second[group])


def context_features(pairs: Pairs, scores: NDArray[np.float64], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 (n_pairs, len(CONTEXT_FEATURES)): a pair among its rivals, and its tables by their other columns.

    Args:
        pairs: The pairs.
        scores: What `score_all` gives.
        logits: Of the pairs alone, float64 (n_pairs,).
    """
    chances = 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))
    tables = _table_likeness(pairs, chances)
    filled = np.nan_to_num(scores, nan=0.0)
    characters, names, jaccard, contained = (
        filled[:, SCORERS.index(name)]
        for name in ("name_characters.v1", "name_words.v1", "value_jaccard.v1", "value_containment.v1")
    )
    # The trap of a renaming that exchanges two names: the name says yes and the values, which are known, say no.
    swapped = (characters >= _SAME_NAME) & pairs.known & (rival_gap(jaccard, pairs.rows) < 0)
    gaps = [rival_gap(chances, side) for side in (pairs.rows, pairs.columns)]
    return np.column_stack(
        [
            np.clip(logits, -15, 15),
            *gaps,
            *tables,
            swapped,
            characters,
            names,
            jaccard,
            contained,
            pairs.known,
            *_referred(pairs, chances),
            *(_share(chances, side) for side in (pairs.rows, pairs.columns)),
        ]
    ).astype(np.float64)


def _share(chances: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each chance as a share of all of its column: what is left by elimination stands out."""
    return chances / (np.bincount(group, weights=chances)[group] + 0.02)


def _table_likeness(pairs: Pairs, chances: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """By the chances of their columns: how alike both tables are, how much of either is in the other, and rivals."""
    sources, source_sizes = _tables([p.ref.table for p in pairs.source])
    targets, target_sizes = _tables([p.ref.table for p in pairs.target])
    of_source, of_target = sources[pairs.rows], targets[pairs.columns]
    n, m = len(source_sizes), len(target_sizes)
    together, key = np.unique(of_source * m + of_target, return_inverse=True)
    forward = _sum_of_best(chances, pairs.rows * m + of_target, key, len(together)) / source_sizes[together // m]
    back = _sum_of_best(chances, pairs.columns * n + of_source, key, len(together)) / target_sizes[together % m]
    alike = (forward * source_sizes[together // m] + back * target_sizes[together % m]) / (
        source_sizes[together // m] + target_sizes[together % m]
    )
    gaps = [rival_gap(alike, together // m), rival_gap(alike, together % m)]
    return [values[key] for values in (alike, forward, back, *gaps)]


def _referred(pairs: Pairs, chances: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The chance of the pair of columns that both refer to as foreign keys, and whether both refer to any."""
    m = len(pairs.target)
    places = [{p.ref: at for at, p in enumerate(side)} for side in (pairs.source, pairs.target)]
    left, right = (
        np.array([of.get(p.refers, -1) if p.refers else -1 for p in side], dtype=np.int64)
        for of, side in zip(places, (pairs.source, pairs.target), strict=True)
    )
    both = (left[pairs.rows] >= 0) & (right[pairs.columns] >= 0)
    wanted = left[pairs.rows] * m + right[pairs.columns]
    keys = pairs.rows * m + pairs.columns
    order = np.argsort(keys, kind="stable")
    at = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    return [np.where(both & (keys[at] == wanted), chances[at], 0.0), both.astype(np.float64)]


def _tables(names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    of = np.array([numbers[name] for name in names], dtype=np.int64)
    return of, np.bincount(of, minlength=max(len(numbers), 1))


def _sum_of_best(
    chances: NDArray[np.float64], cell: NDArray[np.int64], key: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """For each pair of tables the sum, over the columns of one, of the best chance in the other."""
    cells, at = np.unique(cell, return_inverse=True)
    best, owner = np.zeros(len(cells)), np.zeros(len(cells), dtype=np.int64)
    np.maximum.at(best, at, chances)
    owner[at] = key
    return np.bincount(owner, weights=best, minlength=size).astype(np.float64)

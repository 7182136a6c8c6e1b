"""Features by meaning: how near the words of a question come to those of names where they are not the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors

from .statistics import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from .statistics import SchemaStatistics

__all__ = ["MEANINGS", "TABLE_MEANINGS", "meaning_features"]

MEANINGS = (
    "near",
    "near_asked",
    "near_phrase",
    "near_phrase_relative",
    "near_full",
    "near_full_relative",
    "near_question",
    "near_share",
    "near_first",
    "near_strange",
    "near_described",
    "near_table",
    "near_table_relative",
)
TABLE_MEANINGS = ("near", "near_relative", "near_phrase")
_MAX_WORDS = 120  # of a question and its evidence that are compared by meaning
_NEAR = 0.45  # two words this near mean about the same; one pair of common words in a hundred is
_SHARPNESS = 12.0  # of the competition between columns for a word


def meaning_features(
    stats: SchemaStatistics, asked: Sequence[str], evidence_stems: Sequence[str], strange: Collection[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of columns and of tables.

    Args:
        stats: Of the schema.
        asked, evidence_stems: Stems of the content words of the question and of the evidence, in order.
        strange: Stems among them that no word of the schema is written like.

    Returns:
        float64 (n_columns, len(MEANINGS)) and float64 (n_tables, len(TABLE_MEANINGS)).
    """
    n, n_tables = len(stats.refs), len(stats.table_size)
    asked, evidence_stems = asked[:_MAX_WORDS], evidence_stems[: max(_MAX_WORDS - len(asked), 0)]
    if not n or not (asked or evidence_stems):
        return np.zeros((n, len(MEANINGS))), np.zeros((n_tables, len(TABLE_MEANINGS)))
    meanings = stats.meanings
    vectors = load_vectors().of([*asked, *evidence_stems])
    near = np.maximum(vectors @ meanings.words.T, 0.0).astype(float)  # (n_asked_words, n_words)
    phrases = _phrases(vectors, len(asked))
    by_word = near.max(axis=0)
    by_asked = near[: len(asked)].max(axis=0, initial=0.0)
    phrase, full = _nearest(phrases, meanings.names), _nearest(phrases, meanings.full)
    odd = np.array([word in strange for word in (*asked, *evidence_stems)])
    whole = _nearest(unit_vectors(vectors[: len(asked)].sum(axis=0, keepdims=True)), meanings.full)
    share, first, best = _competition(stats, near[odd])
    tables = np.maximum(stats.table_names.coverage(by_word), stats.table_alternatives.coverage(by_word))
    table_phrase = _nearest(phrases, meanings.tables)
    of = stats.table_of
    columns = np.column_stack([
        _covered(stats, by_word), _covered(stats, by_asked), phrase, phrase - phrase.max(), full, full - full.max(),
        whole,
        share, first, best, stats.descriptions.coverage(np.where(by_word >= _NEAR, by_word, 0.0)),
        table_phrase[of], (table_phrase - table_phrase.max())[of],
    ])  # fmt: skip
    return columns, np.column_stack([tables, table_phrase - table_phrase.max(), table_phrase])


def _covered(stats: SchemaStatistics, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(stats.names.coverage(scores), stats.alternatives.coverage(scores))


def _phrases(vectors: NDArray[np.float32], n_asked: int) -> NDArray[np.float32]:
    """Unit vectors of all runs of one to three words, of the question and of the evidence."""
    parts = [vectors]
    for run in (vectors[:n_asked], vectors[n_asked:]):
        two = run[:-1] + run[1:]
        parts += [two, two[:-1] + run[2:]]
    return unit_vectors(np.concatenate(parts))


def _nearest(phrases: NDArray[np.float32], names: NDArray[np.float32]) -> NDArray[np.float64]:
    """Best cosine of any phrase with each name or its comment, 0..1."""
    nearest: NDArray[np.float32] = (phrases @ names.reshape(-1, names.shape[-1]).T).max(axis=0, initial=0.0)
    best: NDArray[np.float64] = nearest.reshape(names.shape[:2]).max(axis=0).astype(np.float64)
    return best


def _competition(
    stats: SchemaStatistics, words: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The columns compete for every strange word; `words` float64 (n_strange, n_words) are its nearnesses.

    Returns:
        Sum of the column's shares of such words, 1 where it is the nearest to one, nearness of the nearest one.
    """
    n = len(stats.refs)
    if not len(words):
        return np.zeros(n), np.zeros(n), np.zeros(n)
    owner = np.concatenate([stats.names.owner, stats.alternatives.owner])
    word = np.concatenate([stats.names.word, stats.alternatives.word])
    best = np.zeros((n, len(words)))
    np.maximum.at(best, owner, words[:, word].T)
    share = np.exp(_SHARPNESS * (best - best.max(axis=0)))
    share *= np.minimum(best.max(axis=0) / 0.6, 1.0) ** 2 / share.sum(axis=0)
    first = ((best >= best.max(axis=0) - 1e-6) & (best >= _NEAR)).any(axis=1)
    return share.sum(axis=1), first.astype(float), best.max(axis=1)

"""Recall and size of the shipped linker on public development sets; nothing was trained on these."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.linking import linking_scores
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.linking.ranked import RankedLinker


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "strict", "kept", "step"),
    [
        ("bird_dev", 0.91, 0.30, 5),  # each fifth question
        pytest.param("bird_dev", 0.93, 0.30, 1, marks=pytest.mark.long),
        ("spider", 0.955, 0.55, 1),
        ("kaggledbqa", 0.70, 0.42, 1),
    ],
)
def test_recall_at_kept_share_without_value_hits(shared: Path, folder: str, strict: float, kept: float, step: int):
    benchmark, linker = load(shared / "data" / "nl2sql" / folder), RankedLinker()
    scores = linking_scores(
        (
            linker.link(item.question, benchmark.schemas[item.db_id], evidence=item.evidence),
            gold_links(item.gold, benchmark.schemas[item.db_id]),
        )
        for item in benchmark.items[::step]
    )
    assert scores.strict_recall >= strict
    assert scores.kept_share <= kept
    assert scores.tokens_after < scores.tokens_before

"""Corpora in Ray Data; skipped where Ray is not installed (`make framework-ray`)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
pytest.importorskip("ray", reason="Ray is not installed")

import ray

from ctxprune.errors import InputError, UsageError
from ctxprune.integrations.ray_corpus import prune_dataset
from ctxprune.rag import prune_corpus

pytestmark = pytest.mark.filterwarnings(r"ignore:`use_\w+` is deprecated:DeprecationWarning:ray.data.context")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def records(count: int) -> list[dict[str, object]]:
    return [
        {"id": f"p{number % 50}", "text": "tower " * (number % 13) + f"built in {number}.", "page": number}
        for number in range(count)
    ]


def test_it_is_pruned_as_in_one_process() -> None:
    rows = records(60)
    pruned = prune_dataset(ray.data.from_items(rows).repartition(4), share=0.3)
    alone = prune_corpus(rows, share=0.3)
    kept, dropped = pruned.kept.take_all(), pruned.dropped.take_all()
    # Of equal qualities at the cut none goes here.
    gone = {row["page"] for row in dropped}
    assert gone <= {one.index for one in alone.dropped()}
    assert {row["page"] for row in kept} | gone == {*range(60)}
    assert sorted(kept[0]) == ["id", "page", "text"]
    assert {"ctxprune_quality", "ctxprune_reason"} <= {*dropped[0]}
    assert (pruned.report.passages, pruned.report.dropped) == (60, len(gone))
    assert pruned.report.repeated_ids == 10


def test_what_is_no_corpus_is_refused() -> None:
    dataset = ray.data.from_items(records(5))
    with pytest.raises(InputError, match="no column 'body'"):
        prune_dataset(dataset, column="body")
    with pytest.raises(UsageError, match="share"):
        prune_dataset(dataset, share=1)
    with pytest.raises(InputError, match="1 rows have no text"):
        prune_dataset(ray.data.from_items([*records(2), {"id": "x", "text": None, "page": 1}]))

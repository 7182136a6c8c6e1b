"""Parts and wrong passages of the reranker's questions, and how the losses of its smaller models are summed up."""

from __future__ import annotations

import importlib
import random
from itertools import pairwise

import pytest

from benchmarks.common.ranked_questions import PARTS, PASSAGES, _first_parts, _with_negatives, part_of
from benchmarks.common.rivals import chosen_ways, lost
from ctxprune.train.retrieval import HardNegatives


def test_parts_hold_the_shares_that_they_should() -> None:
    names = [part_of(f"article {number}") for number in range(4_000)]
    shares = {part: names.count(part) / len(names) for part in PARTS}
    assert shares == pytest.approx({"train": 0.6, "recovery": 0.3, "dev": 0.1}, abs=0.03)


def test_a_question_of_two_articles_is_of_the_earlier_part_alone() -> None:
    keys = {part: next(key for key in map(str, range(1_000)) if part_of(key) == part) for part in PARTS}
    for early, late in pairwise(PARTS):
        assert _first_parts([("which?", keys[late]), ("which?", keys[early])]) == {"which?": early}


def test_wrong_passages_are_hard_ones_first_and_never_right() -> None:
    pool = [f"the river {name} is long" for name in ("Rhine", "Main", "Oder")] + [f"stone {n}" for n in range(40)]
    rows = [("how long is the river Main ?", [1])]
    (found,) = _with_negatives("rivers", rows, random.Random(0), HardNegatives(pool), pool)
    assert len(found.passages) == PASSAGES == len(set(found.passages))
    assert {pool[0], pool[2]} < set(found.passages)
    assert [passage for passage, gain in zip(found.passages, found.gains, strict=True) if gain] == [pool[1]]


def test_losses_are_means_of_sets_and_the_interval_holds_the_mean() -> None:
    pytest.importorskip("torch")
    bench = importlib.import_module("benchmarks.quality.shrink_reranker")
    before = {"large": [1.0, 0.5, 0.75, 1.0], "small": [1.0, 1.0], "dev": [1.0]}
    after = {"large": [0.5, 0.5, 0.75, 1.0], "small": [1.0, 0.5], "dev": [0.75]}
    found = bench.losses(before, after)
    by_hand = [
        100 * sum(a - b for a, b in zip(before[name], after[name], strict=True)) / len(before[name])
        for name in ("large", "small")
    ]
    assert found["loss"] == sum(by_hand) / 2 == 18.75
    assert found["dev"] == 25.0
    low, high = found["interval"]
    assert 0 <= low < found["loss"] < high <= 50
    assert bench.losses(before, before)["interval"] == [0.0, 0.0]


def test_a_recipe_is_recommended_with_three_seeds() -> None:
    pytest.importorskip("torch")
    bench = importlib.import_module("benchmarks.quality.shrink_reranker")

    def row(recipe: str, seed: int, loss: float, **more: object) -> dict[str, object]:
        own = {"recipe": recipe, "seed": seed, "steps": 0, "calibration": 16, "target": "latency=0.5", "loss": loss}
        own |= {"status": "done"}
        return own | {"dev": loss, "minutes": 1.0, "time_left": 0.5, "plain": True, "bytes": 10} | more

    rows = [row("a", seed, loss) for seed, loss in enumerate((1.0, 3.0, 2.0))]
    rows += [row("b", 0, 0.5), row("b", 1, 0.5), row("b", 2, 0.0, status="nothing more can go")]
    (found,) = bench.recommended(rows)
    assert (found["recipe"], found["seeds"], found["loss_mean"], found["loss_worst"]) == ("a", 3, 2.0, 3.0)


def test_recipes_that_lost_to_a_rival_are_named_by_target() -> None:
    rows = [
        {"recipe": name, "keep": 0.5, "recall": {"mean": value}}
        for name, value in (("random", 50.0), ("a", 60.0), ("b", 50.0), ("c", 40.0))
    ]
    assert lost(rows) == {"random at 0.5": ["b", "c"]}


def test_a_recipe_is_judged_by_the_way_with_most_seeds_then_by_dev() -> None:
    def row(steps: int, seed: int, dev: float, status: str = "done") -> dict[str, object]:
        own = {"recipe": "a", "target": "latency=0.5", "steps": steps, "seed": seed, "dev": dev, "status": status}
        return own | {"calibration": 16, "pool": 200}

    rows = [row(0, 0, 2.0), row(100, 0, 1.0), row(200, 0, 0.5, "nothing more can go")]
    assert chosen_ways(rows) == {("a", "latency=0.5"): [rows[1]]}
    assert chosen_ways([*rows, row(0, 1, 3.0)])["a", "latency=0.5"] == [rows[0], row(0, 1, 3.0)]

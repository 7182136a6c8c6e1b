"""The figures of the tasks after RULER, and of budgets: how samples become rows."""

from __future__ import annotations

import importlib
import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from kv.models import SIZES, letters  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from ctxprune.kv import Kivi, SnapKV, compress  # noqa: E402
from ctxprune.kv.evaluation.cells import score_answer  # noqa: E402
from ctxprune.kv.evaluation.sample_builder import SampleBuilder  # noqa: E402
from ctxprune.kv.evaluation.samples import make_samples  # noqa: E402
from ctxprune.kv.pipeline import ChatFrame  # noqa: E402

ruler = importlib.import_module("benchmarks.quality.kv_ruler")
decoding = importlib.import_module("benchmarks.quality.kv_decoding")

TEXT = " ".join(f"Sentence {number} tells of day {number * 7} in the year." for number in range(90))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    # Heads of 16 channels, which divide into groups of 8.
    return LlamaForCausalLM(LlamaConfig(**{**SIZES, "vocab_size": len(letters()), "head_dim": 16})).eval()


@pytest.fixture(scope="module")
def sample():
    return replace(make_samples("multi_value", letters(), TEXT, tokens=700, count=1, seed=1)[0], steps=12)


@pytest.mark.parametrize("storage", [None, Kivi(bits=8, group=8, residual=8)])
def test_drafts_do_not_change_an_answer(model, sample, storage):
    def cache():
        return compress(model, sample.context, SnapKV(0.75), question=sample.question, storage=storage)

    _, said = ruler.answer(model, cache(), sample, [])
    assert 0 < len(said) <= sample.steps
    expected = replace(sample, expected=((sample.decode(said),), ("nowhere",)))
    assert ruler.answer(model, cache(), expected, []) == (score_answer(model, cache(), expected), said) == (0.5, said)
    for drafts in ([said], [[*said[:3], 5, 6, 7]], [[5] * 9, said[1:]], [[]]):
        assert ruler.answer(model, cache(), sample, drafts)[1] == said


def test_a_part_that_was_said_counts_once_all_are_said(model, sample):
    cache = compress(model, sample.context, SnapKV(0.5), question=sample.question)
    _, said = ruler.answer(model, cache.copy(), sample, [])
    first = replace(sample, expected=((sample.decode(said[:1]),),))
    assert ruler.answer(model, cache.copy(), first, [])[0] == score_answer(model, cache.copy(), first) == 1.0


def test_questions_of_a_family_are_about_one_context():
    frame = ChatFrame("", "\n")

    def build(rng, depth):
        return SampleBuilder(letters(), frame, 1500, rng, TEXT, depth)

    for family in (("multi_query", "multi_key"), ("key_value",), ("passages",)):
        samples = ruler.family_samples(build, family, 1)
        assert len({letters().decode(each.question[0]) for each in samples}) == len(samples)
        assert [each.task for each in samples] == [task for task in family for _ in range(ruler.QUESTIONS.get(task, 1))]
    one, other = (ruler.family_samples(build, ("needle",), seed)[0] for seed in (1, 2))
    assert not torch.equal(one.context, other.context)


def test_the_text_is_cut_at_an_article():
    text = "a b c\n = One = \n d e f g\n = Two = \n h i\n"
    first, second = ruler.halves(text)
    assert first + second == text
    assert second.startswith("\n = Two")


def rows_of(press: str, task: str, rights: list[float], *, storage: str = "plain") -> list[dict]:
    return [
        {"task": task, "tokens": 4096, "sample": (0, number), "press": press, "storage": storage, "right": right,
         "bytes_ratio": 0.25}
        for number, right in enumerate(rights)
    ]  # fmt: skip


def test_shares_are_of_the_whole_cache_on_the_same_samples():
    rows = [
        *rows_of("whole", "needle", [1.0, 0.0]),
        *rows_of("whole", "multi_value", [0.5, 0.5]),
        *rows_of("whole", "variables", [0.25, 0.25]),
        *rows_of("snapkv", "needle", [1.0, 0.0]),
        *rows_of("snapkv", "multi_value", [0.5, 0.25]),
        *rows_of("random", "needle", [1.0]),
    ]
    whole, snapkv, random = ruler.summarise(rows)
    assert whole["of_whole"] == 100.0
    assert whole["interval"] == [100.0, 100.0]
    assert whole["by_task"] == {"multi_value": 50.0, "needle": 50.0, "variables": 25.0}
    assert whole["mean"] == 41.7
    assert (snapkv["mean"], snapkv["of_whole"]) == (43.8, 87.5)
    assert snapkv["of_whole_by_task"] == {"multi_value": 75.0, "needle": 100.0}
    assert (random["of_whole"], random["samples"]) == (100.0, {"needle": 1})


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.5, 1)), min_size=2, max_size=9))
def test_the_interval_holds_the_share(pairs):
    low, high = ruler.bootstrap([pairs], rounds=100)
    shares = [100 * right / base for right, base in pairs]
    assert min(shares) - 0.1 <= low <= high <= max(shares) + 0.1
    assert ruler.bootstrap([pairs], rounds=100) == [low, high]


def test_perplexity_over_texts_is_of_the_mean_loss():
    found = {
        "a": {"loss": 1.0, "most_bytes": 5, "most_tokens": 2.0},
        "b": {"loss": 2.0, "most_bytes": 3, "most_tokens": 9.0},
    }
    row = decoding.summarise(("snapkv", "plain", None), found)
    assert row["perplexity"] == round(math.exp(1.5), 3)
    assert row["by_text"] == {"a": round(math.e, 3), "b": round(math.e**2, 3)}
    assert (row["most_bytes"], row["most_tokens"]) == (5, 9.0)

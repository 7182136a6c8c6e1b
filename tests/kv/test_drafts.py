"""Drafts change nothing of what is said, and save steps where the answer is copied."""

from __future__ import annotations

import time

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import tokens  # noqa: E402
from transformers import StoppingCriteria, StoppingCriteriaList  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import DraftIndex, Drafts, Knorm, PassageStore, SnapKV, compress, generate_with_drafts, join  # noqa: E402
from ctxprune.kv.drafts.draft_index import GrowingIndex, Match  # noqa: E402

PROMPT = tokens(40)
OPTIONS = {"max_new_tokens": 30, "do_sample": False, "eos_token_id": None}


def greedy(model, ids=PROMPT, **options):
    return model.generate(ids, **{**OPTIONS, **options})


@pytest.fixture
def said(decoders):
    """What the tiny decoder says: a passage that is its own answer makes every draft right."""
    return greedy(decoders("llama"))[0].tolist()


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gemma", "phi", "gemma3"])
@pytest.mark.parametrize("wrong", [None, 3])
def test_text_is_greedy(decoders, kind, wrong):
    model = decoders(kind)
    expected = greedy(model)
    passage = expected[0].tolist()
    if wrong:  # every third token is another one: drafts fail again and again
        passage = [token if place % wrong else 5 for place, token in enumerate(passage)]
    made = generate_with_drafts(model, PROMPT, [passage, tokens(50, seed=9)[0].tolist()], **OPTIONS)
    assert torch.equal(made.ids, expected)
    report = made.report
    assert report.tokens == 30
    assert 0 <= report.accepted <= report.drafted
    assert report.steps <= report.tokens
    assert report.steps == report.tokens - report.accepted


def test_steps_are_saved_where_the_answer_is_in_a_passage(decoders, said):
    model, calls = decoders("llama"), []
    handle = model.model.register_forward_hook(lambda *_: calls.append(1))
    made = generate_with_drafts(model, PROMPT, [said], **OPTIONS)
    handle.remove()
    assert len(calls) == made.report.steps
    assert made.report.steps_saved > 0.5
    none = Drafts([], shortest=6)
    model.generate(PROMPT, custom_generate=none, **OPTIONS)
    assert none.report.steps_saved <= made.report.steps_saved


def test_drafts_that_never_shrink_save_steps_and_read_more(decoders):
    model = decoders("llama")
    expected = greedy(model)
    passage = [token if place % 6 else 5 for place, token in enumerate(expected[0].tolist())]
    reports = []
    for least in (1, 4, 40, 10**6):
        made = generate_with_drafts(model, PROMPT, [passage], least=least, **OPTIONS)
        assert torch.equal(made.ids, expected)
        reports.append(made.report)
    assert [report.steps for report in reports] == sorted((report.steps for report in reports), reverse=True)
    assert reports[0].drafted <= reports[1].drafted < reports[2].drafted
    assert reports[2] == reports[3]
    with pytest.raises(UsageError, match="least is 0"):
        Drafts([], least=0)


@pytest.mark.parametrize("press", [Knorm(0.5), SnapKV(0.7, window=8)])
def test_a_pruned_cache_is_gone_back_in(decoders, press):
    model = decoders("qwen2")
    cache = compress(model, PROMPT[:, :34], press)
    expected = greedy(model, cache=cache.copy())
    passage = expected[0].tolist()
    passage[50] = 5
    one, two = cache.copy(), cache.copy()
    made = generate_with_drafts(model, PROMPT, [passage], cache=one, **OPTIONS)
    assert torch.equal(made.ids, expected)
    assert made.report.steps_saved > 0.3
    assert one.get_seq_length() == expected.shape[1] - 1  # as greedy leaves it: the last token is not read
    greedy(model, cache=two)
    assert two.get_seq_length() == one.get_seq_length()
    for ours, theirs in zip(one.layers, two.layers, strict=True):
        assert (ours.keys - theirs.keys).abs().max() < 1e-5


def test_inside_an_open_press_the_context_is_pressed_without_a_draft(decoders):
    model = decoders("llama")
    with SnapKV(0.5, window=8)(model):
        expected = greedy(model)
        made = generate_with_drafts(model, PROMPT, [expected[0].tolist()], **OPTIONS)
    assert torch.equal(made.ids, expected)


def test_a_joined_cache(decoders):
    model = decoders("llama")
    cache = join(PassageStore(model), PROMPT[:, :10], [PROMPT[:, 10:22], PROMPT[:, 22:35]], recompute=0)
    expected = greedy(model, cache=cache.copy())
    made = generate_with_drafts(model, PROMPT, [expected[0].tolist()], cache=cache, **OPTIONS)
    assert torch.equal(made.ids, expected)
    assert made.report.steps_saved > 0.5


def test_the_end_stands_inside_a_draft(decoders, said):
    model = decoders("llama")
    end = said[40 + 17]
    expected = greedy(model, eos_token_id=end)
    assert expected.shape[1] < 70
    made = generate_with_drafts(model, PROMPT, [said], **{**OPTIONS, "eos_token_id": end})
    assert torch.equal(made.ids, expected)


@pytest.mark.parametrize("count", [1, 2, 5, 11, 29])
def test_the_limit_stands_inside_a_draft(decoders, said, count):
    made = generate_with_drafts(decoders("llama"), PROMPT, [said], **{**OPTIONS, "max_new_tokens": count})
    assert made.ids[0].tolist() == said[: 40 + count]
    assert made.report.tokens == count


def test_processors_and_stopping_criteria_are_those_of_greedy(decoders):
    model = decoders("llama")
    rules = {"repetition_penalty": 1.3, "no_repeat_ngram_size": 3, "min_new_tokens": 12, "eos_token_id": [7, 8, 9]}
    expected = greedy(model, **rules)
    made = generate_with_drafts(model, PROMPT, [expected[0].tolist()], **{**OPTIONS, **rules})
    assert torch.equal(made.ids, expected)

    class Third(StoppingCriteria):
        def __call__(self, ids, scores, **_):
            return torch.tensor([ids.shape[1] == 53])

    expected = greedy(model, stopping_criteria=StoppingCriteriaList([Third()]))
    options = {**OPTIONS, "stopping_criteria": StoppingCriteriaList([Third()])}
    assert torch.equal(generate_with_drafts(model, PROMPT, [expected[0].tolist() * 2], **options).ids, expected)


def test_left_padding(decoders):
    model = decoders("qwen2")
    padded = torch.cat([torch.zeros(1, 5, dtype=torch.long), PROMPT], dim=1)
    mask = torch.cat([torch.zeros(1, 5, dtype=torch.long), torch.ones_like(PROMPT)], dim=1)
    expected = greedy(model, padded, attention_mask=mask)
    made = generate_with_drafts(model, padded, [expected[0].tolist()], attention_mask=mask, **OPTIONS)
    assert torch.equal(made.ids, expected)


def test_bad_input(decoders):
    model = decoders("llama")
    for options, what in (
        ({"do_sample": True}, "greedy"),
        ({"num_beams": 2}, "one row|greedy"),
        ({"return_dict_in_generate": True}, "greedy"),
        ({"use_cache": False}, "cache"),
    ):
        with pytest.raises(UsageError, match=what):
            generate_with_drafts(model, PROMPT, [], **{**OPTIONS, **options})
    with pytest.raises(UsageError, match="one row"):
        generate_with_drafts(model, tokens(8, rows=2), [], **OPTIONS)
    for options in ({"most": 0}, {"longest": 0}, {"shortest": 0}, {"longest": 2, "shortest": 3}):
        with pytest.raises(UsageError):
            Drafts([], **options)


def slow(texts, ended, longest, shortest):
    """The length of the longest n-gram that `ended` ends with and a text goes on behind."""
    for length in range(min(longest, len(ended)), shortest - 1, -1):
        gram = ended[-length:]
        for text in texts:
            if any(text[at : at + length] == gram for at in range(len(text) - length)):
                return length
    return None


def test_the_index_finds_what_a_search_finds():
    rng = np.random.default_rng(3)
    for _ in range(200):
        texts = [rng.integers(0, 4, rng.integers(0, 30)).tolist() for _ in range(rng.integers(0, 4))]
        ended = rng.integers(0, 4, rng.integers(1, 12)).tolist()
        index = DraftIndex(texts, longest=5)
        match = index.find(ended, int(rng.integers(0, 40)))
        expected = slow(texts, ended, 5, 1)
        assert (match is None) == (expected is None)
        if match is not None:
            assert match.length >= expected
            assert index.ids[match.place - expected : match.place].tolist() == ended[-expected:]
            following = index.after(match, 7)
            assert following
            assert any(text[at : at + len(following)] == following for text in texts for at in range(len(text)))


def test_of_equal_places_the_longer_match_then_the_nearer_one_is_taken():
    text = [1, 2, 3, 9, 4, 2, 3, 8, 5, 2, 3, 7]
    index = DraftIndex([text], longest=2)
    place = index.find([4, 2, 3]).place
    assert index.after(Match(3, place), 1) == [8]
    assert index.after(index.find([6, 2, 3]), 1) == [9]  # all alike: the first
    assert index.after(index.find([6, 2, 3], near=9), 1) == [7]


def test_drafts_stay_in_their_text():
    index = DraftIndex([[1, 2, 3], [4, 5]])
    assert index.find([3]) is None
    assert index.after(index.find([2]), 9) == [3]
    assert index.find([2, 3, 4]).length == 1
    assert len(index) == 5


def test_grown_text_goes_round():
    own = GrowingIndex()
    own.add([1, 2, 3])
    own.add([1, 2])
    assert own.after(own.find(), 5) == [3, 1, 2, 3, 1]
    assert GrowingIndex().find() is None


def test_long_passages_are_looked_up_fast():
    rng = np.random.default_rng(0)
    text = (rng.zipf(1.3, 200_000) % 30_000).tolist()
    start = time.perf_counter()
    index = DraftIndex([text])
    built = time.perf_counter() - start
    start = time.perf_counter()
    for at in range(1000, 1200):
        index.find(text[at - 64 : at])
    each = (time.perf_counter() - start) / 200
    assert built < 5
    assert each < 0.005

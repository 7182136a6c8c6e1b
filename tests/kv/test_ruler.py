"""Tasks after RULER: the context holds what is expected, the answer is in reach, and scores count what was said."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import SIZES, letters  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from ctxprune.errors import InputError  # noqa: E402
from ctxprune.kv import Random, compress  # noqa: E402
from ctxprune.kv.evaluation.cells import score_answer  # noqa: E402
from ctxprune.kv.evaluation.run import Comparison, compare  # noqa: E402
from ctxprune.kv.evaluation.samples import PLAIN_TASKS, TASKS, make_samples  # noqa: E402

NUMBERED = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEXT = " ".join(
    f"Sentence {number} tells of {NUMBERED[number % 10]}{NUMBERED[number // 10 % 10][:3]} calm days."
    for number in range(150)
)
TOKENS = 2500  # one letter each


@pytest.fixture(scope="module")
def tokenizer():
    return letters()


@pytest.fixture(scope="module")
def samples(tokenizer):
    return {
        task: make_samples(task, tokenizer, TEXT, tokens=TOKENS, count=3, seed=1)
        for task in sorted(TASKS.keys() - set(PLAIN_TASKS))
    }


def text_of(tokenizer, sample):
    return tokenizer.decode(sample.context[0]), tokenizer.decode(sample.question[0])


@pytest.mark.parametrize("task", sorted(TASKS.keys() - set(PLAIN_TASKS)))
def test_contexts_are_full_and_determined_by_the_seed(tokenizer, samples, task):
    again = make_samples(task, tokenizer, TEXT, tokens=TOKENS, count=3, seed=1)
    other = make_samples(task, tokenizer, TEXT, tokens=TOKENS, count=3, seed=2)
    for one, two, three in zip(samples[task], again, other, strict=True):
        assert 0.75 * TOKENS < one.context.shape[1] <= TOKENS
        assert torch.equal(one.context, two.context)
        assert torch.equal(one.question, two.question)
        assert not torch.equal(one.context, three.context)
        context, _ = text_of(tokenizer, one)
        assert all(any(each in context for each in alternatives) for alternatives in one.expected)
        assert one.task == task


def test_one_of_four_keys_is_asked_for(tokenizer, samples):
    asked = set()
    for sample in samples["multi_key"]:
        context, question = text_of(tokenizer, sample)
        facts = dict(re.findall(r"The gate code of (\w+) is (\d{7})\.", context))
        place = re.search(r"gate code of (\w+)\?", question)[1]
        assert len(facts) == 4
        assert tokenizer.decode(sample.answer[0]) == facts[place]
        asked.add(list(facts).index(place))
    assert len(asked) == 3


def test_all_values_and_all_queries_are_expected(tokenizer, samples):
    for task, fact in (
        ("multi_value", r"One of the gate codes of (\w+) is (\d{7})\."),
        ("multi_query", r"The gate code of (\w+) is (\d{7})\."),
    ):
        for sample in samples[task]:
            context, question = text_of(tokenizer, sample)
            found = re.findall(fact, context)
            assert {(number,) for _, number in found} == set(sample.expected)
            assert len(found) == 4
            assert all(place in question for place, _ in found)


def test_variables_follow_their_chain(tokenizer, samples):
    for sample in samples["variables"]:
        context, question = text_of(tokenizer, sample)
        values, named = {}, re.search(r"the number (\d{5})", question)[1]
        for name, source in re.findall(r"VAR (\w{5}) = (?:VAR )?(\w{5})\.", context):
            values[name] = source if source.isdigit() else values[source]
        assert len(values) == 10
        assert {(name,) for name, number in values.items() if number == named} == set(sample.expected)


def test_common_words_come_ten_times_as_often(tokenizer):
    for tokens in (TOKENS, 9000):
        sample = make_samples("common_words", tokenizer, TEXT, tokens=tokens, count=1)[0]
        words = re.findall(r"\d+\. (\w+)", text_of(tokenizer, sample)[0])
        counts = {word: words.count(word) for word in words}
        rare = {count for word, count in counts.items() if (word,) not in sample.expected}
        assert len(rare) == 1
        assert {counts[word] for (word,) in sample.expected} == {10 * rare.pop()}


def test_passages_hold_their_answer_once_by_their_name(tokenizer, samples):
    for sample in samples["passages"]:
        context, question = text_of(tokenizer, sample)
        place, ware = re.search(r"the (\w+) workshop that makes (\w+)", question).groups()
        (document,) = [part for part in context.split("\n\n") if f"The {place} workshop makes {ware}." in part]
        assert sample.expected[0][0] in document


def test_shares_count_whole_words_in_any_case(samples):
    sample = replace(samples["variables"][0], expected=(("ABCDE",), ("Petra Wick",), ("17", "seventeen")))
    assert sample.share_of("abcde, then PETRA\nWick: Seventeen") == 1
    assert sample.share_of("xABCDE 170 Petra wicket") == 0
    assert sample.share_of("It is 17.") == pytest.approx(1 / 3)
    assert sample.share_of("") == 0


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(3)
    return LlamaForCausalLM(LlamaConfig(**{**SIZES, "vocab_size": len(tokenizer)})).eval()


def test_answers_are_generated_up_to_what_is_expected(model, tokenizer, samples):
    sample = replace(samples["variables"][0], context=samples["variables"][0].context[:, :200], steps=12)
    cache = compress(model, sample.context, Random(0.4))
    whole = torch.cat([sample.context, sample.question], dim=1)
    options = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None}
    said = tokenizer.decode(model.generate(whole, cache=cache.copy(), **options)[0, whole.shape[1] :])

    def score(*expected, **changes):
        decode = lambda ids: " ".join(tokenizer.decode(ids))  # noqa: E731
        asked = replace(sample, expected=tuple((each,) for each in expected), decode=decode, **changes)
        return score_answer(model, cache.copy(), asked)

    spaced = " ".join(said)
    assert score(spaced) == 1
    assert score(spaced, "never said") == 0.5
    assert score(spaced, steps=11) == 0
    assert score("never said") == 0


def test_a_comparison_means_shares_by_task(model, tokenizer, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    asked = Comparison(
        presses=("knorm",), ratios=(0.5,), modes=("blind",), tasks=("passages", "needle"), tokens=400, samples=1
    )
    rows = compare(model, tokenizer, path, asked, log=tmp_path / "log")
    assert all(0 <= row["passages"] <= 100 for row in rows)
    assert rows == compare(model, tokenizer, path, asked, log=tmp_path / "log")
    assert Comparison().tasks == ("key_value", "needle")


@pytest.mark.parametrize(("task", "tokens"), [("passages", 80), ("common_words", 70), ("multi_key", 100_000)])
def test_contexts_that_hold_no_task_are_refused(tokenizer, task, tokens):
    with pytest.raises(InputError):
        make_samples(task, tokenizer, TEXT, tokens=tokens, count=1)

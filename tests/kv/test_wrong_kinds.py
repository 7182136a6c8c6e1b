"""Arguments of the wrong kind are named where they come in: never an error from deep inside."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import SIZES, decoder, letters, tokens  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    Drafts,
    Kivi,
    PassageStore,
    Pipeline,
    QFilter,
    SnapKV,
    agreement,
    compress,
    generate_with_drafts,
    join,
    prefill,
)

CONTEXT = tokens(40)


@pytest.fixture(scope="module")
def model():
    return decoder("llama")


@pytest.mark.parametrize("press", ["snapkv", SnapKV, 0.5])
def test_a_press_is_asked_for(model, press):
    calls = [
        lambda: compress(model, CONTEXT, press),
        lambda: prefill(model, CONTEXT).press(press),
        lambda: agreement(prefill(model, CONTEXT), {"one": press, "two": SnapKV(0.5)}),
        lambda: PassageStore(model, press=press),
        lambda: Pipeline(model, letters(), press),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=r"the press is (a|the class) "):
            call()


@pytest.mark.parametrize("storage", ["kivi4", Kivi, 4])
def test_a_storage_is_asked_for(model, storage):
    calls = [
        lambda: compress(model, CONTEXT, SnapKV(0.5), storage=storage),
        lambda: prefill(model, CONTEXT).press(SnapKV(0.5), storage=storage),
        lambda: Pipeline(model, letters(), SnapKV(0.5), storage=storage),
    ]
    for call in calls:
        with pytest.raises(UsageError, match=r"the storage is .*Kivi\(bits=4\)"):
            call()


@pytest.mark.parametrize("given", ["folder", None, 3])
def test_a_model_is_asked_for(given):
    calls = [
        lambda: compress(given, CONTEXT, SnapKV(0.5)),
        lambda: prefill(given, CONTEXT),
        lambda: PassageStore(given),
        lambda: Pipeline(given, letters(), SnapKV(0.5)),
        lambda: generate_with_drafts(given, CONTEXT, []),
        lambda: SnapKV(0.5)(given).__enter__(),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="the model is a "):
            call()


def test_ids_are_those_of_the_model(model):
    for ids in (CONTEXT + SIZES["vocab_size"], -CONTEXT):
        with pytest.raises(UsageError, match="LlamaForCausalLM has ids 0 to 96"):
            compress(model, ids, SnapKV(0.5))
        with pytest.raises(UsageError, match="LlamaForCausalLM has ids 0 to 96"):
            prefill(model, CONTEXT).ask(ids)
    with pytest.raises(UsageError, match=r"the ids are .* of torch\.bool"):
        compress(model, CONTEXT.bool(), SnapKV(0.5))
    with pytest.raises(UsageError, match="the mask is a list"):
        compress(model, CONTEXT, SnapKV(0.5), mask=[1] * 40)


def test_passages_are_token_ids(model):
    store = PassageStore(model)
    for call in (
        lambda: join(store, "Read this:", [CONTEXT[0]]),
        lambda: join(store, [], ["a passage"]),
        lambda: join(store, [], [["a", "b"]]),
        lambda: join(store, [], [5]),
        lambda: Drafts("a passage"),
        lambda: Drafts(["a passage"]),
        lambda: Drafts([["a", "b"]]),
        lambda: Drafts([[0.5]]),
        lambda: Drafts(5),
    ):
        with pytest.raises(UsageError, match="token id"):
            call()


def test_a_pipeline_is_given_texts_and_a_tokenizer(model):
    with pytest.raises(UsageError, match="the tokenizer is a NoneType"):
        Pipeline(model, None, SnapKV(0.5))
    with pytest.raises(UsageError, match="the model is a "):
        Pipeline(letters(), model, SnapKV(0.5))
    with pytest.raises(UsageError, match="the context is a Tensor"):
        Pipeline(model, letters(), SnapKV(0.5))(CONTEXT, ["When?"])


def test_others(model):
    with pytest.raises(UsageError, match="the presses are a list"):
        agreement(prefill(model, CONTEXT), [SnapKV(0.5), SnapKV(0.25)])
    with pytest.raises(UsageError, match="filters is a str"):
        QFilter(0.5, filters="filters.safetensors")
    with pytest.raises(UsageError, match="ratio is a LlamaForCausalLM"):
        SnapKV(model)

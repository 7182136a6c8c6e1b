"""What is hostile or broken gets a clear error of ours, and the model is as it was."""

from __future__ import annotations

import gc
import math
from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import NAMES, every  # noqa: E402
from kv.models import SIZES, chosen_by_layer, decoder, letters, tokens  # noqa: E402
from transformers import (  # noqa: E402
    DynamicCache,
    MistralConfig,
    MistralForCausalLM,
    StaticCache,
)

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import Knorm, Pipeline, Press, PyramidKV, SnapKV, StreamingLLM, compress, prefill  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)


def hooks(model):
    return [
        (name, len(module._forward_hooks), len(module._forward_pre_hooks), len(module._forward_hooks_always_called))
        for name, module in model.named_modules()
    ]


@pytest.mark.parametrize("ratio", [1, 1.0, -0.1, math.nan, math.inf, "half", None, True])
def test_ratios_out_of_range(ratio):
    with pytest.raises(UsageError, match="ratio is"):
        Knorm(ratio)


@pytest.mark.parametrize("length", [1, 2, 4, 7])
@pytest.mark.parametrize("name", NAMES)
def test_contexts_shorter_than_windows_and_sinks(decoders, name, length):
    if name == "byte_budget.v1":
        pytest.skip("has a budget of bytes")
    model = decoders("llama")
    cache = compress(model, CONTEXT[:, :length], every(0.6)[name])
    assert all(1 <= count <= length for layer in cache.kept for row in layer for count in row)
    with torch.no_grad():
        assert model(QUESTION, cache=cache).logits.isfinite().all()


@pytest.mark.parametrize(
    "ids",
    [torch.zeros(1, 0, dtype=torch.long), torch.zeros(0, 5, dtype=torch.long), torch.zeros(5, dtype=torch.long),
     torch.zeros(1, 5), "text", None, [[1, 2, 3]]],
)  # fmt: skip
def test_ids_that_are_none(decoders, ids):
    with pytest.raises(UsageError, match="the ids are"):
        compress(decoders("llama"), ids, Knorm(0.5))


def test_masks_that_do_not_fit(decoders):
    with pytest.raises(UsageError, match="the mask is"):
        compress(decoders("llama"), CONTEXT, Knorm(0.5), mask=torch.ones(1, 59))
    with Knorm(0.5)(decoders("llama")), pytest.raises(UsageError, match="two dimensions"), torch.no_grad():
        decoders("llama")(CONTEXT, attention_mask=torch.ones(1, 1, 60, 60, dtype=torch.bool))


@pytest.mark.parametrize(
    ("ids", "mask", "said"),
    [
        (CONTEXT.float(), None, "the ids are .* of torch.float32"),
        (CONTEXT[0], None, "the ids are"),
        (CONTEXT[:, :0], None, "the ids are"),
        ([[1, 2]], None, "the ids are list"),
        (tokens(4, 2), None, "2 rows, the context 1"),
        (CONTEXT[:, :4], torch.ones(1, 2), "the mask is"),
        (CONTEXT[:, :4], torch.tensor([[1, 1, 0, 0]]), "padding is on the right"),
    ],
)
def test_what_is_not_more_of_a_context(decoders, ids, mask, said):
    read = prefill(decoders("llama"), CONTEXT)
    with pytest.raises(UsageError, match=said):
        read.read_on(ids, mask=mask)
    assert read.cache.get_seq_length() == CONTEXT.shape[1]


def test_nothing_is_read_behind_a_question(decoders):
    read = prefill(decoders("llama"), CONTEXT, question=QUESTION)
    with pytest.raises(UsageError, match="a question behind it"):
        read.read_on(CONTEXT)


def test_half_precision_on_a_cpu():
    model = decoder("llama").half()
    cache = compress(model, CONTEXT, SnapKV(0.5, window=8))
    with torch.no_grad():
        said = model(QUESTION, cache=cache).logits
    assert said.dtype == torch.float16
    assert said.isfinite().all()


def test_a_model_that_overflows_is_named():
    model = decoder("llama")
    model.model.layers[1].self_attn.k_proj.weight.data.fill_(float("nan"))
    before = hooks(model)
    with pytest.raises(UsageError, match=r"not finite numbers \[layer 1\]"):
        compress(model, CONTEXT, Knorm(0.5))
    assert hooks(model) == before


def test_a_cache_that_is_pruned_already(decoders):
    model = decoders("llama")
    cache = compress(model, CONTEXT, Knorm(0.5))
    with torch.no_grad(), Knorm(0.5)(model):  # the tokens after it are read, and not pressed again
        model(QUESTION, cache=cache)
    assert cache.kept[0] == [[30, 30]]
    assert cache.get_seq_length() == 65
    read = prefill(model, CONTEXT)
    read.cache = cache
    with pytest.raises(UsageError, match="pruned already"):
        read.press(Knorm(0.5))


def test_caches_of_other_kinds(decoders):
    model = decoders("llama")
    with Knorm(0.5)(model), torch.no_grad(), pytest.raises(UsageError, match="StaticCache cannot be pressed"):
        model(CONTEXT, cache=StaticCache(config=model.config, max_cache_len=100))


def fails_inside(model):
    with Knorm(0.5)(model):
        model(CONTEXT)
        raise ZeroDivisionError


def test_an_exception_inside_leaves_the_model_as_it_was():
    model = decoder("llama")
    before, weights = hooks(model), {name: held.clone() for name, held in model.state_dict().items()}

    class Broken(Press):
        def score(self, view):
            raise RuntimeError("broken press")

    class Wrong(Press):
        def score(self, view):
            return view.keys[..., 0, 0]

    class Nan(Press):
        def score(self, view):
            return view.keys[..., 0] * float("nan")

    for press, error in ((Broken(), RuntimeError), (Wrong(), UsageError), (Nan(), UsageError)):
        with pytest.raises(error):
            compress(model, CONTEXT, press)
        with pytest.raises(error), press(model):
            model.generate(CONTEXT, max_new_tokens=2)
        with pytest.raises(ZeroDivisionError):
            fails_inside(model)
    gc.collect()
    assert hooks(model) == before
    assert all(torch.equal(held, weights[name]) for name, held in model.state_dict().items())
    with torch.no_grad():
        plain = DynamicCache(config=model.config)
        model(CONTEXT, cache=plain)
    assert plain.get_seq_length() == 60
    assert plain.layers[0].keys.shape[-2] == 60


def test_a_call_that_fails_does_not_spoil_the_next_one(decoders):
    model = decoders("qwen2")
    cache = compress(model, CONTEXT, SnapKV(0.5, window=8))
    with torch.no_grad():
        expected = model(QUESTION, cache=cache.copy()).logits
        handle = model.model.layers[1].register_forward_pre_hook(lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model(QUESTION, cache=cache.copy())
        handle.remove()
        assert torch.equal(model(QUESTION, cache=cache).logits, expected)


def test_a_cache_and_a_model_on_different_devices(decoders):
    model = decoders("llama")
    cache = compress(model, CONTEXT, Knorm(0.5)).to("meta")
    with pytest.raises(UsageError, match=r"cache is on meta and the input on cpu.*cache\.to"):
        model(QUESTION, cache=cache)


def test_a_cache_and_a_model_that_do_not_know_each_other():
    cache = compress(decoder("llama"), CONTEXT, Knorm(0.5))
    other = decoder("llama")
    with pytest.raises(UsageError, match=r"cache\.attach"):
        other(QUESTION, cache=cache)
    cache.attach(other)
    with torch.no_grad():
        assert other(QUESTION, cache=cache).logits.isfinite().all()


def test_models_that_cannot_be_served():
    windows = MistralForCausalLM(MistralConfig(**{**SIZES, "sliding_window": 16})).eval()
    with pytest.raises(UsageError, match="no layer with full attention"):
        compress(windows, CONTEXT, Knorm(0.5))
    for question in (None, QUESTION):
        with pytest.raises(UsageError, match="no attention module"):
            compress(torch.nn.Linear(3, 3), CONTEXT, Knorm(0.5), question=question)


def test_an_attention_that_works_otherwise_is_refused():
    model = decoder("llama")
    attention = model.model.layers[0].self_attn
    attention.k_proj.register_forward_hook(lambda module, args, out: out if args[0].shape[1] < 10 else out * 2)
    with pytest.raises(
        UsageError, match=r"LlamaAttention computes its keys in an unknown way \[layer 0\]: use a press"
    ):
        compress(model, CONTEXT, SnapKV(0.5, window=8))
    # A press that uses keys alone takes them as they are in the cache.
    assert compress(model, CONTEXT, Knorm(0.5)).kept[0] == [[30, 30]]


def test_positions_that_depend_on_the_length():
    from transformers import LlamaConfig, LlamaForCausalLM

    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    model = LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=rope)).eval()
    with pytest.raises(UsageError, match="dynamic"):
        compress(model, CONTEXT, Knorm(0.5), positions="rerotated")
    with pytest.raises(UsageError, match="positions is 'moved'"):
        compress(model, CONTEXT, Knorm(0.5), positions="moved")
    assert compress(model, CONTEXT, Knorm(0.5)).get_seq_length() == 60


def test_without_a_cache_nothing_is_pressed(decoders):
    model = decoders("llama")
    with torch.no_grad(), Knorm(0.5)(model):
        assert torch.equal(model(CONTEXT, use_cache=False).logits, model(CONTEXT, use_cache=False).logits)


def test_the_context_manager_says_what_compress_says(decoders):
    model, press = decoders("qwen2"), StreamingLLM(0.5)
    with torch.no_grad(), press(model):
        said = model(CONTEXT)
        inside = model(QUESTION, cache=said.cache).logits
    assert torch.equal(inside, model(QUESTION, cache=compress(model, CONTEXT, press)).logits.detach())
    with press(model):
        text = model.generate(CONTEXT, max_new_tokens=5, do_sample=False, eos_token_id=None)
    with torch.no_grad():
        first = model(CONTEXT).logits[:, -1:].argmax(dim=-1)
    whole = torch.cat([CONTEXT, first], dim=1)
    again = model.generate(
        whole, cache=compress(model, CONTEXT, press), max_new_tokens=4, do_sample=False, eos_token_id=None
    )
    assert torch.equal(text, again)


def test_an_empty_cache_made_without_a_configuration(decoders):
    model, press = decoders("llama"), PyramidKV(0.5, window=4, beta=4)
    cache = DynamicCache()
    with torch.no_grad(), press(model):
        model(CONTEXT, cache=cache)
    kept = [layer.kept.counts.each.tolist() for layer in cache.layers]
    assert kept == compress(model, CONTEXT, press).kept


def test_questions_for_other_batches(decoders):
    model, rows = decoders("llama"), tokens(60, rows=3)
    for ask in (lambda two: compress(model, rows, Knorm(0.5), question=two), prefill(model, rows).ask):
        with pytest.raises(UsageError, match="the question has 2 rows, the context 3"):
            ask(tokens(5, rows=2))


def test_a_cache_of_other_numbers():
    model = decoder("llama")
    cache = compress(model, CONTEXT, Knorm(0.5))
    with pytest.raises(UsageError, match=r"holds torch.float32 and the model computes in torch.bfloat16"):
        model.bfloat16()(QUESTION, cache=cache)


def test_two_presses_on_one_model(decoders):
    model = decoders("llama")
    with Knorm(0.5)(model), SnapKV(0.5)(model), torch.no_grad(), pytest.raises(UsageError, match="two presses"):
        model(CONTEXT)
    with Knorm(0.5)(model), pytest.raises(UsageError, match="two presses"):
        compress(model, CONTEXT, SnapKV(0.5))


def test_threads_press_one_model_side_by_side(decoders):
    model, press = decoders("llama"), SnapKV(0.5, window=8)
    contexts = [tokens(40 + number, seed=number) for number in range(4)]
    expected = [chosen_by_layer(compress(model, context, press)) for context in contexts]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: compress(model, contexts[number % 4], press), range(24)))
    for number, cache in enumerate(found):
        for layer, chosen in chosen_by_layer(cache).items():
            assert torch.equal(chosen, expected[number % 4][layer])


def test_questions_in_one_text(decoders):
    with pytest.raises(UsageError, match="the questions are a single text"):
        Pipeline(decoders("llama"), letters(), Knorm(0.5))("A text.", "Who?")


def test_entering_twice(decoders):
    press, models = Knorm(0.5), [decoders("llama"), decoders("qwen2")]
    with torch.no_grad(), press(models[0]), press(models[1]):  # two models, one press
        read = [model(CONTEXT).cache for model in models]
    assert [layer.kept.counts.each.tolist() for cache in read for layer in cache.layers] == [[[30, 30]]] * 6

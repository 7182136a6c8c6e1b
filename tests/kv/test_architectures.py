"""Architectures of transformers: each press runs and is right, or is refused with a reason, as documented."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.architectures import (  # noqa: E402
    ARCHITECTURES,
    CONTEXT,
    PRESSES,
    QUESTION,
    QUICK,
    build,
    outcome,
    refusal,
    row,
    table_rows,
)
from kv.models import tokens  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import ExpectedAttention, KeyDiff, Knorm, Merge, SnapKV, StreamingLLM, ThinK, compress, prefill  # noqa: E402
from ctxprune.kv.model.attention import attentions_of  # noqa: E402
from ctxprune.kv.model.hooks import Hooks  # noqa: E402

# Notices of transformers about these tiny sizes and about kernels that are not installed.
pytestmark = pytest.mark.filterwarnings("ignore")
TABLE = table_rows()
# Those whose code differs from Llama's in a way of its own, for what is not run for all.
OWN = [
    "bloom",
    "deepseek_v3",
    "falcon",
    "gemma3n_text",
    "gpt2",
    "gpt_oss",
    "gptj",
    "jamba",
    "llama4_text",
    "mpt",
    "qwen3_next",
]


def test_the_table_lists_every_architecture():
    assert sorted(TABLE) == sorted(ARCHITECTURES)
    served = [name for name, cells in TABLE.items() if "yes" in cells]
    assert len(ARCHITECTURES) >= 41
    assert len(served) >= 36
    asked = {"gpt_oss", "llama4_text", "mpt", "olmo3", "smollm3", "exaone4", "cohere2", "deepseek_v3", "qwen3_next"}
    assert asked <= {*served}


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_presses_run_or_are_refused(name):
    model = build(name)
    marks = dict(zip(PRESSES, TABLE[name], strict=False))
    for column in QUICK:
        assert ("yes" if (found := outcome(model, PRESSES[column])) == "runs" else "no") == marks[column], found
        assert found == "runs" or found in TABLE[name][-1]
    if marks["window"] == "yes":
        check_weights(model)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_table_says_what_each_press_does(name):
    model = build(name)
    found = {column: outcome(model, press) for column, press in PRESSES.items()}
    assert row(name, found).strip("| ").split(" | ")[1:] == TABLE[name]


@pytest.mark.parametrize("column", sorted({*PRESSES} - {*QUICK}))
@pytest.mark.parametrize("name", OWN)
def test_other_presses_run_or_are_refused(name, column):
    found = outcome(build(name), PRESSES[column])
    assert ("yes" if found == "runs" else "no") == dict(zip(PRESSES, TABLE[name], strict=False))[column], found


@torch.no_grad()
def check_weights(model):
    """Presses score by the attention that the model itself computes."""
    theirs, found = {}, []
    with Hooks() as hooks:
        for each in attentions_of(model):
            hooks.after(each.module, lambda _, __, ___, output, layer=each.layer: theirs.update({layer: output[1]}))
        found = prefill(model, CONTEXT).views
    for view in found:
        ours = view.weights(8).flatten(1, 2)
        expected = theirs[view.attention.layer][..., -8:, :].float()
        # Some return weights without the share of their sinks.
        ours, expected = (each / each.sum(dim=-1, keepdim=True) for each in (ours, expected))
        assert (ours - expected).abs().max() < 1e-5


@torch.no_grad()
def test_sinks_take_their_share():
    model = build("gpt_oss")
    view = prefill(model, CONTEXT).views[0]
    sinks = view.attention.module.sinks
    logits = (view.queries(1).float() @ view.keys.repeat_interleave(2, dim=1).transpose(-1, -2)) * view.rule.scaling
    expected = logits.exp() / (logits.exp().sum(dim=-1, keepdim=True) + sinks.exp()[None, :, None, None])
    assert (view.weights(1).flatten(1, 2) - expected).abs().max() < 1e-5
    assert view.reduce_attention(view.queries(1), 59).sum() == pytest.approx(float(expected.sum()), rel=1e-5)


def test_rerotation_leaves_layers_without_rotary_embedding():
    model = build("smollm3")
    moved, still = (compress(model, CONTEXT, KeyDiff(0.5), positions=each) for each in ("rerotated", "original"))
    changed = [
        not torch.equal(one.kept.keys.flat, two.kept.keys.flat)
        for one, two in zip(moved.layers, still.layers, strict=True)
    ]
    assert changed == [bool(each.module.use_rope) for each in attentions_of(model)] == [True, False]


def test_rerotation_of_keys_that_are_normalised_afterwards_is_refused():
    with pytest.raises(UsageError, match="does not end with its rotary embedding"):
        compress(build("hunyuan_v1_dense"), CONTEXT, KeyDiff(0.5), positions="rerotated")


@pytest.mark.parametrize("name", ["bloom", "falcon"])
def test_position_biases_of_a_batch(name, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "falcon", {"alibi": True})
    model, rows = build(name), tokens(60, rows=2)
    batch = compress(model, rows, Knorm(0.5))
    with torch.no_grad():
        together = model(QUESTION.expand(2, -1), cache=batch).logits
        for number, own in enumerate(rows):
            alone = model(QUESTION, cache=compress(model, own[None], Knorm(0.5))).logits
            assert (together[number] - alone[0]).abs().max() < 1e-5


def test_falcon_with_position_biases(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "falcon", {"alibi": True})
    for attention in ("eager", "sdpa"):
        assert outcome(build("falcon", attention), PRESSES["keys"]) == "runs"


def test_one_position_bias_for_different_rows_is_refused():
    model, rows = build("mpt"), tokens(60, rows=2)
    with pytest.raises(UsageError, match="one position bias for all rows"), torch.no_grad():
        model(QUESTION.expand(2, -1), cache=compress(model, rows, Knorm(0.5)))
    with torch.no_grad():
        alike = model(QUESTION.expand(2, -1), cache=compress(model, rows, StreamingLLM(0.5))).logits
        alone = model(QUESTION, cache=compress(model, rows[1:], StreamingLLM(0.5))).logits
    assert (alike[1] - alone[0]).abs().max() < 1e-5


def test_sdpa_and_a_question():
    """NoPE layers, sinks and gates, asked behind the context, by the default attention."""
    for name in ("smollm3", "llama4_text", "qwen3_next", "gpt2"):
        model = build(name, "sdpa")
        one = compress(model, CONTEXT, SnapKV(0.5, window=8), question=QUESTION)
        two = prefill(model, CONTEXT).ask(QUESTION).press(SnapKV(0.5, window=8))
        assert one.kept == two.kept
        with torch.no_grad():
            assert (model(QUESTION, cache=one).logits - model(QUESTION, cache=two).logits).abs().max() < 1e-5


def test_what_is_refused_says_why():
    with pytest.raises(UsageError, match=r"rearranges the heads .*docs/choose/kv_architectures\.md"):
        compress(build("diffllama"), CONTEXT, Knorm(0.5))
    with pytest.raises(
        UsageError, match=r"takes attention_scaling.*use a press of keys and values alone: knorm"
    ) as caught:
        compress(build("beam"), CONTEXT, SnapKV(0.5, window=8))
    assert refusal(caught.value) == "takes attention_scaling, with which presses cannot compute its attention"


@pytest.mark.parametrize("name", ["deepseek_v2", "deepseek_v3"])
def test_latents_have_no_keys_to_change(name):
    """What turns, merges or thins keys is refused: they are made of latents anew in every call."""
    model = build(name)
    for press in (ThinK(SnapKV(0.5, window=8)), Merge(SnapKV(0.5, window=8)), ExpectedAttention(0.5)):
        with pytest.raises(UsageError, match="caches latents"):
            compress(model, CONTEXT, press)
    with pytest.raises(UsageError, match=r"caches latents|no rotary embedding"):
        compress(model, CONTEXT, Knorm(0.5), positions="rerotated")


@torch.no_grad()
def test_layers_that_share_keys_read_the_whole_prompt():
    """The layer whose keys they share is pressed before they read."""
    model = build("gemma3n_text")
    whole = model(CONTEXT).logits
    for press in (Knorm(0.5), SnapKV(0.5, window=8)):
        with press(model):
            assert (model(CONTEXT).logits - whole).abs().max() < 1e-5


def test_a_batch_is_pressed_as_its_rows():
    """Parts of a batch are not contiguous, which the projections of GPT-2 do not take."""
    rows = tokens(60, rows=2)
    for name in ("gpt2", "ministral3"):
        model = build(name)
        together = compress(model, rows, SnapKV(0.5, window=8))
        for number, own in enumerate(rows):
            alone = compress(model, own[None], SnapKV(0.5, window=8))
            for one, two in zip(together.layers, alone.layers, strict=True):
                assert torch.equal(one.kept.columns.view(2, -1)[number], two.kept.columns.flatten())


def test_rerotation_in_half_precision():
    """Keys are turned in float32, where the projections are in half precision."""
    model = build("llama").to(torch.bfloat16)
    cache = compress(model, CONTEXT, KeyDiff(0.5), positions="rerotated")
    assert cache.layers[0].kept.keys.flat.dtype == torch.bfloat16
    assert int(cache.layers[0].shift) == 30


def test_a_with_block_presses_what_the_head_reads():
    """OPT's head does not call its base model."""
    for name in ("opt", "gpt2"):
        model = build(name)
        kept = compress(model, CONTEXT, Knorm(0.5)).kept
        with torch.no_grad(), Knorm(0.5)(model):
            assert model(CONTEXT).cache.kept == kept

"""Models, caches and presses that do not belong together, and folders that hold no decoder."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import SIZES, decoder, letters, tokens  # noqa: E402
from transformers import AutoModel, BertConfig, BertModel  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.kv import KeyDiff, PassageStore, SnapKV, compress, load_decoder  # noqa: E402

CONTEXT, QUESTION = tokens(40), tokens(5, seed=1)
WHOLE = torch.cat([CONTEXT, QUESTION], dim=1)


def test_a_press_on_a_model_is_entered_again():
    model, options = decoder("llama"), {"max_new_tokens": 3, "do_sample": False}
    opened = KeyDiff(0.5)(model)
    said = []
    for _ in range(2):
        with opened:
            said.append(model.generate(CONTEXT, **options))
    assert torch.equal(*said)
    with opened, pytest.raises(UsageError, match="two presses are open"), opened:
        model.generate(CONTEXT, **options)
    assert not model.model.layers[0].self_attn._forward_hooks


def test_a_cache_is_read_by_its_own_model():
    """Also by none that has hooks for caches of its own."""
    first, second = decoder("llama"), decoder("llama")
    cache, other = compress(first, CONTEXT, KeyDiff(0.5)), compress(second, CONTEXT, KeyDiff(0.5))
    with pytest.raises(UsageError, match="filled by another LlamaModel"):
        second.generate(WHOLE, cache=cache, max_new_tokens=2)
    with pytest.raises(UsageError, match="is not attached to: use the model that read the context"):
        decoder("llama").generate(WHOLE, cache=cache, max_new_tokens=2)
    cache.attach(second)
    second.generate(WHOLE, cache=cache, max_new_tokens=2)
    assert other.get_seq_length() == 40


def test_an_old_question_is_named_as_what_is_wrong():
    model = decoder("llama")
    cache = compress(model, CONTEXT, KeyDiff(0.5))
    model.generate(WHOLE, cache=cache, max_new_tokens=4)
    with pytest.raises(UsageError, match=r"among the 48 that the cache has read: .*cache\.copy\(\)"):
        model.generate(WHOLE, cache=cache, max_new_tokens=4)


def test_a_store_has_no_positions_to_choose():
    with pytest.raises(UsageError, match="keys of such a model cannot be moved"):
        PassageStore(decoder("gemma3"))


def test_folders_that_hold_no_decoder(tmp_path):
    model, options = decoder("llama"), {"dtype": "float32"}
    good = tmp_path / "good"
    model.save_pretrained(good)
    letters().save_pretrained(good)
    assert torch.equal(load_decoder(good, **options)[0](CONTEXT).logits, model(CONTEXT).logits)

    bare = tmp_path / "bare"
    AutoModel.from_pretrained(good).save_pretrained(bare)
    bert = tmp_path / "bert"
    sizes = {name: SIZES[name] for name in ("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size")}
    BertModel(BertConfig(**sizes, num_hidden_layers=1)).save_pretrained(bert)
    for folder in (bare, bert):
        letters().save_pretrained(folder)
        with pytest.raises(InputError, match=r"lacks weights of a decoder .*no embedding model"):
            load_decoder(folder, **options)

    weights = good / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(InputError, match="the model cannot be read"):
        load_decoder(good, **options)
    with pytest.raises(InputError, match="nothing is downloaded"):
        load_decoder("some/model")
    with pytest.raises(UsageError, match="attention is 'paged': one of sdpa, eager, flex_attention, flash_attention_2"):
        load_decoder(bare, attention="paged")
    if not find_spec("flash_attn"):
        with pytest.raises(UsageError, match="needs the package flash_attn, which is not installed"):
            load_decoder(bare, attention="flash_attention_2")
    with pytest.raises(UsageError, match="the path is a NoneType"):
        load_decoder(None)


def test_tied_weights_are_not_missing(tmp_path):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    Qwen2ForCausalLM(Qwen2Config(**SIZES, tie_word_embeddings=True)).save_pretrained(tmp_path)
    letters().save_pretrained(tmp_path)
    model, _ = load_decoder(tmp_path, dtype="float32")
    assert compress(model, CONTEXT, SnapKV(0.5, window=4)).kept[0] == [[20, 20]]


def test_code_in_a_folder_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nor is the user asked whether to run it, for a tokenizer or for a model."""
    decoder("llama").save_pretrained(tmp_path / "model")
    letters().save_pretrained(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    kinds = {"AutoConfig": "own.NewConfig", "AutoModelForCausalLM": "own.NewForCausalLM"}
    changed = json.loads(path.read_text("utf-8")) | {"model_type": "new", "auto_map": kinds}
    path.write_text(json.dumps(changed), encoding="utf-8")
    (tmp_path / "model" / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(InputError, match="code"):
        load_decoder(tmp_path / "model")
    assert not (tmp_path / "ran").exists()

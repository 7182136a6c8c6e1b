"""Decoder architectures of the installed transformers at a tiny random size, what each kind of press does with them,
and the table of docs/choose/kv_architectures.md.

    PYTHONPATH=.:tests python -m kv.architectures    writes the table anew
"""

from __future__ import annotations

import inspect
import re
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
from kv.models import chosen_by_layer, tokens, whole_cache
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from ctxprune.errors import UsageError
from ctxprune.kv import AdaKV, ExpectedAttention, Knorm, KVzip, ObservedAttention, SnapKV, StreamingLLM, compress
from ctxprune.kv.model.attention import attentions_of, bind_arguments, cache_layer_of, head_count
from ctxprune.kv.model.hooks import Hooks

TABLE = Path(__file__).parents[2] / "docs" / "choose" / "kv_architectures.md"
# By the columns of the table.
PRESSES = {
    "keys": Knorm(0.5),
    "places": StreamingLLM(0.5),
    "window": SnapKV(0.5, window=8),
    "expected": ExpectedAttention(0.5, future=16),
    "KVzip": KVzip(0.5, chunk=25, lead=3, prompt=(5, 6)),
    "observed": ObservedAttention(0.5),
    "ragged": AdaKV(SnapKV(0.5, window=8)),
}
QUICK = ("keys", "window", "expected")
CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)

SIZES = {
    "vocab_size": 97,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "head_dim": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "sliding_window": 16,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "num_local_experts": 2,
    "num_experts": 2,
    "n_routed_experts": 2,
    "num_experts_per_tok": 1,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
    "n_shared_experts": 1,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
}
_MIXED = {"layer_types": ["sliding_attention", "full_attention"]}
_LINEAR = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_value_heads": 2,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}
_LATENT = {"head_dim": 8, "num_key_value_heads": 4}
_STATES = {"mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_chunk_size": 16}
_PLAIN = """
    apertus arcee aria_text bitnet biogpt bloom cohere ctrl diffllama dots1 ernie4_5 ernie4_5_moe exaone falcon
    flex_olmo flint gemma glm glm4 glm4_moe gpt2 gpt_bigcode gpt_neox gpt_neox_japanese granite granitemoe
    granitemoeshared helium hunyuan_v1_dense hunyuan_v1_moe hyperclovax internlm3 jais2 jetmoe laguna llama mellum
    minimax_m2 modernbert-decoder mpt nanochat nemotron olmo olmo2 olmoe persimmon phi qwen2 qwen2_moe qwen3
    qwen3_moe sarvam_moe seed_oss solar_open stablelm
"""
_WITH_WINDOWS = """
    afmoe beam cohere2 cohere2_moe cwm exaone4 exaone_moe gemma2 gemma3_text gpt_oss granite_swa kolibri1
    mimo_v2_flash ministral olmo3 vaultgemma
"""
_WITHOUT_WINDOW = "ministral3 mistral mixtral phi3 phimoe starcoder2"
_WITH_LINEAR = "olmo_hybrid qwen3_5_text qwen3_5_moe_text qwen3_next"
_WITH_LATENTS = "deepseek_v2 deepseek_v3 glm4_moe_lite minicpm3 youtu"
# Model types of transformers, with what differs from SIZES; names that a configuration does not have are left out.
ARCHITECTURES: dict[str, dict] = {
    **{name: {} for name in _PLAIN.split()},
    **dict.fromkeys(_WITH_WINDOWS.split(), _MIXED),
    **{name: {"sliding_window": None} for name in _WITHOUT_WINDOW.split()},
    **dict.fromkeys(_WITH_LINEAR.split(), _LINEAR),
    **dict.fromkeys(_WITH_LATENTS.split(), _LATENT),
    "deepseek_v32": _LATENT,
    "bamba": {"attn_layer_indices": [1], **_STATES},
    "codegen": {"rotary_dim": 8},
    "falcon_h1": {"mamba_d_ssm": 128, **_STATES},
    "gemma3n_text": {
        "layer_types": [*_MIXED["layer_types"]] * 2,
        "num_hidden_layers": 4,
        "num_kv_shared_layers": 2,
        "vocab_size_per_layer_input": 97,
        "hidden_size_per_layer_input": 16,
        "altup_num_inputs": 2,
        "laurel_rank": 8,
        "activation_sparsity_pattern": None,
    },
    "gemma4_text": {
        **_MIXED,
        "vocab_size_per_layer_input": 97,
        "hidden_size_per_layer_input": 16,
        "num_kv_shared_layers": 0,
        "global_head_dim": 16,
    },
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 16},
    "gptj": {"rotary_dim": 8},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"], **_STATES},
    "hrm_text": {"H_cycles": 1, "L_cycles": 1},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8, "mamba_dt_rank": 4},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "llama4_text": {
        "layer_types": ["chunked_attention", "full_attention"],
        "attention_chunk_size": 16,
        "no_rope_layers": [1, 0],
        "intermediate_size_mlp": 64,
    },
    "minimax": {"layer_types": ["linear_attention", "full_attention"], "block_size": 16},
    "nemotron_h": {
        "layers_block_type": ["mamba", "attention"],
        "mamba_num_heads": 8,
        "ssm_state_size": 8,
        "n_groups": 1,
    },
    "opt": {"word_embed_proj_dim": 64, "ffn_dim": 64},
    "smollm3": {"no_rope_layers": [1, 0]},
    "xglm": {"d_model": 64},
}
# Queries of these grow with their token's place, from the fourth on.
SCALED = {
    "llama4_text": {"floor_scale": 4, "attn_scale": 1.0},
    "ministral3": {
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "llama_4_scaling_beta": 1.0,
            "original_max_position_embeddings": 4,
        }
    },
}


def build(name: str, attention: str = "eager", **more):
    """A random decoder of one architecture, float32, the same each time; `more` goes into its configuration."""
    kind = CONFIG_MAPPING[name]
    known = set(kind.attribute_map)
    for each in kind.__mro__:
        known |= {*vars(each).get("__annotations__", {}), *inspect.signature(each.__init__).parameters}
    sizes = {key: value for key, value in {**SIZES, **ARCHITECTURES[name]}.items() if key in known}
    torch.manual_seed(11)
    model = AutoModelForCausalLM.from_config(kind(**sizes, **more), attn_implementation=attention).eval()
    for weight in model.parameters():
        # Larger than the usual start, so that attention is not flat; norms and biases as after training.
        if weight.ndim > 1:
            weight.data.mul_(3.0)
        else:
            weight.data.mul_(0.5 + torch.rand(weight.shape)).add_(0.1 * torch.randn(weight.shape))
    return model


@contextmanager
def hidden_tokens(model, chosen):
    """Within it the model does not see, in each layer, tokens read before that are not chosen: bool (batch, kv_heads,
    tokens read) by layer."""

    def hide(module, args, kwargs):
        kept = chosen.get(cache_layer_of(module))
        if kept is None:
            return None
        given = bind_arguments(module, args, kwargs)
        mask, heads = given["attention_mask"], head_count(module)
        wide = torch.nn.functional.pad(kept, (0, given["hidden_states"].shape[1]), value=True)
        wide = wide.repeat_interleave(heads // kept.shape[1], dim=1)[:, :, None]
        if mask.is_floating_point():
            mask = mask.expand(-1, heads, -1, -1).masked_fill(~wide, torch.finfo(mask.dtype).min)
        else:  # True is closed in MPT
            mask = mask | ~wide if "position_bias" in given else mask & wide
        return (), {**given, "attention_mask": mask}

    with Hooks() as hooks:
        for each in attentions_of(model):
            hooks.before(each.module, hide)
        yield


@torch.no_grad()
def reference(model, new, chosen):
    """Logits of `new` behind the whole context, with all that is not chosen masked."""
    cache = whole_cache(model, CONTEXT)
    with hidden_tokens(model, chosen):
        return model(new, cache=cache).logits


def outcome(model, press) -> str:
    """ "runs", once the pruned cache answers as the masked whole one does, or why the press is refused."""
    try:
        cache = compress(model, CONTEXT, press)
    except UsageError as error:
        return refusal(error)
    chosen = chosen_by_layer(cache)
    assert any(not mask.all() for mask in chosen.values())
    expected = reference(model, QUESTION, chosen)
    with torch.no_grad():
        ours = model(QUESTION, cache=cache).logits
        whole = model(QUESTION, cache=whole_cache(model, CONTEXT)).logits
    # Relative to the logits, as their size differs by a factor of a hundred.
    size = max(float(expected.abs().max()), 1.0)
    assert float((ours - expected).abs().max()) < 1e-5 * size
    assert float((whole - expected).abs().max()) > 1e-4, "what was dropped changes nothing"
    return "runs"


def refusal(error: UsageError) -> str:
    """What an error says, without the class, the layer and the hint."""
    text = re.sub(r" \[layer \d+\]", "", str(error)).split(": ")
    reason = text[1] if "cannot read pruned caches" in text[0] else text[0]
    return re.sub(r"^[A-Z]\w+ ", "", reason)


def row(name: str, found: dict[str, str]) -> str:
    """One line of the table."""
    reasons = [f"{', '.join(c for c in found if found[c] == r)}: {r}" for r in dict.fromkeys(found.values())]
    marks = ["yes" if each == "runs" else "no" for each in found.values()]
    if "yes" not in marks:
        reasons = [each.split(": ", 1)[1] for each in reasons]
    note = "; ".join(each for each in reasons if not each.endswith("runs"))
    return f"| {' | '.join([f'`{name}`', *marks, note])} |"


def table_rows() -> dict[str, list[str]]:
    """The rows of the documented table, by architecture: a mark for each kind of press, then the note."""
    table = TABLE.read_text("utf-8").split("<!-- table -->")[1]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for line in lines for cells in [line.strip("| ").split(" | ")]}


def write_table() -> None:
    """Run all of it, and replace the table in the documentation."""
    warnings.simplefilter("ignore")
    rows, served = [], 0
    for name in sorted(ARCHITECTURES):
        model = build(name)
        found = {column: outcome(model, press) for column, press in PRESSES.items()}
        served += "runs" in found.values()
        rows.append(row(name, found))
    head = f"| architecture | {' | '.join(PRESSES)} | why not |\n|---|{'---|' * len(PRESSES)}---|\n"
    text = TABLE.read_text("utf-8")
    before, after = text.split("<!-- table -->\n")[0], text.split("<!-- end of table -->")[1]
    count = f"{served} of {len(rows)} architectures are served.\n\n"
    TABLE.write_text(
        f"{before}<!-- table -->\n{count}{head}" + "\n".join(rows) + f"\n<!-- end of table -->{after}", encoding="utf-8"
    )


if __name__ == "__main__":
    write_table()

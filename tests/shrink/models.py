"""Tiny random models of every family, and data for them."""

from __future__ import annotations

import copy

import torch
import transformers
from transformers import (
    BertForSequenceClassification,
    LlamaForCausalLM,
    Qwen2ForCausalLM,
)

from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder
from ctxprune.shrink.model.tasks.language_model import LanguageModel

VOCABULARY = 64


def bert() -> BertForSequenceClassification:
    return _deep("BertForSequenceClassification", "BertConfig", max_position_embeddings=32, num_labels=1)


def llama() -> LlamaForCausalLM:
    return _deep("LlamaForCausalLM", "LlamaConfig", num_attention_heads=8, num_key_value_heads=4)


def qwen2() -> Qwen2ForCausalLM:
    return _deep("Qwen2ForCausalLM", "Qwen2Config", num_key_value_heads=2, tie_word_embeddings=True)


def _deep(model_class: str, config_class: str, **more) -> torch.nn.Module:
    """Four layers, where those of `_sizes` have three, and padding as the configuration says."""
    sizes = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
        "intermediate_size": 48, "max_position_embeddings": 64,
    }  # fmt: skip
    return _made(model_class, config_class, **(sizes | more))


def _sizes(**more) -> dict:
    return {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "pad_token_id": 0, **more}


def _attention(**more) -> dict:
    return _sizes(num_attention_heads=4, intermediate_size=48, max_position_embeddings=64, **more)


def _made(model_class: str, config_class: str, scale: float = 6.0, **sizes) -> torch.nn.Module:
    torch.manual_seed(0)
    return spread(getattr(transformers, model_class)(getattr(transformers, config_class)(**sizes)), scale)


def roberta() -> torch.nn.Module:
    return _made("RobertaForSequenceClassification", "RobertaConfig", **_attention(num_labels=1))


def xlm_roberta() -> torch.nn.Module:
    return _made("XLMRobertaForSequenceClassification", "XLMRobertaConfig", **_attention(num_labels=1))


def electra() -> torch.nn.Module:
    return _made("ElectraForSequenceClassification", "ElectraConfig", **_attention(num_labels=1, embedding_size=32))


def electra_small() -> torch.nn.Module:
    """ELECTRA whose table of words is narrower than its layers."""
    return _made("ElectraForSequenceClassification", "ElectraConfig", **_attention(num_labels=1, embedding_size=16))


def deberta() -> torch.nn.Module:
    """DeBERTa-v3's form: relative positions share the projections of the content."""
    relative = {"relative_attention": True, "norm_rel_ebd": "layer_norm", "pos_att_type": ["p2c", "c2p"]}
    sizes = _attention(num_labels=1, position_biased_input=False, type_vocab_size=0, position_buckets=8, **relative)
    return _made("DebertaV2ForSequenceClassification", "DebertaV2Config", **(sizes | {"share_att_key": True}))


def deberta_apart() -> torch.nn.Module:
    """DeBERTa-v2's form: relative positions have projections of their own."""
    relative = {"relative_attention": True, "norm_rel_ebd": "layer_norm", "pos_att_type": ["p2c", "c2p"]}
    return _made("DebertaV2Model", "DebertaV2Config", **_attention(position_buckets=8, **relative))


def modernbert() -> torch.nn.Module:
    sizes = _attention(num_labels=1, local_attention=4, global_attn_every_n_layers=2)
    return _made("ModernBertForSequenceClassification", "ModernBertConfig", **sizes)


def modernbert_model() -> torch.nn.Module:
    sizes = _attention(local_attention=4, global_attn_every_n_layers=2, norm_bias=True, attention_bias=True)
    return _made("ModernBertModel", "ModernBertConfig", **sizes)


def gte() -> torch.nn.Module:
    return _made("GteForSequenceClassification", "GteConfig", **_attention(num_labels=1))


def nomic() -> torch.nn.Module:
    return _made("NomicBertModel", "NomicBertConfig", **_attention())


def qwen3_reranker() -> torch.nn.Module:
    sizes = _attention(num_key_value_heads=2, head_dim=16, num_labels=1)
    return _made("Qwen3ForSequenceClassification", "Qwen3Config", **sizes)


def bert_model() -> torch.nn.Module:
    return _made("BertModel", "BertConfig", **_attention())


def bert_tokens() -> torch.nn.Module:
    return _made("BertForTokenClassification", "BertConfig", **_attention(num_labels=3))


def bert_words() -> torch.nn.Module:
    return _made("BertForMaskedLM", "BertConfig", **_attention())


def mistral() -> torch.nn.Module:
    return _made("MistralForCausalLM", "MistralConfig", **_attention(num_key_value_heads=2))


def qwen3() -> torch.nn.Module:
    return _made("Qwen3ForCausalLM", "Qwen3Config", **_attention(num_key_value_heads=2, head_dim=16))


def mixtral() -> torch.nn.Module:
    sizes = _attention(num_key_value_heads=2, num_local_experts=6, num_experts_per_tok=2)
    return _made("MixtralForCausalLM", "MixtralConfig", **sizes)


def qwen2_moe() -> torch.nn.Module:
    sizes = _attention(
        num_key_value_heads=2, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=24,
        shared_expert_intermediate_size=40, mlp_only_layers=[1], norm_topk_prob=False,
    )  # fmt: skip
    return _made("Qwen2MoeForCausalLM", "Qwen2MoeConfig", **sizes)


def qwen3_moe() -> torch.nn.Module:
    sizes = _attention(
        num_key_value_heads=2, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=24, head_dim=8
    )
    return _made("Qwen3MoeForCausalLM", "Qwen3MoeConfig", **sizes)


def mamba() -> torch.nn.Module:
    return _made("MambaForCausalLM", "MambaConfig", 2.0, **_sizes(state_size=4, time_step_rank=4))


def mamba2() -> torch.nn.Module:
    sizes = _sizes(state_size=6, num_heads=8, head_dim=8, n_groups=2, chunk_size=8, tie_word_embeddings=True)
    return _made("Mamba2ForCausalLM", "Mamba2Config", 2.0, **sizes)


def spread(model: torch.nn.Module, scale: float = 6.0) -> torch.nn.Module:
    """Weights larger than a fresh model's, and uneven, so that every unit matters and some matter more."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for entry in model.parameters():
            if entry.ndim >= 2:
                entry.mul_(scale).mul_(torch.rand(len(entry), *[1] * (entry.ndim - 1), generator=generator) + 0.3)
            else:
                entry.add_(0.1 * torch.randn(entry.shape, generator=generator))
    return model.eval()


def batches(count: int = 3, rows: int = 8, tokens: int = 12, *, labels: bool = False, seed: int = 0) -> list[dict]:
    """Random ids, the second half of the rows padded."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        ids = torch.randint(5, VOCABULARY, (rows, tokens), generator=generator)
        mask = torch.ones(rows, tokens, dtype=torch.long)
        mask[rows // 2 :, tokens - 3 :] = 0
        batch = {"input_ids": ids * mask, "attention_mask": mask}
        if labels:
            batch |= {"labels": (ids[:, 1] % 2).float(), "groups": torch.arange(rows) // 4}
        found.append(batch)
    return found


def earlier(model: torch.nn.Module) -> torch.nn.Module:
    """A copy with slightly other weights: what the model may have been tuned from."""
    base, generator = copy.deepcopy(model), torch.Generator().manual_seed(9)
    with torch.no_grad():
        for entry in base.parameters():
            entry.add_(0.02 * entry.std(correction=0) * torch.randn(entry.shape, generator=generator))
    return base


def encoder(seed: int = 0) -> Subject:
    return Subject(model := bert(), CrossEncoder(), batches(labels=True), seed=seed, base=earlier(model))


def decoder(seed: int = 0) -> Subject:
    return Subject(model := llama(), LanguageModel(), batches(), seed=seed, base=earlier(model))


def without_effect(subject: Subject, *places: int) -> Subject:
    """The same with layers that leave the residual as it is: exactly in decoders, nearly in encoders (norms stay)."""
    with torch.no_grad():
        for place in places:
            for sublayer in subject.anatomy.layers[place].sublayers:
                output = subject.model.get_submodule(sublayer.output)
                for entry in output.parameters():
                    entry.zero_()
                if subject.anatomy.post_norm:
                    norm = subject.model.get_submodule(sublayer.norm)
                    norm.weight.fill_(1.0)
                    norm.bias.zero_()
    return subject


def divergence(subject: Subject, model: torch.nn.Module) -> float:
    """How far a model's outputs are from those of the subject's teacher, summed over the calibration batches."""
    with torch.no_grad():
        return sum(
            float(
                subject.task.divergence(
                    subject.task.output(model, batch), subject.task.output(subject.teacher, batch), batch
                )
            )
            for batch in subject.calibration
        )

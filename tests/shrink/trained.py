"""Tiny TRAINED models: heads, neurons and layers that matter unequally, for what recipes promise; and data apart.

Both are trained once a process, in about two seconds of a free core each.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from shrink import models
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    Mamba2Config,
    Mamba2ForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
)

from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder
from ctxprune.shrink.model.tasks.embedding import Embedding
from ctxprune.shrink.model.tasks.language_model import LanguageModel

if TYPE_CHECKING:
    from collections.abc import Callable

VOCABULARY = 64
KEYS = 6
ROWS = 48


def trained_encoder(seed: int = 0) -> Subject:
    """A cross-encoder that finds the question's key in a passage; `seed` is that of the recipe's chance."""
    return Subject(
        copy.deepcopy(_encoder()), CrossEncoder(), passages(3, rows=16, seed=1), seed=seed,
        related=passages(3, rows=16, seed=4), base=models.earlier(_encoder()),
    )  # fmt: skip


def trained_decoder(seed: int = 0) -> Subject:
    """A language model of a chain whose first token says which table the next tokens follow."""
    return _speaker(_decoder(), seed)


def trained_moe(seed: int = 0) -> Subject:
    """The same language in a mixture of six experts, two for a token."""
    return _speaker(_moe(), seed)


def trained_embedder(seed: int = 0) -> Subject:
    """A bi-encoder for the same questions and passages as the cross-encoder's."""
    model = _embedder()
    return Subject(
        copy.deepcopy(model), Embedding(), apart(3, rows=16, seed=1), seed=seed,
        related=apart(3, rows=16, seed=4), base=models.earlier(model),
    )  # fmt: skip


def trained_ssm(seed: int = 0) -> Subject:
    """The same language in Mamba-2, with two groups of B and C."""
    return _speaker(_ssm(), seed)


def _speaker(model: torch.nn.Module, seed: int) -> Subject:
    return Subject(
        copy.deepcopy(model), LanguageModel(), chains(3, rows=16, seed=1), seed=seed,
        related=chains(3, rows=16, seed=4), base=models.earlier(model),
    )  # fmt: skip


SUBJECTS: dict[str, Callable[[int], Subject]] = {
    "encoder": trained_encoder,
    "decoder": trained_decoder,
    "embedder": trained_embedder,
    "moe": trained_moe,
    "ssm": trained_ssm,
}


@lru_cache
def held_out(kind: str) -> list[dict]:
    """Test batches of a kind of model, drawn apart from training and calibration."""
    return {"encoder": passages, "embedder": apart}.get(kind, chains)(1, rows=128, seed=2)


def passages(count: int, *, rows: int = ROWS, seed: int) -> list[dict]:
    """[CLS] key word [SEP] seven words [SEP]; relevant where the key stands in the passage more than another key does.

    Words come in any order, one label in twelve is wrong, and a third of the rows are one word shorter and padded.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        relevant = torch.rand(rows, generator=generator) < 0.5
        key = _draw(generator, 0, KEYS, rows // 4).repeat_interleave(4)
        others = [(key + _draw(generator, 1, KEYS, rows)) % KEYS for _ in range(2)]
        main = torch.where(relevant, key, others[0])
        words = torch.stack([main, main, torch.where(_coin(generator, rows), main, others[1]), others[1]], 1) + 5
        words = torch.cat([words, _draw(generator, 5 + KEYS, VOCABULARY, rows, 3)], 1)
        words = words.gather(1, torch.rand(rows, 7, generator=generator).argsort(1))
        ids = torch.full((rows, 12), 2)
        ids[:, 0], ids[:, 1], ids[:, 2], ids[:, 4:11] = 1, key + 5, _draw(generator, 5 + KEYS, VOCABULARY, rows), words
        mask = torch.ones_like(ids)
        mask[::3, 11], ids[::3, 10], ids[::3, 11] = 0, 2, 0
        types = (torch.arange(12) >= 4).long().expand(rows, -1) * mask
        labels = relevant ^ (torch.rand(rows, generator=generator) < 1 / 12)
        found.append(
            {
                "input_ids": ids,
                "attention_mask": mask,
                "token_type_ids": types,
                "labels": labels.float(),
                "groups": torch.arange(rows) // 4,
            }
        )
    return found


def apart(count: int, *, rows: int = ROWS, seed: int) -> list[dict]:
    """The rows of `passages` as texts of their own: [CLS] key word [SEP] once for four passages, and these."""
    found = []
    for batch in passages(count, rows=rows, seed=seed):
        ids, mask = batch["input_ids"], batch["attention_mask"]
        asked = torch.nn.functional.pad(ids[::4, :4], (0, 5))
        told = torch.cat([ids[:, :1], ids[:, 4:]], 1)
        found.append(
            {
                "input_ids": torch.cat([asked, told]),
                "attention_mask": torch.cat([(asked > 0).long(), torch.cat([mask[:, :1], mask[:, 4:]], 1)]),
                "labels": torch.cat([-torch.ones(len(asked)), batch["labels"]]),
                "groups": torch.cat([torch.arange(len(asked)), batch["groups"]]),
            }
        )
    return found


def chains(count: int, *, rows: int = ROWS, seed: int) -> list[dict]:
    """A first token of three, then each token one of two likely followers by the first one's table, or a rare one."""
    tables = torch.stack(
        [torch.randint(5, 45, (VOCABULARY, 2), generator=torch.Generator().manual_seed(n)) for n in range(3)]
    )
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        topic = _draw(generator, 0, 3, rows)
        ids = torch.zeros(rows, 14, dtype=torch.long)
        ids[:, 0], ids[:, 1] = topic + 1, _draw(generator, 5, 45, rows)
        for place in range(2, 14):
            side = (torch.rand(rows, generator=generator) < 0.25).long()
            follower = tables[topic, ids[:, place - 1], side]
            rare = torch.rand(rows, generator=generator) < 0.05
            ids[:, place] = torch.where(rare, _draw(generator, 45, VOCABULARY, rows), follower)
        mask = torch.ones_like(ids)
        mask[::3, 12:] = 0
        found.append({"input_ids": ids * mask, "attention_mask": mask})
    return found


@lru_cache
def _encoder() -> BertForSequenceClassification:
    model = _seeded(
        BertForSequenceClassification, BertConfig, seed=1, num_hidden_layers=4, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=32, num_labels=1, initializer_range=0.1,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    with torch.no_grad():  # attention that sees equal words from the start is learned in a tenth of the steps
        model.bert.embeddings.word_embeddings.weight.mul_(4.0)
        for layer in model.bert.encoder.layer:
            own = layer.attention.self
            own.key.weight.copy_(own.query.weight.mul_(2.0))
    return _trained(model, passages(160, seed=3), CrossEncoder(), 2e-3)


@lru_cache
def _embedder() -> BertModel:
    model = _seeded(
        BertModel, BertConfig, seed=0, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=32, initializer_range=0.1, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return _trained(model, apart(80, seed=3), Embedding(), 2e-3)


@lru_cache
def _decoder() -> LlamaForCausalLM:
    return _language_model(
        LlamaForCausalLM, LlamaConfig, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=4,
        intermediate_size=64, max_position_embeddings=64, initializer_range=0.1,
    )  # fmt: skip


@lru_cache
def _moe() -> MixtralForCausalLM:
    return _language_model(
        MixtralForCausalLM, MixtralConfig, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=32, num_local_experts=6, num_experts_per_tok=2, max_position_embeddings=64,
        initializer_range=0.1,
    )  # fmt: skip


@lru_cache
def _ssm() -> Mamba2ForCausalLM:
    return _language_model(
        Mamba2ForCausalLM,
        Mamba2Config,
        num_hidden_layers=4,
        state_size=8,
        num_heads=8,
        head_dim=8,
        n_groups=2,
        chunk_size=14,
        pad_token_id=0,
        steps=100,
    )


def _seeded(model_class, config_class, *, seed: int, **sizes):
    """A random model of width 32; the random numbers of what comes after are not changed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return model_class(config_class(vocab_size=VOCABULARY, hidden_size=32, **sizes))


def _language_model(model_class, config_class, *, steps: int = 120, **sizes):
    model = _seeded(model_class, config_class, seed=0, **sizes)
    return _trained(model, chains(steps, seed=3), LanguageModel(), 5e-3)


def _trained(model: torch.nn.Module, data: list[dict], task, rate: float) -> torch.nn.Module:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # faster at these sizes, and the same bytes on every machine with this build
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    for step, batch in enumerate(data):
        optimizer.param_groups[0]["lr"] = rate * min(
            (step + 1) / (0.3 * len(data)), (len(data) - step) / (0.7 * len(data))
        )
        task.loss(model, batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    torch.set_num_threads(threads)
    return model.eval()


def _draw(generator: torch.Generator, low: int, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(low, high, shape, generator=generator)


def _coin(generator: torch.Generator, rows: int) -> torch.Tensor:
    return torch.rand(rows, generator=generator) < 0.5

"""A tiny language model to train things on: wikitext2 by article, a small vocabulary, a Llama of four layers."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import torch

HEADING = re.compile(r"^ = [^=].*[^=] = $", re.MULTILINE)
VOCABULARY = 1024
EVERY = 6  # every sixth article is held out


def articles(path: Path) -> list[str]:
    """The articles of a wikitext file, each from its heading on."""
    text = gzip.decompress(path.read_bytes()).decode()
    starts = [match.start() for match in HEADING.finditer(text)]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def split(path: Path) -> tuple[list[str], list[str]]:
    """(train, held out), by article."""
    all_ = articles(path)
    held = all_[EVERY - 1 :: EVERY]
    return [each for each in all_ if each not in held], held


def fingerprint(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def tokenizer(texts: list[str], path: Path):
    """Byte-level BPE learned from the training articles alone; kept in `path`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if path.exists():
        return Tokenizer.from_file(str(path))
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(str(path))
    return made


def encoded(made, texts: list[str]) -> torch.Tensor:
    """All texts behind each other, ids (tokens,)."""
    return torch.tensor([token for each in texts for token in made.encode(each).ids])


def model(seed: int):
    """Four layers of 128, four heads of 32; random weights."""
    return random_llama(
        seed, vocab_size=VOCABULARY, hidden_size=128, intermediate_size=352, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=2048,
    )  # fmt: skip


def random_llama(seed: int, **sizes):
    """A Llama with random weights and tied embeddings, in evaluation mode."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(tie_word_embeddings=True, attn_implementation="sdpa", **sizes)
    return LlamaForCausalLM(config).eval()

"""Tiny model folders as transformers and sentence-transformers write them, and pairs to go with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import torch
from shrink import models as tiny
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertForSequenceClassification, BertModel

torch.set_num_threads(1)  # tests share the machine with one another

WORDS = """
the a is in of to bridge opened when did it who wrote book ann river long lake deep town old new cat dog sleeps runs red
blue house car train fast slow north south winter summer king queen
""".split()  # noqa: SIM905
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tokenizer(more: Sequence[str] = ()) -> Tokenizer:
    pieces = {word: place for place, word in enumerate([*SPECIAL, *WORDS, *more])}
    found = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    found.add_special_tokens(SPECIAL)
    found.normalizer = normalizers.BertNormalizer(lowercase=True)
    found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    found.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return found


def write(folder: Path, model) -> Path:
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "BertTokenizer", "model_max_length": 32, "pad_token": "[PAD]", "cls_token": "[CLS]"}
    config |= {"sep_token": "[SEP]", "unk_token": "[UNK]", "mask_token": "[MASK]", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def reranker(folder: Path) -> Path:
    """A cross-encoder."""
    return write(folder, tiny.bert())


def spelled(folder: Path, kind: Any = BertForSequenceClassification) -> Path:
    """A cross-encoder, or another model of BERT's, whose tokenizer reads unknown words by letters."""
    letters = [f"{mark}{letter}" for mark in ("", "##") for letter in ascii_lowercase if mark or letter != "a"]
    known = tokenizer(letters)
    config = tiny.bert().config
    config.vocab_size = known.get_vocab_size() + 3  # as models whose tables are rounded up
    torch.manual_seed(0)
    write(folder, tiny.spread(kind(config)))
    known.save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL, *WORDS, *letters]) + "\n", encoding="utf-8")
    return folder


def embedder(folder: Path) -> Path:
    """A bi-encoder in the layout of sentence-transformers."""
    write(folder, BertModel(tiny.bert().config))
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    modules.append({"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    return folder


def decoder(folder: Path) -> Path:
    """A causal language model."""
    return write(folder, tiny.llama())


def pruner(folder: Path) -> Path:
    """A tiny pruner with the bundled one's tokenizer."""
    from ctxprune.models.pruner import bundled
    from ctxprune.train.export import export_float, write_manifest
    from ctxprune.train.pruner_network import EncoderShape, PrunerNetwork

    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((bundled() / "tokenizer.json").read_bytes())
    torch.manual_seed(0)
    export_float(
        PrunerNetwork(EncoderShape.uniform(layers=2, heads=4, inner=64, width=32, size=8)), folder / "model.onnx"
    )
    manifest = json.loads((bundled() / "manifest.json").read_text(encoding="utf-8"))
    write_manifest(folder, "tiny.v1", 128, {name: manifest[name] for name in ("unit", "document")})
    return folder


def pairs(path: Path, questions: int = 12, passages: int = 4) -> Path:
    """Questions whose relevant passage has their last word."""
    lines = []
    for number in range(questions):
        subject = WORDS[6 + number % 30]
        for place in range(passages):
            words = [WORDS[(number * 7 + place * 5 + step) % len(WORDS)] for step in range(5)]
            passage = " ".join(words if place else [*words, subject])
            row = {"query": f"when did the {subject}", "passage": passage, "label": int(not place)}
            lines.append(json.dumps(row))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path

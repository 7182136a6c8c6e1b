"""The small coder of ../shared/models for benchmarks of KV caches: one thread, bfloat16, weights unpacked."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import string
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import torch

from benchmarks.common.record import SHARED
from ctxprune.kv import generate_with_drafts

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = "<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n"
TAIL = "{}<|im_end|>\n<|im_start|>assistant\n"
XQUAD = SHARED / "data" / "rag" / "xquad_en"


class Coder:
    """Model and tokenizer of a GGUF file."""

    def __init__(self, path: Path) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

        torch.set_num_threads(1)
        options = {"gguf_file": path.name}
        self.tokenizer = AutoTokenizer.from_pretrained(path.parent, **options)
        self.model = AutoModelForCausalLM.from_pretrained(
            path.parent, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True), **options
        ).eval()
        self.fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:16]

    def ids(self, text: str) -> torch.Tensor:
        return self.tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]

    def count(self, text: str) -> int:
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else 0

    def say(self, ids: torch.Tensor, tokens: int, texts: Sequence[list[int]] = (), **options) -> list[int]:
        """The greedy answer's tokens; `texts` are looked up for drafts, which save time and change nothing."""
        made = generate_with_drafts(self.model, ids, texts, max_new_tokens=tokens, **GREEDY, **options)
        return made.ids[0, ids.shape[1] :].tolist()

    def text(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True)


GREEDY = {"temperature": None, "top_p": None, "top_k": None, "repetition_penalty": 1.0}


def xquad() -> tuple[list[dict], list[dict]]:
    """Passages and questions of xquad_en."""

    def rows(name: str) -> list[dict]:
        with gzip.open(XQUAD / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    return rows("test_passages"), rows("test_questions")


def plain(text: str) -> str:
    """Lower case, without punctuation and articles, as SQuAD compares answers."""
    text = "".join(" " if sign in string.punctuation else sign for sign in text.lower())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def answers(said: str, golden: list[str]) -> bool:
    """Whether a gold answer stands in what was said."""
    return any(f" {plain(gold)} " in f" {plain(said)} " for gold in golden)

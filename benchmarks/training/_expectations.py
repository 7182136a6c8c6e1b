"""Trains `ctxprune.sql.select.expected` with numpy alone: phrases of questions against the form of their gold SQL."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.sql.select.expected import Expectations, extract_phrases, read_words
from ctxprune.sql.select.forms import HEADS, read_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.sql.evaluation.datasets import Item

HIDDEN, EPOCHS, BATCH, RATE, DECAY, DROP = 32, 14, 64, 3e-3, 2e-5, 0.3
COMMON_DATABASES, PHRASE_DATABASES, MOST_PHRASES = 10, 5, 2400


def train_expectations(items: Sequence[Item], seed: int = 0) -> Expectations:
    """Fit to all items whose gold SQL can be parsed."""
    pairs = [(item, form) for item in items if (form := read_form(item.gold)) is not None]
    words = [(read_words(item.question), read_words(item.evidence)) for item, _ in pairs]
    common = frozenset(_spread(pairs, [set(q) | set(e) for q, e in words], COMMON_DATABASES))
    found = [
        extract_phrases(q, common) | ({f"{p} @" for p in extract_phrases(e, common)} if e else set()) for q, e in words
    ]
    counted = _spread(pairs, found, PHRASE_DATABASES)
    chosen = sorted(counted, key=lambda phrase: (-counted[phrase], phrase))[:MOST_PHRASES]
    vocabulary = {phrase: row for row, phrase in enumerate(chosen)}
    inputs = np.zeros((len(pairs), len(chosen)), dtype=np.float32)
    for row, one in enumerate(found):
        inputs[row, [vocabulary[phrase] for phrase in one if phrase in vocabulary]] = 1
    targets = np.array([[form.facts[name] for name in HEADS] for _, form in pairs])
    return Expectations(common, vocabulary, *_fit(inputs, targets, np.random.default_rng(seed)))


def _spread(pairs, found: Sequence[set[str]], least: int) -> dict[str, int]:
    """Questions that have each word or phrase, of those in at least so many databases."""
    count: Counter[str] = Counter()
    databases: dict[str, set[str]] = defaultdict(set)
    for (item, _), one in zip(pairs, found, strict=True):
        count.update(one)
        for phrase in one:
            databases[phrase].add(item.db_id)
    return {phrase: n for phrase, n in count.items() if len(databases[phrase]) >= least}


def _fit(inputs: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    sizes = list(HEADS.values())
    starts = np.cumsum([0, *sizes])[:-1]
    total, (n, width) = sum(sizes), inputs.shape
    parameters = [
        rng.normal(0, 0.05, (width, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        rng.normal(0, 0.2, (HIDDEN, total)).astype(np.float32),
        np.zeros(total, np.float32),
    ]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
    steps, step = EPOCHS * -(-n // BATCH), 0
    for _ in range(EPOCHS):
        order = rng.permutation(n)
        for start in range(0, n, BATCH):
            part = order[start : start + BATCH]
            step += 1
            rows = inputs[part] * (rng.random((len(part), width), dtype=np.float32) > DROP) / (1 - DROP)
            hidden = np.tanh(rows @ parameters[0] + parameters[1])
            logits = hidden @ parameters[2] + parameters[3]
            error = np.empty_like(logits)
            for head, (first, size) in enumerate(zip(starts, sizes, strict=True)):
                values = np.exp(logits[:, first : first + size] - logits[:, first : first + size].max(1, keepdims=True))
                values /= values.sum(1, keepdims=True)
                values[np.arange(len(part)), targets[part, head]] -= 1
                error[:, first : first + size] = values
            error /= len(part)
            back = (error @ parameters[2].T) * (1 - hidden**2)
            gradients = [rows.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
            rate = RATE * (1 + np.cos(np.pi * step / steps)) / 2 + 1e-5
            for k, gradient in enumerate(gradients):
                drift, spread = moments[k]
                gradient = gradient + (DECAY * parameters[k] if k in (0, 2) else 0)  # noqa: PLW2901
                drift += 0.1 * (gradient - drift)
                spread += 0.001 * (gradient**2 - spread)
                scale = np.sqrt(spread / (1 - 0.999**step)) + 1e-8
                parameters[k] -= (rate * drift / (1 - 0.9**step) / scale).astype(np.float32)
    return parameters

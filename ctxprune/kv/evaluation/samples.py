"""Synthetic tasks about facts in a long context, by name.

They follow Kamradt's "needle in a haystack" and the tasks of RULER (Hsieh et al., arXiv:2404.06654). Samples are
determined by a seed and the running text.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.kv.evaluation.ruler import (
    build_common_words,
    build_multi_key,
    build_multi_query,
    build_multi_value,
    build_passages,
    build_variables,
)
from ctxprune.kv.evaluation.sample_builder import PLACES, WORDS, Sample, SampleBuilder
from ctxprune.kv.pipeline import ChatFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PLAIN_TASKS", "TASKS", "Sample", "make_samples"]

_SPREAD = 128  # tokens of context per fact, in the task with many facts


def make_samples(task: str, tokenizer: Any, text: str, *, tokens: int, count: int, seed: int = 0) -> list[Sample]:
    """`count` samples of one task, with facts at depths spread evenly over the context.

    Args:
        task: A name of `TASKS`.
        tokenizer: The model's tokenizer.
        text: Running text to insert facts into; at least `tokens` tokens long.
        tokens: Maximum tokens of each context, nearly reached.
        count: Number of samples.
        seed: Random seed.

    Raises:
        UsageError: There is no such task, or a number is out of its range.
        InputError: The text is too short.
    """
    if task not in TASKS:
        raise UsageError(f"task is {task!r}", hint=f"one of {', '.join(sorted(TASKS))}")
    if tokens < 64 or count < 1:
        raise UsageError(f"{count} samples of {tokens} tokens", hint="1 or more samples of 64 tokens or more")
    frame = ChatFrame.of(tokenizer)
    samples = []
    for number in range(count):
        # One stream per sample: a larger count or another order of tasks leaves the samples as they are.
        rng = random.Random(f"{task} {seed} {number}")
        depth = (number + rng.random()) / count
        samples.append(TASKS[task](SampleBuilder(tokenizer, frame, tokens, rng, text, depth)))
    return samples


def _build_needle(builder: SampleBuilder) -> Sample:
    place, number = builder.rng.choice(PLACES.split()), str(builder.rng.randrange(1_000_000, 10_000_000))
    fact = f" The gate code of {place} is {number}."
    sentences = builder.sentences([fact])
    at = round(builder.depth * len(sentences))
    parts = [*sentences[:at], fact, *sentences[at:]]
    ask = f"What is the gate code of {place}? Answer with the number."
    return builder.sample("needle", parts, ask, f"The gate code of {place} is ", number)


def _build_key_value(builder: SampleBuilder) -> Sample:
    """One of many facts of the same form, spread evenly over the text, one per 128 tokens."""
    rng, words = builder.rng, WORDS.split()
    count = max(builder.tokens // _SPREAD, 2)
    names = rng.sample([f"{first} {second}" for first in words for second in words if first != second], count)
    facts = {name: str(number) for name, number in zip(names, rng.sample(range(10_000, 100_000), count), strict=True)}
    told = [f" The code of the {name} is {number}." for name, number in facts.items()]
    sentences = builder.sentences(told)
    parts: list[str] = []
    for number, fact in enumerate(told):
        parts += [*sentences[_part_start(number, count, sentences) : _part_start(number + 1, count, sentences)], fact]
    asked = names[min(int(builder.depth * count), count - 1)]
    ask = f"What is the code of the {asked}? Answer with the number."
    return builder.sample("key_value", parts, ask, f"The code of the {asked} is ", facts[asked])


def _part_start(number: int, count: int, sentences: Sequence[str]) -> int:
    return len(sentences) * number // count


TASKS: dict[str, Callable[[SampleBuilder], Sample]] = {
    "common_words": build_common_words,
    "key_value": _build_key_value,
    "multi_key": build_multi_key,
    "multi_query": build_multi_query,
    "multi_value": build_multi_value,
    "needle": _build_needle,
    "passages": build_passages,
    "variables": build_variables,
}
PLAIN_TASKS = ("key_value", "needle")
"""Tasks of a comparison that names none."""

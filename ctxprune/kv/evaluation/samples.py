"""Synthetic tasks about one fact in a long context: a fact in running text, or one of many similar facts.

They follow Kamradt's "needle in a haystack" and the needles with one and with many keys of RULER (Hsieh et al.,
arXiv:2404.06654). Samples are determined by a seed and the running text.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.kv.pipeline import ChatFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

__all__ = ["TASKS", "Sample", "make_samples"]

_PLACES = (
    "Aldermoor Brackwell Cindergate Dunmarrow Eastvale Fennimore Garrowby Hollincote Ivelthorpe Jessamy Kettlewick "
    "Larkhollow Marrowdale Netherby Oakenshaw Pellworth Quarrendon Ravensby Stonewick Thornbury Ulverdale Vexford "
    "Wintersby Yarrowgate"
)
_WORDS = (
    "amber anchor basket beacon bottle bridge candle canyon castle copper cotton desert dragon engine falcon feather "
    "forest garden ginger glacier hammer harbor helmet island jacket kitten ladder lantern lemon marble meadow mirror "
    "needle ocean orchid oyster pebble pepper pillow planet pocket quartz rabbit ribbon river rocket saddle salmon "
    "shadow silver spider summer temple thunder ticket timber tunnel turtle valley velvet violin walnut window winter"
)
_SPREAD = 128  # tokens of context per fact, in the task with many facts
_END = re.compile(r"\s*\.\s+|\s*\n\s*")


@dataclass(frozen=True)
class Sample:
    """One question over one context, as token ids (1, ...).

    Attributes:
        task: Name of the task.
        context: The context to read and prune.
        question: The question, up to the start of the answer.
        answer: The answer.
        depth: Position of the fact in the context, 0 (start) to 1 (end).
    """

    task: str
    context: Tensor
    question: Tensor
    answer: Tensor
    depth: float


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
        samples.append(TASKS[task](_SampleBuilder(tokenizer, frame, tokens, rng), text, depth))
    return samples


@dataclass(frozen=True)
class _SampleBuilder:
    tokenizer: Any
    frame: ChatFrame
    tokens: int
    rng: random.Random

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def sample(self, task: str, parts: Sequence[str], ask: str, lead: str, answer: str, depth: float) -> Sample:
        import torch

        def tensor(text: str) -> Tensor:
            return torch.tensor([self.ids(text)])

        return Sample(
            task,
            tensor(self.frame.before + "".join(parts)),
            tensor(f"\n\n{ask}{self.frame.after}{lead}"),
            tensor(answer),
            depth,
        )

    @property
    def room(self) -> int:
        return self.tokens - len(self.ids(self.frame.before))


def _build_needle(builder: _SampleBuilder, text: str, depth: float) -> Sample:
    place, number = builder.rng.choice(_PLACES.split()), str(builder.rng.randrange(1_000_000, 10_000_000))
    fact = f" The gate code of {place} is {number}."
    sentences = _draw_sentences(builder, text, builder.room - len(builder.ids(fact)))
    at = round(depth * len(sentences))
    parts = [*sentences[:at], fact, *sentences[at:]]
    ask = f"What is the gate code of {place}? Answer with the number."
    return builder.sample("needle", parts, ask, f"The gate code of {place} is ", number, depth)


def _draw_sentences(builder: _SampleBuilder, text: str, room: int) -> list[str]:
    """Sentences of the text from a random start on, as many as fit."""
    pieces = [f" {piece}." for piece in _END.split(text) if piece]
    if not pieces:
        raise InputError("the text has no sentences", hint="running text with full stops")
    start = builder.rng.randrange(len(pieces))
    lengths = [len(ids) for ids in builder.tokenizer(pieces, add_special_tokens=False)["input_ids"]]
    if sum(lengths) < room:
        raise InputError(f"the text has {sum(lengths)} tokens", hint=f"{room} are needed")
    kept, used = [], 0
    for step in range(len(pieces)):
        # The text wraps around, so that every start gives a full context.
        number = (start + step) % len(pieces)
        if used + lengths[number] > room:
            break
        kept.append(pieces[number])
        used += lengths[number]
    return kept


def _build_key_value(builder: _SampleBuilder, text: str, depth: float) -> Sample:
    """One of many facts of the same form, spread evenly over the text, one per 128 tokens."""
    rng, words = builder.rng, _WORDS.split()
    count = max(builder.tokens // _SPREAD, 2)
    names = rng.sample([f"{first} {second}" for first in words for second in words if first != second], count)
    facts = {name: str(number) for name, number in zip(names, rng.sample(range(10_000, 100_000), count), strict=True)}
    told = [f" The code of the {name} is {number}." for name, number in facts.items()]
    sentences = _draw_sentences(builder, text, builder.room - sum(len(builder.ids(each)) for each in told))
    parts: list[str] = []
    for number, fact in enumerate(told):
        parts += [*sentences[_part_start(number, count, sentences) : _part_start(number + 1, count, sentences)], fact]
    asked = names[min(int(depth * count), count - 1)]
    ask = f"What is the code of the {asked}? Answer with the number."
    return builder.sample("key_value", parts, ask, f"The code of the {asked} is ", facts[asked], depth)


def _part_start(number: int, count: int, sentences: Sequence[str]) -> int:
    return len(sentences) * number // count


TASKS: dict[str, Callable[[_SampleBuilder, str, float], Sample]] = {
    "key_value": _build_key_value,
    "needle": _build_needle,
}

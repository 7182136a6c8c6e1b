"""Made tasks that need one place of a long context: a fact in running text, and one pair among many.

The needle follows Kamradt's "needle in a haystack" and RULER (Hsieh et al., arXiv:2404.06654), the pairs "Lost in the
Middle" (Liu et al., arXiv:2307.03172). Both are made from a seed, so that no two runs need the same text.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

__all__ = ["TASKS", "Frame", "Sample", "make_samples"]

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
_END = re.compile(r"\s*\.\s+|\s*\n\s*")


@dataclass(frozen=True)
class Sample:
    """One question over one context, as token ids (1, ...).

    Attributes:
        task: The name of the task.
        context: What is read first and pruned.
        question: What follows it, up to where the answer begins.
        answer: The answer.
        depth: Where the fact stands, 0 (first) to 1 (last).
    """

    task: str
    context: Tensor
    question: Tensor
    answer: Tensor
    depth: float


@dataclass(frozen=True)
class Frame:
    """How a model is spoken to: what stands before the context, and between the question and the answer."""

    before: str
    after: str

    @classmethod
    def of(cls, tokenizer: Any) -> Frame:
        """The tokenizer's chat template around one user's turn; nothing where it has none."""
        if not getattr(tokenizer, "chat_template", None):
            return cls("", "\n")
        mark = "\x00here\x00"
        whole = tokenizer.apply_chat_template(
            [{"role": "user", "content": mark}], tokenize=False, add_generation_prompt=True
        )
        before, _, after = whole.partition(mark)
        return cls(before, after)


def make_samples(task: str, tokenizer: Any, text: str, *, tokens: int, count: int, seed: int = 0) -> list[Sample]:
    """`count` samples of one task, the fact at depths spread evenly over the context.

    Args:
        task: A name of `TASKS`.
        tokenizer: The model's.
        text: Running text to hide needles in; long enough for `tokens` tokens at least.
        tokens: Tokens of each context, about: never more.
        count: How many.
        seed: What is drawn.

    Raises:
        UsageError: There is no such task, or a number is out of its range.
        InputError: The text is too short.
    """
    if task not in TASKS:
        raise UsageError(f"task is {task!r}", hint=f"one of {', '.join(sorted(TASKS))}")
    if tokens < 64 or count < 1:
        raise UsageError(f"{count} samples of {tokens} tokens", hint="1 or more samples of 64 tokens or more")
    frame = Frame.of(tokenizer)
    made = []
    for number in range(count):
        rng = random.Random(f"{task} {seed} {number}")
        depth = (number + rng.random()) / count
        made.append(TASKS[task](_Maker(tokenizer, frame, tokens, rng), text, depth))
    return made


@dataclass(frozen=True)
class _Maker:
    tokenizer: Any
    frame: Frame
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


def _needle(maker: _Maker, text: str, depth: float) -> Sample:
    place, number = maker.rng.choice(_PLACES.split()), str(maker.rng.randrange(1_000_000, 10_000_000))
    fact = f" The gate code of {place} is {number}."
    sentences = _sentences(maker, text, maker.room - len(maker.ids(fact)))
    at = round(depth * len(sentences))
    parts = [*sentences[:at], fact, *sentences[at:]]
    ask = f"What is the gate code of {place}? Answer with the number."
    return maker.sample("needle", parts, ask, f"The gate code of {place} is ", number, depth)


def _sentences(maker: _Maker, text: str, room: int) -> list[str]:
    """Sentences of the text from a drawn place on, as many as fit."""
    pieces = [f" {piece}." for piece in _END.split(text) if piece]
    if not pieces:
        raise InputError("the text has no sentences", hint="running text with full stops")
    start = maker.rng.randrange(len(pieces))
    lengths = [len(ids) for ids in maker.tokenizer(pieces, add_special_tokens=False)["input_ids"]]
    if sum(lengths) < room:
        raise InputError(f"the text has {sum(lengths)} tokens", hint=f"{room} are needed")
    kept, used = [], 0
    for step in range(len(pieces)):
        number = (start + step) % len(pieces)
        if used + lengths[number] > room:
            break
        kept.append(pieces[number])
        used += lengths[number]
    return kept


def _key_value(maker: _Maker, text: str, depth: float) -> Sample:  # noqa: ARG001
    rng = maker.rng
    intro = "Stock list, one item to a line, the item before its number.\n"
    words = _WORDS.split()
    line = f"{words[0]} {words[1]}: 12345\n"
    count = (maker.room - len(maker.ids(intro))) // (len(maker.ids(line)) + 1)
    names = [f"{first} {second}" for first in words for second in words if first != second]
    items = rng.sample(names, min(count, len(names)))
    numbers = [str(rng.randrange(10_000, 100_000)) for _ in items]
    at = min(int(depth * len(items)), len(items) - 1)
    parts = [intro, *(f"{item}: {number}\n" for item, number in zip(items, numbers, strict=True))]
    ask = f"Which number stands behind {items[at]} in the list? Answer with the number."
    return maker.sample("key_value", parts, ask, f"{items[at]}: ", numbers[at], depth)


TASKS: dict[str, Callable[[_Maker, str, float], Sample]] = {"key_value": _key_value, "needle": _needle}

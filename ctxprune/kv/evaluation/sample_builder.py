"""What the synthetic tasks share: a sample, how its texts become token ids, and running text that fills a context."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.kv.pipeline import ChatFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

__all__ = ["PLACES", "WORDS", "Sample", "SampleBuilder", "normalise"]

PLACES = (
    "Aldermoor Brackwell Cindergate Dunmarrow Eastvale Fennimore Garrowby Hollincote Ivelthorpe Jessamy Kettlewick "
    "Larkhollow Marrowdale Netherby Oakenshaw Pellworth Quarrendon Ravensby Stonewick Thornbury Ulverdale Vexford "
    "Wintersby Yarrowgate"
)
WORDS = (
    "amber anchor basket beacon bottle bridge candle canyon castle copper cotton desert dragon engine falcon feather "
    "forest garden ginger glacier hammer harbor helmet island jacket kitten ladder lantern lemon marble meadow mirror "
    "needle ocean orchid oyster pebble pepper pillow planet pocket quartz rabbit ribbon river rocket saddle salmon "
    "shadow silver spider summer temple thunder ticket timber tunnel turtle valley velvet violin walnut window winter"
)
_END = re.compile(r"\s*\.\s+|\s*\n\s*")
_NO_WORD = re.compile(r"[^\w]+")


@dataclass(frozen=True)
class Sample:
    """One question over one context, as token ids (1, ...).

    Attributes:
        task: Name of the task.
        context: The context to read and prune.
        question: The question, up to the start of the answer.
        answer: The answer.
        depth: Position of the fact in the context, 0 (start) to 1 (end).
        expected: What a generated answer has to say, each as its alternatives; empty: greedy decoding must give
            `answer` exactly.
        steps: Tokens to generate where something is expected.
        decode: Text of generated ids.
    """

    task: str
    context: Tensor
    question: Tensor
    answer: Tensor
    depth: float
    expected: tuple[tuple[str, ...], ...] = ()
    steps: int = 0
    decode: Callable[[list[int]], str] = field(default=str, compare=False, repr=False)

    def share_of(self, said: str) -> float:
        """The share of what is expected that a text says, 0..1: one of the alternatives, as whole words in any case."""
        text = normalise(said)
        found = [any(normalise(each) in text for each in alternatives) for alternatives in self.expected]
        return sum(found) / len(found)


def normalise(text: str) -> str:
    """Words in small letters between single spaces, with one in front and one behind."""
    return f" {_NO_WORD.sub(' ', text.lower()).strip()} "


@dataclass(frozen=True)
class SampleBuilder:
    """Builds one sample; `rng` is its own, so that samples do not depend on each other.

    Attributes:
        tokenizer: The model's tokenizer.
        frame: The chat template around a context and its question.
        tokens: Maximum tokens of the context.
        rng: Random numbers.
        text: Running text.
        depth: Where the fact is to stand, 0..1.
    """

    tokenizer: Any
    frame: ChatFrame
    tokens: int
    rng: random.Random
    text: str
    depth: float

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []

    def sample(self, task: str, parts: Sequence[str], ask: str, lead: str, answer: str) -> Sample:
        """A sample whose answer has to come exactly as it is, behind `lead`."""
        import torch

        def tensor(text: str) -> Tensor:
            return torch.tensor([self.tokenizer(text, add_special_tokens=False)["input_ids"]])

        return Sample(
            task,
            tensor(self.frame.before + "".join(parts)),
            tensor(f"\n\n{ask}{self.frame.after}{lead}"),
            tensor(answer),
            self.depth,
        )

    @property
    def room(self) -> int:
        """Tokens of the context beside the chat template."""
        return self.tokens - self.lengths([self.frame.before or " "])[0]

    def sentences(self, facts: Sequence[str]) -> list[str]:
        """Sentences of the text from a random start on, as many as fit beside the facts.

        Raises:
            InputError: The text has none, or is too short.
        """
        room = self.room - sum(self.lengths(facts))
        pieces = [f" {piece}." for piece in _END.split(self.text) if piece]
        if not pieces:
            raise InputError("the text has no sentences", hint="running text with full stops")
        start = self.rng.randrange(len(pieces))
        lengths = self.lengths(pieces)
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

    def scatter(self, facts: Sequence[str]) -> list[str]:
        """Running text with the facts at random places, in their order."""
        parts = self.sentences(facts)
        # From the end on, so that places in front of a fact do not move.
        for place, fact in zip(
            sorted((self.rng.randrange(len(parts) + 1) for _ in facts), reverse=True), reversed(facts), strict=True
        ):
            parts.insert(place, fact)
        return parts

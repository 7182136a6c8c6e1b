"""Questions about a text, answered from a pruned cache: text in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.store import check_storage
from ctxprune.kv.model.attention import decoder_of
from ctxprune.kv.reading.prefill import compress, prefill
from ctxprune.kv.reading.prefilled import check_press
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import check_whole, describe_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.prefilled import AbstractPress

__all__ = ["Answer", "ChatFrame", "Pipeline"]


@dataclass(frozen=True)
class Answer:
    """The answer to one question, with the size of the cache.

    Attributes:
        text: The answer, without special tokens.
        tokens: Number of tokens of the context.
        kept: Number of tokens that a head kept, mean over layers and heads.
        bytes_ratio: Bytes of the pruned cache as a share of the full one's.
    """

    text: str
    tokens: int
    kept: float
    bytes_ratio: float


@dataclass(frozen=True)
class ChatFrame:
    """The parts of a chat template around one user turn: before the context, and between question and answer."""

    before: str
    after: str

    @classmethod
    def of(cls, tokenizer: Any) -> ChatFrame:
        """The frame of a tokenizer's chat template; a line break alone for a tokenizer without one."""
        # Tokenizers of other packages have no such attribute.
        if not optional_member(tokenizer, "chat_template"):
            return cls("", "\n")
        mark = "\x00here\x00"
        whole = tokenizer.apply_chat_template(
            [{"role": "user", "content": mark}], tokenize=False, add_generation_prompt=True
        )
        before, _, after = whole.partition(mark)
        return cls(before, after)


@dataclass(frozen=True)
class Pipeline:
    """Reads a context once, prunes its cache, and answers questions about it by greedy decoding.

    Attributes:
        model: A causal language model.
        tokenizer: Its tokenizer; its chat template is used where it has one.
        press: Chooses the tokens to keep; with `Decoding` answers are within its budget as well.
        aware: Whether it chooses for each question, or once for all questions.
        storage: How kept tokens are stored; None: unpacked.
        max_new_tokens: Maximum tokens of an answer, 1 or more.

    Raises:
        UsageError: A number is out of its range, or an attribute has the wrong type.
    """

    model: nn.Module
    tokenizer: Any
    press: AbstractPress
    aware: bool = False
    storage: Storage | None = None
    max_new_tokens: int = 64

    def __post_init__(self) -> None:
        check_whole("max_new_tokens", self.max_new_tokens, minimum=1)
        decoder_of(self.model)
        check_press(self.press)
        check_storage(self.storage)
        if self.aware and self.press.steps() is not None:
            raise UsageError("Decoding drops tokens before a question is read", hint="aware=False")
        if not callable(self.tokenizer) or not callable(optional_member(self.tokenizer, "decode")):
            raise UsageError(
                f"the tokenizer is {describe_type(self.tokenizer)}", hint="the model's own, of transformers"
            )

    def __call__(self, context: str, questions: Sequence[str]) -> list[Answer]:
        """An answer to each question, in their order.

        Raises:
            UsageError: The context is empty, the questions are a single text, or the model is not supported.
        """
        if not isinstance(context, str):
            raise UsageError(f"the context is {describe_type(context)}", hint="its text, which the tokenizer reads")
        if not context.strip():
            raise UsageError("the context is empty", hint="a text to ask about")
        if isinstance(questions, str):
            raise UsageError("the questions are a single text", hint="a list of questions: [question]")
        frame = ChatFrame.of(self.tokenizer)
        # A chat template contains its own special tokens.
        whole = self._ids(frame.before + context, special=not frame.before)
        # Pressed once; every question continues from a copy.
        blind = None if self.aware else compress(self.model, whole, self.press, storage=self.storage)
        read = prefill(self.model, whole) if self.aware else None
        answers = []
        for question in questions:
            asked = self._ids(f"\n\n{question}{frame.after}")
            if read is not None:
                cache = read.ask(asked).press(self.press, storage=self.storage)
            elif blind is not None:
                cache = blind.copy()
            answers.append(self._answer(torch.cat([whole, asked], dim=1), cache, whole.shape[1]))
        return answers

    def _ids(self, text: str, *, special: bool = False) -> Tensor:
        found = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        return torch.tensor([found], device=next(self.model.parameters()).device)

    def _answer(self, ids: Tensor, cache: PrunedCache, tokens: int) -> Answer:
        kept, ratio = [count for layer in cache.kept for row in layer for count in row], cache.bytes_ratio
        generated = self.model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            cache=cache,
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
        )
        text = self.tokenizer.decode(generated[0, ids.shape[1] :], skip_special_tokens=True).strip()
        return Answer(text, tokens, sum(kept) / max(len(kept), 1), ratio)

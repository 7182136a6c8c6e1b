"""Rerankers that are causal language models, such as Qwen3-Reranker: is the passage relevant, "yes" or "no"?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.tasks.base import Batch, inputs_of
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder

__all__ = ["YesNo"]


@dataclass(frozen=True)
class YesNo(CrossEncoder):
    """One logit a row: that of "yes" less that of "no" behind the last token, whose sigmoid is the share of "yes".

    Give it to a decoder that was loaded, with ids that `loaded.form.tokenizer.token_to_id` finds:
    `replace(loaded, task=YesNo(yes, no), kind="reranker")`. Rows are to have the model's own prompt. The ids are
    saved with the model, and follow a smaller vocabulary.

    Attributes:
        yes, no: Ids of the two answers in the model's vocabulary.

    Raises:
        UsageError: They are the same, or negative.
    """

    yes: int = 1
    no: int = 0

    def __post_init__(self) -> None:
        if min(self.yes, self.no) < 0 or self.yes == self.no:
            raise UsageError(f"yes is {self.yes!r} and no {self.no!r}", hint="give two ids of the vocabulary")

    def output(self, model: nn.Module, batch: Batch) -> Tensor:
        """The logits: (rows, 1)."""
        logits: Tensor = model(**inputs_of(batch), use_cache=False).logits
        # the first of the largest sums: padding may stand on either side
        last = batch["attention_mask"].cumsum(1).argmax(1)
        behind = logits[torch.arange(len(last), device=last.device), last]
        return behind[:, self.yes, None] - behind[:, self.no, None]

    def renumber(self, places: Mapping[int, int]) -> YesNo:
        """The task with the ids of a smaller vocabulary; `places` has new ids by old ones.

        Raises:
            UsageError: The smaller vocabulary lacks an answer.
        """
        if not {self.yes, self.no} <= places.keys():
            hint = "give the ids that the tokenizer has for the two answers"
            raise UsageError(f"yes is {self.yes} and no {self.no}, and the tokenizer lacks one of them", hint=hint)
        return YesNo(places[self.yes], places[self.no])

"""Decoders that predict the next token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.shrink.model.subject import config_value
from ctxprune.shrink.model.tasks.base import Batch, Measured, Task, inputs_of


@dataclass(frozen=True)
class LanguageModel(Task):
    """Logits (rows, tokens, vocabulary); labels are not needed.

    Attributes:
        prompt: Tokens that stand before every text, in training and wherever the model runs; none of the logits are
            theirs.
    """

    prompt: tuple[int, ...] = ()

    def output(self, model: nn.Module, batch: Batch) -> Tensor:
        """The logits: (rows, tokens, vocabulary)."""
        given = inputs_of(batch)
        if self.prompt:
            ids = given["input_ids"]
            ahead = ids.new_tensor(self.prompt).expand(len(ids), -1)
            mask = torch.cat([torch.ones_like(ahead), given["attention_mask"]], 1)
            given |= {"input_ids": torch.cat([ahead, ids], 1), "attention_mask": mask}
        logits: Tensor = model(**given, use_cache=False).logits
        return logits[:, len(self.prompt) :]

    def divergence(self, output: Tensor, wanted: Tensor, batch: Batch) -> Tensor:
        """Mean Kullback-Leibler divergence from the teacher's distribution over real tokens, in nats."""
        chosen = batch["attention_mask"].bool()
        wanted_log = functional.log_softmax(wanted[chosen].float(), dim=-1)
        return functional.kl_div(
            functional.log_softmax(output[chosen].float(), dim=-1), wanted_log, log_target=True, reduction="batchmean"
        )

    def loss(self, model: nn.Module, batch: Batch, teacher: nn.Module | None = None) -> Tensor:  # noqa: ARG002
        """Mean cross entropy of the next token, in nats; its exponential is the perplexity."""
        logits = self.output(model, batch)[:, :-1].float()
        # -100 is what cross_entropy leaves out
        wanted = batch["input_ids"][:, 1:].masked_fill(batch["attention_mask"][:, 1:] == 0, -100)
        return functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)

    def measure(self, model: nn.Module, batches: Sequence[Batch]) -> Measured:
        """Minus the mean loss of each batch, in nats."""
        with torch.no_grad():
            losses = tuple((-float(self.loss(model, batch)), 1.0) for batch in batches)
        words = config_value(model, "vocab_size", 0)
        return Measured("minus the loss", losses, chance=-math.log(words) if words else None)

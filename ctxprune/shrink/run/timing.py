"""Measured time: 10 pairs of 200 tokens on one thread, the full model and the smaller one by turns.

It is the thread's processor time, which is what a forward pass takes on a machine that does nothing else.
"""

from __future__ import annotations

from contextlib import contextmanager
from inspect import signature
from statistics import median
from time import thread_time
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.model.tasks.base import inputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["ROWS", "TOKENS", "measure_times", "one_thread", "timing_batch"]

ROWS, TOKENS = 10, 200


def timing_batch(model: nn.Module, limit: int) -> Batch:
    """10 rows of 200 tokens, or as many as the model takes; random ids, the same every time."""
    vocabulary = next(module for module in model.modules() if isinstance(module, torch.nn.Embedding)).num_embeddings
    ids = torch.randint(vocabulary, (ROWS, min(TOKENS, limit)), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def measure_times(models: Sequence[nn.Module], batch: Batch, *, rounds: int = 7) -> list[float]:
    """Milliseconds of each model, on one thread: the first one's median, of the others that times their median ratio.

    They run by turns and ratios are taken round by round, so that a slow spell of the machine hits all of them.
    """
    taken: list[list[float]] = [[] for _ in models]
    with torch.no_grad(), one_thread():
        for number in range(rounds + 1):
            for model, times in zip(models, taken, strict=True):
                # time of this thread: on a shared machine the clock counts other processes, too
                started = thread_time()
                _forward(model, batch)
                if number:  # the first round warms up
                    times.append(1000 * (thread_time() - started))
    first = median(taken[0])
    ratios = [median(one / other for one, other in zip(times, taken[0], strict=True)) for times in taken]
    return [first * ratio for ratio in ratios]


def _forward(model: nn.Module, batch: Batch) -> None:
    if "input_ids" in signature(model.forward).parameters:
        model(**inputs_of(batch))
    else:  # the pruner's network
        model(batch["input_ids"], torch.zeros_like(batch["input_ids"]), batch["attention_mask"])


@contextmanager
def one_thread() -> Iterator[None]:
    """torch computes on one thread inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

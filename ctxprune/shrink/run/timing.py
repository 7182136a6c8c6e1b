"""Measured time: 10 pairs of 200 tokens on one thread, the full model and the smaller one by turns.

It is the thread's processor time, which is what a forward pass takes on a machine that does nothing else; on another
device than the CPU the clock's, from the first kernel to the end of the last.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from statistics import median
from time import perf_counter, thread_time

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.tasks.base import Batch, inputs_of

ROWS, TOKENS = 10, 200


def timing_batch(model: nn.Module, limit: int, device: str = "cpu") -> Batch:
    """10 rows of 200 tokens, or as many as the model takes, on a device; random ids, the same every time."""
    vocabulary = next(module for module in model.modules() if isinstance(module, torch.nn.Embedding)).num_embeddings
    ids = torch.randint(vocabulary, (ROWS, min(TOKENS, limit)), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids.to(device), "attention_mask": torch.ones_like(ids).to(device)}


def measure_times(models: Sequence[nn.Module], batch: Batch, *, rounds: int = 7) -> list[float]:
    """Milliseconds of each model, on one thread or the batch's device: the first one's median, of the others that times
    their median ratio.

    They run by turns and ratios are taken round by round, so that a slow spell of the machine hits all of them.
    """
    device = batch["input_ids"].device
    # copies, since the caller's models stay where they are
    models = models if device.type == "cpu" else [copy.deepcopy(model).to(device) for model in models]
    taken: list[list[float]] = [[] for _ in models]
    with torch.no_grad(), use_threads(1):
        for number in range(rounds + 1):
            for model, times in zip(models, taken, strict=True):
                # time of this thread: on a shared machine the clock counts other processes, too
                started = _now(device)
                _forward(model, batch)
                if number:  # the first round warms up
                    times.append(1000 * (_now(device) - started))
    first = median(taken[0])
    ratios = [median(one / other for one, other in zip(times, taken[0], strict=True)) for times in taken]
    return [first * ratio for ratio in ratios]


def _now(device: torch.device) -> float:
    if device.type == "cpu":
        return thread_time()
    # kernels are queued: without this the time would be that of queueing
    torch.accelerator.synchronize()
    return perf_counter()


def _forward(model: nn.Module, batch: Batch) -> None:
    if "input_ids" in signature(model.forward).parameters:
        model(**inputs_of(batch))
    else:  # the pruner's network
        model(batch["input_ids"], torch.zeros_like(batch["input_ids"]), batch["attention_mask"])


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """torch computes on so many threads inside: a setting of the process, which belongs to the caller."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(name: str) -> str:
    """torch's name of a device that is here: of "auto" the first of CUDA, MPS and the CPU."""
    here = ["cpu"]
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    here[:0] = [f"cuda:{number}" for number in range(cards)]
    if name == "auto":
        return here[0]
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"device is {name!r}", hint=f"auto, or one of {', '.join(here)}") from error
    wanted = "cuda:0" if str(device) == "cuda" else str(device)
    if wanted not in here and not (device.type != "cuda" and device.type in here and not device.index):
        raise UsageError(f"there is no device {name!r} here", hint=f"auto, or one of {', '.join(here)}")
    return str(device)

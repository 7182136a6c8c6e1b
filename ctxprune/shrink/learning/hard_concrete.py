"""Gates that are learned: hard concrete distributions, pushed to a target by a Lagrangian.

Louizos and others, Learning Sparse Neural Networks through L0 Regularization, ICLR 2018: with u uniform in 0..1,
s = sigmoid((log u - log(1 - u) + a) / b), z = clip(s (h - l) + l, 0, 1), b = 2/3, l = -0.1, h = 1.1; so
P(z > 0) = sigmoid(a - b log(-l / h)). Wang and others, Structured Pruning of Large Language Models, EMNLP 2020:
m1 (c - t) + m2 (c - t)^2 drives the expected share c to t, with m1 and m2 raised by gradient ascent. Wang and others,
Task-Agnostic Structured Pruning of Speech Representation Models, ICASSP 2023: the model runs under gates rounded to 0
or 1, as it does afterwards, and slopes go through the rounding (a straight-through estimator).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import batch_on, check_loss, on_device
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.types import Batch, Callable, Group, Iterable, Key, Mapping, Sequence, Subject, Tensor, nn

# of Louizos and others: stretched beyond 0..1, so that exact zeros and ones have a probability
_LOW, _HIGH, _TEMPERATURE = -0.1, 1.1, 2 / 3


def open_probability(a: Tensor) -> Tensor:
    """P(z > 0) by the parameter a, of any shape."""
    return torch.sigmoid(a - _TEMPERATURE * math.log(-_LOW / _HIGH))


def sample_gates(a: Tensor, generator: torch.Generator, *, binary: bool = False) -> Tensor:
    """A gate in 0..1 for each parameter a, `binary` rounded; gradients go through where it was neither 0 nor 1."""
    # the logarithms of 0 and 1 are infinite
    uniform = torch.rand(a.shape, generator=generator).clamp(1e-6, 1 - 1e-6).to(a.device)
    stretched = torch.sigmoid((uniform.log() - (1 - uniform).log() + a) / _TEMPERATURE) * (_HIGH - _LOW) + _LOW
    gates = stretched.clamp(0, 1)
    return gates + (gates.round() - gates).detach() if binary else gates


@dataclass(frozen=True, slots=True)
class GateTraining:
    """How gates are learned.

    Attributes:
        steps: Of the optimiser (AdamW), one batch each.
        rate: Of the gates' parameters and of the Lagrangian's.
        weight_rate: Of weights that are tuned along.
        warm: Share of the steps in which the target falls from nothing to all, 0..1.
        start: The gates' parameter a at the start; 2 = open in 97 % of the samples.
        binary: Whether the model runs under rounded gates.

    Raises:
        UsageError: A number is out of range.
    """

    steps: int = 200
    rate: float = 0.1
    weight_rate: float = 1e-4
    warm: float = 0.3
    start: float = 2.0
    binary: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or self.rate <= 0 or self.weight_rate <= 0 or not 0 <= self.warm <= 1:
            raise UsageError(f"{self} is out of range", hint="steps from 1 up, rates above 0, warm from 0 to 1")


def learn_gates(
    subject: Subject,
    groups: Sequence[Group],
    constraint: Callable[[Mapping[Key, Tensor]], Tensor],
    learning: GateTraining,
    loss: Callable[[nn.Module, Batch], Tensor],
    *,
    parameters: Iterable[nn.Parameter] = (),
) -> dict[Key, Tensor]:
    """Gates for groups, trained on the calibration data: their parameters a, float32 (count,) by group.

    Args:
        subject: Its model runs under the gates; only `parameters` change.
        groups: Of the gates.
        constraint: From the probabilities by group: (constraints,), how far each expected share is above its target.
        learning: Steps and rates.
        loss: Of a batch.
        parameters: Weights that are tuned along.

    Raises:
        InputError: There is no calibration data, or the loss is no number any more.
    """
    batches, generator = list(subject.needed_calibration()), subject.generator(3)
    # noise breaks ties between units that are alike
    alphas = {
        g.key: (learning.start + 0.01 * torch.randn(g.count, generator=generator)).requires_grad_() for g in groups
    }
    beginning = constraint({key: torch.ones(len(alpha)) for key, alpha in alphas.items()}).detach()
    pressure = [torch.zeros(2, len(beginning), dtype=torch.float64, requires_grad=True)]
    tuned = list(parameters)
    parts = [{"params": list(alphas.values()), "lr": learning.rate}]
    parts += [{"params": tuned, "lr": learning.weight_rate}] if tuned else []
    # the Lagrangian's multipliers rise where the constraint is broken, so they are maximised
    parts += [{"params": pressure, "lr": learning.rate, "maximize": True}]
    optimizer = torch.optim.AdamW(parts, weight_decay=0.0)
    with subject.frozen(), on_device(subject, tuned):
        for entry in tuned:
            entry.requires_grad_(True)
        for step in range(learning.steps):
            if step % len(batches) == 0:
                order = torch.randperm(len(batches), generator=generator).tolist()
            # the whole pressure at once would close gates before the loss has told them apart
            eased = beginning * max(0.0, 1 - step / max(learning.warm * learning.steps, 1e-9))
            over = constraint({key: open_probability(alpha) for key, alpha in alphas.items()}) - eased
            # the gates' parameters stay on the CPU, as their costs do: they are few
            drawn = {key: sample_gates(alpha, generator, binary=learning.binary) for key, alpha in alphas.items()}
            gates = {key: gate.to(subject.device) for key, gate in drawn.items()}
            with apply_gates(subject.model, gates):
                value = loss(subject.model, batch_on(batches[order[step % len(batches)]], subject.device)).cpu()
            check_loss(value, step, hint="lower the rates")
            (value + (pressure[0][0] * over + pressure[0][1] * over.square()).sum()).backward()
            torch.nn.utils.clip_grad_norm_(tuned, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return {key: alpha.detach() for key, alpha in alphas.items()}

"""Gates that are learned before removal, with weights or alone: L0, CoFi, Sheared LLaMA, Compresso.

Louizos and others, Learning Sparse Neural Networks through L0 Regularization, ICLR 2018: with u uniform in 0..1,
s = sigmoid((log u - log(1 - u) + a) / b), z = clip(s (h - l) + l, 0, 1), b = 2/3, l = -0.1, h = 1.1; so
P(z > 0) = sigmoid(a - b log(-l / h)). Wang and others, Structured Pruning of Large Language Models, EMNLP 2020:
m1 (c - t) + m2 (c - t)^2 drives the expected share c to t, with m1 and m2 raised by gradient ascent, as in CoFi (Xia
and others, ACL 2022) and Sheared LLaMA (Xia and others, ICLR 2024). Guo and others, Compresso, 2023: the weights learn
through low-rank adapters. Wang and others, Task-Agnostic Structured Pruning of Speech Representation Models, ICASSP
2023: the model runs under gates rounded to 0 or 1, as it does afterwards, and slopes go through the rounding (a
straight-through estimator). The gates themselves are not folded into the weights: they end near 0 or 1.
"""

import math
from dataclasses import dataclass, replace

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.shape import Shape
from ctxprune.shrink.learning.adapters import add_adapters, linear_paths, merge_adapters
from ctxprune.shrink.learning.losses import build_objective
from ctxprune.shrink.learning.training import batch_on, check_loss, on_device
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.coupled import coupled_costs
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.model.tasks.language_model import LanguageModel
from ctxprune.shrink.types import Batch, Callable, Group, Iterable, Key, Mapping, Sequence, Subject, Tensor, nn
from ctxprune.utils.validation import Checked, check_choice, check_number, check_range, check_whole, checked_field

# of Louizos and others: stretched beyond 0..1, so that exact zeros and ones have a probability
_LOW, _HIGH, _TEMPERATURE = -0.1, 1.1, 2 / 3


@dataclass(frozen=True)
class LearnGates(Checked):
    """Trains gates under the stage's budget, and the weights along; the score `learned.v1` then reads them.

    Attributes:
        steps: Of the optimiser (AdamW), one batch each.
        rate: Of the gates' parameters and of the Lagrangian's.
        weight_rate: Of weights that are tuned along.
        warm: Share of the steps in which the target falls from nothing to all, 0..1.
        start: The gates' parameter a at the start; 2 = open in 97 % of the samples.
        binary: Whether the model runs under gates that are rounded to 0 or 1.
        layers: Weight of the distance of the teacher's layers to the nearest ones, where there is a teacher.
        towards: "cost" (the expected cost) or "shape" (the expected number in each group; see `Shape`).
        weights: What is tuned along: "all", "adapters" (low-rank, merged at the end) or "none".
        rank: Of the adapters.
        prompt: Tokens of a text that tells a language model of its pruning (Compresso's collaborative prompt); they
            stand before every input from now on, also in the task of the subject that is given back.
    """

    steps: int = checked_field(200, check_whole)
    rate: float = checked_field(0.1, check_number, over=0)
    weight_rate: float = checked_field(1e-4, check_number, over=0)
    warm: float = checked_field(0.3, check_range)
    start: float = 2.0
    binary: bool = False
    layers: float = 0.1
    towards: str = checked_field("cost", check_choice, ("cost", "shape"))
    weights: str = checked_field("all", check_choice, ("adapters", "all", "none"))
    rank: int = checked_field(8, check_whole)
    prompt: tuple[int, ...] = ()

    def __call__(self, subject: Subject) -> Subject:
        """The subject with the gates' parameters in `learned`, its model trained in place.

        Raises:
            UsageError: There is no budget; or the model is no language model or lacks tokens of the prompt.
        """
        if self.prompt:
            if not isinstance(subject.task, LanguageModel):
                raise UsageError("a prompt is for language models", where="learn_gates.v1", hint="leave it out")
            known = len(module_of(subject.model, subject.anatomy.embeddings).weight)
            if not all(isinstance(token, int) and 0 <= token < known for token in self.prompt):
                raise UsageError(f"the prompt has tokens that are none of the model's {known}", where="learn_gates.v1")
            subject = replace(subject, task=replace(subject.task, prompt=tuple(self.prompt)))
        groups = subject.needed_budget().groups
        hidden = self.layers and subject.teacher is not None
        aim = build_objective(subject, "hidden" if hidden else "output", layers="nearest", weight=self.layers)

        def learn(tuned: Sequence[nn.Parameter]) -> dict[Key, Tensor]:
            constraint = self._constraint(subject, groups)
            return learn_gates(subject, groups, constraint, self, aim.loss, parameters=[*tuned, *aim.parameters])

        if self.weights != "adapters":
            return replace(subject, learned=learn(list(subject.model.parameters()) if self.weights == "all" else []))
        paths, generator = linear_paths(subject.model), subject.generator(4)
        with add_adapters(subject.model, paths, rank=self.rank, scale=2.0, generator=generator) as adapters:
            learned = learn([entry for adapter in adapters.values() for entry in (adapter.down, adapter.up)])
        merge_adapters(subject.model, adapters)
        return replace(subject, learned=learned)

    def _constraint(self, subject: Subject, groups: Sequence[Group]) -> Callable[[Mapping[Key, Tensor]], Tensor]:
        """How far expected shares are above their targets: of the whole cost, or of each group's count."""
        # as shares, so that the pressure is of one size whatever the measure counts
        budget = subject.needed_budget()
        if self.towards == "shape":
            sizes = {group.key: group.count for group in groups}
            counts = Shape().counts(subject, sizes, budget)
            return lambda open_: torch.stack(
                [open_[key].double().mean() - counts[key] / size for key, size in sizes.items()]
            )
        prices = coupled_costs(subject.model, budget.measure)
        whole = float(prices.cost({}))
        return lambda open_: ((prices.cost(open_) - (whole - budget.remove)) / whole)[None]


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


def learn_gates(
    subject: Subject,
    groups: Sequence[Group],
    constraint: Callable[[Mapping[Key, Tensor]], Tensor],
    learning: LearnGates,
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

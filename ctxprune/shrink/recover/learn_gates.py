"""Gates that are learned before removal, with weights or alone: L0, CoFi, Sheared LLaMA, Compresso.

Louizos and others (L0), ICLR 2018, with a Lagrangian to the target as in CoFi (Xia and others, ACL 2022); Xia and
others, Sheared LLaMA, ICLR 2024; Guo and others, Compresso, 2023 (the weights learn through low-rank adapters). The
gates themselves are not folded into the weights: they end near 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.shape import Shape
from ctxprune.shrink.learning.adapters import add_adapters, linear_paths, merge_adapters
from ctxprune.shrink.learning.hard_concrete import GateTraining, learn_gates
from ctxprune.shrink.learning.losses import build_objective
from ctxprune.shrink.model.coupled import coupled_costs
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.model.tasks.language_model import LanguageModel
from ctxprune.shrink.types import Callable, Group, Key, Mapping, Sequence, Subject, Tensor, nn


@dataclass(frozen=True)
class LearnGates:
    """Trains gates under the stage's budget, and the weights along; the score `learned.v1` then reads them.

    Attributes:
        steps: Of the optimiser.
        rate: Of gates and Lagrangian.
        weight_rate: Of the weights.
        layers: Weight of the distance of the teacher's layers to the nearest ones, where there is a teacher.
        towards: "cost" (the expected cost) or "shape" (the expected number in each group; see `Shape`).
        weights: What is tuned along: "all", "adapters" (low-rank, merged at the end) or "none".
        rank: Of the adapters.
        binary: Whether the model runs under gates that are rounded to 0 or 1.
        prompt: Tokens of a text that tells a language model of its pruning (Compresso's collaborative prompt); they
            stand before every input from now on, also in the task of the subject that is given back.
    """

    steps: int = 200
    rate: float = 0.1
    weight_rate: float = 1e-4
    layers: float = 0.1
    towards: str = "cost"
    weights: str = "all"
    rank: int = 8
    binary: bool = False
    prompt: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.towards not in ("cost", "shape") or self.weights not in ("adapters", "all", "none"):
            raise UsageError(
                f"towards is {self.towards!r} and weights {self.weights!r}",
                hint="'cost' or 'shape'; 'all', 'adapters' or 'none'",
            )
        GateTraining(self.steps, self.rate, self.weight_rate)
        if self.rank < 1:
            raise UsageError(f"rank is {self.rank}", hint="from 1 up")

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
        learning = GateTraining(self.steps, self.rate, self.weight_rate, binary=self.binary)
        hidden = self.layers and subject.teacher is not None
        aim = build_objective(subject, "hidden" if hidden else "output", layers="nearest", weight=self.layers)

        def learn(tuned: Sequence[nn.Parameter]) -> dict[Key, Tensor]:
            constraint = self._constraint(subject, groups)
            return learn_gates(subject, groups, constraint, learning, aim.loss, parameters=[*tuned, *aim.parameters])

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

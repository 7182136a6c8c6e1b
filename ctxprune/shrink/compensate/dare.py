"""DARE: what is left of the difference from a base model, scaled up for what went."""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.model.tasks.base import distillation_loss
from ctxprune.shrink.types import Mapping, Subject, Tensor


@dataclass(frozen=True)
class Dare:
    """W = B + (W - B) / q where a weight's delta stays, with q = factor * (1 - p), p the share of deltas that goes.

    Yu and others, Language Models are Super Mario, ICML 2024 (DARE: factor 1, which keeps each delta's expectation);
    Deng and others, DARE the Extreme, ICLR 2025 (DAREx-q: a larger q where so many go that 1 / (1 - p) does harm). Of
    several factors the one is taken whose model is nearest to the teacher on the calibration data; one alone needs no
    data. The target is in "deltas", the scores are best random ones. The subject needs its base model.

    Attributes:
        factors: Of 1 - p.
    """

    factors: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.factors or min(self.factors) <= 0:
            raise UsageError(f"factors are {self.factors!r}", hint="give numbers above 0")

    def __call__(self, subject: Subject, kept: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The same choice."""
        base = subject.needed_base()
        old = {name: parameter_of(subject.model, name).detach().clone() for name in kept}
        starts = {name: parameter_of(base, name).detach() for name in kept}
        results = {}
        for factor in self.factors:
            for name, mask in kept.items():
                scale = 1 / max(factor * float(mask.double().mean()), 1e-12)
                new = torch.where(mask, starts[name] + (old[name] - starts[name]) * scale, starts[name])
                parameter_of(subject.model, name).data.copy_(new)
            if len(self.factors) == 1:
                return kept
            with torch.no_grad():
                results[factor] = sum(
                    float(distillation_loss(subject.task, subject.model, batch, subject.teacher or subject.model))
                    for batch in subject.needed_calibration()
                )
        best = min(results, key=lambda factor: (results[factor], factor))
        subject.notes["dare_factor"] = best
        for name, entry in old.items():
            parameter_of(subject.model, name).data.copy_(entry)
        return Dare((best,))(subject, kept)

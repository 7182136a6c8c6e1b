"""Single weights: the same share of every matrix, or shares that go with the scores."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.allocate.base import divide_removals, keep_highest
from ctxprune.shrink.types import Budget, Mapping, Subject, Tensor


@dataclass(frozen=True)
class PerMatrix:
    """Of each matrix the weights of the lowest scores go, as large a share of one as of another.

    Attributes:
        by_scores: Whether the share that a matrix keeps goes with the mean sigmoid of its scores, among the matrices
            of its kind, at most all of it: the masking function of Jiang and others, Pruning Pre-trained Language
            Models Without Fine-Tuning, ACL 2023 (SMP-S).
    """

    by_scores: bool = False

    def __call__(self, subject: Subject, scores: Mapping[str, Tensor], budget: Budget) -> dict[str, Tensor]:
        """bool of the parameter's shape by its name, True = stays."""
        sizes, shares = [score.numel() for score in scores.values()], [budget.remove] * len(scores)
        if self.by_scores:
            kept = _kept_shares(subject, scores, 1 - budget.remove)
            shares = [1 - kept[name] for name in scores]
        return {
            name: keep_highest(score.reshape(1, -1), [count]).view(score.shape)
            for (name, score), count in zip(scores.items(), divide_removals(sizes, shares), strict=True)
        }


def _kept_shares(subject: Subject, scores: Mapping[str, Tensor], share: float) -> dict[str, float]:
    kinds: dict[str, list[str]] = {}
    layers = tuple(f"{layer.path}." for layer in subject.anatomy.layers)
    for name in scores:
        inside = next((name.removeprefix(path) for path in layers if name.startswith(path)), name)
        kinds.setdefault(inside, []).append(name)
    found: dict[str, float] = {}
    for names in kinds.values():
        sizes = torch.tensor([scores[name].numel() for name in names], dtype=torch.float64)
        means = torch.tensor([float(scores[name].double().sigmoid().mean()) for name in names], dtype=torch.float64)
        kept, free, left = torch.ones_like(means), torch.ones(len(names), dtype=torch.bool), share * float(sizes.sum())
        # what a full matrix cannot keep goes to the others of its kind
        while bool(free.any()):
            kept[free] = left * means[free] / (sizes * means)[free].sum().clamp(min=1e-300)
            full = free & (kept > 1)
            if not bool(full.any()):
                break
            kept[full], free, left = 1.0, free & ~full, left - float(sizes[full].sum())
        found |= dict(zip(names, kept.tolist(), strict=True))
    return found

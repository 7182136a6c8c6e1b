"""ADMM: the weights that are left, refitted to the matrix's outputs."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.allocate.base import keep_highest
from ctxprune.shrink.allocate.pattern import Pattern, check_pattern
from ctxprune.shrink.compensate._layerwise import layerwise
from ctxprune.shrink.measure.activations import Moments
from ctxprune.shrink.types import Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_range, check_whole, checked_field


@dataclass(frozen=True)
class Admm(Checked):
    """min ||W X - W' X|| over W' that is zero where the mask says: (H + rho I)^-1 once, then a few products.

    Boza, Fast and Optimal Weight Update for Pruned Large Language Models, TMLR 2024. Inputs are scaled to norm 1 (so
    that sizes of weights are Wanda's scores), then again and again Z = mask * (W + U), U += W - Z,
    W = (H + rho I)^-1 (H W0 + rho (Z - U)). With `gradual` the mask is chosen anew in the first steps by |W + U|, its
    zeros growing along a cubic up to as many as the given choice takes out of the matrix.

    Attributes:
        steps: Of the iteration.
        gradual: Share of the steps in which the mask is chosen anew; 0 = the given one is kept.
        rho: Penalty.
        damping: Added to H's diagonal, as a share of its mean.
        n, m: Of each m inputs side by side n stay; 0 for no pattern. For `gradual`.
        sequential: Whether a layer's inputs come from the pruned layers before it.
    """

    steps: int = checked_field(20, check_whole)
    gradual: float = checked_field(0.75, check_range)
    rho: float = checked_field(1.0, check_number, over=0)
    damping: float = checked_field(0.1, check_number, over=0)
    n: int = 0
    m: int = 0
    sequential: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern(self.n, self.m, optional=True)

    def __call__(self, subject: Subject, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same choice, or with `gradual` the one that was found."""

        def update(name: str, weight: Tensor, found: Moments, mask: Tensor) -> tuple[Tensor, Tensor]:
            return self.solve(weight, found, mask, subject.masks.get(name))

        return layerwise(subject, kept, update, sequential=self.sequential)

    def solve(self, weight: Tensor, found: Moments, mask: Tensor, never: Tensor | None) -> tuple[Tensor, Tensor]:
        """One matrix (rows, columns), see `SparseGpt.solve`."""
        # columns of equal norm, or rho would mean another thing for each of them
        scale = found.norms.clamp(min=1e-8)
        hessian = found.hessian(0.0) * found.count / torch.outer(scale, scale)
        weight = weight.double() * scale
        eye = torch.eye(len(hessian), dtype=torch.float64)
        hessian = hessian + self.damping * hessian.diagonal().mean() * eye
        wanted = weight @ hessian
        # the mask changes, the inverse does not: one for all steps
        inverse = torch.linalg.inv(hessian + self.rho * eye)
        growing = round(self.gradual * self.steps)
        share, dual = float((~mask).double().mean()), torch.zeros_like(weight)
        for step in range(self.steps):
            if step < growing:
                part = 1 - (1 - (step + 1) / growing) ** 3
                mask = self._chosen((weight + dual).abs(), share, part, never)
            split = (weight + dual) * mask
            dual += weight - split
            weight = (wanted + self.rho * (split - dual)) @ inverse
        # the split variable, which is zero where it has to be, and not the dense one
        return (weight + dual) * mask / scale, mask

    def _chosen(self, scores: Tensor, share: float, part: float, never: Tensor | None) -> Tensor:
        """The mask with `part` of its zeros; those of a pattern are taken first among the ones that it will have."""
        if never is not None:
            scores = scores.masked_fill(~never, -torch.inf)
        if self.m:
            scores = scores.masked_fill(Pattern(self.n, self.m).laid(scores), torch.inf)
        gone = round(part * share * scores.numel())
        return keep_highest(scores.reshape(1, -1), [gone]).view(scores.shape)

"""SparseGPT: columns one by one, the error of each spread over those to come."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.allocate.base import divide_removals, keep_highest
from ctxprune.shrink.allocate.pattern import Pattern, check_pattern
from ctxprune.shrink.compensate._layerwise import layerwise
from ctxprune.shrink.measure.activations import Moments
from ctxprune.shrink.types import Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class SparseGpt(Checked):
    """Of a matrix W with H = X X^T + damping and H^-1 = U^T U: column after column, what goes is made up for.

    Frantar and Alistarh, SparseGPT, ICML 2023. Within each block of columns the weights of the lowest W_ij^2 / U_jj^2
    go, as many as the given choice takes out of the matrix; the error W_ij / U_jj of each is taken off the columns
    after it, along U_j. One pass of unlabelled data for each layer.

    Attributes:
        block: Columns that are chosen together.
        damping: Added to H's diagonal, as a share of its mean.
        n, m: Of each m inputs side by side n stay; 0 for no pattern.
        choose: Whether the choice is made anew; if not, the given one is made up for.
        sequential: Whether a layer's inputs come from the pruned layers before it.
    """

    block: int = checked_field(128, check_whole)
    damping: float = checked_field(0.01, check_number, over=0)
    n: int = 0
    m: int = 0
    choose: bool = True
    sequential: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pattern(self.n, self.m, optional=True)

    def __call__(self, subject: Subject, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The choice made within blocks."""

        def update(name: str, weight: Tensor, found: Moments, mask: Tensor) -> tuple[Tensor, Tensor]:
            return self.solve(weight, found.hessian(self.damping), mask, subject.masks.get(name))

        return layerwise(subject, kept, update, sequential=self.sequential)

    def solve(self, weight: Tensor, hessian: Tensor, mask: Tensor, never: Tensor | None) -> tuple[Tensor, Tensor]:
        """One matrix.

        Args:
            weight: (rows, columns).
            hessian: (columns, columns), positive definite.
            mask: bool like the weight; says how many stay, or which.
            never: bool like the weight, False = zero already, and stays so; None where there is none.

        Returns:
            The new weight, float64, zero where nothing stays; and which stay.
        """
        weight, mask = weight.double().clone(), mask.clone()
        # one factorisation serves all columns: U holds the inverse Hessian of what is still to the right
        upper = torch.linalg.cholesky(torch.linalg.inv(hessian.double()), upper=True)
        spans = [(start, min(start + self._width, weight.shape[1])) for start in range(0, weight.shape[1], self._width)]
        sizes = [len(weight) * (end - start) for start, end in spans]
        # each block loses the same share, since a block that was passed cannot be changed any more
        counts = divide_removals(sizes, int((~mask).sum()) / mask.numel())
        for (start, end), count in zip(spans, counts, strict=True):
            part, inner = weight[:, start:end], upper[start:end, start:end]
            if self.choose:
                scores = part.square() / inner.diagonal().square()
                if never is not None:
                    scores = scores.masked_fill(~never[:, start:end], -torch.inf)
                mask[:, start:end] = self._chosen(scores, count)
            errors = torch.zeros_like(part)
            for column in range(end - start):
                gone = part[:, column] * ~mask[:, start + column]
                errors[:, column] = gone / inner[column, column]
                part[:, column:] -= errors[:, column, None] * inner[column, column:]
            # columns further right get their correction once a block, as one product
            weight[:, end:] -= errors @ upper[start:end, end:]
        return weight * mask, mask

    @property
    def _width(self) -> int:
        """Columns of a block: whole groups of the pattern, which is laid group by group in the paper."""
        return self.m if self.m else self.block

    def _chosen(self, scores: Tensor, count: int) -> Tensor:
        if self.m:
            return Pattern(self.n, self.m).laid(scores)
        return keep_highest(scores.reshape(1, -1), [count]).view(scores.shape)

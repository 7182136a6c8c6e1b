"""The size of what a unit gives.

Muralidharan and others, Compact Language Models via Pruning and Knowledge Distillation (Minitron), NeurIPS 2024: mean
over a row's tokens, then the l2 norm over rows, of a neuron's |activation|, a head's |output| and |LayerNorm output| of
a dimension of the residual, the last summed over all norms. Sandri and others, 2SSP, TMLR 2025: a neuron's l2 norm over
a row's tokens, then the mean over rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.activations import consumers, watch_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["ActivationNorm"]

_WAYS = ("l2", "mean")


@dataclass(frozen=True)
class ActivationNorm:
    """Norms of activations, brought together first over the tokens of a row and then over rows.

    Attributes:
        tokens: "mean" or "l2" (root of the sum of squares).
        rows: "mean" or "l2".
    """

    tokens: str = "mean"
    rows: str = "l2"

    def __post_init__(self) -> None:
        if self.tokens not in _WAYS or self.rows not in _WAYS:
            raise UsageError(f"tokens is {self.tokens!r} and rows {self.rows!r}", hint="'mean' or 'l2'")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward pass, no labels."""
        found: dict[tuple[Key, str], list[Tensor]] = {}
        read = [group for group in groups if group.kind != "width"]
        inputs: dict[str, Group] = dict(zip(consumers(read), read, strict=True))
        norms = {path: group for group in groups if group.kind == "width" for path in subject.anatomy.norms}
        with torch.no_grad():
            for batch in subject.needed_calibration():
                lengths = batch["attention_mask"].sum(1)
                see, note = self._seeing(inputs, lengths, found), self._seeing(norms, lengths, found)
                with (
                    watch_modules(subject.model, list(inputs), batch, see),
                    watch_modules(subject.model, list(norms), batch, note, outputs=True),
                ):
                    subject.task.output(subject.model, batch)
        scores = {group.key: torch.zeros(group.count, dtype=torch.float64) for group in groups}
        for (key, _), rows in found.items():
            scores[key] += self._joined(torch.cat(rows), self.rows)
        return scores

    def _seeing(
        self, watched: dict[str, Group], lengths: Tensor, found: dict[tuple[Key, str], list[Tensor]]
    ) -> Callable[[str, Tensor], None]:
        def see(path: str, states: Tensor) -> None:
            group = watched[path]
            sizes = states.double().view(len(states), group.count, -1).norm(dim=2)
            rows = sizes.split(lengths.tolist()) if len(sizes) == int(lengths.sum()) else [sizes]
            joined = torch.stack([self._joined(row, self.tokens) for row in rows if len(row)])
            found.setdefault((group.key, path), []).append(joined)

        return see

    def _joined(self, sizes: Tensor, way: str) -> Tensor:
        return sizes.mean(0) if way == "mean" else sizes.norm(dim=0)

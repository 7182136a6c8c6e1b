"""Agreement of presses in the tokens they keep, after "Which Tokens to Use?" (Haurum et al., arXiv:2308.04657)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.reading.prefilled import check_press
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.reading.prefilled import Prefilled

__all__ = ["Agreement", "agreement"]


@dataclass(frozen=True)
class Agreement:
    """Intersection over union of the tokens that presses keep, 0..1, 1 for the same tokens.

    Attributes:
        names: Names of the presses.
        by_layer: For each pair of names, in the order of `names`, the agreement in each layer with full attention: the
            mean over rows and heads.
    """

    names: tuple[str, ...]
    by_layer: dict[tuple[str, str], tuple[float, ...]]

    def of(self, first: str, second: str) -> float:
        """Agreement of two presses, the mean over layers, in either order; 1.0 of a press with itself.

        Raises:
            UsageError: A name is unknown.
        """
        unknown = [name for name in (first, second) if name not in self.names]
        if unknown:
            raise UsageError(f"no press is named {unknown[0]!r}", hint=f"one of {', '.join(self.names)}")
        if first == second:
            return 1.0
        profile = self.by_layer.get((first, second)) or self.by_layer[second, first]
        return sum(profile) / len(profile)

    def as_rows(self) -> list[dict[str, Any]]:
        """Plain values, one row for each pair: first, second, agreement, by_layer."""
        return [
            {"first": pair[0], "second": pair[1], "agreement": self.of(*pair), "by_layer": list(profile)}
            for pair, profile in self.by_layer.items()
        ]


@torch.no_grad()  # type: ignore[untyped-decorator]
def agreement(prefilled: Prefilled, presses: Mapping[str, Press]) -> Agreement:
    """Compare the tokens that presses keep of one context.

    Args:
        prefilled: A context that was read; see `ctxprune.kv.prefill`. Tokens of its question and padding are ignored.
        presses: Two or more presses, by any names.

    Raises:
        UsageError: There are fewer than two, or they are not a mapping from names to presses.
    """
    if not isinstance(presses, Mapping):
        raise UsageError(f"the presses are {describe_type(presses)}", hint='by name: {"snapkv": SnapKV(0.5), ...}')
    for press in presses.values():
        check_press(press)
    if len(presses) < 2:
        raise UsageError(f"agreement got {len(presses)} presses", hint="two or more, by name")
    kept = {
        name: [
            plan.chosen[..., : view.tokens] for view, plan in zip(prefilled.views, press.plans(prefilled), strict=True)
        ]
        for name, press in presses.items()
    }
    by_layer = {
        (first, second): tuple(_mean_overlap(*layer) for layer in zip(kept[first], kept[second], strict=True))
        for first, second in combinations(presses, 2)
    }
    return Agreement(tuple(presses), by_layer)


def _mean_overlap(first: Tensor, second: Tensor) -> float:
    """Mean intersection over union of two choices (batch, heads, n); 1 where neither keeps a token."""
    both, either = (first & second).sum(dim=-1), (first | second).sum(dim=-1)
    # Two empty choices agree: 0 / 0 counts as 1.
    return float(torch.where(either > 0, both / either.clamp(min=1), 1.0).mean())

"""A fixed limit on the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.policies.base import POLICIES, GreedyPolicy
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from ctxprune.context.scores import Scores

__all__ = ["Threshold"]


@POLICIES.register("threshold.v1")
@dataclass(frozen=True)
class Threshold(GreedyPolicy):
    """Keeps the units that score at least `minimum`.

    Raises:
        UsageError: `minimum` is not a finite number.

    Examples:
        ```python
        from ctxprune import Threshold, prune

        text = "The bridge is long. Cats sleep."
        kept = prune(
            "When did the bridge open?", text, scorer="lexical", policy=Threshold(0.1)
        )
        print(kept.output)  # The bridge is long.
        ```
    """

    minimum: float = 0.1

    def __post_init__(self) -> None:
        check_number("minimum", self.minimum)

    def count_worthy(self, ranked: Scores) -> int:
        """The number of scores that reach the minimum."""
        return int((ranked >= np.float32(self.minimum)).sum())

"""A fixed number of tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.policies.base import POLICIES, GreedyPolicy
from ctxprune.policies.selection import Room
from ctxprune.utils.validation import check_number, check_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores

__all__ = ["TokenBudget"]


@POLICIES.register("token_budget.v1")
@dataclass(frozen=True)
class TokenBudget(GreedyPolicy):
    """Keeps the best units whose tokens, with those of all they need, fit into `budget`. Never exceeds it.

    Units are tried from the best down; adding one costs the tokens of its whole closure that is not kept yet.

    Attributes:
        budget: Tokens, of the counter in use, that the kept units may take together; from 0 up.
        minimum: Units that score less are dropped even where there is room; None keeps filling.

    Raises:
        UsageError: A negative budget, or a minimum that is not finite.

    Examples:
        ```python
        from ctxprune import Pruner, TokenBudget
        from ctxprune.rag import Passage

        pruner = Pruner(policy=TokenBudget(10))
        text = Passage("The bridge is long. It opened in 1933.")
        print(pruner.prune("When did it open?", text).output)  # It opened in 1933.
        ```
    """

    budget: int = 512
    minimum: float | None = None
    full = "budget"

    def __post_init__(self) -> None:
        check_whole("budget", self.budget, minimum=0)
        check_number("minimum", self.minimum, optional=True)

    def count_worthy(self, ranked: Scores) -> int:
        """The number of scores that reach the minimum; all without one."""
        return len(ranked) if self.minimum is None else int((ranked >= np.float32(self.minimum)).sum())

    def room(self, tokens: NDArray[np.int64]) -> Room:
        """The budget, at the price of each unit's tokens."""
        return Room(tokens, self.budget, "tokens")

    def with_budget(self, tokens: int) -> TokenBudget:
        """The same policy with another budget; see `Policy.with_budget`."""
        return replace(self, budget=max(tokens, 0))

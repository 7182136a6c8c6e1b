"""A token budget as a share of what comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.policies.base import Policy, Request, as_policy
from ctxprune.policies.token_budget import TokenBudget
from ctxprune.utils.validation import check_range

if TYPE_CHECKING:
    from ctxprune.policies.selection import Selection

__all__ = ["BudgetShare"]


@dataclass(frozen=True)
class BudgetShare(Policy):
    """As `policy`, with `share` of the tokens of the whole context as its budget, rounded down. Never exceeds it.

    Attributes:
        share: Of the tokens, 0 to 1.
        policy: A policy whose budget can be changed, such as `TokenBudget` or `TableBudget`; the budget that it has is
            not used.

    Raises:
        UsageError: The share is out of range, or the policy has no budget that can be changed.
    """

    share: float = 0.25
    policy: Policy = field(default_factory=TokenBudget)

    def __post_init__(self) -> None:
        check_range("share", self.share)
        object.__setattr__(self, "policy", as_policy(self.policy))
        if self.policy.budget is None or self.policy.with_budget(self.policy.budget) is self.policy:
            raise UsageError(
                f"{self.policy.class_name} has no budget that can be changed", hint="give a TokenBudget, for instance"
            )

    def for_tokens(self, whole: int) -> Policy:
        """The policy with that share of `whole` tokens as its budget."""
        return self.policy.with_budget(int(self.share * whole))

    def select(self, request: Request) -> Selection:
        """What the policy selects with its share of the tokens of all units; see `Policy.select`."""
        return self.for_tokens(int(request.tokens.sum())).select(request)

    def select_fallback(self, request: Request) -> Selection:
        """As `select`; see `Policy.select_fallback`."""
        return self.for_tokens(int(request.tokens.sum())).select_fallback(request)

    def check_scorer(self, scorer: Any) -> None:
        """See `Policy.check_scorer`."""
        self.policy.check_scorer(scorer)

"""From the options of `ctxprune prune` to a policy."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ctxprune.policies import Policy

__all__ = ["PolicyName", "named_policy", "wrapped_policy"]


class PolicyName(str, Enum):
    """The policies that the command line knows."""

    adaptive = "adaptive"
    largest_gap = "largest_gap"
    threshold = "threshold"
    token_budget = "token_budget"  # noqa: S105  (no password)
    top_k = "top_k"


def named_policy(name: PolicyName | None, budget: int | None, top_k: int | None, threshold: float | None) -> Policy:
    """The policy asked for; without a name the one whose number was given."""
    from ctxprune.policies import Adaptive, LargestGap, Threshold, TokenBudget, TopK

    if name is None:
        name = _implied(budget, top_k, threshold)
    needed = {PolicyName.token_budget: ("--budget", budget), PolicyName.top_k: ("--top-k", top_k)}
    for kind, (option, value) in needed.items():
        if name is kind and value is None:
            raise typer.BadParameter(f"the policy {kind.value} needs {option}", param_hint=option)
        if name is not kind and value is not None:
            raise typer.BadParameter(f"the policy {name.value} takes no {option}", param_hint=option)
    if budget is not None:
        return TokenBudget(budget, minimum=threshold)
    if threshold is not None and name in (PolicyName.top_k, PolicyName.largest_gap):
        raise typer.BadParameter(f"the policy {name.value} takes no --threshold", param_hint="--threshold")
    if top_k is not None:
        return TopK(top_k)
    if name is PolicyName.largest_gap:
        return LargestGap()
    if name is PolicyName.threshold:
        return Threshold() if threshold is None else Threshold(threshold)
    return Adaptive() if threshold is None else Adaptive(threshold)


def wrapped_policy(policy: Policy, *, neighbours: int, distinct: bool) -> Policy:
    """`policy`, with neighbours and without near-duplicates where these are asked for."""
    from ctxprune.rag import Distinct, Neighbours

    if neighbours:
        policy = Neighbours(policy, neighbours)
    return Distinct(policy) if distinct else policy


def _implied(budget: int | None, top_k: int | None, threshold: float | None) -> PolicyName:
    if budget is not None:
        return PolicyName.token_budget
    if top_k is not None:
        return PolicyName.top_k
    return PolicyName.adaptive if threshold is None else PolicyName.threshold

"""From the options of `ctxprune prune` to a policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.policies.base import Policy

__all__ = ["HowMuch", "PolicyName", "named_policy", "wrapped_policy"]


class PolicyName(StrEnum):
    """The policies that the command line knows."""

    adaptive = "adaptive"
    cell_share = "cell_share"
    largest_gap = "largest_gap"
    table_budget = "table_budget"
    threshold = "threshold"
    token_budget = "token_budget"  # noqa: S105  (no password)
    top_k = "top_k"


_BUDGETS = frozenset({PolicyName.table_budget, PolicyName.token_budget})
_NUMBERS = {"budget": _BUDGETS, "cells": {PolicyName.cell_share}, "top_k": {PolicyName.top_k}}
_TAKE_NO_THRESHOLD = frozenset({*PolicyName} - {PolicyName.adaptive, PolicyName.threshold, PolicyName.token_budget})


@dataclass(frozen=True)
class HowMuch:
    """How much may stay, as the options of the command say it.

    Attributes:
        name: The policy; None for the one whose number was given.
        budget: Tokens.
        top_k: Units.
        threshold: The least score.
        cells: Percent of the cells of tables.
    """

    name: PolicyName | None = None
    budget: int | None = None
    top_k: int | None = None
    threshold: float | None = None
    cells: float | None = None


def named_policy(asked: HowMuch, *, table: bool = False) -> Policy:
    """The policy asked for; for a `table` a bare budget means columns and rows together.

    Raises:
        typer.BadParameter: The numbers given do not go with the policy.
    """
    from ctxprune.policies import Adaptive, CellShare, LargestGap, TableBudget, Threshold, TokenBudget, TopK

    name = asked.name or _implied(asked, table=table)
    for field, names in _NUMBERS.items():
        option, given = f"--{field.replace('_', '-')}", getattr(asked, field) is not None
        if name in names and not given:
            raise typer.BadParameter(f"the policy {name.value} needs {option}", param_hint=option)
        if name not in names and given:
            raise typer.BadParameter(f"the policy {name.value} takes no {option}", param_hint=option)
    least = asked.threshold
    if least is not None and name in _TAKE_NO_THRESHOLD:
        raise typer.BadParameter(f"the policy {name.value} takes no --threshold", param_hint="--threshold")
    made: dict[PolicyName, Callable[[], Policy]] = {
        PolicyName.adaptive: lambda: Adaptive() if least is None else Adaptive(least),
        PolicyName.cell_share: lambda: CellShare((asked.cells or 0) / 100),
        PolicyName.largest_gap: LargestGap,
        PolicyName.table_budget: lambda: TableBudget(asked.budget or 0),
        PolicyName.threshold: lambda: Threshold() if least is None else Threshold(least),
        PolicyName.token_budget: lambda: TokenBudget(asked.budget or 0, minimum=least),
        PolicyName.top_k: lambda: TopK(asked.top_k or 1),
    }
    return made[name]()


def wrapped_policy(policy: Policy, *, neighbours: int, distinct: bool) -> Policy:
    """`policy`, with neighbours and without near-duplicates where these are asked for."""
    from ctxprune.rag import Distinct, Neighbours

    if neighbours:
        policy = Neighbours(policy, neighbours)
    return Distinct(policy) if distinct else policy


def _implied(asked: HowMuch, *, table: bool) -> PolicyName:
    if asked.budget is not None:
        return PolicyName.table_budget if table and asked.threshold is None else PolicyName.token_budget
    if asked.top_k is not None:
        return PolicyName.top_k
    if asked.cells is not None:
        return PolicyName.cell_share
    return PolicyName.adaptive if asked.threshold is None else PolicyName.threshold

"""From the options of `ctxprune prune` to a policy."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.policies.base import Policy

__all__ = ["PolicyName", "SelectionOptions", "make_policy"]


class PolicyName(StrEnum):
    """The policies that the command line knows."""

    adaptive = "adaptive"
    cell_share = "cell_share"
    largest_gap = "largest_gap"
    table_budget = "table_budget"
    threshold = "threshold"
    token_budget = "token_budget"  # noqa: S105  (no password)
    top_k = "top_k"


_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_BUDGETS = frozenset({PolicyName.table_budget, PolicyName.token_budget})
# Each number belongs to one kind of policy; given to another it would silently do nothing.
_NUMBERS = {"budget": _BUDGETS, "cells": {PolicyName.cell_share}, "top_k": {PolicyName.top_k}}
_TAKE_NO_THRESHOLD = frozenset({*PolicyName} - {PolicyName.adaptive, PolicyName.threshold, PolicyName.token_budget})


@dataclass(frozen=True)
class SelectionOptions:
    """How much of the input is kept; without a policy, the one whose number was given."""

    policy: Annotated[
        PolicyName | None,
        typer.Option(
            metavar="NAME",
            help=f"How to choose: {', '.join(name.value for name in PolicyName)}; default: by the number given, else "
            "adaptive.",
        ),
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%",
            help="Tokens to keep at most, over all files, or percent of their tokens; 2,000 for Parquet and the like.",
        ),
    ] = None
    top_k: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Sentences, blocks or rows to keep at most.")
    ] = None
    cells: Annotated[
        float | None, typer.Option(min=0, max=100, metavar="P", help="Percent of the cells of tables to keep at most.")
    ] = None
    threshold: Annotated[
        float | None, typer.Option(help="Lowest score to keep; with --policy adaptive, relative to the best (0 to 1).")
    ] = None
    neighbours: Annotated[
        int, typer.Option(min=0, metavar="N", help="Sentences to keep on each side of a chosen one.")
    ] = 0
    distinct: Annotated[bool, typer.Option("--distinct", help="Drop near-duplicates of kept sentences.")] = False

    @property
    def unlimited(self) -> bool:
        """Whether nothing says how much is kept."""
        return (self.policy, self.budget, self.top_k, self.threshold, self.cells) == (None,) * 5


def make_policy(options: SelectionOptions, *, table: bool = False) -> Policy:
    """The policy that the options describe; for a `table` a bare budget means columns and rows together.

    Raises:
        typer.BadParameter: The numbers given do not go with the policy.
    """
    from ctxprune.policies import (
        Adaptive,
        BudgetShare,
        CellShare,
        LargestGap,
        TableBudget,
        Threshold,
        TokenBudget,
        TopK,
    )
    from ctxprune.rag import Distinct, Neighbours

    name, values = options.policy or _implied(options, table=table), asdict(options)
    for field, names in _NUMBERS.items():
        option, given = f"--{field.replace('_', '-')}", values[field] is not None
        if name in names and not given:
            raise typer.BadParameter(f"the policy {name.value} needs {option}", param_hint=option)
        if name not in names and given:
            raise typer.BadParameter(f"the policy {name.value} takes no {option}", param_hint=option)
    least = options.threshold
    if least is not None and name in _TAKE_NO_THRESHOLD:
        raise typer.BadParameter(f"the policy {name.value} takes no --threshold", param_hint="--threshold")
    tokens, share = _read_budget(options.budget)
    factories: dict[PolicyName, Callable[[], Policy]] = {
        PolicyName.adaptive: lambda: Adaptive() if least is None else Adaptive(least),
        PolicyName.cell_share: lambda: CellShare((options.cells or 0) / 100),
        PolicyName.largest_gap: LargestGap,
        PolicyName.table_budget: lambda: TableBudget(tokens),
        PolicyName.threshold: lambda: Threshold() if least is None else Threshold(least),
        PolicyName.token_budget: lambda: TokenBudget(tokens, minimum=least),
        PolicyName.top_k: lambda: TopK(options.top_k or 1),
    }
    policy = factories[name]()
    if options.neighbours:
        policy = Neighbours(policy, options.neighbours)
    policy = Distinct(policy) if options.distinct else policy
    return policy if share is None else BudgetShare(share, policy)


def _read_budget(budget: str | None) -> tuple[int, float | None]:
    """Tokens, and the share that stands in their place; "250" gives 250 and None, "25%" a quarter.

    Raises:
        typer.BadParameter: It is neither.
    """
    text = "0" if budget is None else budget.strip()
    percent = _PERCENT.fullmatch(text)
    if percent is not None and (share := float(percent.group(1)) / 100) <= 1:
        return 0, share
    if text.isascii() and text.isdigit():
        return int(text), None
    raise typer.BadParameter(
        f"{budget!r} is no number of tokens from 0 up and no percentage up to 100%", param_hint="--budget"
    )


def _implied(options: SelectionOptions, *, table: bool) -> PolicyName:
    if options.budget is not None:
        return PolicyName.table_budget if table and options.threshold is None else PolicyName.token_budget
    if options.top_k is not None:
        return PolicyName.top_k
    if options.cells is not None:
        return PolicyName.cell_share
    return PolicyName.adaptive if options.threshold is None else PolicyName.threshold

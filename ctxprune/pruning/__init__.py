"""Pruning: score, select, render, within a budget, with an account of every unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.pruning.context_budget import BudgetPart, ContextBudget, SharedBudget
    from ctxprune.pruning.pruner import OnEmpty, Pruner, aprune, aprune_batch, prune, prune_batch
    from ctxprune.pruning.result import Pruned
    from ctxprune.pruning.verdicts import Verdict, Verdicts

__all__ = [
    "BudgetPart",
    "ContextBudget",
    "OnEmpty",
    "Pruned",
    "Pruner",
    "SharedBudget",
    "Verdict",
    "Verdicts",
    "aprune",
    "aprune_batch",
    "prune",
    "prune_batch",
]

_HOMES = {
    "BudgetPart": "context_budget",
    "ContextBudget": "context_budget",
    "OnEmpty": "pruner",
    "Pruned": "result",
    "Pruner": "pruner",
    "SharedBudget": "context_budget",
    "Verdict": "verdicts",
    "Verdicts": "verdicts",
    "aprune": "pruner",
    "aprune_batch": "pruner",
    "prune": "pruner",
    "prune_batch": "pruner",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)

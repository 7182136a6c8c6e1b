"""Policies: from scores to what is kept. One file, one policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.policies.adaptive import Adaptive, LargestGap
    from ctxprune.policies.base import POLICIES, Policy, as_policy
    from ctxprune.policies.cell_share import CellShare
    from ctxprune.policies.selection import Request, Selection
    from ctxprune.policies.table_budget import TableBudget
    from ctxprune.policies.threshold import Threshold
    from ctxprune.policies.token_budget import TokenBudget
    from ctxprune.policies.top_k import TopK

__all__ = [
    "POLICIES",
    "Adaptive",
    "CellShare",
    "LargestGap",
    "Policy",
    "Request",
    "Selection",
    "TableBudget",
    "Threshold",
    "TokenBudget",
    "TopK",
    "as_policy",
]

_HOMES = {
    "POLICIES": "base",
    "Adaptive": "adaptive",
    "CellShare": "cell_share",
    "LargestGap": "adaptive",
    "Policy": "base",
    "Request": "selection",
    "Selection": "selection",
    "TableBudget": "table_budget",
    "Threshold": "threshold",
    "TokenBudget": "token_budget",
    "TopK": "top_k",
    "as_policy": "base",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)

"""Prune what enters a language model's context to what the question needs, and account for the rest.

    from ctxprune import TokenBudget, prune
    from ctxprune.rag import Passage

    result = prune("Who wrote it?", Passage(text), policy=TokenBudget(200))
    result.output, result.tokens_before, result.tokens_after

Names are imported when they are first used, so that `import ctxprune` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune._lazy import lazy
from ctxprune._version import __version__

if TYPE_CHECKING:
    from ctxprune.calibrate import CalibrationExample, CalibrationPool
    from ctxprune.calibration import Calibration
    from ctxprune.context import Context, Unit
    from ctxprune.context_budget import BudgetPart, ContextBudget, SharedBudget
    from ctxprune.errors import CtxpruneError
    from ctxprune.keepsets import KeepSets
    from ctxprune.policies import POLICIES, Adaptive, LargestGap, Policy, Selection, Threshold, TokenBudget, TopK
    from ctxprune.pruning import Pruner, aprune, aprune_batch, prune, prune_batch
    from ctxprune.registry import Registry
    from ctxprune.result import Pruned, Verdict
    from ctxprune.scales import IdentityScale, LogisticScale, RankScale, fit_scale
    from ctxprune.scorers import SCORERS, Scorer
    from ctxprune.scorers.cascade import CascadeScorer
    from ctxprune.scorers.chargram import ChargramScorer
    from ctxprune.scorers.fusion import DocumentFusion, ReciprocalRankFusion, WeightedFusion
    from ctxprune.scorers.lexical import LexicalScorer
    from ctxprune.scorers.titled import TitledScorer
    from ctxprune.table_policies import CellShare, TableBudget
    from ctxprune.tokens import TokenCounter, as_counter

_HOMES = {
    "POLICIES": "policies",
    "SCORERS": "scorers",
    "Adaptive": "policies",
    "BudgetPart": "context_budget",
    "Calibration": "calibration",
    "CalibrationExample": "calibrate",
    "CalibrationPool": "calibrate",
    "CascadeScorer": "scorers.cascade",
    "CellShare": "table_policies",
    "ChargramScorer": "scorers.chargram",
    "Context": "context",
    "ContextBudget": "context_budget",
    "CtxpruneError": "errors",
    "DocumentFusion": "scorers.fusion",
    "IdentityScale": "scales",
    "KeepSets": "keepsets",
    "LargestGap": "policies",
    "LexicalScorer": "scorers.lexical",
    "LogisticScale": "scales",
    "Policy": "policies",
    "Pruned": "result",
    "Pruner": "pruning",
    "RankScale": "scales",
    "ReciprocalRankFusion": "scorers.fusion",
    "Registry": "registry",
    "Scorer": "scorers",
    "Selection": "policies",
    "SharedBudget": "context_budget",
    "TableBudget": "table_policies",
    "Threshold": "policies",
    "TitledScorer": "scorers.titled",
    "TokenBudget": "policies",
    "TokenCounter": "tokens",
    "TopK": "policies",
    "Unit": "context",
    "Verdict": "result",
    "WeightedFusion": "scorers.fusion",
    "aprune": "pruning",
    "aprune_batch": "pruning",
    "as_counter": "tokens",
    "fit_scale": "scales",
    "prune": "pruning",
    "prune_batch": "pruning",
}

__all__ = [
    "POLICIES",
    "SCORERS",
    "Adaptive",
    "BudgetPart",
    "Calibration",
    "CalibrationExample",
    "CalibrationPool",
    "CascadeScorer",
    "CellShare",
    "ChargramScorer",
    "Context",
    "ContextBudget",
    "CtxpruneError",
    "DocumentFusion",
    "IdentityScale",
    "KeepSets",
    "LargestGap",
    "LexicalScorer",
    "LogisticScale",
    "Policy",
    "Pruned",
    "Pruner",
    "RankScale",
    "ReciprocalRankFusion",
    "Registry",
    "Scorer",
    "Selection",
    "SharedBudget",
    "TableBudget",
    "Threshold",
    "TitledScorer",
    "TokenBudget",
    "TokenCounter",
    "TopK",
    "Unit",
    "Verdict",
    "WeightedFusion",
    "__version__",
    "aprune",
    "aprune_batch",
    "as_counter",
    "fit_scale",
    "prune",
    "prune_batch",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)

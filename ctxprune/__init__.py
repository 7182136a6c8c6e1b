"""Prune what enters a language model's context to what the question needs, and account for the rest.

    from ctxprune import TokenBudget, prune
    from ctxprune.rag import Passage

    result = prune("Who wrote it?", Passage(text), policy=TokenBudget(200))
    result.output, result.tokens_before, result.tokens_after

Names are imported when they are first used, so that `import ctxprune` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune._version import __version__
from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.calibration.conformal import CalibrationExample, CalibrationPool
    from ctxprune.calibration.keep_sets import KeepSets
    from ctxprune.calibration.scales import IdentityScale, LogisticScale, RankScale, fit_scale
    from ctxprune.calibration.stored import Calibration
    from ctxprune.context.base import Context, Unit
    from ctxprune.errors import CtxpruneError
    from ctxprune.policies import (
        POLICIES,
        Adaptive,
        CellShare,
        LargestGap,
        Policy,
        Request,
        Selection,
        TableBudget,
        Threshold,
        TokenBudget,
        TopK,
    )
    from ctxprune.pruning.context_budget import BudgetPart, ContextBudget, SharedBudget
    from ctxprune.pruning.pruner import Pruner, aprune, aprune_batch, prune, prune_batch
    from ctxprune.pruning.result import Pruned
    from ctxprune.pruning.verdicts import Verdict
    from ctxprune.registry import Registry
    from ctxprune.scorers import SCORERS, Scorer
    from ctxprune.scorers.combined.cascade import CascadeScorer
    from ctxprune.scorers.combined.fusion import DocumentFusion, ReciprocalRankFusion, WeightedFusion
    from ctxprune.scorers.lexical.chargram import ChargramScorer
    from ctxprune.scorers.lexical.titled import TitledScorer
    from ctxprune.scorers.lexical.words import LexicalScorer
    from ctxprune.tokens import TokenCounter, as_counter

_HOMES = {
    "POLICIES": "policies",
    "SCORERS": "scorers",
    "Adaptive": "policies",
    "BudgetPart": "pruning.context_budget",
    "Calibration": "calibration.stored",
    "CalibrationExample": "calibration.conformal",
    "CalibrationPool": "calibration.conformal",
    "CascadeScorer": "scorers.combined.cascade",
    "CellShare": "policies",
    "ChargramScorer": "scorers.lexical.chargram",
    "Context": "context.base",
    "ContextBudget": "pruning.context_budget",
    "CtxpruneError": "errors",
    "DocumentFusion": "scorers.combined.fusion",
    "IdentityScale": "calibration.scales",
    "KeepSets": "calibration.keep_sets",
    "LargestGap": "policies",
    "LexicalScorer": "scorers.lexical.words",
    "LogisticScale": "calibration.scales",
    "Policy": "policies",
    "Pruned": "pruning.result",
    "Pruner": "pruning.pruner",
    "RankScale": "calibration.scales",
    "ReciprocalRankFusion": "scorers.combined.fusion",
    "Registry": "registry",
    "Request": "policies",
    "Scorer": "scorers",
    "Selection": "policies",
    "SharedBudget": "pruning.context_budget",
    "TableBudget": "policies",
    "Threshold": "policies",
    "TitledScorer": "scorers.lexical.titled",
    "TokenBudget": "policies",
    "TokenCounter": "tokens",
    "TopK": "policies",
    "Unit": "context.base",
    "Verdict": "pruning.verdicts",
    "WeightedFusion": "scorers.combined.fusion",
    "aprune": "pruning.pruner",
    "aprune_batch": "pruning.pruner",
    "as_counter": "tokens",
    "fit_scale": "calibration.scales",
    "prune": "pruning.pruner",
    "prune_batch": "pruning.pruner",
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
    "Request",
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

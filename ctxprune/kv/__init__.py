"""KV caches pruned to what the question needs: presses, quantised storage, exact reuse.

    from ctxprune.kv import Kivi, SnapKV, compress

    cache = compress(model, context, SnapKV(0.75), storage=Kivi(bits=4))
    answer = model.generate(torch.cat([context, question], dim=1), cache=cache)

or, around whatever calls the model:

    with SnapKV(0.75)(model):
        answer = model.generate(ids)

Names are imported when they are first used, and need the train extra.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ctxprune.utils.extras import require
from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.kv.cache.backends import Hqq, Quanto
    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.cache.quantise import Kivi, ratio_for_bytes
    from ctxprune.kv.drafts.draft_index import DraftIndex
    from ctxprune.kv.drafts.drafts import Drafted, DraftReport, Drafts, generate_with_drafts
    from ctxprune.kv.evaluation.agreements import Agreement, agreement
    from ctxprune.kv.gates.dropping import dropping, gated_bytes, gated_cache
    from ctxprune.kv.gates.forward import GatedForward
    from ctxprune.kv.gates.gates import Gates
    from ctxprune.kv.gates.training import GateRecipe, GateTraining
    from ctxprune.kv.model.loading import load_decoder
    from ctxprune.kv.pipeline import Answer, Pipeline
    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.presses.expected_attention import ExpectedAttention
    from ctxprune.kv.presses.fixed_pattern import FixedPattern
    from ctxprune.kv.presses.keydiff import KeyDiff
    from ctxprune.kv.presses.knorm import Knorm
    from ctxprune.kv.presses.kvzip import KVzip
    from ctxprune.kv.presses.lagkv import LagKV
    from ctxprune.kv.presses.learned_drop import LearnedDrop
    from ctxprune.kv.presses.observed_attention import ObservedAttention
    from ctxprune.kv.presses.pyramidkv import PyramidKV
    from ctxprune.kv.presses.qfilter import QFilter, QFilters, learn_filters
    from ctxprune.kv.presses.random import Random
    from ctxprune.kv.presses.simlayerkv import SimLayerKV
    from ctxprune.kv.presses.snapkv import SnapKV
    from ctxprune.kv.presses.streaming_llm import StreamingLLM
    from ctxprune.kv.presses.tova import Tova
    from ctxprune.kv.reading.prefill import compress, prefill
    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.reuse.exactness import Exactness, exactness
    from ctxprune.kv.reuse.joining import join, join_pressed
    from ctxprune.kv.reuse.keys_only import as_prefilled
    from ctxprune.kv.reuse.passage_store import PassageStore
    from ctxprune.kv.reuse.prefix import reuse_prefix
    from ctxprune.kv.router import Choice, Decode, Measured, Router
    from ctxprune.kv.selection import Plan
    from ctxprune.kv.wrappers.adakv import AdaKV
    from ctxprune.kv.wrappers.adaptive import Adaptive
    from ctxprune.kv.wrappers.byte_budget import ByteBudget
    from ctxprune.kv.wrappers.chunkkv import ChunkKV
    from ctxprune.kv.wrappers.composed import Composed
    from ctxprune.kv.wrappers.criticalkv import CriticalKV
    from ctxprune.kv.wrappers.merge import Merge
    from ctxprune.kv.wrappers.per_layer import PerLayer
    from ctxprune.kv.wrappers.think import ThinK
    from ctxprune.kv.wrappers.token_budget import TokenBudget

_HOMES = {
    "AdaKV": "wrappers.adakv",
    "Adaptive": "wrappers.adaptive",
    "Agreement": "evaluation.agreements",
    "Answer": "pipeline",
    "ByteBudget": "wrappers.byte_budget",
    "Choice": "router",
    "ChunkKV": "wrappers.chunkkv",
    "Composed": "wrappers.composed",
    "CriticalKV": "wrappers.criticalkv",
    "Decode": "router",
    "DraftIndex": "drafts.draft_index",
    "DraftReport": "drafts.drafts",
    "Drafted": "drafts.drafts",
    "Drafts": "drafts.drafts",
    "Exactness": "reuse.exactness",
    "ExpectedAttention": "presses.expected_attention",
    "FixedPattern": "presses.fixed_pattern",
    "GateRecipe": "gates.training",
    "GateTraining": "gates.training",
    "GatedForward": "gates.forward",
    "Gates": "gates.gates",
    "Hqq": "cache.backends",
    "KVzip": "presses.kvzip",
    "KeyDiff": "presses.keydiff",
    "Kivi": "cache.quantise",
    "Knorm": "presses.knorm",
    "LagKV": "presses.lagkv",
    "LayerView": "reading.view",
    "LearnedDrop": "presses.learned_drop",
    "Measured": "router",
    "Merge": "wrappers.merge",
    "ObservedAttention": "presses.observed_attention",
    "PassageStore": "reuse.passage_store",
    "PerLayer": "wrappers.per_layer",
    "Pipeline": "pipeline",
    "Plan": "selection",
    "Prefilled": "reading.prefilled",
    "Press": "presses.base",
    "PrunedCache": "cache.pruned_cache",
    "PyramidKV": "presses.pyramidkv",
    "QFilter": "presses.qfilter",
    "QFilters": "presses.qfilter",
    "Quanto": "cache.backends",
    "Random": "presses.random",
    "Router": "router",
    "SimLayerKV": "presses.simlayerkv",
    "SnapKV": "presses.snapkv",
    "StreamingLLM": "presses.streaming_llm",
    "ThinK": "wrappers.think",
    "TokenBudget": "wrappers.token_budget",
    "Tova": "presses.tova",
    "agreement": "evaluation.agreements",
    "as_prefilled": "reuse.keys_only",
    "compress": "reading.prefill",
    "dropping": "gates.dropping",
    "exactness": "reuse.exactness",
    "gated_bytes": "gates.dropping",
    "gated_cache": "gates.dropping",
    "generate_with_drafts": "drafts.drafts",
    "join": "reuse.joining",
    "join_pressed": "reuse.joining",
    "learn_filters": "presses.qfilter",
    "load_decoder": "model.loading",
    "prefill": "reading.prefill",
    "ratio_for_bytes": "cache.quantise",
    "reuse_prefix": "reuse.prefix",
}

__all__ = [
    "AdaKV",
    "Adaptive",
    "Agreement",
    "Answer",
    "ByteBudget",
    "Choice",
    "ChunkKV",
    "Composed",
    "CriticalKV",
    "Decode",
    "DraftIndex",
    "DraftReport",
    "Drafted",
    "Drafts",
    "Exactness",
    "ExpectedAttention",
    "FixedPattern",
    "GateRecipe",
    "GateTraining",
    "GatedForward",
    "Gates",
    "Hqq",
    "KVzip",
    "KeyDiff",
    "Kivi",
    "Knorm",
    "LagKV",
    "LayerView",
    "LearnedDrop",
    "Measured",
    "Merge",
    "ObservedAttention",
    "PassageStore",
    "PerLayer",
    "Pipeline",
    "Plan",
    "Prefilled",
    "Press",
    "PrunedCache",
    "PyramidKV",
    "QFilter",
    "QFilters",
    "Quanto",
    "Random",
    "Router",
    "SimLayerKV",
    "SnapKV",
    "StreamingLLM",
    "ThinK",
    "TokenBudget",
    "Tova",
    "agreement",
    "as_prefilled",
    "compress",
    "dropping",
    "exactness",
    "gated_bytes",
    "gated_cache",
    "generate_with_drafts",
    "join",
    "join_pressed",
    "learn_filters",
    "load_decoder",
    "prefill",
    "ratio_for_bytes",
    "reuse_prefix",
]

__getattr__, __dir__ = lazy(__name__, _HOMES, first=partial(require, "torch", "train"))

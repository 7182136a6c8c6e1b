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

from ctxprune._extras import require
from ctxprune._lazy import lazy

if TYPE_CHECKING:
    from ctxprune.kv.cache import PrunedCache
    from ctxprune.kv.prefilled import Prefilled, compress, prefill
    from ctxprune.kv.press import Plan, Press
    from ctxprune.kv.presses.expected_attention import ExpectedAttention
    from ctxprune.kv.presses.keydiff import KeyDiff
    from ctxprune.kv.presses.knorm import Knorm
    from ctxprune.kv.presses.kvzip import KVzip
    from ctxprune.kv.presses.lagkv import LagKV
    from ctxprune.kv.presses.observed_attention import ObservedAttention
    from ctxprune.kv.presses.pyramidkv import PyramidKV
    from ctxprune.kv.presses.qfilter import QFilter, QFilters, learn_filters
    from ctxprune.kv.presses.random import Random
    from ctxprune.kv.presses.simlayerkv import SimLayerKV
    from ctxprune.kv.presses.snapkv import SnapKV
    from ctxprune.kv.presses.streaming_llm import StreamingLLM
    from ctxprune.kv.presses.tova import Tova
    from ctxprune.kv.view import LayerView

_HOMES = {
    "ExpectedAttention": "presses.expected_attention",
    "KVzip": "presses.kvzip",
    "KeyDiff": "presses.keydiff",
    "Knorm": "presses.knorm",
    "LagKV": "presses.lagkv",
    "LayerView": "view",
    "ObservedAttention": "presses.observed_attention",
    "Plan": "press",
    "Prefilled": "prefilled",
    "Press": "press",
    "PrunedCache": "cache",
    "PyramidKV": "presses.pyramidkv",
    "QFilter": "presses.qfilter",
    "QFilters": "presses.qfilter",
    "Random": "presses.random",
    "SimLayerKV": "presses.simlayerkv",
    "SnapKV": "presses.snapkv",
    "StreamingLLM": "presses.streaming_llm",
    "Tova": "presses.tova",
    "compress": "prefilled",
    "learn_filters": "presses.qfilter",
    "prefill": "prefilled",
}

__all__ = [
    "ExpectedAttention",
    "KVzip",
    "KeyDiff",
    "Knorm",
    "LagKV",
    "LayerView",
    "ObservedAttention",
    "Plan",
    "Prefilled",
    "Press",
    "PrunedCache",
    "PyramidKV",
    "QFilter",
    "QFilters",
    "Random",
    "SimLayerKV",
    "SnapKV",
    "StreamingLLM",
    "Tova",
    "compress",
    "learn_filters",
    "prefill",
]

__getattr__, __dir__ = lazy(__name__, _HOMES, first=partial(require, "torch", "train"))

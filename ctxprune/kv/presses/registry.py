"""Presses and wrappers by versioned name, for command lines and for tests over all of them.

Other distributions add theirs by the entry points `ctxprune.presses` and `ctxprune.press_wrappers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.registry import Registry

if TYPE_CHECKING:
    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.presses.qfilter import QFilters

__all__ = ["PRESSES", "WRAPPERS", "build_press"]

PRESSES: Registry[Any] = Registry(
    "press",
    {
        "expected_attention.v1": "ctxprune.kv.presses.expected_attention:ExpectedAttention",
        "fixed_pattern.v1": "ctxprune.kv.presses.fixed_pattern:FixedPattern",
        "keydiff.v1": "ctxprune.kv.presses.keydiff:KeyDiff",
        "knorm.v1": "ctxprune.kv.presses.knorm:Knorm",
        "kvzip.v1": "ctxprune.kv.presses.kvzip:KVzip",
        "lagkv.v1": "ctxprune.kv.presses.lagkv:LagKV",
        "learned_drop.v1": "ctxprune.kv.presses.learned_drop:LearnedDrop",
        "observed_attention.v1": "ctxprune.kv.presses.observed_attention:ObservedAttention",
        "pyramidkv.v1": "ctxprune.kv.presses.pyramidkv:PyramidKV",
        "qfilter.v1": "ctxprune.kv.presses.qfilter:QFilter",
        "random.v1": "ctxprune.kv.presses.random:Random",
        "simlayerkv.v1": "ctxprune.kv.presses.simlayerkv:SimLayerKV",
        "snapkv.v1": "ctxprune.kv.presses.snapkv:SnapKV",
        "streaming_llm.v1": "ctxprune.kv.presses.streaming_llm:StreamingLLM",
        "tova.v1": "ctxprune.kv.presses.tova:Tova",
    },
)
WRAPPERS: Registry[Any] = Registry(
    "press_wrapper",
    {
        "adakv.v1": "ctxprune.kv.wrappers.adakv:AdaKV",
        "adaptive.v1": "ctxprune.kv.wrappers.adaptive:Adaptive",
        "byte_budget.v1": "ctxprune.kv.wrappers.byte_budget:ByteBudget",
        "chunkkv.v1": "ctxprune.kv.wrappers.chunkkv:ChunkKV",
        "composed.v1": "ctxprune.kv.wrappers.composed:Composed",
        "criticalkv.v1": "ctxprune.kv.wrappers.criticalkv:CriticalKV",
        "merge.v1": "ctxprune.kv.wrappers.merge:Merge",
        "per_layer.v1": "ctxprune.kv.wrappers.per_layer:PerLayer",
        "think.v1": "ctxprune.kv.wrappers.think:ThinK",
        "token_budget.v1": "ctxprune.kv.wrappers.token_budget:TokenBudget",
    },
)


def build_press(name: str, ratio: float, filters: QFilters | None = None) -> Press:
    """The press called `name`, or `wrapper(press)`, at a ratio; errors as the registries.

    Args:
        name: "snapkv", "adakv(snapkv)", ...
        ratio: The share of tokens to drop.
        filters: Those of the model, for Q-Filters; other presses ignore them.
    """
    outer, _, inner = name.partition("(")
    if inner:
        wrapped: Press = WRAPPERS.get(outer)(build_press(inner.removesuffix(")"), ratio, filters))
        return wrapped
    kind = PRESSES.get(name)
    # Compared with the registered class, so that this module imports no press and needs no torch.
    press: Press = kind(ratio=ratio, filters=filters) if kind is PRESSES.get("qfilter") else kind(ratio=ratio)
    return press

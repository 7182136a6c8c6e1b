"""Presses and wrappers by versioned name, for command lines and for tests over all of them.

Other distributions add theirs by the entry points `ctxprune.presses` and `ctxprune.press_wrappers`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.registry import Registry

if TYPE_CHECKING:
    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.presses.qfilter import QFilters

__all__ = ["PRESSES", "WRAPPERS", "build_press", "canonical_name"]

_SPELT = re.compile(r"\s*([\w.-]+)\s*(?:\((.*)\)\s*)?", re.DOTALL)
_DEEPEST = 8  # wrappers around one press: names come from command lines, and may be hostile

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
        "learned_threshold.v1": "ctxprune.kv.wrappers.learned_threshold:LearnedThreshold",
        "merge.v1": "ctxprune.kv.wrappers.merge:Merge",
        "per_layer.v1": "ctxprune.kv.wrappers.per_layer:PerLayer",
        "think.v1": "ctxprune.kv.wrappers.think:ThinK",
        "token_budget.v1": "ctxprune.kv.wrappers.token_budget:TokenBudget",
    },
)


def build_press(name: str, ratio: float, filters: QFilters | None = None) -> Press:
    """The press called `name`, or `wrapper(press)`, at a ratio; errors as the registries.

    Args:
        name: "snapkv", "adakv(snapkv)", or as the classes are called: "SnapKV", "AdaKV(SnapKV)".
        ratio: The share of tokens to drop.
        filters: Those of the model, for Q-Filters; other presses ignore them.

    Raises:
        UsageError: It is not of that form, or the press cannot be wrapped.
    """
    *outer, inner = _split_name(name)
    kind = PRESSES.get(inner)
    # Compared with the registered class, so that this module imports no press and needs no torch.
    press: Press = kind(ratio=ratio, filters=filters) if kind is PRESSES.get("qfilter") else kind(ratio=ratio)
    for wrapper in reversed(outer):
        press = WRAPPERS.get(wrapper)(press)
    return press


def canonical_name(name: str) -> str:
    """The name as the registries spell it, without versions that were left out; errors as `build_press`."""
    *outer, inner = _split_name(name)
    return "".join(f"{wrapper}(" for wrapper in outer) + inner + ")" * len(outer)


def _split_name(name: str) -> list[str]:
    """Wrappers from the outermost on, then the press, each as it is registered."""
    parts: list[str] = []
    rest: str | None = name
    while rest is not None:
        found = _SPELT.fullmatch(rest)
        if found is None or len(parts) > _DEEPEST:
            hint = f'"snapkv" or "adakv(snapkv)", with {_DEEPEST} wrappers at most'
            raise UsageError(f"{name[:100]!r} is not the name of a press", hint=hint)
        word, rest = found[1], found[2]
        parts.append(_registered(word, PRESSES if rest is None else WRAPPERS))
    return parts


def _registered(word: str, registry: Registry[Any]) -> str:
    """A name as it is registered: "StreamingLLM" and "streaming-llm" are "streaming_llm"."""
    names = {_plain(part): part for full in registry.names() for part in (full, _unversioned(full))}
    found = names.get(_plain(word))
    if found is None:
        if registry is PRESSES and _plain(word) in {_plain(_unversioned(full)) for full in WRAPPERS.names()}:
            raise UsageError(f"{word} wraps a press", hint=f"name the press as well: {word}(snapkv)")
        if registry is WRAPPERS and _plain(word) in {_plain(_unversioned(full)) for full in PRESSES.names()}:
            raise UsageError(f"{word} is a press, and wraps none", hint=f"{word} alone, or adakv({word})")
        # In small letters, so that near names are found.
        known = {_unversioned(full) for full in registry.names()}
        raise UnknownNameError(registry.kind.replace("_", " "), word.lower(), known)
    return found


def _unversioned(full: str) -> str:
    return full.rpartition(".v")[0]


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")

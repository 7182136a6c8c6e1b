"""Presses and wrappers by name, for command lines and for tests over all of them.

Other distributions add theirs by the entry points `ctxprune.presses` and `ctxprune.press_wrappers`.
"""

from __future__ import annotations

from typing import Any

from ctxprune.registry import Registry

__all__ = ["PRESSES", "WRAPPERS"]

PRESSES: Registry[Any] = Registry(
    "press",
    {
        "keydiff.v1": "ctxprune.kv.presses.keydiff:KeyDiff",
        "knorm.v1": "ctxprune.kv.presses.knorm:Knorm",
        "random.v1": "ctxprune.kv.presses.random:Random",
        "snapkv.v1": "ctxprune.kv.presses.snapkv:SnapKV",
        "streaming_llm.v1": "ctxprune.kv.presses.streaming_llm:StreamingLLM",
        "tova.v1": "ctxprune.kv.presses.tova:Tova",
    },
)
WRAPPERS: Registry[Any] = Registry("press_wrapper", {})

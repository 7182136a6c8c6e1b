"""Every registered piece can be called as the Protocol of its kind says."""

from __future__ import annotations

import inspect

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from ctxprune.shrink import registries, types

KINDS = {
    "SCORES": types.Score,
    "ALLOCATORS": types.Allocator,
    "COMPENSATORS": types.Compensator,
    "RECOVERIES": types.Recovery,
    "SELECTORS": types.Selector,
}


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_take_what_their_protocol_gives(kind: str):
    registry = getattr(registries, kind)
    given = [None] * len(inspect.signature(KINDS[kind].__call__).parameters)
    assert registry.names()
    for name in registry.names():
        inspect.signature(registry.get(name).__call__).bind(*given)

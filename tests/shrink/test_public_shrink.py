"""What the package itself has of the backend."""

from __future__ import annotations

import importlib

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

import ctxprune.shrink


def test_names_come_from_where_they_are_documented() -> None:
    assert set(ctxprune.shrink._HOMES) == set(ctxprune.shrink.__all__) <= set(dir(ctxprune.shrink))
    for name, home in ctxprune.shrink._HOMES.items():
        module = importlib.import_module(f"ctxprune.shrink.{home}")
        assert name in module.__all__
        assert getattr(ctxprune.shrink, name) is getattr(module, name)

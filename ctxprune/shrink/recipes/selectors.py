"""Selectors by name, and the papers on them as data (`select/papers.toml`); nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ctxprune.shrink.recipes.recipe import Piece
from ctxprune.storage.toml import parse_toml

__all__ = ["selector_papers", "selector_piece"]

_VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "el2n-easy": ("el2n.v1", {"easy": True}),
    "perplexity-high": ("perplexity.v1", {"part": "high"}),
    "perplexity-low": ("perplexity.v1", {"part": "low"}),
}


def selector_papers() -> dict[str, dict[str, str]]:
    """By selector or option of recovery what it `keeps` and `needs`, `title` and `source` of the paper, `differs`."""
    text = files("ctxprune.shrink").joinpath("select/papers.toml").read_text(encoding="utf-8")
    return parse_toml(text)


def selector_piece(name: str) -> Piece:
    """The selector that a name stands for, with or without its version: a piece, which need not be registered."""
    if name in _VARIANTS:
        stem, parameters = _VARIANTS[name]
        return Piece(stem, parameters)
    return Piece(name if name.endswith(".v1") else f"{name}.v1")

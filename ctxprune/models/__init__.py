"""Bundled model files and their cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.models.cards import Card, read_card
    from ctxprune.models.network import Network
    from ctxprune.models.provence import ProvenceModel, TokenModel, load_provence
    from ctxprune.models.pruner import PrunerModel, load_pruner
    from ctxprune.models.vectors import WordVectors, load_vectors

__all__ = [
    "Card",
    "Network",
    "ProvenceModel",
    "PrunerModel",
    "TokenModel",
    "WordVectors",
    "load_provence",
    "load_pruner",
    "load_vectors",
    "read_card",
]

_HOMES = {
    "Card": "cards",
    "Network": "network",
    "ProvenceModel": "provence",
    "PrunerModel": "pruner",
    "TokenModel": "provence",
    "WordVectors": "vectors",
    "load_provence": "provence",
    "load_pruner": "pruner",
    "load_vectors": "vectors",
    "read_card": "cards",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)

"""The weights of what speaks for a block and for a part of a page, and the files that hold them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ctxprune.models.network import Network
from ctxprune.models.weights import reading, shipped
from ctxprune.scorers.structured.page_parts.parts import FEATURES
from ctxprune.scorers.structured.page_parts.text_evidence import EVIDENCE

__all__ = ["FORMAT", "TEXT_FEATURES", "TEXT_FORMAT", "VERSION", "load_network", "load_text_network", "network_of"]

FORMAT, VERSION = "ctxprune.scorers.page", 2
TEXT_FORMAT = "ctxprune.scorers.page_text"
TEXT_FEATURES = (*EVIDENCE, "model")
"""The last one is the log-odds of a model, 0 where none was asked."""
_FILE, _TEXT_FILE = "weights.json", "text_weights.json"


def network_of(data: Any, layout: str = FORMAT) -> Network:
    """Read the layout that `weights.json` has, or `text_weights.json`.

    Raises:
        FormatError: Another format or version, other features, or damaged data.
    """
    features = TEXT_FEATURES if layout == TEXT_FORMAT else FEATURES
    with reading(data, (layout, VERSION), list(features)) as read:
        network = Network.from_dict(read["network"], inputs=len(features))
    return network


@lru_cache(maxsize=1)
def load_network() -> Network:
    """The weights of parts that come with the library, read once.

    Raises:
        FormatError: They are damaged.
    """
    return network_of(shipped(__package__, _FILE))


@lru_cache(maxsize=1)
def load_text_network() -> Network:
    """The weights of blocks that come with the library, read once.

    Raises:
        FormatError: They are damaged.
    """
    return network_of(shipped(__package__, _TEXT_FILE), TEXT_FORMAT)

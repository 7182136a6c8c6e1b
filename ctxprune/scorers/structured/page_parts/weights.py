"""The weights of what speaks for a block and for a part of a page, and the files that hold them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ctxprune.models.network import Network
from ctxprune.models.weights import reading, shipped
from ctxprune.scorers.structured.page_parts.parts import FEATURES
from ctxprune.scorers.structured.page_parts.text_evidence import EVIDENCE

__all__ = [
    "FORMAT",
    "TEXT_FEATURES",
    "TEXT_FORMAT",
    "TEXT_VERSION",
    "VERSION",
    "load_network",
    "load_text_network",
    "network_of",
    "text_network_of",
]

FORMAT, VERSION = "ctxprune.scorers.page", 3
TEXT_FORMAT, TEXT_VERSION = "ctxprune.scorers.page_text", 3
TEXT_FEATURES = (*EVIDENCE, "titled", "model")
"""Beside the words: BM25 of the unit under its headings, as a share of the best of the page; the log-odds of a model, 0
where none was asked."""
_FILE, _TEXT_FILE = "weights.json", "text_weights.json"


def network_of(data: Any) -> Network:
    """Read the layout that `weights.json` has.

    Raises:
        FormatError: Another format or version, other features, or damaged data.
    """
    return _read_network(data, (FORMAT, VERSION), FEATURES)


def text_network_of(data: Any) -> Network:
    """Read the layout that `text_weights.json` has. Raises as `network_of`."""
    return _read_network(data, (TEXT_FORMAT, TEXT_VERSION), TEXT_FEATURES)


def _read_network(data: Any, layout: tuple[str, int], features: tuple[str, ...]) -> Network:
    with reading(data, layout, list(features)) as read:
        return Network.from_dict(read["network"], inputs=len(features))


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
    return text_network_of(shipped(__package__, _TEXT_FILE))

"""The weights of what speaks for an edge, and the file that holds them."""

from __future__ import annotations

from typing import Any

from ctxprune.models.network import Network
from ctxprune.models.weights import load_shipped, reading
from ctxprune.scorers.structured.triple_parts.features import FEATURES

__all__ = ["FORMAT", "VERSION", "load_network", "network_of"]

FORMAT, VERSION = "ctxprune.scorers.triple", 1
_FILE = "weights.json"


def network_of(data: Any) -> Network:
    """Read the layout that `weights.json` has.

    Raises:
        FormatError: Another format or version, other features, or damaged data.
    """
    with reading(data, (FORMAT, VERSION), list(FEATURES)) as read:
        return Network.from_dict(read["network"], inputs=len(FEATURES))


def load_network() -> Network:
    """The weights that come with the library, read once.

    Raises:
        FormatError: They are damaged.
    """
    return load_shipped(network_of, __package__, _FILE)

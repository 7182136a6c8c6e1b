"""The weights by which a question chooses among the parts of a page, and the file that holds them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ctxprune.models.network import Network
from ctxprune.models.weights import reading, shipped
from ctxprune.scorers.structured.page_parts.parts import FEATURES

__all__ = ["FORMAT", "VERSION", "load_network", "network_of"]

FORMAT, VERSION = "ctxprune.scorers.page", 1
_FILE = "weights.json"


def network_of(data: Any) -> Network:
    """Read the layout that `weights.json` has.

    Raises:
        FormatError: Another format or version, other features, or damaged data.
    """
    with reading(data, (FORMAT, VERSION), list(FEATURES)) as read:
        network = Network.from_dict(read["network"], inputs=len(FEATURES))
    return network


@lru_cache(maxsize=1)
def load_network() -> Network:
    """The weights that come with the library, read once.

    Raises:
        FormatError: They are damaged.
    """
    return network_of(shipped(__package__, _FILE))

"""The weights by which a question chooses among the parts of a page, and the file that holds them."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ctxprune.errors import FormatError
from ctxprune.network import Network

from .parts import FEATURES

__all__ = ["FORMAT", "VERSION", "load_network", "network_of"]

FORMAT, VERSION = "ctxprune.scorers.page", 1
_FILE = "weights.json"


def network_of(data: Any) -> Network:
    """Read the layout that `weights.json` has.

    Raises:
        FormatError: Another format or version, other features, or damaged data.
    """
    if not isinstance(data, dict) or (data.get("format"), data.get("version")) != (FORMAT, VERSION):
        raise FormatError(f"not weights of format {FORMAT} version {VERSION}")
    if data.get("features") != list(FEATURES):
        raise FormatError("the weights were made for other features", hint="train them anew")
    try:
        network = Network.from_dict(data["network"])
        if len(network.mean) != len(FEATURES):
            raise ValueError("a network for another number of features")
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"the weights are damaged ({error!r})") from error
    return network


@lru_cache(maxsize=1)
def load_network() -> Network:
    """The weights that come with the library, read once.

    Raises:
        FormatError: They are damaged.
    """
    path = files(__package__).joinpath(_FILE)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(
            f"the weights cannot be read ({error})", where=str(path), hint="reinstall ctxprune"
        ) from error
    return network_of(data)

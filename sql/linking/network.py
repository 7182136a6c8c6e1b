"""The file that holds the ranked linker's networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.models.network import Network
from ctxprune.models.weights import load_shipped, reading

from .features import COLUMN_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT", "VERSION", "LinkingWeights", "load_weights"]

FORMAT, VERSION = "ctxprune.linking.ranked", 2
_FILE = "ranked.json"


@dataclass(frozen=True)
class LinkingWeights:
    """The three networks: first scores of columns, scores of tables, final scores of columns."""

    first: Network
    table: Network
    final: Network

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LinkingWeights:
        """Read the layout that `ranked.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        with reading(data, (FORMAT, VERSION), list(COLUMN_FEATURES)) as read:
            networks = [Network.from_dict(read["networks"][name]) for name in ("first", "table", "final")]
        return cls(*networks)


def load_weights() -> LinkingWeights:
    """The weights that come with the library, read once."""
    return load_shipped(LinkingWeights.from_dict, __package__, _FILE)

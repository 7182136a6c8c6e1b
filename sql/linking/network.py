"""The file that holds the ranked linker's networks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError
from ctxprune.network import Network

from .features import COLUMN_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT", "VERSION", "LinkingWeights", "load_weights", "shipped"]

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
        if not isinstance(data, dict) or (data.get("format"), data.get("version")) != (FORMAT, VERSION):
            raise FormatError(f"not weights of format {FORMAT} version {VERSION}")
        if data.get("features") != list(COLUMN_FEATURES):
            raise FormatError("the weights were made for other features", hint="train them anew")
        try:
            return cls(*(Network.from_dict(data["networks"][name]) for name in ("first", "table", "final")))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the weights are damaged ({error!r})") from error


@lru_cache(maxsize=1)
def load_weights() -> LinkingWeights:
    """The weights that come with the library, read once."""
    return LinkingWeights.from_dict(shipped(_FILE))


def shipped(name: str) -> Any:
    """The JSON document of a file that comes with the linkers.

    Raises:
        FormatError: It holds no JSON.
    """
    try:
        return json.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the file is damaged ({error})", where=name, hint="install the library anew") from error

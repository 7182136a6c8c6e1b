"""The networks that weigh the features of rows and columns, and the file that holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError
from ctxprune.network import Network

from .column_features import COLUMN_FEATURES
from .row_features import ROW_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT", "VERSION", "TabularWeights", "load_weights"]

FORMAT, VERSION = "ctxprune.scorers.tabular", 1
_FILE = "weights.json"


@dataclass(frozen=True)
class TabularWeights:
    """One network for rows and one for columns; each gives the log-odds that one of them is needed."""

    rows: Network
    columns: Network

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TabularWeights:
        """Read the layout that `weights.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        if not isinstance(data, dict) or (data.get("format"), data.get("version")) != (FORMAT, VERSION):
            raise FormatError(f"not weights of format {FORMAT} version {VERSION}")
        features = {"rows": list(ROW_FEATURES), "columns": list(COLUMN_FEATURES)}
        if data.get("features") != features:
            raise FormatError("the weights were made for other features", hint="train them anew")
        try:
            rows, columns = (Network.from_dict(data["networks"][name]) for name in ("rows", "columns"))
            fitting = all(
                len(part.mean) == len(features[name]) for name, part in (("rows", rows), ("columns", columns))
            )
            if not fitting:
                raise ValueError("a network for another number of features")
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the weights are damaged ({error!r})") from error
        return cls(rows, columns)


@lru_cache(maxsize=1)
def load_weights() -> TabularWeights:
    """The weights that come with the library, read once.

    Raises:
        FormatError: The file is damaged.
    """
    try:
        data = json.loads(files(__package__).joinpath(_FILE).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the file is damaged ({error})", where=_FILE, hint="install the library anew") from error
    return TabularWeights.from_dict(data)

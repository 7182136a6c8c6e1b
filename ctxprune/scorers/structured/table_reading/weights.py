"""The networks that weigh the features of rows and columns, and the file that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ctxprune.models.network import Network
from ctxprune.models.weights import reading, shipped
from ctxprune.scorers.structured.table_reading.column_features import COLUMN_FEATURES
from ctxprune.scorers.structured.table_reading.row_features import ROW_FEATURES

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
        features = {"rows": list(ROW_FEATURES), "columns": list(COLUMN_FEATURES)}
        with reading(data, (FORMAT, VERSION), features) as read:
            networks = [Network.from_dict(read["networks"][name], inputs=len(features[name])) for name in features]
        return cls(*networks)


@lru_cache(maxsize=1)
def load_weights() -> TabularWeights:
    """The weights that come with the library, read once.

    Raises:
        FormatError: The file is damaged.
    """
    return TabularWeights.from_dict(shipped(__package__, _FILE))

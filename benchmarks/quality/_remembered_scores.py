"""The default scorer with its scores kept in a file, so that strategies and later runs share what a model read."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.grid import column_units
from ctxprune.scorers.combined.structured import StructuredScorer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores


class RememberedScorer(StructuredScorer):
    """Gives exactly what `StructuredScorer` gives; scores of the same question and units are computed once.

    Args:
        path: An SQLite file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        connection.execute("CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, value BLOB)")
        # The class is frozen; a cache is no part of what it is.
        object.__setattr__(self, "_connection", connection)
        object.__setattr__(self, "_lock", threading.Lock())

    def score(self, query: str, context: Context[Any]) -> Scores:
        """See `StructuredScorer`."""
        return self.score_batch([query], [context])[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; only the new ones are computed."""
        keys = [_key(query, context) for query, context in zip(queries, contexts, strict=True)]
        found = [self._find(key) for key in keys]
        new = [place for place, scores in enumerate(found) if scores is None]
        made = super().score_batch([queries[i] for i in new], [contexts[i] for i in new]) if new else []
        for place, scores in zip(new, made, strict=True):
            found[place] = np.asarray(scores, dtype=np.float32)
            self._keep(keys[place], found[place])
        return [scores for scores in found if scores is not None]

    def _find(self, key: bytes) -> Any:
        with self._lock:  # type: ignore[attr-defined]
            row = self._connection.execute(  # type: ignore[attr-defined]
                "SELECT value FROM scores WHERE key = ?", (key,)
            ).fetchone()
        return None if row is None else np.frombuffer(row[0], dtype=np.float32).copy()

    def _keep(self, key: bytes, scores: Any) -> None:
        with self._lock:  # type: ignore[attr-defined]
            self._connection.execute(  # type: ignore[attr-defined]
                "INSERT OR IGNORE INTO scores VALUES (?, ?)", (key, scores.tobytes())
            )


def _key(query: str, context: Context[Any]) -> bytes:
    """Of all that a scorer reads: the question, the units with their places, and what the context says of them."""
    plain = [
        getattr(context, name) for name in ("kind", "titles", "names", "details", "whole_units", "whole_documents")
    ]
    places = [None if values is None else list(values) for values in (context.sources, context.templates)]
    read = (query, type(context).__name__, list(context.units), plain, places, column_units(context.grids))
    return hashlib.sha256(repr(read).encode("utf-8", "surrogatepass")).digest()

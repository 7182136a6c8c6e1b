"""Word vectors that come with the library: similarity of words in meaning, without a model at run time.

A table of the commonest words and of those of the training schemas, by stem: all-MiniLM-L6-v2 run over each word once,
principal components, eight bits a number (the way of Model2Vec). `benchmarks/training/word_vectors.py` makes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import FormatError
from ctxprune.storage.npz import read_npz
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["WordVectors", "load_vectors"]

FORMAT, VERSION = "ctxprune.linking.vectors", 1
_FILE = "vectors.npz"
_SHORTEST_PREFIX = 5  # letters of an unknown word's known beginning ("popul" for "populous"); shorter ones mislead


@dataclass(frozen=True)
class WordVectors:
    """Vectors by stem.

    Attributes:
        table: int8 (n_stems, n_dimensions), each row scaled by itself.
        rows: Row of each stem.
    """

    table: NDArray[np.int8]
    rows: Mapping[str, int]

    # Converted once and not for each word that is compared with all others: that is most of the time of a comparison.
    @cached_property
    def floats(self) -> NDArray[np.float32]:
        """`table` as float32."""
        return self.table.astype(np.float32)

    @cached_property
    def lengths(self) -> NDArray[np.float32]:
        """Euclidean length of each row of `table`, float32 (n_stems,)."""
        return np.asarray(np.linalg.norm(self.floats, axis=1))

    def of(self, stems: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, float32 (len(stems), n_dimensions); zeros for a stem of which not even the beginning is known.

        An unknown stem gets the vector of its longest known beginning of at least five letters, shortened by the share
        of letters that are left over.
        """
        vectors = np.zeros((len(stems), self.table.shape[1]), dtype=np.float32)
        found = [self._find(stem) for stem in stems]
        known = [index for index, (row, _) in enumerate(found) if row >= 0]
        if known:
            picked = self.table[[found[index][0] for index in known]].astype(np.float32)
            # A guessed vector counts by the share of letters that it stands for.
            trust = np.array([[found[index][1]] for index in known], dtype=np.float32)
            vectors[known] = picked * trust / np.linalg.norm(picked, axis=1, keepdims=True)
        return vectors

    def rarity(self, stems: Sequence[str]) -> NDArray[np.float32]:
        """How rare each stem is in English, float32 (len(stems),), about 0 for "the", 1 for one that is not known.

        The logarithm of its place in the table, whose rows are in the order of frequency.
        """
        last = len(self.rows)
        places = np.asarray([self.rows.get(stem, last) for stem in stems], dtype=np.float32)
        return np.asarray(np.log(places + 2) / np.log(last + 2), dtype=np.float32)

    def _find(self, stem: str) -> tuple[int, float]:
        row = self.rows.get(stem)
        if row is not None:
            return row, 1.0
        # From the longest known beginning down, which is the nearest in meaning.
        for end in range(min(len(stem) - 1, 20), _SHORTEST_PREFIX - 1, -1):
            row = self.rows.get(stem[:end])
            if row is not None:
                return row, end / len(stem)
        return -1, 0.0

    @classmethod
    def read(cls, path: Path) -> WordVectors:
        """Read the layout that `vectors.npz` has.

        Raises:
            FormatError: Another format or version, or damaged data.
        """
        try:
            data = read_npz(path.read_bytes())
            meta = parse_json(data["meta"].tobytes())
            stems = data["stems"].tobytes().decode().split("\n")
            table = data["vectors"]
        except (OSError, ValueError, KeyError) as error:
            raise FormatError(f"the word vectors are damaged ({error!r})", where=str(path)) from error
        if not isinstance(meta, dict) or (meta.get("format"), meta.get("version")) != (FORMAT, VERSION):
            raise FormatError(f"not word vectors of format {FORMAT} version {VERSION}", where=str(path))
        if table.shape[0] != len(stems):
            raise FormatError(f"{len(stems)} stems but {table.shape[0]} vectors", where=str(path))
        return cls(table, {stem: row for row, stem in enumerate(stems)})


@lru_cache(maxsize=1)
def load_vectors() -> WordVectors:
    """The vectors that come with the library, read once (1 MB)."""
    with as_file(files(__package__).joinpath(_FILE)) as path:
        return WordVectors.read(path)

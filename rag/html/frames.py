"""The boxes of a page as arrays: what each element is, what stands around it, and where its text is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .elements import KINDS, TABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .tree import Tree

__all__ = ["Frames", "nearest"]


class Frames:
    """Facts about the frames and runs of one tree; arrays are int or bool, by frame or run.

    Attributes:
        tree: The tree.
        kinds: For each frame the sum of what its element is (`elements.KINDS`).
        parents: For each frame the frame around it.
        runs: For each run its frame.
        sizes: For each run its characters.
        table: For each frame the table in which it stands, or itself, of data or not; 0 for none.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.kinds = np.asarray([KINDS[tag] for tag in tree.tags], dtype=np.int32)
        self.parents = np.asarray(tree.parents, dtype=np.int64)
        self.runs = np.asarray(tree.run_frames, dtype=np.int64)
        ends = np.cumsum([0, *map(len, tree.data)])
        self.sizes = ends[tree.run_lasts] - ends[tree.run_firsts] if tree.run_frames else np.zeros(0, dtype=np.int64)
        self.table = nearest(self.parents, self.is_kind(TABLE))

    def is_kind(self, kind: int) -> NDArray[np.bool_]:
        """For each frame whether it is any of what `kind` sums up."""
        return np.asarray((self.kinds & kind) != 0)


def nearest(parents: NDArray[np.int64], marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each frame the nearest marked one around it, or itself; 0 for none. Halves the way with each step."""
    found = np.where(marked, np.arange(len(parents)), parents)
    while not np.array_equal(further := found[found], found):
        found = further
    return found

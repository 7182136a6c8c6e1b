"""The result of deduplication: what was merged into what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Deduplicated", "Kind", "Merge"]

Kind = Literal["exact", "folded", "near", "contained"]


@dataclass(frozen=True, slots=True)
class Merge:
    """One text or table that is dropped because another one contains the same.

    Attributes:
        index: Index of the one that is dropped.
        into: Index of the one that is kept instead; never one that is dropped itself.
        kind: "exact": equal in every byte. "folded": the same words in the same order, apart from case, accents, white
            space and punctuation. "near": similar enough. "contained": (nearly) all of it is in the other one.
        similarity: As measured between the two: the Jaccard similarity of their sets, for "contained" the share of the
            smaller set that is in the other one; 0 to 1.

    Examples:
        ```python
        from ctxprune.rag import Merge, deduplicate


        def show(merge: Merge) -> str:
            return f"{merge.index} repeats {merge.into} ({merge.kind})"


        found = deduplicate(
            ["The bridge opened in 1933.", "THE BRIDGE opened in 1933", "Cats sleep."]
        )
        print([show(merge) for merge in found.merges])  # ['1 repeats 0 (folded)']
        ```
    """

    index: int
    into: int
    kind: Kind
    similarity: float


@dataclass(frozen=True)
class Deduplicated:
    """What is kept and what is dropped.

    Attributes:
        size: Number of texts or tables given.
        merges: What is dropped, by rising index.
    """

    size: int
    merges: tuple[Merge, ...]

    @property
    def kept(self) -> list[int]:
        """Indices of those that are kept, rising."""
        gone = {merge.index for merge in self.merges}
        return [index for index in range(self.size) if index not in gone]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON: `size`, the number `kept`, the number dropped `by_kind`, and the `merges`."""
        kinds = Counter(merge.kind for merge in self.merges)
        return {
            "size": self.size,
            "kept": self.size - len(self.merges),
            "by_kind": dict(sorted(kinds.items())),
            "merges": [
                {"index": one.index, "into": one.into, "kind": one.kind, "similarity": round(one.similarity, 6)}
                for one in self.merges
            ],
        }

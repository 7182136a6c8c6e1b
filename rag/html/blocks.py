"""What tells the text of a page from what stands around it: measures of each unit."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .groups import Group
    from .leaves import Part
    from .outline import Outline
    from .tree import Tree

__all__ = ["Block", "blocks"]


class Block(NamedTuple):
    """Measures of one unit of a page.

    Attributes:
        kind: "heading", "caption", "header", "row", "item", "code" or "text".
        tag: The element in which its first text stands.
        landmark: The innermost landmark around it: "nav", "header", "footer", "aside", "form", "main", "article"; "".
        length: Characters of its text, white space included.
        links: Of these, characters within links.
        position: Where it starts, as a share of the source; from 0 to 1.
    """

    kind: str
    tag: str
    landmark: str
    length: int
    links: int
    position: float

    @property
    def link_density(self) -> float:
        """Share of its characters that stand within links, from 0 to 1."""
        return self.links / self.length if self.length else 0.0


def blocks(outline: Outline, groups: Sequence[Group]) -> tuple[Block, ...]:
    """The measures of each group, in order; linear in the size of the page."""
    tree, landmarks = outline.tree, _landmarks(outline.tree)
    sums = [0, *accumulate(map(len, tree.data))]
    linked = _linked(tree, sums)
    total = max(len(tree.source), 1)
    found = []
    for group in groups:
        frame = tree.run_frames[group.first]
        parts = group.parts(outline)
        found.append(
            Block(
                kind=group.kind,
                tag=tree.tags[frame],
                landmark=landmarks[frame],
                length=sum(_share(tree, part, sums) for part in parts),
                links=sum(_share(tree, part, linked) for part in parts),
                position=tree.offsets[tree.tokens[parts[0].first]] / total,
            )
        )
    return tuple(found)


def _landmarks(tree: Tree) -> list[str]:
    """For each frame the innermost landmark around it; "" for none."""
    found = [""] * len(tree.tags)
    for frame in range(1, len(found)):
        found[frame] = tree.landmarks.get(frame) or found[tree.parents[frame]]
    return found


def _linked(tree: Tree, sums: list[int]) -> list[int]:
    """Characters of link text before each piece."""
    linked = [0] * len(sums)
    bounds = [*tree.links, len(tree.data)] if len(tree.links) % 2 else tree.links
    for first, last in zip(bounds[::2], bounds[1::2], strict=True):
        for index in range(first, last):
            linked[index + 1] = sums[index + 1] - sums[index]
    return list(accumulate(linked))


def _share(tree: Tree, part: Part, sums: list[int]) -> int:
    """Of `sums` what falls to the part; of a text that is cut, in proportion."""
    whole = sums[part.last] - sums[part.first]
    if part.start is None and part.end is None:
        return whole
    offsets, tokens = tree.offsets, tree.tokens
    start = offsets[tokens[part.first]] if part.start is None else part.start
    end = offsets[tokens[part.last - 1] + 1] if part.end is None else part.end
    full = offsets[tokens[part.last - 1] + 1] - offsets[tokens[part.first]]
    return round(whole * (end - start) / full) if full else 0

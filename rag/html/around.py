"""What stands around the text of a page: menus, footers, comments, cookie banners."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .attributes import value_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .groups import Group
    from .tree import Tree

__all__ = ["find_around"]

# A narrower choice than that of the main text (`boilerplate`): a sidebar may hold the table that is asked for, and a
# caption or a date the answer.
_LANDMARKS = frozenset({"footer", "nav"})
_WORDS = frozenset(
    [
        *("breadcrumb", "breadcrumbs", "comment", "comments", "consent", "cookie", "cookies"),
        *("footer", "nav", "navbar", "navigation"),
    ]
)
# Most tags have none of these words in them, and their attributes need not be read.
_ANY_WORD = re.compile("|".join(sorted(_WORDS)), re.IGNORECASE)
_TAG = re.compile("<[A-Za-z]")
_HINT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MOST = 0.5  # of a page's text; an element that holds more is the text, whatever it is called


def find_around(tree: Tree, groups: Sequence[Group]) -> tuple[bool, ...]:
    """For each group whether it stands in a menu, footer, comment or cookie banner, by landmark, class or id.

    Each tag is read once, so that the time is linear in the size of the page. An element that holds more than half of
    the text is never one of them; without groups the result is empty.
    """
    around = [tree.landmarks.get(frame) in _LANDMARKS for frame in range(len(tree.tags))]
    named: dict[int, bool] = {}  # by token: an element that the page leaves out has the tag of the one within it
    for frame in range(1, len(around)):
        token = tree.starts[frame]
        if token not in named:
            named[token] = _is_named(tree.source[slice(*tree.offsets[token : token + 2])])
        around[frame] = around[frame] or named[token]
    if not any(around):
        return (False,) * len(groups)
    sizes = _text_sizes(tree)
    for frame in range(1, len(around)):
        own = around[frame] and sizes[frame] <= _MOST * sizes[0]
        around[frame] = own or around[tree.parents[frame]]
    return tuple(around[tree.run_frames[group.first]] for group in groups)


def _is_named(tag: str) -> bool:
    if not _TAG.match(tag) or not _ANY_WORD.search(tag):
        return False
    spans = value_spans(tag, 0)
    names = " ".join(tag[slice(*spans[name])] for name in ("class", "id") if name in spans)
    return not _WORDS.isdisjoint(word.lower() for word in _HINT.findall(names))


def _text_sizes(tree: Tree) -> list[int]:
    """For each frame the characters of the texts in it and in the frames within."""
    sizes = [0] * len(tree.tags)
    for frame, first, last in zip(tree.run_frames, tree.run_firsts, tree.run_lasts, strict=True):
        sizes[frame] += sum(map(len, tree.data[first:last]))
    for frame in range(len(sizes) - 1, 0, -1):
        sizes[tree.parents[frame]] += sizes[frame]
    return sizes

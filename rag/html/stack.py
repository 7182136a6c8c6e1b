"""The open elements of a page while its tokens go by, and the run of text in the making."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .elements import BLOCKS, CELLS, LANDMARKS, ROLES, ROW_GROUPS
from .tree import Mark, Run, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from .parser import Token

__all__ = ["Stack", "number"]

_DEEPEST = 512  # elements deeper than this are put beside each other, as browsers do
_NUMBER = re.compile(r"[ \t\n\f\r]*\+?([0-9]+)")
_TAG_NAME = re.compile(r"<[^ \t\n\f\r/>]*")
_ATTRIBUTE = re.compile(
    r"""[ \t\n\f\r/]*([^ \t\n\f\r/>][^ \t\n\f\r/>=]*)"""
    r"""(?:[ \t\n\f\r]*=[ \t\n\f\r]*(?:"([^"]*)"|'([^']*)'|([^ \t\n\f\r>]*)))?"""
)
_SCOPES = frozenset({"caption", "table", "td", "th"})
_NO_WALLS = frozenset({"address", "dd", "div", "dt", "li", "p"})


class Stack:
    """Puts frames and runs into a tree.

    `stack` holds the open frames. `where[tag]` holds the depths at which such frames are open, after -1. `scopes`
    holds the depths of those frames that an end tag within does not reach beyond, `walls` the depths of those within
    which a list item does not end one outside. `opening` and `closing` say what the tags do.
    """

    def __init__(self, tree: Tree, wanted: tuple[str, ...]) -> None:
        self.tree, self.wanted = tree, wanted
        self.stack, self.scopes, self.walls = [0], [0], [0]
        self.where: dict[str, list[int]] = {tag: [-1] for tag in (*BLOCKS, *CELLS, *ROW_GROUPS)}
        self.where |= {tag: [-1] for tag in ("table", "tr", "caption")}
        self.first = 0  # piece at which the run in the making starts
        self.muted = 0  # depth of the outermost open frame that is hidden; 0 for none
        self.hush = ""  # element within the line of which the text is not shown
        self.hush_nested = self.hush_depth = self.hush_first = 0
        self.shown: list[tuple[int, int]] = []  # pieces of a hushed drawing that are shown all the same
        self.options: list[tuple[int, bool]] | None = None  # of the open select: first piece, whether selected
        self.many = False
        self.over: dict[str, int] = {}  # open elements that are too deep for the stack
        self.opening: dict[str, Callable[[Token, str], None]] = {}
        self.closing: dict[str, Callable[[str], None]] = {}
        self._saved: tuple[Callable[[Token, str], None] | None, Callable[[str], None] | None] = None, None
        tree.tags.append("body")
        for column in (tree.parents, tree.starts, tree.ends):
            column.append(0)

    def _skip(self, _token: Token, tag: str) -> None:
        """Nothing is shown up to the end of this element, or of the block around it."""
        if self.hush:
            return
        self.hush, self.hush_nested, self.hush_depth = tag, 0, len(self.stack)
        self.hush_first = len(self.tree.data)
        self.shown = []
        self._saved = self.opening.get(tag), self.closing.get(tag)
        self.opening[tag], self.closing[tag] = self._nest, self._unnest

    def _nest(self, _token: Token, _tag: str) -> None:
        self.hush_nested += 1

    def _unnest(self, _tag: str) -> None:
        if self.hush_nested:
            self.hush_nested -= 1
            return
        self._drop_hushed()
        self._end_hush()

    def _drop_hushed(self) -> None:
        if self.hush == "title" and not self.tree.title:
            self.tree.title = " ".join("".join(self.tree.data[self.hush_first :]).split())
        size = len(self.tree.data)
        shown = [index for first, last in self.shown for index in range(first - 1, last if last >= 0 else size)]
        self._keep(self.hush_first, shown)
        self.hush_first, self.shown = len(self.tree.data), []

    def _end_hush(self) -> None:
        tag, self.hush = self.hush, ""
        opening, closing = self._saved
        del self.opening[tag], self.closing[tag]
        if opening is not None:
            self.opening[tag] = opening
        if closing is not None:
            self.closing[tag] = closing

    # The stack of open frames, and the run in the making.

    def _open(self, token: Token, tag: str) -> bool:
        """Puts a frame on the stack, unless it is too deep."""
        self._flush()
        tree, depth = self.tree, len(self.stack)
        if depth >= _DEEPEST:
            self.over[tag] = self.over.get(tag, 0) + 1
            return False
        if self.hush in ("svg", "math"):  # a block ends a drawing
            self._end_hush()
        frame = len(tree.tags)
        tree.tags.append(tag)
        tree.parents.append(self.stack[-1])
        tree.starts.append(len(tree.offsets) - 1)
        tree.ends.append(0)
        self.stack.append(frame)
        self.where[tag].append(depth)
        if tag in _SCOPES:
            self.scopes.append(depth)
        if tag not in _NO_WALLS:
            self.walls.append(depth)
        if (self.hush or (tag == "dialog" and token.attr("open") is None)) and not self.muted:
            self.muted = depth
        self._note(token, tag, frame)
        return True

    def _note(self, token: Token, tag: str, frame: int) -> None:
        role = token.attr("role")
        landmark = ROLES.get(role.strip().lower()) if role else None
        if landmark or tag in LANDMARKS:
            self.tree.landmarks[frame] = landmark or tag
        if tag == "ol":
            self.tree.numbers[frame] = number(token.attr("start"), 1) - 1
        if tag == "table" and role in ("presentation", "none"):
            self.tree.layout.add(frame)
        if self.wanted and (attributes := self._attributes(token)):
            self.tree.attributes[frame] = attributes

    def _is_too_deep(self, tag: str) -> bool:
        """Whether the end tag is that of an element which the stack has no place for."""
        if not self.over.get(tag):
            return False
        self.over[tag] -= 1
        self._flush()
        return True

    def _close_p(self) -> None:
        depth = self.where["p"][-1]
        if depth > self.scopes[-1]:
            self._close_to(depth)

    def _close_to(self, depth: int, *, explicit: bool = False) -> None:
        """Leaves `depth` frames open; the last to close ends with the present tag if `explicit`, else before it."""
        self._flush()
        if len(self.stack) <= depth:
            return
        tree, end, frame = self.tree, len(self.tree.offsets) - 1, 0
        while len(self.stack) > depth:
            frame = self.stack.pop()
            self.where[tree.tags[frame]].pop()
            tree.ends[frame] = end
        if explicit:
            tree.ends[frame] = end + 1
        while self.scopes[-1] >= depth > 0:
            self.scopes.pop()
        while self.walls[-1] >= depth > 0:
            self.walls.pop()
        if self.muted >= depth:
            self.muted = 0
        if self.hush and depth < self.hush_depth:
            self._end_hush()
        self.over.clear()

    def _flush(self) -> None:
        """Ends the run in the making."""
        data = self.tree.data
        if len(data) == self.first:
            return
        if self.options is not None:
            self._end_select("select")
        if self.hush:
            self._drop_hushed()
        if self.muted:
            self._keep(self.first, [])
        if data[self.first :] and (data[self.first].strip() or any(map(str.strip, data[self.first :]))):
            last = len(data)
            while data[last - 1].isspace():
                last -= 1
            self.tree.runs.append(Run(self.stack[-1], self.first, last))
        self.first = len(data)

    def _end_select(self, _tag: str) -> None:
        if self.options is None:
            return
        options, self.options = self.options, None
        bounds = [*(first for first, _ in options), len(self.tree.data)]
        chosen = [number for number, (_, selected) in enumerate(options) if selected]
        if not chosen:
            chosen = list(range(len(options) if self.many else min(len(options), 1)))
        if options:
            self._keep(bounds[0], [index for number in chosen for index in range(bounds[number], bounds[number + 1])])
        self._add(" ", Mark("gap"))

    # What is not shown.

    def _add(self, text: str, mark: Mark) -> None:
        self.tree.marks[len(self.tree.data)] = mark
        self.tree.data.append(text)
        self.tree.tokens.append(len(self.tree.offsets) - 1)

    def _add_value(self, token: Token, name: str) -> bool:
        value = token.attr(name)
        if not value or not value.strip():
            return False
        self._add(value, Mark("value", span=self._value_span(name)))
        return True

    def _value_span(self, name: str) -> tuple[int, int]:
        """Characters of the value of an attribute of the present tag."""
        source = self.tree.source
        start = _TAG_NAME.match(source, self.tree.offsets[-1])
        place = start.end() if start else 0
        while match := _ATTRIBUTE.match(source, place):
            if match.group(1).lower() == name:
                return match.span(match.lastindex or 1)
            place = match.end()
        return place, place

    def _keep(self, first: int, kept: list[int]) -> None:
        """Of the pieces from `first` on leaves only those in `kept`."""
        tree = self.tree
        size = len(tree.data)
        marks = [tree.marks.get(index) for index in kept]
        for index in range(first, size):
            tree.marks.pop(index, None)
        tree.marks.update({first + number: mark for number, mark in enumerate(marks) if mark is not None})
        tree.data[first:] = [tree.data[index] for index in kept]
        tree.tokens[first:] = [tree.tokens[index] for index in kept]
        for number in reversed(range(len(tree.links))):
            if tree.links[number] <= len(tree.data):
                break
            tree.links[number] = len(tree.data)

    def _attributes(self, token: Token) -> tuple[tuple[str, str], ...]:
        values = ((name, token.attr(name)) for name in self.wanted)
        return tuple((name, value) for name, value in values if value is not None)


def number(value: str | None, otherwise: int) -> int:
    """A whole number as the standard reads attributes."""
    match = _NUMBER.match(value or "")
    return int(match.group(1)[:9]) if match else otherwise

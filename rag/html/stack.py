"""The open elements of a page while its tokens go by, and the run of text in the making."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .attributes import number, value_spans
from .elements import LANDMARKS, ROLES, SKIPPED
from .limits import Limits
from .tree import Mark, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from .parser import Token

__all__ = ["Stack"]

_DEEPEST = 512  # elements deeper than this are put beside each other, as browsers do
_SCOPES = frozenset({"caption", "table", "td", "th"})  # end tags within do not reach beyond these


class Stack:
    """Puts frames and runs into a tree.

    Attributes:
        tree: The tree.
        names: The elements of the open frames; "" for the body, which no tag closes.
        frames: The open frames.
        first: Piece at which the run in the making starts.
        opening: What start tags do.
        closing: What end tags do.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.data, self.tokens, self.offsets = tree.data, tree.tokens, tree.offsets
        self.names, self.frames = [""], [0]
        self.limits = Limits.of(len(tree.source))
        self.most_elements = self.limits.elements
        self.first = 0
        self.paragraphs = 0  # open p elements; to look through the names for each start tag takes long deep down
        self.opening: dict[str, Callable[[Token, str], None]] = {}
        self.closing: dict[str, Callable[[str], None]] = {}
        self.over: dict[str, int] = {}  # open elements that are too deep for the stack
        self.special = False  # whether any of these says that something is not as usual
        self.muted = 0  # depth of the outermost open frame that is hidden; 0 for none
        self.hush = ""  # the element within the line of which the text is not shown
        self.hush_nested = self.hush_depth = self.hush_first = 0
        self.hush_saved: tuple[Callable[[Token, str], None] | None, Callable[[str], None] | None] = None, None
        self.shown: list[list[int]] = []  # pieces [first, last) of a hushed drawing that are shown all the same
        tree.tags.append("body")
        for column in (tree.parents, tree.starts, tree.ends):
            column.append(0)

    def open(self, tag: str) -> bool:
        """Puts a frame on the stack, unless it is too deep."""
        tree, names = self.tree, self.names
        if len(self.data) > self.first:
            self.flush()
        if self.special and self.hush and not self.ends_drawing():
            self.muted = self.muted or len(names)
        if len(names) >= _DEEPEST:
            self.over[tag] = self.over.get(tag, 0) + 1
            self.special = True
            return False
        tags = tree.tags
        if len(tags) > self.most_elements:
            self.limits.refuse(self.most_elements, "elements", self.offsets[-1])
        tree.parents.append(self.frames[-1])
        self.frames.append(len(tags))
        tags.append(tag)
        names.append(tag)
        if tag == "p":
            self.paragraphs += 1
        tree.starts.append(len(self.offsets) - 1)
        tree.ends.append(0)
        return True

    def note(self, token: Token, tag: str) -> None:
        """What some elements say about themselves, after they were opened."""
        tree, frame = self.tree, self.frames[-1]
        role = (token.attr("role") or "").strip().lower()
        if role in ROLES or tag in LANDMARKS:
            tree.landmarks[frame] = ROLES.get(role, tag)
        if tag == "table" and role in ("presentation", "none"):
            tree.layout.add(frame)
        elif tag == "ol":
            tree.numbers[frame] = number(token.attr("start"), 1) - 1
        elif tag == "li" and (listed := tree.parents[frame]) in tree.numbers and tree.tags[listed] == "ol":
            tree.numbers[frame] = tree.numbers[listed] = number(token.attr("value"), tree.numbers[listed] + 1)
        elif tag == "dialog" and token.attr("open") is None:
            self.mute()

    def mute(self) -> None:
        """Hides the innermost open frame."""
        self.muted = self.muted or len(self.names) - 1
        self.special = True

    def close(self, depth: int, *, explicit: bool = False) -> None:
        """Leaves `depth` frames open; the last to close ends after the present tag if `explicit`, else before it."""
        tree = self.tree
        if len(tree.data) > self.first:
            self.flush()
        end = len(tree.offsets) - 1
        for frame in self.frames[depth:]:
            tree.ends[frame] = end
        if explicit:
            tree.ends[self.frames[depth]] = end + 1
        if self.paragraphs:
            self.paragraphs -= self.names[depth:].count("p")
        del self.frames[depth:], self.names[depth:]
        if self.special:
            if self.muted >= depth:
                self.muted = 0
            if self.hush and depth < self.hush_depth:
                self.end_hush()
            self.over.clear()
            self.special = bool(self.hush or self.muted)

    def depth(self, tag: str) -> int:
        """Depth of the innermost open frame of that element; 0 for none."""
        names = self.names
        return len(names) - 1 - names[::-1].index(tag) if tag in names else 0

    def scope(self) -> int:
        """Depth of the innermost open frame that end tags within do not reach beyond."""
        names = self.names
        return next((depth for depth in range(len(names) - 1, 0, -1) if names[depth] in _SCOPES), 0)

    def is_too_deep(self, tag: str) -> bool:
        """Whether the end tag is that of an element which the stack had no place for."""
        if not self.over.get(tag):
            return False
        self.over[tag] -= 1
        self.flush()
        return True

    def flush(self) -> None:
        """Ends the run in the making, if anything of it is seen."""
        tree, first = self.tree, self.first
        if self.special:
            self.leave_out()
        self.first = last = len(self.data)
        if last > first and (first not in tree.marks or any(map(str.strip, self.data[first:last]))):
            tree.run_frames.append(self.frames[-1])
            tree.run_firsts.append(first)
            tree.run_lasts.append(last)

    def leave_out(self) -> None:
        """Takes what is not shown out of the run in the making."""
        if self.hush:
            self.drop_hushed()
        if self.muted:
            self.keep(self.first, [])

    def add(self, text: str, mark: Mark) -> None:
        """A piece that is no plain text."""
        tree = self.tree
        tree.marks[len(tree.data)] = mark
        tree.data.append(text)
        tree.tokens.append(len(tree.offsets) - 1)

    def add_value(self, token: Token, name: str) -> bool:
        """The value of an attribute as a piece, if there is one."""
        value = token.attr(name)
        if not value or not value.strip():
            return False
        span = value_spans(self.tree.source, self.tree.offsets[-1])[name]
        self.add(value, Mark("value", span=span))
        return True

    def keep(self, first: int, kept: list[int]) -> None:
        """Of the pieces from `first` on leaves only those in `kept`."""
        tree = self.tree
        marks = [tree.marks.get(index) for index in kept]
        for index in range(first, len(tree.data)):
            tree.marks.pop(index, None)
        tree.marks.update({first + number: mark for number, mark in enumerate(marks) if mark is not None})
        tree.data[first:] = [tree.data[index] for index in kept]
        tree.tokens[first:] = [tree.tokens[index] for index in kept]
        for place in reversed(range(len(tree.links))):
            if tree.links[place] <= len(tree.data):
                break
            tree.links[place] = len(tree.data)

    # Elements within the line that are not shown.

    def skip(self, _token: Token, tag: str) -> None:
        """Nothing is shown up to the end of this element, or of the block around it."""
        if self.hush:
            return
        self.special = True
        self.hush, self.hush_nested, self.hush_depth = tag, 0, len(self.names)
        self.hush_first, self.shown = len(self.tree.data), []
        self.hush_saved = self.opening.get(tag), self.closing.get(tag)
        self.opening[tag], self.closing[tag] = self._nest, self._unnest

    def _nest(self, _token: Token, _tag: str) -> None:
        self.hush_nested += 1

    def _unnest(self, tag: str) -> None:
        if self.hush_nested:
            self.hush_nested -= 1
        elif len(self.names) > self.hush_depth and tag not in SKIPPED:
            return  # a block that is open within keeps the element open
        else:
            if len(self.names) > self.hush_depth:
                self.close(self.hush_depth)
            self.drop_hushed()
            self.end_hush()

    def drop_hushed(self) -> None:
        """Takes the pieces away that are not shown; those of the title become the page's."""
        data = self.tree.data
        if self.hush == "title" and not self.tree.title:
            self.tree.title = " ".join("".join(data[self.hush_first :]).split())
        shown = [index for first, *last in self.shown for index in range(first, last[0] if last else len(data))]
        self.keep(self.hush_first, shown)
        self.hush_first, self.shown = len(data), []

    def end_hush(self) -> None:
        """From here on all is shown again."""
        tag, self.hush = self.hush, ""
        opening, closing = self.hush_saved
        del self.opening[tag], self.closing[tag]
        if opening is not None:
            self.opening[tag] = opening
        if closing is not None:
            self.closing[tag] = closing

    def ends_drawing(self) -> bool:
        """A block ends a drawing or formula that is not closed."""
        if self.hush not in ("svg", "math"):
            return False
        self.end_hush()
        return True

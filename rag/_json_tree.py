"""The units of a JSON text, and the text with some of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import compress
from typing import TYPE_CHECKING

from ctxprune.context import Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ._json_outline import Outline

__all__ = ["JsonTree", "joined_path"]

_MOST_ITEMS = 1000  # scalars of one list that are units of their own; of longer lists several are one unit
_LONGEST_PATH = 200  # characters; of longer paths the end is shown


class JsonTree:
    """What of an outline is kept or dropped: its leaves, or those of them that are items of lists.

    Attributes:
        units: In the order of the text.
        paths: Of each unit, as in "user.name"; an item has that of its list.
        records: For each list of objects, two at least, its path, as in "result.hits", and the units of these objects.
    """

    def __init__(self, outline: Outline, *, members: bool) -> None:
        self._outline, self._members = outline, members
        # Of each container where its last part ends.
        self._closes = dict(zip(outline.parents, outline.ends, strict=True))
        del self._closes[-1]
        self._groups = self._grouped()
        paths: dict[int, str] = {}
        for part in sorted(self._closes):
            paths[part] = joined_path(paths.get(outline.parents[part], ""), outline.key(part))
        self.paths = [
            joined_path(paths.get(outline.parents[group.start], ""), outline.key(group.start)) for group in self._groups
        ]
        self.units = [self._unit(group, path) for group, path in zip(self._groups, self.paths, strict=True)]
        objects: defaultdict[int, list[int]] = defaultdict(list)
        for index, group in enumerate(self._groups):
            if outline.is_item(group.start) and outline.mark(group.start) == "{":
                objects[outline.parents[group.start]].append(index)
        self.records = [(paths[part], rows) for part, rows in objects.items() if len(rows) > 1]

    def text(self, kept: Collection[int], shortened: Mapping[int, str] | None = None) -> str:
        """The text with these units and what encloses them; the outermost brackets always stay.

        Each part but the first of its container comes with what stood before it in the text. Units in `shortened` are
        written as it says.
        """
        outline, closes = self._outline, self._closes
        short = {self._groups[index].start: text for index, text in (shortened or {}).items()}
        text, written, fresh = outline.text, [], True
        enclosing: list[int] = []

        def close() -> None:
            container = enclosing.pop()
            written.append(text[closes[container] : outline.ends[container]])

        for part in compress(range(len(outline)), self._alive(kept)):
            while enclosing and enclosing[-1] != outline.parents[part]:
                close()
                fresh = False
            if not fresh:
                written.append(text[outline.gaps[part] : outline.leads[part]])
            fresh = part in closes
            if fresh:
                enclosing.append(part)
            end = outline.leads[part + 1] if fresh else outline.ends[part]
            written.append(short.get(part) or text[outline.leads[part] : end])
        while enclosing:
            close()
        return "".join(written)

    def _alive(self, kept: Collection[int]) -> bytearray:
        """A byte a part, 1 for those that are written."""
        outline = self._outline
        alive = bytearray(len(outline))
        if not self._members:
            alive[:] = b"\1" * len(alive)
            for group in self._groups:
                alive[group.start : group.stop] = bytes(len(group))
        alive[0] = 1
        for index in kept:
            group = self._groups[index]
            alive[group.start : group.stop] = b"\1" * len(group)
            part = outline.parents[group.start]
            while part > 0 and not alive[part]:
                alive[part] = 1
                part = outline.parents[part]
        return alive

    def _grouped(self) -> list[range]:
        """The parts of each unit: one, or several scalars of a long list."""
        outline = self._outline
        scalars = bytearray(outline.is_item(part) and outline.mark(part) not in "{[" for part in range(len(outline)))
        widths = Counter(compress(outline.parents, scalars))
        groups: list[range] = []
        for part, parent in enumerate(outline.parents):
            if part in self._closes or not self._is_droppable(part):
                continue
            last = groups[-1] if groups else range(0)
            joins = scalars[part] and scalars[part - 1] and last.stop == part and outline.parents[last.start] == parent
            if joins and len(last) < -(-widths[parent] // _MOST_ITEMS):
                groups[-1] = range(last.start, part + 1)
            else:
                groups.append(range(part, part + 1))
        return groups

    def _is_droppable(self, part: int) -> bool:
        if part == 0:
            return self._members and self._outline.mark(0) not in "{["
        return self._members or self._outline.is_item(part)

    def _unit(self, group: range, path: str) -> Unit:
        outline, part = self._outline, group.start
        end = outline.ends[group.stop - 1]
        value = outline.text[outline.values[part] : end]
        named = part > 0 and not outline.is_item(part)
        return Unit(f"{path}: {value}" if named else value, pinned=part == 0, span=(outline.leads[part], end))


def joined_path(path: str, key: str | None) -> str:
    """The path of a member of what is at `path`; of long ones the end."""
    if key is None:
        return path
    return (f"{path}.{key}" if path else key)[-_LONGEST_PATH:]

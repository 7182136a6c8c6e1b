"""Units of a page that are too large for a budget, in parts: paragraphs, list items, cells, lines, sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..passages.cutting import SMALLEST
from .cuts import divide
from .groups import Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .leaves import Part
    from .reading import Reading

__all__ = ["detach_groups", "split_groups"]

_OF_TABLES = frozenset({"caption", "header"})
_PARTED = frozenset({"text", "item", "code", "row"})  # a part of a heading or of a header row is none


def split_groups(
    reading: Reading, groups: Sequence[Group], sizes: Mapping[int, int]
) -> tuple[tuple[Group, ...], list[int]] | None:
    """`groups` with parts of at most so many UTF-8 bytes (at least 32) in the place of those in `sizes`, and for each
    the index that it had, or of the group that it is a part of; None where nothing can be parted.

    What others stand under stays whole.
    """
    needed = {group.parent for group in groups}
    parts: dict[int, list[Group]] = {}
    for index, size in sizes.items():
        group = groups[index]
        if group.kind in _PARTED and index not in needed:
            found = [*_part_group(reading, group, max(size, SMALLEST))]
            if len(found) > 1:
                parts[index] = found
    if not parts:
        return None
    return _insert_parts(groups, parts)


def detach_groups(groups: Sequence[Group], indices: Sequence[int]) -> tuple[Group, ...]:
    """`groups`, of which those at `indices` stand under no heading any more; rows keep caption and header, which go
    with them."""
    found = [*groups]
    for index in indices:
        top = index
        while (parent := found[top].parent) is not None and groups[parent].kind in _OF_TABLES:
            top = parent
        if parent is not None and groups[parent].kind == "heading":
            found[top] = found[top]._replace(parent=None)
    return tuple(found)


def _insert_parts(groups: Sequence[Group], parts: Mapping[int, list[Group]]) -> tuple[tuple[Group, ...], list[int]]:
    places: list[int] = []
    made: list[Group] = []
    origins: list[int] = []
    for index, group in enumerate(groups):
        places.append(len(made))
        inserted = parts.get(index, [group])
        made += inserted
        origins += [index] * len(inserted)
    # Parents come before what stands under them and are never parted, so each has one place.
    moved = (group if group.parent is None else group._replace(parent=places[group.parent]) for group in made)
    return tuple(moved), origins


def _part_group(reading: Reading, group: Group, most: int) -> Iterator[Group]:
    """The group in parts: whole runs while they fit together, and of a run that is too long its sentences or lines."""
    first, size = group.first, 0
    for number in range(group.first, group.last):
        weight = len(reading.runs[number].encode("utf-8", "surrogatepass"))
        if weight <= most and group.part is None:
            if size and size + weight > most:
                yield group._replace(first=first, last=number)
                first, size = number, 0
            size += weight
            continue
        if number > first:
            yield group._replace(first=first, last=number)
        yield from (
            group._replace(first=number, last=number + 1, part=part) for part in _cut_run(reading, group, number, most)
        )
        first, size = number + 1, 0
    if first < group.last:
        yield group._replace(first=first)


def _cut_run(reading: Reading, group: Group, number: int, most: int) -> list[Part]:
    whole = group.part or reading.outline.part(number)
    return divide(reading.tree, whole, most, lines=group.kind == "code")

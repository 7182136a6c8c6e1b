"""The text of a part of the page: as a reader sees it, and as it stands in the source."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .tree import Mark, Tree

__all__ = ["Part", "Piece", "joined", "pieces", "plain", "simple_markup", "span", "text_span", "united"]

_POWER = re.compile(r"[-+−–]?[0-9nxk]+(?:[.,/][0-9]+)?\Z")


class Part(NamedTuple):
    """Pieces [first, last) of run `run`; of the first the source from `start`, of the last up to `end`, if given."""

    run: int
    first: int
    last: int
    start: int | None = None
    end: int | None = None


class Piece(NamedTuple):
    """A piece as a reader sees it, as it is written in HTML, what it is if no plain text, and its token."""

    text: str
    markup: str
    mark: Mark | None
    token: int


def pieces(tree: Tree, part: Part) -> Iterator[Piece]:
    """The pieces of a part in order."""
    for index in range(part.first, part.last):
        mark = tree.marks.get(index)
        if mark is None:
            start = part.start if index == part.first else None
            end = part.end if index == part.last - 1 else None
            yield Piece(*_text(tree, index, start, end), None, tree.tokens[index])
        else:
            markup = _value(tree, index, mark) if mark.kind == "value" else ""
            yield Piece(_sign(tree, index, mark), markup, mark, tree.tokens[index])


def _text(tree: Tree, index: int, start: int | None, end: int | None) -> tuple[str, str]:
    """A text, clipped at `start` and `end` in the source where these are given: resolved and as it is written."""
    whole = text_span(tree, index)
    literal = whole[1] - whole[0] == len(tree.data[index])  # no reference was resolved, and nothing left out
    written = tree.source[whole[0] if start is None else start : whole[1] if end is None else end].replace("\x00", " ")
    if not literal and "<" in written:
        written = written.replace("</>", "")
    text = tree.data[index]
    if start is not None or end is not None:
        text = (written if literal else unescape(written)).replace("\n", "\x0c")
    if literal and "&" in written and unescape(written) != written:  # in an element in which references mean nothing
        written = written.replace("&", "&amp;")
    return text, written.replace("<", "&lt;") if "<" in written else written


def text_span(tree: Tree, index: int) -> tuple[int, int]:
    """Characters of a text in the source, without a tag that the end of the source cut off."""
    token = tree.tokens[index]
    start, end = tree.offsets[token], tree.offsets[token + 1]
    return start, min(end, tree.text_end)


def _value(tree: Tree, index: int, mark: Mark) -> str:
    written = tree.source[slice(*mark.span)]
    if "<" in written or unescape(written).split() != tree.data[index].split():
        return escape(tree.data[index], quote=False)
    return written


def span(tree: Tree, part: Part) -> tuple[int, int]:
    """Characters of a part in the source, from the first text to the last, with the tags between."""
    spans = [
        mark.span if (mark := tree.marks.get(index)) and mark.kind == "value" else text_span(tree, index)
        for index in (part.first, part.last - 1)
    ]
    start = spans[0][0] if part.start is None else part.start
    end = max(start, spans[1][1] if part.end is None else part.end)
    text = tree.source[start:end]
    return start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())


def plain(tree: Tree, part: Part, *, preformatted: bool = False) -> str:
    """The text as a reader sees it, line breaks as such; white space collapsed where it is not `preformatted`."""
    texts = []
    for index in range(part.first, part.last):
        mark = tree.marks.get(index)
        if mark is None:
            start = part.start if index == part.first else None
            end = part.end if index == part.last - 1 else None
            texts.append(tree.data[index] if start is end is None else _text(tree, index, start, end)[0])
        elif mark.kind == "value":
            texts.append(f" {tree.data[index]} ")
        else:
            texts.append(_sign(tree, index, mark))
    whole = "".join(texts)
    if preformatted:
        return whole.replace("\x0c", "\n").strip("\n").rstrip()
    return "\n".join(filter(None, (" ".join(line.split()) for line in whole.split("\n"))))


def simple_markup(tree: Tree, part: Part) -> str:
    """The source of a whole run that is nothing but text without references; "" of any other."""
    _, first, last, _, _ = part
    if tree.has_marks(first, last):
        return ""
    source, offsets = tree.source, tree.offsets
    tokens = tree.tokens[first:last]
    written = "".join([source[offsets[token] : offsets[token + 1]] for token in tokens])
    return "" if "<" in written or "&" in written or "\x00" in written else written


def _sign(tree: Tree, index: int, mark: Mark) -> str:
    """What a mark is in plain text: a break, a gap, quotation marks, a caret for a power; "" for most."""
    if mark.tag == "q":
        return "“" if mark.kind == "open" else "”"
    return "^" if mark.kind == "open" and mark.tag == "sup" and _is_power(tree, index) else tree.data[index]


def _is_power(tree: Tree, index: int) -> bool:
    """Whether a raised text stands for a power, which would read as a part of the number before it without a sign."""
    before, after = tree.data[index - 1 : index], tree.data[index + 1 : index + 2]
    return bool(before and after) and before[0][-1:].isalnum() and _POWER.match(after[0].strip()) is not None


def joined(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts in order, where one goes on where another was cut both as one."""
    before: Part | None = None
    for part in parts:
        if before is None:
            before = part
        elif part[0] == before[0] and _meet(before, part):
            before = united(before, part)
        else:
            yield before
            before = part
    if before is not None:
        yield before


def united(before: Part, after: Part) -> Part:
    """Two parts of a run, the second of which starts where the first ends, as one."""
    return Part(before.run, before.first, after.last, before.start, after.end)


def _meet(before: Part, part: Part) -> bool:
    if before.end is None or part.start is None:
        return before.end is part.start and before.last == part.first
    return before.end == part.start and before.last - 1 == part.first

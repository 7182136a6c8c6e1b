"""What is kept of a page, as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .attributes import resolved, value_spans
from .elements import HEADINGS
from .leaves import Part, pieces, plain
from .render_text import cell_text, shown_rows
from .walk import by_cell, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .outline import Outline
    from .tables import Table
    from .walk import Dropped

__all__ = ["MarkdownWriter"]

_MISREAD = re.compile(r"^(?=[#>+\-*|]|[~`]{3}|=+[ \t]*$|[0-9]{1,9}[.)]\s)", re.MULTILINE)  # what would be a block
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)")
_BRACKET = re.compile(r"[\[\]]")
_DEEPEST = 12  # levels that are indented
_UNSAFE = re.compile(r"[\s()<>\\]")
_TICKS = re.compile("`+")
_LINE = {"code": "`", "del": "~~", "s": "~~"}
_CLOSING = _LINE | {"q": "”"}


class MarkdownWriter:
    """Writes parts of one page as GitHub-flavoured Markdown.

    A backslash stands before what would be read as markup at the start of a line, before tags and, in tables, bars.
    """

    def __init__(self, outline: Outline, dropped: Dropped | None = None) -> None:
        self.outline, self.tree, self.dropped = outline, outline.tree, dropped or {}

    def without(self, dropped: Dropped) -> MarkdownWriter:
        """A writer of the same page that leaves out columns."""
        return MarkdownWriter(self.outline, dropped)

    def write(self, parts: Iterable[Part]) -> str:
        """The parts, which are in order."""
        written: list[str] = []
        indents: list[tuple[str, str]] = []  # for each open element what its first line and the others start with
        listed = False
        for step in walk(self.outline, parts):
            if step.kind == "open":
                indents.append(self.indent(step.frame))
            elif step.kind == "close":
                indents.pop()
            else:
                text = self.block(step.frame, step.parts, is_table=step.kind == "table")
                around = indents if len(indents) <= _DEEPEST else [*indents[:_DEEPEST], indents[-1]]
                first, rest = "".join(first for first, _ in around), "".join(rest for _, rest in around)
                item = bool(indents) and first != rest and not first.isspace()
                written.append("" if not written else "\n" if item and listed else "\n\n")
                written.append(first + text.replace("\n", f"\n{rest}"))
                indents = [(rest, rest) for _, rest in indents]
                listed = bool(indents)
        return "".join(written)

    def indent(self, frame: int) -> tuple[str, str]:
        """What the first line of an element starts with, and what its other lines do."""
        tag = self.tree.tags[frame]
        if tag == "li":
            number = self.tree.numbers.get(frame)
            marker = "- " if number is None else f"{number}. "
            return marker, " " * len(marker)
        if tag == "dd":
            return ": ", "  "
        return ("> ", "> ") if tag == "blockquote" else ("", "")

    def block(self, frame: int, parts: Sequence[Part], *, is_table: bool) -> str:
        """One block without its indentation; `frame` is the table, or the element that owns the part."""
        if is_table:
            return self.table(self.outline.tables[frame], parts)
        if self.outline.preformatted[frame]:
            text = plain(self.tree, parts[0], preformatted=True)
            fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
            return f"{fence}\n{text}\n{fence}"
        text = self.line(parts[0])
        level = HEADINGS.get(self.tree.tags[frame])
        return f"{'#' * level} {' '.join(text.split())}" if level else _MISREAD.sub(r"\\", text)

    def line(self, part: Part) -> str:
        """The text with links, code and what was deleted."""
        written: list[str] = []
        open_: list[tuple[int, str]] = []  # where each open element starts, and what closes it
        for piece in pieces(self.tree, part):
            if piece.mark is None or piece.mark.kind in ("break", "gap", "value"):
                text = f" {piece.text} " if piece.mark is not None and piece.mark.kind == "value" else piece.text
                is_break = piece.mark is not None and piece.mark.kind == "break"
                written.append(text if is_break else _escaped(_flat(text), [sign for _, sign in open_]))
            elif piece.mark.kind == "open":
                sign = _LINE.get(piece.mark.tag, piece.text)
                closing = f"]({self.target(piece.token)})" if piece.mark.link else _CLOSING.get(piece.mark.tag, "")
                open_.append((len(written), closing))
                written.append("[" if piece.mark.link else sign)
            elif open_:
                _close(written, *open_.pop())
        while open_:
            _close(written, *open_.pop())
        return "\n".join(filter(None, (" ".join(line.split()) for line in "".join(written).split("\n"))))

    def target(self, token: int) -> str:
        """The target of a link as it may stand in brackets."""
        source, start = self.tree.source, self.tree.offsets[token]
        target = resolved(source[slice(*value_spans(source, start)["href"])]).strip()
        return _UNSAFE.sub(lambda match: f"%{ord(match.group()):02X}", target)

    def table(self, table: Table, parts: Sequence[Part]) -> str:
        """The caption, and the kept rows under the first of the header rows, or under empty names."""
        cells = by_cell(self.outline, parts)
        shown = shown_rows(self.outline, table, cells, self.dropped)
        rows = [[cell.replace("|", r"\|") for cell in row] for row in shown]
        width = max(map(len, rows), default=0)
        heads = any(cell in cells for row in table.cells_by_row[: table.head] for cell in row)
        if not heads:
            rows.insert(0, [""] * width)
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines[1:1] = [f"|{'---|' * width}"] if width else []
        caption = [cell_text(self.outline, cells[table.caption]), ""] if table.caption in cells else []
        return "\n".join([*caption, *(lines if width else [])])


def _escaped(text: str, closings: Sequence[str]) -> str:
    """The text as it may stand within elements that are closed so; in code nothing is markup but the end of it."""
    if _LINE["code"] in closings:
        return text
    text = _MARKUP.sub(r"\\\g<0>", text)
    return _BRACKET.sub(r"\\\g<0>", text) if any(sign.startswith("](") for sign in closings) else text


def _close(written: list[str], start: int, closing: str) -> None:
    """End the element that starts at `start`; code within more marks than stand in it."""
    if closing == _LINE["code"]:
        inner = "".join(written[start + 1 :])
        marks = "`" * (1 + max(map(len, _TICKS.findall(inner)), default=0))
        gap = " " if "`" in (inner[:1], inner[-1:]) else ""
        written[start], closing = marks + gap, gap + marks
    written.append(closing)


def _flat(text: str) -> str:
    return text.replace("\n", " ")

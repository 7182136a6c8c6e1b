"""Building the tree of boxes in one pass over the tokens, without recursion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .elements import BLOCKS, CELLS, HEADINGS, ITEMS, MARKS, ROW_GROUPS, SKIPPED, VOID, hides
from .parser import START, TEXT, Token, line_starts, tokenized
from .stack import Stack, number
from .tree import Mark, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["build"]

_MOST_COLUMNS, _MOST_ROWS = 1000, 65534  # of one cell, by the standard
_PLAIN = frozenset(
    [
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "label",
        "mark",
        "small",
        "span",
        "strong",
        "time",
        "u",
        "var",
    ]
)
_NO_VALUE = frozenset({"checkbox", "color", "file", "hidden", "image", "password", "radio", "range"})
_SCRIPTED = ("javascript:", "vbscript:", "data:")


def build(source: str, *, parser: str | None = None, wanted: tuple[str, ...] = (), links: bool = False) -> Tree:
    """The tree of a page; `wanted` names attributes to keep, `links` keeps targets.

    Raises:
        MissingExtraError: No parser is installed.
    """
    text, stream = tokenized(source, parser)
    builder = _Builder(Tree(text), wanted, links)
    builder.read(stream)
    return builder.tree


class _Builder(Stack):
    """What each tag does."""

    def __init__(self, tree: Tree, wanted: tuple[str, ...], links: bool) -> None:
        super().__init__(tree, wanted)
        self.keep_links = links
        self.inline: dict[str, list[bool]] = {}  # for open elements within the line, whether they are kept
        self.opening = self._opening()
        self.closing = self._closing()

    def read(self, stream: Iterator[Token]) -> None:
        """All tokens."""
        tree, opening, closing = self.tree, self.opening, self.closing
        places, starts = tree.offsets, line_starts(tree.source)
        data, tokens = tree.data, tree.tokens
        for token in stream:
            places.append(starts[token.line] + token.col)
            tag = token.tag
            if tag is None:
                if token.type == TEXT:
                    text = token.data or ""
                    if len(data) > self.first or not text.isspace():
                        data.append(text)
                        tokens.append(len(places) - 1)
            elif token.type == START:
                if token.attr("style") or token.attr("hidden") is not None or token.attr("aria-hidden"):
                    self._start_hidden(token, tag)
                elif tag in opening:
                    opening[tag](token, tag)
            elif tag in closing:
                closing[tag](tag)
        places.append(len(tree.source))
        self._close_to(1)
        self._flush()
        tree.ends[0] = len(places) - 1

    # What each element does.

    def _opening(self) -> dict[str, Callable[[Token, str], None]]:
        known: dict[str, Callable[[Token, str], None]] = dict.fromkeys(BLOCKS, self._block)
        known |= dict.fromkeys(HEADINGS, self._heading)
        known |= dict.fromkeys(ITEMS, self._item)
        known |= dict.fromkeys(CELLS, self._cell)
        known |= dict.fromkeys((*ROW_GROUPS, "caption"), self._table_part)
        known |= dict.fromkeys((*SKIPPED, "annotation", "annotation-xml"), self._skip)
        known |= dict.fromkeys(_PLAIN if self.wanted else (), self._inline)
        known |= dict.fromkeys(MARKS, self._inline)
        known |= {"table": self._table, "tr": self._row, "hr": self._rule, "br": self._break}
        known |= {"a": self._link, "img": self._value, "input": self._input, "math": self._math}
        known |= {"select": self._select, "option": self._option, "optgroup": self._option}
        known |= {"svg": self._skip, "title": self._title, "desc": self._drawing, "text": self._drawing}
        known |= dict.fromkeys(("button", "textarea"), self._gap)
        return known

    def _closing(self) -> dict[str, Callable[[str], None]]:
        known: dict[str, Callable[[str], None]] = dict.fromkeys(BLOCKS, self._end)
        known |= dict.fromkeys(HEADINGS, self._end_heading)
        known |= dict.fromkeys((*CELLS, *ROW_GROUPS, "caption", "tr", "table"), self._end_table_part)
        known |= dict.fromkeys((*MARKS, *(_PLAIN if self.wanted else ())), self._end_inline)
        known |= {"a": self._end_link, "br": lambda tag: self._break(None, tag), "select": self._end_select}
        known |= dict.fromkeys(("button", "textarea"), lambda _: self._add(" ", Mark("gap")))
        known |= dict.fromkeys(("title", "desc", "text"), self._end_drawing)
        return known

    def _block(self, token: Token, tag: str) -> None:
        self._close_p()
        self._open(token, tag)

    def _heading(self, token: Token, tag: str) -> None:
        self._close_p()
        if self.tree.tags[self.stack[-1]] in HEADINGS:
            self._close_to(len(self.stack) - 1)
        self._open(token, tag)

    def _item(self, token: Token, tag: str) -> None:
        depth = self.where["li"][-1] if tag == "li" else max(self.where["dt"][-1], self.where["dd"][-1])
        if depth > self.walls[-1]:
            self._close_to(depth)
        self._close_p()
        if self._open(token, tag) and self.tree.tags[self.stack[-2]] == "ol":
            self._number_item(token)

    def _number_item(self, token: Token) -> None:
        """The number that a reader sees before an item of an ordered list."""
        numbers, (listed, frame) = self.tree.numbers, self.stack[-2:]
        numbers[frame] = numbers[listed] = number(token.attr("value"), numbers.get(listed, 0) + 1)

    def _table(self, token: Token, tag: str) -> None:
        table = self.where["table"][-1]
        if table > 0 and self.scopes[-1] == table:  # not within a cell or caption of it
            self._close_to(table)
        else:
            self._close_p()
        self._open(token, tag)

    def _table_part(self, token: Token, tag: str) -> None:
        table = self.where["table"][-1]
        if table < 0:
            self._flush()
            return
        self._close_to(table + 1)
        self._open(token, tag)

    def _row(self, token: Token, tag: str) -> None:
        table = self.where["table"][-1]
        if table < 0:
            self._flush()
            return
        row, group = self.where[tag][-1], max(self.where[name][-1] for name in ROW_GROUPS)
        self._close_to(row if row > table else max(group, table) + 1)
        self._open(token, tag)

    def _cell(self, token: Token, tag: str) -> None:
        table = self.where["table"][-1]
        if table < 0:
            self._flush()
            return
        if self.where["tr"][-1] > table:
            self._close_to(self.where["tr"][-1] + 1)
        else:
            self._row(token, "tr")
        if self._open(token, tag):
            spans = number(token.attr("colspan"), 1), number(token.attr("rowspan"), 1)
            self.tree.cells[self.stack[-1]] = min(max(spans[0], 1), _MOST_COLUMNS), min(spans[1], _MOST_ROWS)

    def _rule(self, _token: Token, _tag: str) -> None:
        self._close_p()
        self._flush()

    def _break(self, _token: Token | None, _tag: str) -> None:
        if len(self.tree.data) > self.first:
            self._add("\n", Mark("break"))

    def _gap(self, _token: Token, _tag: str) -> None:
        self._add(" ", Mark("gap"))

    def _inline(self, token: Token, tag: str) -> None:
        attributes = self._attributes(token)
        kept = tag in MARKS or bool(attributes)
        self.inline.setdefault(tag, []).append(kept)
        if kept:
            self._add("", Mark("open", MARKS.get(tag, tag), attributes=attributes))

    def _link(self, token: Token, tag: str) -> None:
        self._end_link(tag)
        target = token.attr("href")
        if target is None:
            return
        self.tree.links.append(len(self.tree.data))
        attributes = self._attributes(token)
        if self.keep_links and not re.sub(r"[\x00-\x20]", "", target).lower().startswith(_SCRIPTED):
            attributes = (("href", target), *attributes)
        if attributes:
            self._add("", Mark("open", "a", attributes=attributes))

    def _value(self, token: Token, _tag: str) -> None:
        self._add_value(token, "alt")

    def _input(self, token: Token, _tag: str) -> None:
        kind = (token.attr("type") or "text").lower()
        if kind == "image":
            self._add_value(token, "alt")
        elif kind not in _NO_VALUE:
            self._add_value(token, "value")

    def _math(self, token: Token, tag: str) -> None:
        if self._add_value(token, "alttext"):
            self._skip(token, tag)

    def _select(self, token: Token, tag: str) -> None:
        self._end_select(tag)
        self._add(" ", Mark("gap"))
        self.options, self.many = [], token.attr("multiple") is not None

    def _option(self, token: Token, tag: str) -> None:
        if self.options is not None:
            self.options.append((len(self.tree.data), tag == "option" and token.attr("selected") is not None))
            self._add(" ", Mark("gap"))

    def _title(self, token: Token, tag: str) -> None:
        if self.hush == "svg":
            self._drawing(token, tag)
        else:
            self._skip(token, tag)

    def _drawing(self, _token: Token, _tag: str) -> None:
        if self.hush == "svg":
            self._add(" ", Mark("gap"))
            self.shown.append((len(self.tree.data), -1))

    def _end_drawing(self, _tag: str) -> None:
        if self.hush == "svg" and self.shown and self.shown[-1][1] < 0:
            self.shown[-1] = (self.shown[-1][0], len(self.tree.data))

    def _end(self, tag: str) -> None:
        if self._is_too_deep(tag):
            return
        depth = self.where[tag][-1]
        if depth > 0 and depth >= self.scopes[-1]:
            self._close_to(depth, explicit=True)
        elif tag == "p":
            self._flush()

    def _end_heading(self, tag: str) -> None:
        if not self._is_too_deep(tag):
            self._end(max(HEADINGS, key=lambda name: self.where[name][-1]))

    def _end_table_part(self, tag: str) -> None:
        if self._is_too_deep(tag):
            return
        depth = self.where[tag][-1]
        if depth > 0 and depth >= self.where["table"][-1]:
            self._close_to(depth, explicit=True)
        else:
            self._flush()

    def _end_inline(self, tag: str) -> None:
        kept = self.inline.get(tag)
        if kept and kept.pop():
            self._add("", Mark("close", MARKS.get(tag, tag)))

    def _end_link(self, _tag: str) -> None:
        if len(self.tree.links) % 2:
            self.tree.links.append(len(self.tree.data))
            if self.keep_links or self.wanted:
                self._add("", Mark("close", "a"))

    def _start_hidden(self, token: Token, tag: str) -> None:
        """An element that may be hidden. Blocks for which only assistive technology is told so are shown."""
        block = tag in self.where
        hidden = token.attr("hidden") is not None or hides(token.attr("style") or "")
        if not hidden and (block or token.attr("aria-hidden") != "true"):
            if tag in self.opening:
                self.opening[tag](token, tag)
        elif block:
            known = len(self.tree.tags)
            self.opening[tag](token, tag)
            if len(self.tree.tags) > known:
                self.muted = self.muted or len(self.stack) - 1
        elif tag not in VOID:
            self._skip(token, tag)

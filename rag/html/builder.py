"""Building the tree of boxes in one pass over the tokens, without recursion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .attributes import number
from .elements import BLOCKS, BOXES, HEADINGS, LANDMARKS, LISTS, MARKS, SKIPPED, VOID, hides, words
from .parser import START, TEXT, Token, tokenized
from .stack import Stack
from .tree import Mark, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["build"]

_GROUPS = ("tbody", "thead", "tfoot")
_NOTED = LANDMARKS | words("dialog ol table")
_AROUND_ITEMS = words("address dd div dt li p")  # a list item ends one outside of these
_WITHIN = words("abbr b bdi bdo big cite dfn em font i ins label mark small span strong time u var")
_NO_VALUE = words("checkbox color file hidden image password radio range")
_UNSEEN = re.compile(r"[\x00-\x20]")
_SCRIPTS = ("javascript:", "vbscript:", "data:")


def build(source: str, *, parser: str | None = None, wanted: tuple[str, ...] = (), links: bool = False) -> Tree:
    """The tree of a page; elements with an attribute that is `wanted` are marked, with `links` those with a target.

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
        super().__init__(tree)
        self.wanted, self.links = wanted, links
        self.inline: dict[str, list[bool]] = {}  # for open elements within the line, whether they are marked
        self.options: list[tuple[int, bool | None]] | None = None  # of the open select: first piece, if selected
        self.select_first = 0  # its first piece
        self.tables = 0  # table elements so far
        self.several = False  # whether the open select lets several be selected
        self.opening = self._opening()
        self.closing = self._closing()

    def read(self, stream: Iterator[Token]) -> None:  # noqa: C901  # what most tags need stands in the loop, for speed
        """All tokens."""
        opening, closing, names, frames, ends = self.opening, self.closing, self.names, self.frames, self.tree.ends
        offsets, data, tokens, most = self.offsets, self.data, self.tokens, self.limits.pieces
        for token in stream:
            offsets.append(token.col)
            tag = token.tag
            if tag is None:
                if token.type == TEXT:
                    text = token.data or ""
                    if len(data) > self.first or not text.isspace():
                        data.append(text)
                        tokens.append(len(offsets) - 1)
                        if len(data) > most:
                            self.limits.refuse(most, "texts and marks", token.col)
            elif token.type == START:
                style = token.attr("style")
                if (style and hides(style)) or token.attr("hidden") is not None or token.attr("aria-hidden") == "true":
                    self._hidden(token, tag)
                elif tag in opening:
                    opening[tag](token, tag)
            elif tag == names[-1] and not self.special:
                if len(data) > self.first:
                    self.flush()
                names.pop()
                if tag == "p":
                    self.paragraphs -= 1
                ends[frames.pop()] = len(offsets)
            elif tag in closing:
                closing[tag](tag)
        offsets.append(len(self.tree.source))
        self.close(1)
        ends[0] = len(offsets) - 1

    def leave_out(self) -> None:
        """Takes what is not shown out of the run in the making; an open select ends with it."""
        if self.options is not None:
            self._choose()
        super().leave_out()

    def drop_hushed(self) -> None:
        """Takes the pieces away that are not shown; a select among them is one no more."""
        if self.select_first > self.hush_first:
            self.options = None
        super().drop_hushed()

    def _opening(self) -> dict[str, Callable[[Token, str], None]]:
        known: dict[str, Callable[[Token, str], None]] = dict.fromkeys(BLOCKS, self._block)
        known |= dict.fromkeys(HEADINGS, self._heading)
        known |= dict.fromkeys(("li", "dt", "dd"), self._item) | {"p": self._plain}
        known |= dict.fromkeys(("td", "th"), self._cell)
        known |= dict.fromkeys((*_GROUPS, "caption"), self._table_part)
        known |= dict.fromkeys((*SKIPPED, "annotation", "annotation-xml", "svg"), self.skip)
        known |= dict.fromkeys(_WITHIN if self.wanted else (), self._inline)
        known |= dict.fromkeys(MARKS, self._inline)
        known |= dict.fromkeys(("option", "optgroup"), self._option)
        known |= dict.fromkeys(("button", "textarea"), self._gap)
        known |= dict.fromkeys(("title", "desc", "text"), self._drawn)
        known |= {"table": self._table, "tr": self._row, "hr": self._rule, "br": self._break, "a": self._link}
        known |= {"img": self._image, "input": self._input, "math": self._math, "select": self._select}
        return known

    def _closing(self) -> dict[str, Callable[[str], None]]:
        known: dict[str, Callable[[str], None]] = dict.fromkeys(BLOCKS, self._end)
        known |= dict.fromkeys(HEADINGS, self._end_heading)
        known |= dict.fromkeys(("td", "th", "tr", "table", "caption", *_GROUPS), self._end_table_part)
        known |= dict.fromkeys((*MARKS, *(_WITHIN if self.wanted else ())), self._end_inline)
        known |= dict.fromkeys(("button", "textarea"), self._end_gap)
        known |= dict.fromkeys(("title", "desc", "text"), self._end_drawn)
        known |= {"a": self._end_link, "br": self._end_break, "select": self._end_select}
        return known

    def _hidden(self, token: Token, tag: str) -> None:
        """An element that is hidden. A block that is so for assistive technology only is shown.

        Whole pages are told so behind an open dialog, and decorations within a line all the time.
        """
        if tag in BOXES and token.attr("hidden") is None and not hides(token.attr("style") or ""):
            self.opening[tag](token, tag)
        elif tag in BOXES:
            known = len(self.tree.tags)
            self.opening[tag](token, tag)
            if len(self.tree.tags) > known:
                self.mute()
        elif tag not in VOID:
            self.skip(token, tag)

    # Blocks.

    def _plain(self, _token: Token, tag: str) -> None:
        if self.paragraphs:
            self._close_p()
        self.open(tag)

    def _block(self, token: Token, tag: str) -> None:
        if self.paragraphs:
            self._close_p()
        if self.open(tag) and (tag in _NOTED or token.attr("role")):
            self.note(token, tag)

    def _close_p(self) -> None:
        depth = self.depth("p")
        if depth > self.scope():
            self.close(depth)

    def _heading(self, token: Token, tag: str) -> None:
        if self.names[-1] in HEADINGS:
            self.close(len(self.names) - 1)
        self._plain(token, tag)

    def _item(self, token: Token, tag: str) -> None:
        names = self.names
        if names[-1] not in LISTS:
            depth = self.depth("li") if tag == "li" else max(self.depth("dt"), self.depth("dd"))
            if depth and _AROUND_ITEMS.issuperset(names[depth:]):
                self.close(depth)
        self._plain(token, tag)
        if tag == "li" and names[-2:] == ["ol", "li"]:
            self.note(token, tag)

    def _end(self, tag: str) -> None:
        if self.over and self.is_too_deep(tag):
            return
        if self.names[-1] == tag:
            self.close(len(self.names) - 1, explicit=True)
        elif (depth := self.depth(tag)) and depth > self.scope():
            self.close(depth, explicit=True)
        elif tag == "p":
            self.flush()

    def _end_heading(self, tag: str) -> None:
        self._end(tag if self.over else next((name for name in reversed(self.names) if name in HEADINGS), tag))

    def _rule(self, _token: Token, _tag: str) -> None:
        if self.paragraphs:
            self._close_p()
        self.flush()

    # Tables. Parts of tables outside of a table only start a new line.

    def _table(self, token: Token, tag: str) -> None:
        if (depth := self.depth("table")) and self.scope() == depth:  # not within a cell or caption of it
            self.close(depth)
        self.tables += 1
        if self.tables > self.limits.tables:
            self.limits.refuse(self.limits.tables, "tables", token.col)
        self._block(token, tag)

    def _table_part(self, _token: Token, tag: str) -> None:
        if table := self.depth("table"):
            self.close(table + 1)
            self.open(tag)
        else:
            self.flush()

    def _row(self, _token: Token, tag: str) -> None:
        name = self.names[-1]
        if name != "table" and name not in _GROUPS:
            if not (table := self.depth("table")):
                self.flush()
                return
            row, group = self.depth(tag), max(map(self.depth, _GROUPS))
            self.close(row if row > table else max(group, table) + 1)
        self.open(tag)

    def _cell(self, token: Token, tag: str) -> None:
        if self.names[-1] != "tr":
            if not (table := self.depth("table")):
                self.flush()
                return
            if (row := self.depth("tr")) > table:
                self.close(row + 1)
            else:
                self._row(token, "tr")
        if not self.open(tag):
            return
        columns, rows = token.attr("colspan"), token.attr("rowspan")
        if columns or rows:
            self.tree.spans[self.frames[-1]] = number(columns, 1), number(rows, 1)

    def _end_table_part(self, tag: str) -> None:
        if self.over and self.is_too_deep(tag):
            return
        if self.names[-1] == tag:
            self.close(len(self.names) - 1, explicit=True)
        elif (depth := self.depth(tag)) and depth >= self.depth("table"):
            self.close(depth, explicit=True)
        else:
            self.flush()

    # Within the line.

    def _break(self, _token: Token, tag: str) -> None:
        self._end_break(tag)

    def _end_break(self, _tag: str) -> None:
        if len(self.data) > self.first:
            self.add("\n", Mark("break"))

    def _gap(self, _token: Token, tag: str) -> None:
        self._end_gap(tag)

    def _end_gap(self, _tag: str) -> None:
        self.add(" ", Mark("gap"))

    def _inline(self, token: Token, tag: str) -> None:
        marked = tag in MARKS or self._is_wanted(token)
        self.inline.setdefault(tag, []).append(marked)
        if marked:
            self.add("", Mark("open", MARKS.get(tag, tag)))

    def _end_inline(self, tag: str) -> None:
        marked = self.inline.get(tag)
        if marked and marked.pop():
            self.add("", Mark("close", MARKS.get(tag, tag)))

    def _link(self, token: Token, tag: str) -> None:
        links = self.tree.links
        if len(links) % 2:
            self._end_link(tag)
        target = token.attr("href")
        if target is None:
            return
        links.append(len(self.data))
        if self.links or self.wanted:
            link = self.links and not _UNSEEN.sub("", target).lower().startswith(_SCRIPTS)
            if link or self._is_wanted(token):
                self.add("", Mark("open", tag, link=link))

    def _end_link(self, tag: str) -> None:
        links = self.tree.links
        if len(links) % 2:
            links.append(len(self.data))
            if self.links or self.wanted:
                self.add("", Mark("close", tag))

    def _is_wanted(self, token: Token) -> bool:
        return any(token.attr(name) is not None for name in self.wanted)

    def _image(self, token: Token, _tag: str) -> None:
        self.add_value(token, "alt")

    def _input(self, token: Token, _tag: str) -> None:
        kind = (token.attr("type") or "text").lower()
        if kind == "image":
            self.add_value(token, "alt")
        elif kind not in _NO_VALUE:
            self.add_value(token, "value")

    def _math(self, token: Token, tag: str) -> None:
        if self.add_value(token, "alttext"):
            self.skip(token, tag)

    def _select(self, token: Token, tag: str) -> None:
        self._end_select(tag)
        self.add(" ", Mark("gap"))
        self.options, self.several, self.special = [], token.attr("multiple") is not None, True
        self.select_first = len(self.data)

    def _option(self, token: Token, tag: str) -> None:
        if self.options is not None:
            selected = token.attr("selected") is not None if tag == "option" else None
            self.options.append((len(self.data), selected))
            self.add(" ", Mark("gap"))

    def _end_select(self, tag: str) -> None:
        if self.options is not None:
            self._choose()
            self._end_gap(tag)

    def _choose(self) -> None:
        """Of the options of a select leaves those that are selected, else the first, or all where several may be."""
        if self.hush:
            self.drop_hushed()
        if self.options is None:
            return
        options, self.options = self.options, None
        bounds = [min(first, len(self.data)) for first in (*(first for first, _ in options), len(self.data))]
        chosen = [number for number, (_, selected) in enumerate(options) if selected]
        if not chosen:
            chosen = [number for number, (_, selected) in enumerate(options) if selected is not None]
            chosen = chosen if self.several else chosen[:1]
        self.keep(bounds[0], [index for number in chosen for index in range(bounds[number], bounds[number + 1])])
        self.hush_first = min(self.hush_first, len(self.data))

    def _drawn(self, token: Token, tag: str) -> None:
        """The title of the page, or what a drawing says."""
        if self.hush == "svg":
            if not self.shown or len(self.shown[-1]) > 1:
                self.shown.append([len(self.data)])
            self.add(" ", Mark("gap"))
        elif tag == "title":
            self.skip(token, tag)

    def _end_drawn(self, _tag: str) -> None:
        if self.hush == "svg" and self.shown and len(self.shown[-1]) == 1:
            self.shown[-1].append(len(self.data))

"""The main text of a page, told from what stands around it by rules that a person can follow.

Density of text and links after Kohlschütter, Fankhauser and Nejdl, Boilerplate Detection using Shallow Text Features,
WSDM 2010; the container with the largest sum of good and bad blocks after Pasternack and Roth, Extracting Article Text
from the Web with Maximum Subsequence Segmentation, WWW 2009.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from .attributes import value_spans

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .page import HtmlPage
    from .tree import Tree

__all__ = ["main_text", "main_texts", "main_units", "site_texts", "with_columns"]

# Words in the class or id of an element that holds no main text.
_AROUND_WORDS = """
ad ads advert advertisement advertising also author authors banner bio bottom breadcrumb breadcrumbs byline
caption comment comments consent cookie cookies copyright credit date disclaimer follow footer footnote
gallery latest login masthead menu meta modal more nav navbar navigation newsletter next pager pagination
popular popup prev previous promo promos promoted promotion published rail rating ratings recommend
recommended related reply respond search share shares sharing sidebar signup skip social sponsor sponsored
subscribe subscription tag tags teaser time timeline timestamp toolbar topics trending widget widgets
"""
_AROUND = frozenset(_AROUND_WORDS.split())
_FURNITURE = frozenset({"aside", "caption", "fieldset", "figcaption", "footer", "form", "header", "legend", "nav"})
_NEVER_TEXT = frozenset({"aside", "footer", "nav"})
_BODY = re.compile(r"\b(?:entry|article|post|story)[-_]?(?:content|body|text)\b", re.IGNORECASE)
_WHOLE = 0.9  # share of the page's prose from which an element is the text, whatever its tag says
_BODIES = frozenset({"article", "body", "main"})
_HINT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ENDED = re.compile(r"""[.!?…。！？:;"”»’')]\s*\Z|[.!?]["”’)]?\s""")
_CUT = ("...", "…", "[…]", "[...]")
_SENTENCE, _LONG = 60, 140  # characters from which a block is prose: one with the end of a sentence, and any
_LINKED = 0.35  # share of link text from which a block is no prose
_LINKS = 0.6  # share of link text from which it is nothing but links
_TABLE = 12  # short blocks from which a table is one of data
_BODY_SHARE = 0.5  # of the largest sum, from which an element that says so is the text
_NEAR = 1  # lines within which a sentence that comes again is the same one, shown twice
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LABEL = 3  # words of a text that is a label alone
_PAGES = 3  # on which a text stands at least that belongs to the site
_MOST_LINKS = 2  # blocks of links in a row that may belong to the text


@dataclass(frozen=True, slots=True)
class _Line:
    """A run of the page: its text, white space collapsed, its share of link text, and its frame."""

    text: str
    links: float
    frame: int


def main_text(page: HtmlPage) -> str:
    """The main text alone, in the form that the page's options name; with the headline where that stands beside it."""
    return page.render(main_units(page))


def main_texts(pages: Iterable[HtmlPage]) -> list[str]:
    """The main text of each page of one site; what comes again on many of them (`site_texts`) is no part of it."""
    read = list(pages)
    known = site_texts(read)
    return [page.render(main_units(page, known)) for page in read]


def site_texts(pages: Sequence[HtmlPage]) -> frozenset[str]:
    """Texts of blocks, white space collapsed, that stand on half of the pages, and on three of them at least."""
    counts = Counter(text for page in pages for text in {line.text for line in _lines(page.tree)})
    least = max(_PAGES, len(pages) / 2)
    return frozenset(text for text, count in counts.items() if count >= least)


def main_units(page: HtmlPage, known: Collection[str] = frozenset()) -> list[int]:
    """Indices of the units that make the main text, rising; [] for a page without text. `known` texts are not in it.

    First each block is good or bad: prose is good as far as it is long and not links; blocks in elements that by name,
    landmark or words in class and id stand around a text are bad, and so are links. The main text is in the element of
    which the blocks add up to most. If an element that holds as much says that it is the text (`articleBody`, a class
    such as "entry-content"), it is all of that; else what stands between the first and the last prose, with headings
    and paragraphs beside the first. Not in it are bad blocks, lists of links, texts that come again, labels such as
    "Advertisement", and a headline elsewhere. An element that holds more than half of the page's prose is never bad,
    unless it is a sidebar or footer by its tag. A unit is main text if most of it is, and the columns of a table are
    (`HtmlOptions.columns`) if one of its rows is.
    """
    lines = _lines(page.tree)
    chosen = _Choice(page.tree, lines, known).chosen()
    units = []
    for index, group in enumerate(page.groups):
        sizes = {run: len(lines[run].text) for run in range(group.first, group.last)}
        if 2 * sum(size for run, size in sizes.items() if run in chosen) > sum(sizes.values()):
            units.append(index)
    return with_columns(page, units)


def with_columns(page: HtmlPage, units: Collection[int]) -> list[int]:
    """`units`, rising, with all columns of the tables of which they have a row: without these a row has no cells."""
    kept = {*units}
    columns = (grid.column_units for grid in page.grids if grid.column_units and not kept.isdisjoint(grid.row_units))
    return sorted(kept.union(*columns))


def _lines(tree: Tree) -> list[_Line]:
    """All runs, in order."""
    lines = []
    for frame, first, last in zip(tree.run_frames, tree.run_firsts, tree.run_lasts, strict=True):
        text = " ".join("".join(tree.data[first:last]).split())
        linked = sum(len(" ".join(tree.data[piece].split())) for piece in range(first, last) if _in_link(tree, piece))
        pictured = all(piece in tree.marks for piece in range(first, last))
        lines.append(_Line("" if pictured else text, min(linked / max(len(text), 1), 1.0), frame))
    return lines


def _in_link(tree: Tree, piece: int) -> bool:
    return bisect_right(tree.links, piece) % 2 == 1


class _Choice:
    """Which lines of one page are main text."""

    def __init__(self, tree: Tree, lines: list[_Line], known: Collection[str]) -> None:
        self.tree, self.lines, self.known = tree, lines, known
        self.tables = self.data_tables()
        self.opening = range(0)
        self.prose = [self.is_prose(line) for line in lines]
        self.bad = self.bad_frames()

    def data_tables(self) -> list[bool]:
        """For each frame whether it is in a table of many short blocks, and in no other table."""
        tree = self.tree
        tables = [0] * len(tree.tags)  # the table around a frame, or itself; minus one where that is in another one
        for frame in range(1, len(tables)):
            around = tables[tree.parents[frame]]
            tables[frame] = around if tree.tags[frame] != "table" else -1 if around else frame
        short = (line for line in self.lines if line.links < _LINKS and len(line.text) < _LONG)
        counts = Counter(tables[line.frame] for line in short)
        return [table > 0 and counts[table] >= _TABLE for table in tables]

    def is_prose(self, line: _Line) -> bool:
        size = len(line.text)
        if line.text in self.known:
            return False
        # A text with a link that is cut off announces the page behind the link.
        if line.links and line.text.endswith(_CUT):
            return False
        if line.links < _LINKED and (size >= _LONG or (size >= _SENTENCE and _ENDED.search(line.text))):
            return True
        return line.links < _LINKS and self.tables[line.frame]

    def sums(self, values: Iterable[float]) -> list[float]:
        """For each frame the sum of the values, one a line, of the lines in it and in the frames within."""
        sums = [0.0] * len(self.tree.tags)
        for line, value in zip(self.lines, values, strict=True):
            sums[line.frame] += value
        for frame in range(len(sums) - 1, 0, -1):
            sums[self.tree.parents[frame]] += sums[frame]
        return sums

    def bad_frames(self) -> list[bool]:
        """For each frame whether it stands around a text."""
        held = self.sums(len(line.text) * prose for line, prose in zip(self.lines, self.prose, strict=True))
        bad = [False] * len(held)
        for frame in range(1, len(bad)):
            # What says so by its tag stands around the text however long it is, unless there is no other text.
            apart = self.stands_around(frame) and held[frame] <= self.most_prose(frame) * held[0]
            bad[frame] = apart or bad[self.tree.parents[frame]]
        return bad

    def stands_around(self, frame: int) -> bool:
        tree, tag = self.tree, self.tree.tags[frame]
        if tag in _BODIES:
            return False
        if tag in _FURNITURE or tree.landmarks.get(frame) in _FURNITURE:
            return True
        return not _AROUND.isdisjoint(_split_names(self.names(frame)))

    def most_prose(self, frame: int) -> float:
        """The share of the page's prose up to which an element that stands around a text may hold no part of it."""
        # Not "sidebar" too: a class of the whole page often says that it has one.
        never = self.tree.tags[frame] in _NEVER_TEXT or "footer" in _split_names(self.names(frame))
        return _WHOLE if never else 0.5

    def names(self, frame: int, attributes: tuple[str, ...] = ("class", "id")) -> str:
        """The values of attributes of the element."""
        source = self.tree.source
        spans = value_spans(source, self.tree.offsets[self.tree.starts[frame]])
        return " ".join(source[slice(*spans[name])] for name in attributes if name in spans)

    def weight(self, number: int) -> float:
        """What a line adds to the sum of the elements around it."""
        line = self.lines[number]
        size = len(line.text)
        if self.bad[line.frame]:
            return -0.5 * size if self.prose[number] else -min(size, 30)
        if self.prose[number]:
            return size * (1 - line.links)
        return -10.0 - min(size, 40) if line.links > _LINKS else -5.0

    def find_best(self) -> tuple[int, bool]:
        """The element of the largest sum, the innermost of several, and whether it says that it is the text."""
        sums = self.sums(map(self.weight, range(len(self.lines))))
        best = max(range(len(sums)), key=lambda frame: (sums[frame], frame))
        bodies = [
            frame
            for frame in range(1, len(sums))
            if not self.bad[frame]
            and sums[frame] >= _BODY_SHARE * sums[best] > 0
            and _BODY.search(self.names(frame, ("class", "id", "itemprop")))
        ]
        # Of several, one within the other, the innermost that holds as much: what is around it holds titles too.
        return (max(bodies, key=lambda frame: (sums[frame], frame)), True) if bodies else (best, False)

    def inside(self, best: int) -> list[int]:
        """The lines in an element."""
        within = [frame == best for frame in range(len(self.tree.tags))]
        for frame in range(best + 1, len(within)):
            within[frame] = within[self.tree.parents[frame]]
        return [number for number, line in enumerate(self.lines) if within[line.frame]]

    def chosen(self) -> set[int]:
        best, is_body = self.find_best()
        inside = self.inside(best)
        good = [number for number in inside if is_body or self.is_good(number)] or inside
        if not good:
            return set()
        first, last = good[0], good[-1]
        while first > inside[0] and self.opens(first):
            first -= 1
        self.opening = range(first, good[0])
        while last < inside[-1] and self.goes_on(last):
            last += 1
        between = {number for number in inside if first <= number <= last and self.stays(number)}
        return between - self.links - self.repeated

    def is_good(self, number: int) -> bool:
        return self.prose[number] and not self.bad[self.lines[number].frame]

    def goes_on(self, number: int) -> bool:
        """Whether the next line is of the same kind, beside this one."""
        tree, (this, other) = self.tree, (self.lines[number].frame, self.lines[number + 1].frame)
        alike = tree.tags[this] == tree.tags[other] and tree.parents[this] == tree.parents[other]
        return alike and not self.bad[other] and self.lines[number + 1].links < _LINKS

    def opens(self, number: int) -> bool:
        """Whether the line before is a heading or a short paragraph that the text begins with, beside this one."""
        tree, (other, this) = self.tree, (self.lines[number - 1].frame, self.lines[number].frame)
        beside = tree.parents[this] == tree.parents[other] and not self.bad[other]
        if tree.tags[other] in _HEADINGS:  # many are links to themselves
            return beside
        return beside and tree.tags[this] == tree.tags[other] and self.lines[number - 1].links < _LINKS

    def stays(self, number: int) -> bool:
        line = self.lines[number]
        if self.bad[line.frame] or line.text in self.known or _is_label(line.text):
            return False
        return self.tree.tags[line.frame] != "h1" or number in self.opening

    @property
    def links(self) -> set[int]:
        """Lines in lists of links."""
        found: set[int] = set()
        for linked, group in groupby(range(len(self.lines)), key=lambda number: self.lines[number].links > _LINKS):
            numbers = list(group)
            if linked and len(numbers) > _MOST_LINKS:
                found.update(numbers)
        return found

    @property
    def repeated(self) -> set[int]:
        """Paragraphs that stood before, and sentences that stood just before: questions of an interview may recur."""
        seen: dict[str, int] = {}
        found = set()
        for number, line in enumerate(self.lines):
            size, before = len(line.text), seen.get(line.text)
            if before is not None and (size >= _LONG or (size >= _SENTENCE and number - before <= _NEAR)):
                found.add(number)
            seen[line.text] = number
        return found


def _is_label(text: str) -> bool:
    """Whether the text is a name of what stands around texts, such as "Advertisement", and nothing else."""
    words = text.lower().strip(" :.|-–—").split()
    return 0 < len(words) <= _LABEL and all(word in _AROUND for word in words)


def _split_names(names: str) -> set[str]:
    """The words of names such as "site-footer" and "sideBar"."""
    return {word.lower() for word in _HINT.findall(names)}

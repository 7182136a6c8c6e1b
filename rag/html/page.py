"""A page as a context: blocks and table rows as units."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.context.base import Context, Unit
from ctxprune.context.joined import JoinedContext
from ctxprune.context.split import SplitContext
from ctxprune.errors import UsageError

from ..headers import find_key
from .around import find_around
from .blocks import Block, blocks
from .builder import build
from .encoding import decode
from .grids import grids
from .groups import Group, groups
from .leaves import joined
from .options import DEFAULTS, HtmlOptions
from .outline import Outline
from .reading import Reading
from .render_html import HtmlWriter
from .render_markdown import MarkdownWriter
from .render_text import TextWriter
from .splitting import detach_groups, split_groups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ctxprune.context.grid import Grid

    from .leaves import Part
    from .tree import Tree

__all__ = ["HtmlPage", "HtmlPages"]

_FROM_GROUPS = (
    "units",
    "around",
    "blocks",
    "grids",
    "_keys",
    "_tables",
    "_cost_texts",
)  # what is cached that they decide
_TABLE_KINDS = frozenset({"caption", "header", "row"})


@dataclass(frozen=True)
class HtmlPage(Context[str]):
    """One page, whole or a fragment, as a browser would read it. Renders as a text.

    A paragraph, a heading, a row of a table, a few list items, a piece of code is a unit; headings, captions and header
    rows are the parents of what stands beneath them. Text that a reader does not see (scripts, hidden elements, options
    not selected) is in no unit, all other text in exactly one. Nothing is fetched, nothing is run.

    Attributes:
        html: The source; bytes are decoded as `ctxprune.rag.html.encoding.decode` says. Anything is read, whatever its
            faults, up to the number of parts that `ctxprune.rag.html.limits` names; the time is linear in the size.
        options: See `HtmlOptions`.

    Raises:
        UsageError: An argument is of the wrong kind.
        InputError: The page has too many tables, elements, texts or units; raised when it is first read.
        MissingExtraError: No HTML parser is installed (extra `html`); raised when the page is first read, which is when
            any of its other attributes is asked for.
    """

    kind: ClassVar[str] = "page"
    counts_text: ClassVar[bool] = True

    html: str | bytes = field(repr=False)
    options: HtmlOptions = DEFAULTS

    def __post_init__(self) -> None:
        if not isinstance(self.html, (str, bytes)):
            raise UsageError(f"html is a {type(self.html).__name__}", hint="give a str or bytes")
        if not isinstance(self.options, HtmlOptions):
            raise UsageError(f"options is a {type(self.options).__name__}", hint="give HtmlOptions(...)")

    @property
    def source(self) -> str:
        """What all spans point into: the decoded source, or what the fallback parser made of it."""
        return self.tree.source

    @property
    def title(self) -> str:
        """The page's title; "" without one."""
        return self.tree.title

    @property
    def titles(self) -> tuple[str, ...]:
        """The title, for scorers that read titles."""
        return (self.title,)

    @cached_property
    def tree(self) -> Tree:
        """The boxes of the page."""
        options = self.options
        text = self.html if isinstance(self.html, str) else decode(self.html, options.encoding)
        return build(text, parser=options.parser, wanted=options.wanted, links=options.links)

    @cached_property
    def outline(self) -> Outline:
        """What the boxes mean to each other."""
        return Outline(self.tree)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """For each unit but columns the parts of the page that it is made of."""
        return tuple(groups(self.outline, self.options))

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The units in source order; `source[start:end]` of a span is the unit with its tags.

        Columns, if the options ask for them, come last, without spans. Rows then require the column that says what they
        are about.
        """
        reading, keys = self.reading, self._keys
        rows = (
            Unit(reading.text(group), group.parent, keys.get(group.frame, ()), span=reading.span(group))
            for group in self.groups
        )
        columns = (Unit(name) for grid in self.grids if grid.column_units for name in grid.header)
        return (*rows, *columns)

    @cached_property
    def _keys(self) -> dict[int, tuple[int, ...]]:
        """For each row of a table whose columns are units, by its frame, the key column."""
        keys: dict[int, tuple[int, ...]] = {}
        for frame, grid in self._tables.items():
            if grid.column_units:
                key = grid.column_units[find_key(grid.rows, len(grid.header))]
                keys.update(dict.fromkeys(self.outline.tables[frame].row_frames, (key,)))
        return keys

    @cached_property
    def around(self) -> tuple[bool, ...]:
        """For each unit whether it stands in a menu, footer, comment or cookie banner; see `find_around`."""
        return (*find_around(self.tree, self.groups), *(False for _ in self.units[len(self.groups) :]))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """For each unit but columns its measures, which tell text from boilerplate."""
        return blocks(self.outline, self.groups)

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """The tables of data."""
        return tuple(self._tables.values())

    @cached_property
    def _tables(self) -> dict[int, Grid]:
        return grids(self.outline, self.reading, self.groups, columns=self.options.columns)

    @cached_property
    def reading(self) -> Reading:
        """The texts as a reader sees them."""
        return Reading(self.outline)

    def render(self, kept: Collection[int]) -> str:
        """The kept units in source order, in the form that the options name; "" for none.

        Each text is the source's own, in HTML down to its character references; only "<" is written "&lt;" where the
        source has it bare. Tags have no attributes but those that the options keep, and all are closed.
        """
        outline, chosen = self.outline, {*kept}
        parts = _Parts(outline, [self.groups[index] for index in sorted(chosen) if index < len(self.groups)])
        dropped = {
            frame: gone
            for frame, grid in (self._tables.items() if self.options.columns else ())
            if (gone := frozenset(column for column, unit in enumerate(grid.column_units) if unit not in chosen))
        }
        return (self._writer.without(dropped) if dropped else self._writer).write(parts)

    def to_text(self, kept: Collection[int]) -> str:
        """What of the page enters a prompt: what it renders. Rows take less than their units do if columns go."""
        return self.render(kept)

    def cost_texts(self) -> tuple[str, ...]:
        """Each unit as it is written by itself, with the tags that it adds.

        The texts alone take half of the tokens of a page of short blocks: the best block would be passed over where it
        just fits.
        """
        return self._cost_texts

    @cached_property
    def _cost_texts(self) -> tuple[str, ...]:
        costs = [unit.text for unit in self.units]
        for index, group in enumerate(self.groups):
            # Where columns are dropped, most of what stands between cells goes with them.
            if group.kind not in _TABLE_KINDS or not self.options.columns:
                written = self.render((index,))
                costs[index] = self._row_alone(written) if group.kind == "row" else written
        return tuple(costs)

    def _row_alone(self, written: str) -> str:
        """A table of one row without what is written once a table, which the row's parent pays for."""
        if self.options.output == "html":
            return written[written.find(">") + 1 : written.rfind("</table>")]
        return written.rpartition("\n")[2]

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """See `Context.split_units`: blocks are cut between paragraphs, list items, cells or lines of code, long ones
        of these at sentence ends, else at clause ends."""
        found = split_groups(self.reading, self.groups, {i: size for i, size in sizes.items() if i < len(self.groups)})
        if found is None:
            return None
        groups, origins = found
        columns = range(len(self.groups), len(self.units))
        return SplitContext(self._with_groups(groups), [*origins, *columns])

    def detach_units(self, indices: Collection[int]) -> HtmlPage:
        """See `Context.detach_units`: blocks, and the header rows of tables, from the headings above them."""
        return self._with_groups(detach_groups(self.groups, sorted(indices)))

    def _with_groups(self, groups: tuple[Group, ...]) -> HtmlPage:
        """The same page, as it was read, in other units."""
        page = copy(self)
        for name in _FROM_GROUPS:
            page.__dict__.pop(name, None)
        page.__dict__["groups"] = groups
        return page

    @cached_property
    def _writer(self) -> HtmlWriter | MarkdownWriter | TextWriter:
        if self.options.output == "html":
            return HtmlWriter(self.outline, self.options.wanted)
        return (MarkdownWriter if self.options.output == "markdown" else TextWriter)(self.outline)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What `groups` are made of, made anew each time that it is gone over: a page may have a million parts."""

    outline: Outline
    groups: Sequence[Group]

    def __iter__(self) -> Iterator[Part]:
        return joined(part for group in self.groups for part in group.parts(self.outline))


@dataclass(frozen=True)
class HtmlPages(Context[list[str]]):
    """Several pages. Renders as a list of as many texts, in their order; "" for one that lost everything.

    Attributes:
        pages: Any sequence of pages; stored as a tuple. A str or bytes in it is read as an `HtmlPage` with `options`.
        options: See `HtmlOptions`.

    Raises:
        UsageError: An argument is of the wrong kind.

    Examples:
        ```python
        from ctxprune import TopK, prune
        from ctxprune.rag import HtmlOptions, HtmlPages

        pages = HtmlPages(
            ["<p>The bridge opened in 1933.</p>", "<p>Cats sleep.</p>"],
            HtmlOptions(output="text"),
        )
        print(prune("When did the bridge open?", pages, policy=TopK(1)).output)
        # ['The bridge opened in 1933.', '']
        ```
    """

    kind: ClassVar[str] = "page"

    pages: Sequence[HtmlPage | str | bytes] = field(repr=False)
    options: HtmlOptions = DEFAULTS

    def __post_init__(self) -> None:
        if isinstance(self.pages, (str, bytes)) or not isinstance(self.pages, Iterable):
            raise UsageError(f"pages is a {type(self.pages).__name__}", hint="give a list of pages, or use HtmlPage")
        pages = (page if isinstance(page, HtmlPage) else HtmlPage(page, self.options) for page in self.pages)
        object.__setattr__(self, "pages", tuple(pages))

    @property
    def _read(self) -> tuple[HtmlPage, ...]:
        return self.pages  # type: ignore[return-value]  # the constructor read them

    @cached_property
    def _joined(self) -> JoinedContext:
        return JoinedContext(self._read)

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units of all pages in order."""
        return self._joined.units

    @property
    def sources(self) -> tuple[int, ...]:
        """For each unit the page in which its span is."""
        return self._joined.sources

    @property
    def titles(self) -> tuple[str, ...]:
        """For each page its title."""
        return tuple(page.title for page in self._read)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The tables of data of all pages."""
        return self._joined.grids

    @property
    def around(self) -> tuple[bool, ...]:
        """For each unit whether it stands around the text of its page."""
        return self._joined.around

    def render(self, kept: Collection[int]) -> list[Any]:
        """What each page keeps."""
        return self._joined.render(kept)

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """See `HtmlPage.split_units`."""
        pages: list[HtmlPage] = []
        origins: list[int] = []
        for page, first in zip(self._read, self._firsts, strict=True):
            own = {i - first: size for i, size in sizes.items() if 0 <= i - first < len(page.units)}
            split = page.split_units(own) if own else None
            pages.append(page if split is None else split.context)  # type: ignore[arg-type]
            found = range(len(page.units)) if split is None else split.origins
            origins += [first + index for index in found]
        return None if len(origins) == len(self.units) else SplitContext(HtmlPages(pages, self.options), origins)

    def detach_units(self, indices: Collection[int]) -> HtmlPages:
        """See `HtmlPage.detach_units`."""
        pages = []
        for page, first in zip(self._read, self._firsts, strict=True):
            own = [index - first for index in indices if 0 <= index - first < len(page.units)]
            pages.append(page.detach_units(own) if own else page)
        return HtmlPages(pages, self.options)

    @property
    def _firsts(self) -> list[int]:
        """For each page the index of its first unit among those of all."""
        return [0, *accumulate(len(page.units) for page in self._read)][:-1]

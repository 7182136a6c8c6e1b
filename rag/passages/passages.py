"""Passages of text as sentence units with exact character spans."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ctxprune.context.base import Context, shift_unit
from ctxprune.context.split import SplitContext, cut_units
from ctxprune.errors import UsageError

from .cutting import WIDEST
from .markdown import Block, find_blocks, find_tables, heading_level
from .options import NO_OPTIONS, PassageOptions, bind_units
from .pieces import (
    Whole,
    bind_frames,
    bind_rows,
    block_form,
    find_cut,
    find_enclosing,
    find_pieces,
    lay_out,
    trace_wholes,
)
from .sentences import BYTES_PER_TOKEN, find_spans, replace_unreadable
from .tiny_units import join_dense

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ctxprune.context.base import Unit

    from .pieces import Form, Layout

__all__ = ["Passage", "Passages"]

_HEADING = 16  # characters by which a line is known as one


@dataclass(frozen=True)
class Passage(Context[str]):
    """One text, cut into sentences. Renders as a text.

    Each unit's `span` gives its characters in `text`, and `text[start:end]` is the unit's text. Every character of
    `text` that is not white space lies in exactly one unit. A text of nothing but white space has no units. Where more
    than 100,000 sentences, lines or blocks take less than 32 characters each, neighbours are one unit, of 64 characters
    or so.

    Attributes:
        text: The source text; any characters, any length.
        gap: Text between kept sentences where something was dropped; adjacent sentences keep what is between them.
        language: ISO 639 code for the sentence rules; languages without rules of their own get general ones.
        max_tokens: Longer sentences are cut, at clause ends or white space where there are any, so that a small budget
            can be met; counted as 4 UTF-8 bytes a token, at least 8.
        options: What is pinned and what requires what, and whether the text is Markdown.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    text: str
    gap: str = " … "
    language: str = "en"
    max_tokens: int = 200
    options: PassageOptions = NO_OPTIONS
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    _wholes: Mapping[int, Whole] = field(init=False, repr=False, compare=False)  # of units that are pieces, by start
    _forms: Mapping[int, Form] = field(init=False, repr=False, compare=False)  # of the blocks of Markdown, by start

    def __post_init__(self) -> None:
        if not isinstance(self.options, PassageOptions):
            raise UsageError(f"options is a {type(self.options).__name__}", hint="give PassageOptions(...)")
        for name, value in (("text", self.text), ("gap", self.gap), ("language", self.language)):
            if not isinstance(value, str):
                raise UsageError(f"{name} is a {type(value).__name__}", hint="give a str")
        if isinstance(self.options.fence, str) and self.options.fence in self.text:
            raise UsageError("the text holds its own fence", where="fence", hint="take another one for each prompt")
        # Read with stand-ins of the same length, so that spans hold in the source text.
        readable = replace_unreadable(self.text)
        tables = [] if self.options.markdown else find_tables(readable)
        blocks = _find_whole_blocks(readable, self.options, tables)
        wholes: dict[int, Whole] = {}
        spans: Sequence[tuple[int, int]] = find_spans(
            self.text, blocks, wholes, language=self.language, max_tokens=self.max_tokens
        )
        levels = {block.start: block.level for block in blocks if block.level}
        if self.options.headings and not self.options.markdown:
            levels |= {
                start: level for start, end in spans if (level := heading_level(self.text[start:end][:_HEADING]))
            }
        longest = self.max_tokens * BYTES_PER_TOKEN // WIDEST
        # Hostile texts have a sentence in every other character, and each unit takes time and memory of its own.
        spans = join_dense(spans, len(self.text), levels, longest=longest, first=int(self.options.title))
        units = bind_units(self.text, spans, self.options, language=self.language, levels=levels)
        object.__setattr__(self, "units", bind_rows(units, tables, wholes) if tables else units)
        object.__setattr__(self, "_wholes", wholes)
        forms = {block.start: block_form(readable, block.start, block.end) for block in blocks} if not tables else {}
        object.__setattr__(self, "_forms", forms)

    def render(self, kept: Collection[int]) -> str:
        """The kept sentences in source order, each byte for byte; the whole text, white space included, if all are.

        Where the options ask for it, marks of chat templates are escaped and the text is fenced.
        """
        spans = [unit.span for unit in self.units if unit.span is not None]
        return self.options.finish(self._lay_out(spans, sorted(set(kept)), self._wholes).write(self.text))

    def lay_out(self, spans: Sequence[tuple[int, int]], kept: Sequence[int]) -> Layout:
        """What `render` puts together, before marks are escaped and the text is fenced.

        Args:
            spans: Characters [start, end) of the units, of which some may be cut further than those of this passage.
            kept: Which of them are kept, rising.
        """
        wholes = trace_wholes(spans, self.units, self._wholes, self._forms)
        # What was cut is not asked for by `render`, which is called for each of many attempts.
        return self._lay_out(spans, kept, wholes)._replace(cut=find_cut(spans, set(kept), wholes))

    def _lay_out(self, spans: Sequence[tuple[int, int]], kept: Sequence[int], wholes: Mapping[int, Whole]) -> Layout:
        wide = f"\n\n{self.gap.strip()}\n\n" if self.gap.strip() else "\n\n"
        return lay_out(self.text, spans, kept, wholes, (self.gap, wide if self.options.markdown else self.gap))

    @property
    def enclosing(self) -> frozenset[int]:
        """The headers of tables and the fences of code blocks that are cut into rows or lines."""
        return find_enclosing(self.units, self._wholes)

    def detach_units(self, indices: Collection[int]) -> Passage:
        """See `Context.detach_units`: rows and lines, from the header of their table or the fences of their code."""
        enclosing, chosen = self.enclosing, set(indices)
        if not enclosing or not chosen:
            return self
        units = tuple(
            replace(unit, requires=tuple(link for link in unit.requires if link not in enclosing))
            if index in chosen
            else unit
            for index, unit in enumerate(self.units)
        )
        detached = copy(self)
        object.__setattr__(detached, "units", units)
        return detached

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """See `Context.split_units`: sentences are cut at clause ends; of Markdown tables are cut between rows and code
        blocks between lines, with the header or the fences at each piece, and other blocks not at all."""
        parts = find_pieces(self.text, self.units, sizes, self._wholes, self._forms)
        if not parts:
            return None
        split, (units, origins) = copy(self), cut_units(self.text, self.units, parts)
        units = bind_frames(units, origins, self._forms, self.units)
        spans = [unit.span for unit in units if unit.span is not None]
        object.__setattr__(split, "units", units)
        object.__setattr__(split, "_wholes", trace_wholes(spans, self.units, self._wholes, self._forms))
        return SplitContext(split, origins)


@dataclass(frozen=True)
class Passages(Context[list[str]]):
    """Several texts, each cut into sentences. Renders as a list of as many texts, "" for one that lost everything.

    Units run through all texts in order; `sources[i]` says in which text the span of unit i is. Attributes and errors
    as in `Passage`; `texts` may be any sequence of texts, and is stored as a tuple. `titles`, one a text or none at
    all, are no part of what is pruned; some scorers read them (`TitledScorer`).
    """

    texts: Sequence[str]
    gap: str = " … "
    language: str = "en"
    max_tokens: int = 200
    options: PassageOptions = NO_OPTIONS
    titles: Sequence[str] = ()
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    sources: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _passages: tuple[Passage, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.texts, str):
            raise UsageError("texts is a single text", hint="give a list of texts, or use Passage")
        if not isinstance(self.texts, Iterable):
            raise UsageError(f"texts is a {type(self.texts).__name__}", hint="give a list of texts")
        object.__setattr__(self, "texts", tuple(self.texts))
        passages = tuple(Passage(text, self.gap, self.language, self.max_tokens, self.options) for text in self.texts)
        object.__setattr__(self, "titles", _check_titles(self.titles, len(passages)))
        self._set_passages(passages)

    def render(self, kept: Collection[int]) -> list[str]:
        """The kept sentences of each text; as many texts as came in, in their order.

        A text of nothing but white space stays as it is if all else does, else it becomes "".
        """
        chosen = set(kept)
        whole = len(chosen) == len(self.units)
        texts, first = [], 0
        for passage in self._passages:
            local = [i for i in range(len(passage.units)) if first + i in chosen]
            texts.append(passage.render(local) if whole or passage.units else "")
            first += len(passage.units)
        return texts

    def lay_out(self, spans: Sequence[Sequence[tuple[int, int]]], kept: Sequence[Sequence[int]]) -> list[Layout]:
        """For each text what `Passage.lay_out` gives for the spans of its units and the indices of kept ones."""
        rows = zip(self._passages, spans, kept, strict=True)
        return [passage.lay_out(own, chosen) for passage, own, chosen in rows]

    @property
    def enclosing(self) -> frozenset[int]:
        """See `Passage.enclosing`."""
        found: set[int] = set()
        first = 0
        for passage in self._passages:
            found.update(first + index for index in passage.enclosing)
            first += len(passage.units)
        return frozenset(found)

    def detach_units(self, indices: Collection[int]) -> Passages:
        """See `Passage.detach_units`."""
        passages: list[Passage] = []
        first, chosen = 0, set(indices)
        for passage in self._passages:
            own = [place for place in range(len(passage.units)) if first + place in chosen]
            passages.append(passage.detach_units(own))
            first += len(passage.units)
        whole = copy(self)
        whole._set_passages(tuple(passages))
        return whole

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """See `Passage.split_units`."""
        passages: list[Passage] = []
        origins: list[int] = []
        for passage in self._passages:
            first = origins[-1] + 1 if origins else 0
            own = {index - first: size for index, size in sizes.items() if 0 <= index - first < len(passage.units)}
            split = passage.split_units(own) if own else None
            passages.append(passage if split is None else split.context)  # type: ignore[arg-type]
            found = range(len(passage.units)) if split is None else split.origins
            origins += [first + index for index in found]
        if len(origins) == len(self.units):
            return None
        whole = copy(self)
        whole._set_passages(tuple(passages))
        return SplitContext(whole, origins)

    def _set_passages(self, passages: tuple[Passage, ...]) -> None:
        units: list[Unit] = []
        for passage in passages:
            first = len(units)
            units += [shift_unit(unit, first) for unit in passage.units]
        object.__setattr__(self, "_passages", passages)
        object.__setattr__(self, "units", tuple(units))
        sources = (index for index, passage in enumerate(passages) for _ in passage.units)
        object.__setattr__(self, "sources", tuple(sources))


def _check_titles(titles: object, size: int) -> tuple[str, ...]:
    if isinstance(titles, str) or not isinstance(titles, Iterable):
        raise UsageError(f"titles is a {type(titles).__name__}", hint="give a list of titles")
    found = tuple(titles)
    if found and (len(found) != size or not all(isinstance(title, str) for title in found)):
        raise UsageError(f"{len(found)} titles do not match {size} texts", hint="give a str for each text, or none")
    return found


def _find_whole_blocks(text: str, options: PassageOptions, tables: Sequence[Sequence[Block]]) -> list[Block]:
    """Find what must not be cut: the blocks of Markdown, or rows of `tables`, and a first line that is the title."""
    blocks = find_blocks(text) if options.markdown else [block for table in tables for block in table]
    if not options.title:
        return blocks
    start = len(text) - len(text.lstrip())
    end = text.find("\n", start)
    if end < 0 or (blocks and blocks[0].start <= start):
        return blocks
    return [Block(start, end), *(block for block in blocks if block.start >= end)]

"""Running text in windows of several sentences or lines, which are kept or dropped as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.context import Context, Unit
from ctxprune.rag.passages.passages import Passage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Windows"]

_GAP = " … "


@dataclass(frozen=True)
class Windows(Context[list[str]]):
    """Texts in windows: for what is no prose, such as a table that lost its lines, where a sentence says nothing alone.

    Attributes:
        texts: Any texts.
        size: Characters from which a window ends with the sentence or line that reaches them.
    """

    texts: Sequence[str]
    size: int = 600

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Slices of the texts, each with its characters as span."""
        return tuple(Unit(self.texts[place][start:end], span=(start, end)) for place, (start, end) in self._spans)

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """For each window the place of its text."""
        return tuple(place for place, _ in self._spans)

    def render(self, kept: Collection[int]) -> list[str]:
        """For each text what is kept of it; "" where that is nothing."""
        rendered, ends = [""] * len(self.texts), [-1] * len(self.texts)
        for index in sorted(kept):
            place, (start, end) = self._spans[index]
            text = self.texts[place]
            if ends[place] >= 0:
                between = text[ends[place] : start]
                rendered[place] += _GAP if between.strip() else between
            rendered[place] += text[start:end]
            ends[place] = end
        return rendered

    @cached_property
    def _spans(self) -> list[tuple[int, tuple[int, int]]]:
        found: list[tuple[int, tuple[int, int]]] = []
        for place, text in enumerate(self.texts):
            first: int | None = None
            spans = [unit.span for unit in Passage(text, max_tokens=max(8, self.size // 4)).units if unit.span]
            for start, end in spans:
                first = start if first is None else first
                if end - first >= self.size or end == spans[-1][1]:
                    found.append((place, (first, end)))
                    first = None
        return found

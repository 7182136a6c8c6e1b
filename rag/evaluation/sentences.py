"""An item of a sentence set as a context: its documents' sentences, as the set cut them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.context import Unit

if TYPE_CHECKING:
    from collections.abc import Collection

    from ctxprune.train.sets import Item

__all__ = ["SentenceContext"]


class SentenceContext:
    """Implements `ctxprune.context.Context[list[str]]`; renders as the kept sentences.

    The units are, document after document, its title (pinned; none where it is empty) and its sentences, whose parent
    is the title.

    Args:
        item: Of a sentence set.
    """

    def __init__(self, item: Item) -> None:
        units: list[Unit] = []
        sentences: list[int] = []
        labels: list[bool] = []
        sources: list[int] = []
        for number, document in enumerate(item.documents):
            parent = None
            if document.title:
                parent = len(units)
                units.append(Unit(document.title, pinned=True))
            for text, label in zip(document.sentences, document.labels, strict=True):
                sentences.append(len(units))
                labels.append(label)
                units.append(Unit(text, parent=parent))
            sources += [number] * (len(units) - len(sources))
        self.units = tuple(units)
        self.sources = tuple(sources)
        self.sentences = tuple(sentences)
        self.labels = tuple(labels)

    def render(self, kept: Collection[int]) -> list[str]:
        """The kept sentences, in order."""
        return [self.units[index].text for index in self.sentences if index in set(kept)]

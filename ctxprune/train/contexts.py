"""Labelled documents as a context, as their set cut them into units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.context.base import Context, Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxprune.train.sentence_sets import Document

__all__ = ["DocumentsContext"]


class DocumentsContext(Context[list[str]]):
    """A context of labelled documents; renders as the texts of the kept units.

    Args:
        documents: Their sentences are the units, one document after the other; `sources` says which document a unit is
            from, `titles` holds their titles, `labels` whether a unit is evidence.
        kind: What the units are, one of `ctxprune.models.windows.KINDS`.
    """

    kind: str
    units: tuple[Unit, ...]
    sources: tuple[int, ...]
    titles: tuple[str, ...]

    def __init__(self, documents: Sequence[Document], kind: str = "passage") -> None:
        self.kind = kind
        self.units = tuple(Unit(text) for document in documents for text in document.sentences)
        self.labels = tuple(label for document in documents for label in document.labels)
        self.sources = tuple(number for number, document in enumerate(documents) for _ in document.sentences)
        self.titles = tuple(document.title for document in documents)

    def render(self, kept: Collection[int]) -> list[str]:
        """The texts of the kept units, in order."""
        return [self.units[index].text for index in sorted(set(kept))]

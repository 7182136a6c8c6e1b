"""Static pruning of LangChain documents, before they go into a vector store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.documents import Document

from ctxprune.rag.corpus.prune import prune_corpus
from ctxprune.rag.corpus.records import PassageReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ctxprune.rag.corpus.base import Quality
    from ctxprune.rag.corpus.prune import PrunedCorpus

__all__ = ["prune_documents"]

_READER = PassageReader(
    lambda document: document.page_content if isinstance(document, Document) else None,
    lambda document: document.id,
)


def prune_documents(
    documents: Iterable[Document] | Callable[[], Iterable[Document]],
    *,
    share: float = 0.05,
    quality: Quality | str = "surface.v1",
) -> PrunedCorpus[Document]:
    """Drop the share of documents that is least likely to answer any question.

        store.add_documents([*prune_documents(splitter.split_documents(loader.load()))])

    Args:
        documents: Split into passages already; a list, or a function that starts them anew (`loader.lazy_load`).
        share: How many of them go, from 0 up, under 1.
        quality: Judges passages; a registered name or an object.

    Returns:
        What stays when it is iterated, the same objects with their ids and metadata; and the account, see
        `PrunedCorpus`.

    Raises:
        UsageError, UnknownNameError, InputError: As `prune_corpus`.
    """
    return prune_corpus(documents, share=share, quality=quality, reader=_READER)

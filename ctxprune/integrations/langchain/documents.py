"""LangChain's documents as passages, and pruned passages as documents."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document

from ctxprune.errors import InputError, UsageError
from ctxprune.rag.passages import Passages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ctxprune.rag.ranking import RankedPassages

__all__ = ["PREFIX", "checked_documents", "kept_spans", "pruned_document", "restored", "titles_of"]

PREFIX = "ctxprune_"


def checked_documents(documents: Any) -> list[Document]:
    """`documents` as a list.

    Raises:
        UsageError: It is no list of documents, or a document's content is no text.
    """
    if isinstance(documents, (str, Document)) or not hasattr(documents, "__iter__"):
        raise UsageError(f"documents is a {type(documents).__name__}", hint="give a list of documents")
    found = list(documents)
    for document in found:
        if not isinstance(document, Document):
            raise UsageError(f"a document is a {type(document).__name__}", hint="give langchain_core Documents")
        content: Any = document.page_content
        if not isinstance(content, str):
            raise UsageError(f"a page_content is a {type(content).__name__}", hint="leave out what is no text")
    return found


def titles_of(documents: Sequence[Document], key: str | None) -> tuple[str, ...]:
    """The texts under `key` in the metadata, "" where there is none; () if no document has one."""
    if key is None:
        return ()
    titles = [document.metadata.get(key) for document in documents]
    texts = tuple(title if isinstance(title, str) else "" for title in titles)
    return texts if any(texts) else ()


def kept_spans(passages: Passages, kept: Collection[int]) -> list[list[tuple[int, int]]]:
    """Characters [start, end) that each text keeps, white space between kept neighbours included.

    `kept` holds indices of units. Where the spans of a text are two or more, something was dropped in between.
    """
    chosen = set(kept)
    whole = len(chosen) == len(passages.units)
    members: list[list[int]] = [[] for _ in passages.texts]
    for index, source in enumerate(passages.sources):
        members[source].append(index)
    found = []
    for text, indices in zip(passages.texts, members, strict=True):
        if not indices:
            found.append([(0, len(text))] if whole and text else [])
        else:
            found.append(_merged(passages, indices, chosen, len(text)))
    return found


def _merged(passages: Passages, indices: Sequence[int], chosen: set[int], length: int) -> list[tuple[int, int]]:
    """As the rendering joins them: what stands before the first unit and behind the last one belongs to these."""
    spans: list[tuple[int, int]] = []
    before = -2
    for index in indices:
        span = passages.units[index].span
        if index not in chosen or span is None:
            continue
        start = 0 if index == indices[0] else span[0]
        end = length if index == indices[-1] else span[1]
        if spans and before == index - 1:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        before = index
    return spans


def pruned_document(
    document: Document, index: int, ranked: RankedPassages, passages: Passages, spans: list[tuple[int, int]]
) -> Document:
    """A new document with what was kept; id and metadata as before, with the own keys beside them."""
    text = document.page_content
    own = {
        f"{PREFIX}score": ranked.relevance[index],
        f"{PREFIX}spans": [list(span) for span in spans],
        f"{PREFIX}gaps": [_gap(text[end:start], passages) for (_, end), (start, _) in pairwise(spans)],
        f"{PREFIX}length": len(text),
    }
    return Document(id=document.id, page_content=ranked.pruned.output[index], metadata={**document.metadata, **own})


def _gap(dropped: str, passages: Passages) -> str:
    """What `Passages` puts in the place of what was dropped."""
    if not passages.options.markdown or not ("\n" in dropped or "\r" in dropped):
        return passages.gap
    return f"\n\n{passages.gap.strip()}\n\n" if passages.gap.strip() else "\n\n"


def restored(text: str, metadata: Mapping[str, Any]) -> str:
    """The pruned content once more, made of the original `text` and the spans and gaps in a pruned document's metadata.

    Raises:
        InputError: The metadata holds none, or they are not of this text.
    """
    try:
        spans, gaps = metadata[f"{PREFIX}spans"], metadata[f"{PREFIX}gaps"]
        length = metadata[f"{PREFIX}length"]
    except (KeyError, TypeError) as error:
        raise InputError(
            "the metadata holds no spans", hint=f"give that of a pruned document ({PREFIX}spans)"
        ) from error
    if length != len(text):
        raise InputError(f"the spans are of a text of {length} characters, not {len(text)}")
    parts = [part for (start, end), gap in zip(spans, ["", *gaps], strict=False) for part in (gap, text[start:end])]
    return "".join(parts)

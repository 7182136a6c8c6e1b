"""Static pruning of LangChain documents; skipped where langchain-core is not installed."""

from __future__ import annotations

import pytest

pytest.importorskip("langchain_core")

from langchain_core.documents import Document

from ctxprune.errors import InputError
from ctxprune.integrations.langchain import prune_documents

TEXTS = [
    "In 1889 Gustave Eiffel built the tower, which is 330 metres tall, for the World Fair in Paris.",
    "Home | About | Contact",
    "The Thames flows through London and is 346 km long; its source is near Kemble in Gloucestershire.",
]


def test_documents_stay_the_same_objects() -> None:
    documents = [Document(text, id=f"d{number}", metadata={"page": number}) for number, text in enumerate(TEXTS)]
    pruned = prune_documents(documents, share=0.34)
    assert [document is documents[place] for document, place in zip(pruned, (0, 2), strict=True)] == [True, True]
    assert [(one.id, one.index) for one in pruned.dropped()] == [("d1", 1)]
    assert [*prune_documents(lambda: iter(documents), share=0.34)] == [documents[0], documents[2]]


def test_other_objects_are_refused() -> None:
    with pytest.raises(InputError, match="record 0"):
        prune_documents([{"page_content": "text"}])

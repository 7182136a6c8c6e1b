"""Inside langchain-classic's retriever and pipeline; skipped where that package is not installed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("langchain_classic", reason="langchain-classic is not installed")

from langchain_classic.retrievers.contextual_compression import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.runnables import RunnableLambda

from ctxprune.integrations.langchain import PruningCompressor, PruningRetriever, restored

QUERY = "When did the bridge open?"
TEXTS = ("The bridge did open in 1933. It is red.", "Cats sleep. Dogs bark.", "Some say the bridge did open in 1932.")


def shelf() -> RunnableLambda[str, list[Document]]:
    return RunnableLambda(lambda _: [Document(text, id=str(i)) for i, text in enumerate(TEXTS)])


class Reverse(BaseDocumentTransformer):
    """A transformer that came before or behind the compressor."""

    def transform_documents(self, documents: Any, **_: Any) -> list[Document]:
        return list(reversed(documents))


class Names(BaseCallbackHandler):
    def __init__(self) -> None:
        self.names: list[str] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.names.append(kwargs["name"])


def test_it_works_inside_the_contextual_compression_retriever() -> None:
    compressor = PruningCompressor(scorer="lexical.v1")
    classic = ContextualCompressionRetriever(base_compressor=compressor, base_retriever=shelf())
    names = Names()
    found = classic.invoke(QUERY, {"callbacks": [names]})
    assert "PruningCompressor" in names.names
    assert found == PruningRetriever(retriever=shelf(), compressor=compressor).invoke(QUERY)
    assert [document.id for document in found] == ["0", "2"]
    assert asyncio.run(classic.ainvoke(QUERY)) == found
    assert (
        ContextualCompressionRetriever(base_compressor=compressor, base_retriever=RunnableLambda(lambda _: [])).invoke(
            QUERY
        )
        == []
    )


def test_it_works_inside_the_compressor_pipeline() -> None:
    compressor = PruningCompressor(scorer="lexical.v1", budget=30)
    pipeline = DocumentCompressorPipeline(transformers=[Reverse(), compressor, Reverse()])
    found = pipeline.compress_documents(shelf().invoke(QUERY), QUERY)
    assert found[0].id == "0"
    assert restored(TEXTS[0], found[0].metadata) == found[0].page_content
    assert asyncio.run(pipeline.acompress_documents(shelf().invoke(QUERY), QUERY)) == found
    outer = PruningRetriever(retriever=shelf(), compressor=pipeline)
    assert outer.invoke(QUERY) == found
    assert pipeline.compress_documents([], QUERY) == []

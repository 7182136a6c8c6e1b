"""The component against haystack-ai; skipped where that is not installed.

It runs in an environment of its own: `make framework-haystack`.
"""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("haystack", reason="haystack-ai is not installed")

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.dataclasses import ByteStream
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ctxprune import as_counter
from ctxprune.errors import UnknownNameError, UsageError
from ctxprune.integrations._accounts import restored
from ctxprune.integrations.haystack import DocumentPruner

QUERY = "When did the bridge open?"
TEXTS = ("Cats sleep. Dogs bark.", "The bridge is long. It was painted red. The bridge did open in 1933.", "")


def documents() -> list[Document]:
    return [Document(id=str(i), content=text, meta={"page": i}, score=0.5) for i, text in enumerate(TEXTS)]


def test_documents_come_back_as_cut_copies() -> None:
    given = documents()
    found = DocumentPruner(scorer="lexical.v1").run(QUERY, given)["documents"]
    assert [document.content for document in given] == list(TEXTS)
    assert [(document.id, document.score, document.meta["page"]) for document in found] == [("1", 0.5, 1)]
    assert found[0].content == "The bridge is long. … The bridge did open in 1933."
    assert restored(TEXTS[1], found[0].meta) == found[0].content
    assert "ctxprune_spans" not in given[1].meta
    assert asyncio.run(DocumentPruner(scorer="lexical.v1").run_async(QUERY, given))["documents"] == found


def test_it_runs_in_a_pipeline_that_was_stored() -> None:
    store = InMemoryDocumentStore()
    store.write_documents(documents()[:2])
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store))
    pipeline.add_component("pruner", DocumentPruner(budget=12, scorer="lexical.v1", reorder=True, top_k=1))
    pipeline.connect("retriever.documents", "pruner.documents")
    stored = pipeline.dumps()
    assert "budget: 12" in stored
    question = {"retriever": {"query": QUERY}, "pruner": {"query": QUERY}}
    found = pipeline.run(question)["pruner"]["documents"]
    assert [document.content for document in found] == ["The bridge did open in 1933."]
    assert as_counter().count(found[0].content) <= 12
    again = Pipeline.loads(stored, allowed_modules=["ctxprune.integrations.haystack"])
    assert again.get_component("pruner").to_dict() == pipeline.get_component("pruner").to_dict()


def test_documents_without_text_stay_behind_the_others() -> None:
    image = Document(id="i", blob=ByteStream(b"abc"))
    found = DocumentPruner(scorer="lexical.v1", keep_emptied=True).run(QUERY, [image, *documents()])["documents"]
    assert [document.id for document in found] == ["0", "1", "2", "i"]
    assert found[-1] is image
    assert DocumentPruner().run(QUERY, [image]) == {"documents": [image]}
    assert DocumentPruner().run(QUERY, []) == {"documents": []}


def test_wrong_use_is_told() -> None:
    for wrong in ({"budget": -1}, {"top_k": 0}, {"on_empty": "maybe"}):
        with pytest.raises(UsageError):
            DocumentPruner(**wrong)
    with pytest.raises(UnknownNameError):
        DocumentPruner(scorer="nothing.v9")
    with pytest.raises(UsageError, match="asks something"):
        DocumentPruner().run(" ", documents())

"""The retriever that prunes what another one finds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from ctxprune.errors import UsageError
from ctxprune.integrations.langchain import PruningCompressor, PruningRetriever

QUERY = "When did the bridge open?"
TEXTS = ("The bridge did open in 1933. It is red.", "Cats sleep. Dogs bark.", "Some say the bridge did open in 1932.")


class Shelf(BaseRetriever):
    """The first k texts, whatever is asked."""

    k: int = 3

    def _get_relevant_documents(self, query: str, *, run_manager: Any, k: int | None = None) -> list[Document]:
        return [Document(text, id=str(i)) for i, text in enumerate(TEXTS[: self.k if k is None else k])]

    async def _aget_relevant_documents(self, query: str, *, run_manager: Any, k: int | None = None) -> list[Document]:
        return self._get_relevant_documents(query, run_manager=run_manager, k=k)


class Names(BaseCallbackHandler):
    def __init__(self) -> None:
        self.started: list[tuple[str, bool]] = []
        self.ended: list[list[Document]] = []

    def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
        self.started.append((kwargs["name"], kwargs["parent_run_id"] is not None))

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.started.append((kwargs["name"], kwargs["parent_run_id"] is not None))

    def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
        self.ended.append(documents)


def pruning(**fields: Any) -> PruningRetriever:
    return PruningRetriever(retriever=Shelf(), compressor=PruningCompressor(scorer="lexical.v1", **fields))


def test_what_is_found_comes_back_pruned() -> None:
    found = pruning().invoke(QUERY)
    assert [(document.id, document.page_content) for document in found] == [
        ("0", "The bridge did open in 1933."),
        ("2", "Some say the bridge did open in 1932."),
    ]
    assert asyncio.run(pruning().ainvoke(QUERY)) == found
    assert pruning().batch([QUERY, QUERY]) == [found, found]
    assert asyncio.run(pruning().abatch([QUERY])) == [found]


def test_runs_hang_under_the_retrievers_own() -> None:
    for call in (
        lambda config: pruning().invoke(QUERY, config),
        lambda config: asyncio.run(pruning().ainvoke(QUERY, config)),
    ):
        names = Names()
        found = call({"callbacks": [names]})
        assert names.started[:3] == [("PruningRetriever", False), ("Shelf", True), ("PruningCompressor", True)]
        assert all(name.startswith("ctxprune.prune") for name, _ in names.started[3:])
        assert names.ended[-1] == found


def test_keywords_go_to_the_inner_retriever() -> None:
    assert [document.id for document in pruning(keep_emptied=True).invoke(QUERY, k=2)] == ["0", "1"]
    assert [d.id for d in asyncio.run(pruning(keep_emptied=True).ainvoke(QUERY, k=2))] == ["0", "1"]


def test_nothing_found_is_nothing_given() -> None:
    empty = PruningRetriever(retriever=RunnableLambda(lambda _: []))
    assert empty.invoke(QUERY) == []
    assert asyncio.run(empty.ainvoke(QUERY)) == []


def test_runnables_and_the_default_compressor_do() -> None:
    runnable = RunnableLambda(lambda query: [Document("The bridge did open in 1933.", metadata={"asked": query})])
    found = PruningRetriever(retriever=runnable).invoke(QUERY)
    assert [document.metadata["asked"] for document in found] == [QUERY]
    assert found[0].page_content == "The bridge did open in 1933."


def test_an_empty_query_is_told() -> None:
    with pytest.raises(UsageError, match="asks something"):
        pruning().invoke(" ")


def test_wrong_arguments_and_questions_are_told() -> None:
    with pytest.raises(UsageError, match=r"retriever is a str \[PruningRetriever\]: .*instance of Runnable"):
        PruningRetriever(retriever="chroma")
    with pytest.raises(UsageError, match="no argument 'compresor': did you mean 'compressor'"):
        PruningRetriever(retriever=RunnableLambda(lambda _: []), compresor=None)
    with pytest.raises(UsageError, match="needs the argument 'retriever'"):
        PruningRetriever()
    with pytest.raises(UsageError, match=r"the query is a dict .*give the question as a text"):
        PruningRetriever(retriever=RunnableLambda(lambda _: [])).invoke({"question": "x"})

"""A retriever around another one, whose documents come back pruned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field

from ctxprune.integrations.langchain.compressor import PruningCompressor

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun

__all__ = ["PruningRetriever"]


class PruningRetriever(BaseRetriever):
    """What `retriever` finds, pruned to the query by `compressor`. It needs langchain-core only.

    Further keywords of `invoke` (a `k`, say) go to `retriever`.

    Attributes:
        retriever: Any retriever, or a runnable from a text to documents.
        compressor: Any document compressor; default `PruningCompressor()`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: Runnable[str, list[Document]]
    compressor: BaseDocumentCompressor = Field(default_factory=PruningCompressor)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        documents = self.retriever.invoke(query, {"callbacks": run_manager.get_child()}, **kwargs)
        # A compressor need not accept an empty list.
        if not documents:
            return []
        return list(self.compressor.compress_documents(documents, query, run_manager.get_child()))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        documents = await self.retriever.ainvoke(query, {"callbacks": run_manager.get_child()}, **kwargs)
        if not documents:
            return []
        return list(await self.compressor.acompress_documents(documents, query, run_manager.get_child()))

"""A retriever around another one, whose documents come back pruned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field, ValidationError

from ctxprune.errors import UsageError
from ctxprune.integrations.langchain.compressor import PruningCompressor
from ctxprune.integrations.langchain.fields import as_usage_error

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun

__all__ = ["PruningRetriever"]


class PruningRetriever(BaseRetriever):
    """What `retriever` finds, pruned to the query by `compressor`. It needs langchain-core only.

    Further keywords of `invoke` (a `k`, say) go to `retriever`.

    Attributes:
        retriever: Any retriever, or a runnable from a text to documents.
        compressor: Any document compressor; default `PruningCompressor()`.

    Raises:
        UsageError: A field is unknown or of the wrong kind; when invoked: the query is no text.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    retriever: Runnable[str, list[Document]]
    compressor: BaseDocumentCompressor = Field(default_factory=PruningCompressor)

    if not TYPE_CHECKING:  # type checkers read the fields

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise as_usage_error(error, type(self)) from error

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        _check_query(query)
        documents = self.retriever.invoke(query, {"callbacks": run_manager.get_child()}, **kwargs)
        # A compressor need not accept an empty list.
        if not documents:
            return []
        return list(self.compressor.compress_documents(documents, query, run_manager.get_child()))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        _check_query(query)
        documents = await self.retriever.ainvoke(query, {"callbacks": run_manager.get_child()}, **kwargs)
        if not documents:
            return []
        return list(await self.compressor.acompress_documents(documents, query, run_manager.get_child()))


def _check_query(query: object) -> None:
    if not isinstance(query, str):
        hint = "give the question as a text; in a chain, itemgetter('question') | retriever"
        raise UsageError(f"the query is a {type(query).__name__}", where="PruningRetriever", hint=hint)

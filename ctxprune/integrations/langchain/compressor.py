"""A document compressor: ranks retrieved documents and prunes them to one budget."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import RunnableLambda
from pydantic import ConfigDict, ValidationError

from ctxprune.errors import UsageError
from ctxprune.integrations._accounts import accounts, order_of, restored, titles_of
from ctxprune.integrations.langchain.callbacks import report_steps
from ctxprune.integrations.langchain.fields import as_usage_error
from ctxprune.policies import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.passages.options import NO_OPTIONS
from ctxprune.rag.passages.passages import Passages
from ctxprune.rag.ranking import PassagePruner
from ctxprune.text.scripts import find_foreign_script
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from langchain_core.callbacks import Callbacks
    from langchain_core.runnables import Runnable, RunnableConfig

    from ctxprune.rag.passages.options import PassageOptions
    from ctxprune.rag.ranking import RankedPassages

    GivenPruner = PassagePruner | Pruner | None
    Whole = int | None
else:  # pydantic would rebuild dataclasses; what is given is taken as it is, and checked by what uses it
    Callbacks = GivenPruner = PassageOptions = Any
    Whole = Any  # pydantic would take True for 1 and "500" for 500

__all__ = ["PruningCompressor", "restored"]

_LOGGER = logging.getLogger(__name__)
_QUERIES = ("query", "question")


class PruningCompressor(BaseDocumentCompressor):
    """Keeps of each document the sentences that the question needs. It prunes, and also ranks if `reorder` is set.

    Give a `pruner`, or its parts. Results are new plain Documents with the same `id` and metadata, to which come

    - `ctxprune_score`: how relevant the document is; the range is the scorer's, higher = more relevant. It compares
      documents of one call, in one order: the scorer reads them together;
    - `ctxprune_spans`: [start, end) of what was kept, in characters of the content that came in;
    - `ctxprune_gaps`: what stands between one span and the next;
    - `ctxprune_ends`: what stands before the first span and behind the last one: the gap sign where a sentence was cut
      there, else "". `restored` puts the content together from these;
    - `ctxprune_cut`: [start, end) of each sentence, table or code block of which only pieces are kept, since the
      budget does not hold it; [] mostly;
    - `ctxprune_length`: characters of the content that came in.

    Of a document that was pruned before, all of these are about the content that came in the first time. What was
    dropped, and why, is told by `explain`. Documents that came in are not changed. Copies and pickles work where the
    scorer allows it; those of this library do. Safe to share between threads. Texts that must stay whole (an image as
    base64, say) are pinned by `PassageOptions(protect=...)`.

    Attributes:
        pruner: A `PassagePruner`, which stands for all fields from `budget` to `reorder`; or a `Pruner`, which stands
            for those from `budget` to `on_oversized`.
        budget: Tokens that all documents together may take, gaps included; shorthand for policy=TokenBudget(budget).
        scorer: A scorer or its registered name; None for the default one.
        policy: A policy or its registered name; None for the default one, which keeps what comes near the best one.
        counter: Counts tokens, see `ctxprune.as_counter`; None for the bundled tokenizer.
        on_empty: Where no sentence reaches the policy's cut: "keep_best" keeps the best one, "keep_all" gives the
            documents back whole, "drop" gives none; None for "keep_best".
        on_oversized: Where the budget does not hold a sentence near the best one: "cut" keeps pieces of it beside whole
            sentences that fit, "drop" keeps whole sentences only, "error" raises; None for "cut".
        top_n: Documents of which something may be kept at most, the most relevant ones; None for all.
        reorder: Put the most relevant document first; else they stay in the order they came in.
        keep_emptied: Keep documents that lost everything, with an empty content; else they are left out.
        title_key: The metadata that holds a document's title, which helps to find out what it is about; None for none.
        options: See `ctxprune.rag.PassageOptions`: Markdown, headings, what is never dropped.
        gap: What stands where something was dropped; see `ctxprune.rag.Passage`.
        language: ISO 639 code for the sentence rules.

    Raises:
        UsageError: An argument is unknown, of the wrong kind or out of range, or two do not go together.
        UnknownNameError: No scorer or policy has that name.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", strict=True)

    pruner: GivenPruner = None
    budget: Whole = None
    scorer: Any = None
    policy: Any = None
    counter: Any = None
    on_empty: str | None = None
    on_oversized: str | None = None
    top_n: Whole = None
    reorder: bool | None = None
    keep_emptied: bool = False
    title_key: str | None = "title"
    options: PassageOptions = NO_OPTIONS
    gap: str = " … "
    language: str = "en"

    if not TYPE_CHECKING:  # type checkers read the fields

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise as_usage_error(error, type(self)) from error
            # Made once now, so that a wrong field is an error here and not at the first query.
            self.passage_pruner()
            Passages([], self.gap, self.language, options=self.options)
            Passages(["a"], self.gap, self.language, options=self.options)

    def passage_pruner(self) -> PassagePruner:
        """What does the work, made of the fields as they are now."""
        own: dict[str, Any] = {
            "scorer": self.scorer,
            "policy": self.policy,
            "counter": self.counter,
            "on_empty": self.on_empty,
            "on_oversized": self.on_oversized,
        }
        given = {name: value for name, value in own.items() if value is not None}
        if self.budget is not None:
            if "policy" in given:
                raise UsageError("both budget and policy are given", hint="give policy=TokenBudget(...) alone")
            given["policy"] = TokenBudget(self.budget)
        check_whole("top_n", self.top_n, optional=True)
        limits: dict[str, Any] = {"documents": self.top_n, "reorder": self.reorder}
        around = {name: value for name, value in limits.items() if value is not None}
        pruner: Any = self.pruner
        if pruner is None:
            return PassagePruner(Pruner(**given), **around)
        if not isinstance(pruner, (Pruner, PassagePruner)):
            raise UsageError(f"pruner is a {type(pruner).__name__}", hint="give a PassagePruner or a Pruner")
        beside = {**given, **around} if isinstance(pruner, PassagePruner) else given
        if beside:
            hint = "put it into the pruner" if len(beside) == 1 else "put them into the pruner"
            raise UsageError(f"{', '.join(sorted(beside))} beside pruner", where="pruner", hint=hint)
        return pruner if isinstance(pruner, PassagePruner) else PassagePruner(pruner, **around)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """What the documents keep for the query; [] for [].

        Raises:
            UsageError: The query is empty, or something is no document.
            BudgetError: The budget does not hold what is pinned, or no sentence at all; or on_oversized="error" and it
                does not hold the best sentence.
        """
        config: RunnableConfig | None = None if callbacks is None else {"callbacks": callbacks}
        return self.as_runnable().invoke({"query": query, "documents": documents}, config)

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """As `compress_documents`, off the event loop's thread."""
        config: RunnableConfig | None = None if callbacks is None else {"callbacks": callbacks}
        return await self.as_runnable().ainvoke({"query": query, "documents": documents}, config)

    def explain(self, documents: Sequence[Document], query: str) -> RankedPassages:
        """What `compress_documents` decides, and why: `relevance` of each document, dropped ones too, `pruned.units`
        with the score and the reason of each sentence, `pruned.oversized`, `pruned.to_html()`. Document i is source i.

        Raises:
            UsageError, BudgetError: As `compress_documents`.
        """
        query, found = _inputs({"query": query, "documents": documents}, None, "documents")
        return self.passage_pruner().prune(query, self._passages(found))

    def as_runnable(
        self, *, query_key: str | None = None, documents_key: str = "documents"
    ) -> Runnable[dict[str, Any], list[Document]]:
        """A runnable from a dict to documents, for chains.

        Args:
            query_key: Where the query is in the dict; None for "query" or "question", whichever is there.
            documents_key: Where the documents are.
        """

        def run(inputs: dict[str, Any]) -> list[Document]:
            query, documents = _inputs(inputs, query_key, documents_key)
            if not documents:
                return []
            passages = self._passages(documents)
            _warn_of_script(query, passages.texts)
            return self._result(documents, passages, self.passage_pruner().prune(query, passages))

        async def arun(inputs: dict[str, Any]) -> list[Document]:
            query, documents = _inputs(inputs, query_key, documents_key)
            if not documents:
                return []
            # Cutting long documents takes as long as scoring them, so both leave the event loop.
            passages = await asyncio.to_thread(self._passages, documents)
            _warn_of_script(query, passages.texts)
            ranked = await self.passage_pruner().aprune(query, passages)
            # How long the accounts take depends on the metadata, which may be large.
            return await asyncio.to_thread(self._result, documents, passages, ranked)

        return RunnableLambda(report_steps(run), afunc=report_steps(arun), name=type(self).__name__)

    def _passages(self, documents: Sequence[Document]) -> Passages:
        titles = titles_of([document.metadata for document in documents], self.title_key)
        texts = [document.page_content for document in documents]
        return Passages(texts, self.gap, self.language, options=self.options, titles=titles)

    def _result(self, documents: Sequence[Document], passages: Passages, ranked: RankedPassages) -> list[Document]:
        texts, own = ranked.pruned.output, accounts(ranked, passages, [document.metadata for document in documents])
        order = order_of(ranked, passages, self.passage_pruner(), keep_emptied=self.keep_emptied)
        return [
            Document(
                id=documents[index].id,
                page_content=texts[index],
                metadata={**documents[index].metadata, **own[index]},
            )
            for index in order
        ]


def _warn_of_script(query: str, texts: Sequence[str]) -> None:
    """Say where a question can share no word with the documents: scores would tell a user nothing of it."""
    if (found := find_foreign_script(query, texts)) is not None:
        _LOGGER.warning(
            "the question is written in %s and the documents in %s: the bundled scorers read English", *found
        )


def _inputs(inputs: object, query_key: str | None, documents_key: str) -> tuple[str, list[Document]]:
    """Query and documents of a dict.

    Raises:
        UsageError: One is missing or of the wrong kind.
    """
    if not isinstance(inputs, dict):
        raise UsageError(f"the input is a {type(inputs).__name__}", hint="give a dict with a query and documents")
    keys = _QUERIES if query_key is None else (query_key,)
    key = next((key for key in keys if key in inputs), None)
    if key is None or documents_key not in inputs:
        wanted = f"{' or '.join(keys)}, and {documents_key}"
        raise UsageError(f"the input has the keys {sorted(map(str, inputs))}", hint=f"it needs {wanted}")
    query = inputs[key]
    if not isinstance(query, str) or not query.strip():
        raise UsageError(f"the query is {query!r}", where=key, hint="give a text that asks something")
    return query, _checked(inputs[documents_key])


def _checked(documents: Any) -> list[Document]:
    """`documents` as a list.

    Raises:
        UsageError: It is no list of documents, or a document's content is no text.
    """
    if isinstance(documents, (str, Document)) or not isinstance(documents, Iterable):
        raise UsageError(f"documents is a {type(documents).__name__}", hint="give a list of documents")
    found = list(documents)
    for index, document in enumerate(found):
        where = f"documents[{index}]"
        if not isinstance(document, Document):
            hint = "give a langchain_core Document, such as Document(page_content=...)"
            raise UsageError(f"a document is a {type(document).__name__}", where=where, hint=hint)
        content: Any = document.page_content
        if not isinstance(content, str):
            hint = "leave out what is no text"
            raise UsageError(f"a page_content is a {type(content).__name__}", where=where, hint=hint)
    return found

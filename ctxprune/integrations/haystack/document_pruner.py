"""A component that prunes documents."""

# Annotations stay objects: Haystack 2 compares those of `run` as they are, and would connect no input that is a text.
import asyncio
from dataclasses import replace
from typing import Any

from haystack import Document, component, default_to_dict

from ctxprune.integrations._accounts import accounts, order_of, titles_of
from ctxprune.policies import TokenBudget
from ctxprune.pruning.pruner import OnEmpty, Pruner
from ctxprune.rag.passages.passages import Passages
from ctxprune.rag.ranking import PassagePruner
from ctxprune.scorers import DEFAULT_SCORER

__all__ = ["DocumentPruner"]


@component
class DocumentPruner:
    """Keeps of each document what the query needs.

    Documents come back as copies with the same id, meta and score; the keys that `PruningCompressor` of LangChain
    describes (`ctxprune_score`, `ctxprune_spans`, ...) come to the meta. Documents without text come back untouched,
    behind the others.

    Args:
        budget: Tokens of all documents together; None for what comes near the best sentence.
        top_k: Documents of which something may be kept at most; None for all.
        reorder: Put the most relevant document first.
        scorer: Registered name of a scorer.
        on_empty: See `ctxprune.Pruner`.
        keep_emptied: Keep documents that lost everything, with an empty content.
        title_key: The meta that holds a document's title; None for none.

    Raises:
        UsageError, UnknownNameError: An argument is out of its range.
    """

    # Not the name of this file, so that pipelines can be loaded which were stored when there was no folder.
    __module__ = "ctxprune.integrations.haystack"

    def __init__(
        self,
        budget: int | None = None,
        top_k: int | None = None,
        reorder: bool = False,
        scorer: str = DEFAULT_SCORER,
        on_empty: OnEmpty = "keep_best",
        keep_emptied: bool = False,
        title_key: str | None = "title",
    ) -> None:
        # Haystack stores a component by the arguments of its constructor.
        self._init = {name: value for name, value in locals().items() if name != "self"}
        policy = "adaptive.v1" if budget is None else TokenBudget(budget)
        self._pruner = PassagePruner(Pruner(scorer, policy, on_empty=on_empty), documents=top_k, reorder=reorder)

    def to_dict(self) -> dict[str, Any]:
        """What a stored pipeline holds of it."""
        return default_to_dict(self, **self._init)  # type: ignore[no-any-return]

    @component.output_types(documents=list[Document])
    def run(self, query: str, documents: list[Document]) -> dict[str, Any]:
        """The pruned documents; raises as `PassagePruner.prune`."""
        texts, others = ([d for d in documents if (d.content is None) == empty] for empty in (False, True))
        if not texts:
            return {"documents": others}
        titles = titles_of([d.meta for d in texts], self._init["title_key"])
        passages = Passages([d.content for d in texts], titles=titles)
        ranked = self._pruner.prune(query, passages)
        own, new = accounts(ranked, passages, [d.meta for d in texts]), ranked.pruned.output
        order = order_of(ranked, passages, self._pruner, keep_emptied=bool(self._init["keep_emptied"]))
        cut = [replace(texts[i], content=new[i], meta={**texts[i].meta, **own[i]}) for i in order]
        return {"documents": cut + others}

    @component.output_types(documents=list[Document])
    async def run_async(self, query: str, documents: list[Document]) -> dict[str, Any]:
        """As `run`, off the event loop's thread."""
        return await asyncio.to_thread(self.run, query, documents)

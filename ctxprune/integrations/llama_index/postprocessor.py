"""A node postprocessor that prunes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode

from ctxprune.errors import UsageError
from ctxprune.integrations._accounts import accounts, order_of, titles_of
from ctxprune.rag.passages.passages import Passages
from ctxprune.rag.ranking import PassagePruner

if TYPE_CHECKING:
    from llama_index.core.schema import QueryBundle

__all__ = ["PruningPostprocessor"]


class PruningPostprocessor(BaseNodePostprocessor):
    """Keeps of each text node what the query needs, all nodes within the pruner's budget.

    Nodes come back as copies with the same id, metadata and retrieval score; the keys that
    `PruningCompressor` of LangChain describes (`ctxprune_score`, `ctxprune_spans`, ...) come to the metadata, out of
    sight of models. Nodes that are no text come back
    untouched, behind the others.

    Attributes:
        pruner: A `ctxprune.rag.PassagePruner`.
        keep_emptied: Keep nodes that lost everything, with an empty text.
        title_key: The metadata that holds a node's title; None for none.

    Raises:
        UsageError: The pruner is none; when run: there is no query.
        BudgetError: When run: as `PassagePruner.prune`.
    """

    pruner: Any = Field(default_factory=PassagePruner, exclude=True)
    keep_emptied: bool = False
    title_key: str | None = "title"

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        if not isinstance(self.pruner, PassagePruner):
            raise UsageError(f"pruner is a {type(self.pruner).__name__}", hint="give a PassagePruner")

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores it."""
        return "PruningPostprocessor"

    def _postprocess_nodes(self, nodes: list[Any], query_bundle: QueryBundle | None = None) -> list[Any]:
        texts = [scored for scored in nodes if isinstance(scored.node, TextNode)]
        others = [scored for scored in nodes if not isinstance(scored.node, TextNode)]
        if not texts:
            return others
        if query_bundle is None:
            raise UsageError("there is no query", hint="give query_str or query_bundle")
        titles = titles_of([scored.node.metadata for scored in texts], self.title_key)
        passages = Passages([scored.node.text for scored in texts], titles=titles)
        ranked = self.pruner.prune(query_bundle.query_str, passages)
        own = accounts(ranked, passages, [scored.node.metadata for scored in texts])
        order = order_of(ranked, passages, self.pruner, keep_emptied=self.keep_emptied)
        return [_cut(texts[index], ranked.pruned.output[index], own[index]) for index in order] + others


def _cut(scored: Any, text: str, own: dict[str, Any]) -> Any:
    hidden = ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys")
    node = scored.node
    lists = {name: [*dict.fromkeys([*getattr(node, name), *own])] for name in hidden}  # attributes of LlamaIndex
    update = {"text": text, "metadata": {**node.metadata, **own}, **lists}
    return NodeWithScore(node=node.model_copy(update=update), score=scored.score)

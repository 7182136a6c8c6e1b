"""The node postprocessor against llama-index-core; skipped where that is not installed.

It runs in an environment of its own: `make framework-llama-index`.
"""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")

from llama_index.core.schema import ImageNode, MetadataMode, Node, NodeWithScore, QueryBundle, TextNode

from ctxprune import Pruner, TokenBudget, as_counter
from ctxprune.errors import UsageError
from ctxprune.integrations._accounts import restored
from ctxprune.integrations.llama_index import PruningPostprocessor
from ctxprune.rag import PassagePruner

QUERY = "When did the bridge open?"
TEXTS = ("Cats sleep. Dogs bark.", "The bridge is long. It was painted red. The bridge did open in 1933.", "")


def nodes() -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(id_=str(i), text=text, metadata={"page": i}), score=0.5 - i / 10)
        for i, text in enumerate(TEXTS)
    ]


def lexical(**fields: object) -> PruningPostprocessor:
    return PruningPostprocessor(pruner=PassagePruner(Pruner("lexical.v1")), **fields)


def test_nodes_come_back_as_cut_copies() -> None:
    given = nodes()
    found = lexical().postprocess_nodes(given, query_str=QUERY)
    assert [scored.node.text for scored in given] == list(TEXTS)
    assert [(scored.node.node_id, scored.score) for scored in found] == [("1", 0.4)]
    node = found[0].node
    assert node.text == "The bridge is long. … The bridge did open in 1933."
    assert restored(TEXTS[1], node.metadata) == node.text
    assert node.metadata["page"] == 1
    assert given[1].node.metadata == {"page": 1}
    shown = node.get_content(MetadataMode.LLM)
    assert "page: 1" in shown
    assert "ctxprune" not in shown
    assert "ctxprune" not in node.get_content(MetadataMode.EMBED)


def test_async_and_bundles_give_the_same() -> None:
    expected = lexical().postprocess_nodes(nodes(), query_str=QUERY)
    assert lexical().postprocess_nodes(nodes(), QueryBundle(QUERY)) == expected
    assert asyncio.run(lexical().apostprocess_nodes(nodes(), query_str=QUERY)) == expected
    assert lexical(keep_emptied=True).postprocess_nodes(nodes(), query_str=QUERY)[1:2] == expected


def test_one_budget_and_other_nodes() -> None:
    image = NodeWithScore(node=Node(), score=0.9)
    pruner = PassagePruner(Pruner("lexical.v1", TokenBudget(12)), reorder=True)
    found = PruningPostprocessor(pruner=pruner).postprocess_nodes([image, *nodes()], query_str=QUERY)
    assert found[-1] is image
    assert sum(as_counter().count_many(scored.node.text for scored in found[:-1])) <= 12
    assert PruningPostprocessor().postprocess_nodes([image], query_str=QUERY) == [image]
    assert PruningPostprocessor().postprocess_nodes([]) == []


def test_image_nodes_keep_their_image() -> None:
    image = NodeWithScore(node=ImageNode(text=TEXTS[1], image="QUJD", id_="i"))
    found = lexical().postprocess_nodes([image], query_str=QUERY)[0].node
    assert isinstance(found, ImageNode)
    assert (found.image, found.node_id) == ("QUJD", "i")


def test_wrong_use_is_told() -> None:
    with pytest.raises(UsageError, match="no query"):
        lexical().postprocess_nodes(nodes())
    with pytest.raises(UsageError, match="pruner is a str"):
        PruningPostprocessor(pruner="adaptive.v1")
    assert lexical().to_dict()["class_name"] == "PruningPostprocessor"

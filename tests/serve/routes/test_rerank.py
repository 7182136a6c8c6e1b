"""POST /v1/rerank as rerank clients send and read it."""

from __future__ import annotations

from typing import Any

import pytest

from ctxprune import Pruner
from ctxprune.rag import PassagePruner

from ..conftest import Client, error_of

QUERY = "When did the bridge open?"
DOCUMENTS = ["Cats sleep.", "The bridge opened in 1933.", "The bridge is long.", ""]


def test_order_and_scores_are_the_library_s(client: Client) -> None:
    body = client.post("/v1/rerank", {"model": "any", "query": QUERY, "documents": DOCUMENTS}).json()
    expected = PassagePruner(Pruner("lexical.v1")).rank(QUERY, DOCUMENTS)
    assert body["results"] == [{"index": e["corpus_id"], "relevance_score": e["score"]} for e in expected]
    assert body["model"] == "lexical.v1"
    assert body["usage"]["total_tokens"] > 20


def test_the_best_ones_with_their_texts(client: Client) -> None:
    asked = {"query": QUERY, "documents": [{"text": text, "id": 3} for text in DOCUMENTS], "top_n": 2}
    results = client.post("/v1/rerank", {**asked, "return_documents": True}).json()["results"]
    assert [result["document"] for result in results] == [{"text": DOCUMENTS[1]}, {"text": DOCUMENTS[2]}]
    assert len(client.post("/v1/rerank", {**asked, "top_n": 99}).json()["results"]) == 4


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"query": QUERY}, "documents"),
        ({"query": QUERY, "documents": []}, "documents"),
        ({"query": QUERY, "documents": "one"}, "documents"),
        ({"query": QUERY, "documents": [7]}, "documents"),
        ({"query": QUERY, "documents": [{"txt": "a"}]}, "documents"),
        ({"query": QUERY, "documents": DOCUMENTS, "top_n": 0}, "top_n"),
        ({"query": "\t", "documents": DOCUMENTS}, "query"),
    ],
)
def test_what_is_wrong_is_said(client: Client, asked: dict[str, Any], said: str) -> None:
    response = client.post("/v1/rerank", asked)
    assert response.status_code == 422
    assert said in error_of(response)["message"]


def test_too_many_documents(small: Client) -> None:
    response = small.post("/v1/rerank", {"query": QUERY, "documents": DOCUMENTS})
    assert response.status_code == 422
    assert error_of(response)["hint"] == "at most 3 are taken; send them in parts"

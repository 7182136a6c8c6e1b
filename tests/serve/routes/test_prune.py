"""POST /v1/prune gives what the library gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctxprune import Pruner, TokenBudget, TopK
from ctxprune.rag import Passage, PassageOptions, PassagePruner, Passages

from ..conftest import Client, error_of

QUERY = "When did the bridge open?"
TEXT = "The bridge is long. It opened in 1933, the bridge. Cats sleep all day."


def same(body: dict[str, Any], library: dict[str, Any]) -> None:
    expected = {name: value for name, value in json.loads(json.dumps(library)).items() if name != "seconds"}
    assert {name: body[name] for name in expected} == expected


def test_one_text(client: Client) -> None:
    body = client.post("/v1/prune", {"query": QUERY, "text": TEXT}).json()
    same(body, Pruner("lexical.v1").prune(QUERY, Passage(TEXT)).to_dict())
    assert body["order"] == [0]
    assert len(body["relevance"]) == 1


def test_documents_within_a_budget(client: Client) -> None:
    documents = [TEXT, {"text": "It opened in 1937.", "title": "The Golden Gate bridge"}, ""]
    asked = {"query": QUERY, "documents": documents, "budget": 14, "reorder": True}
    body = client.post("/v1/prune", asked).json()
    passages = Passages([TEXT, "It opened in 1937.", ""], titles=["", "The Golden Gate bridge", ""])
    ranked = PassagePruner(Pruner("lexical.v1", TokenBudget(14)), reorder=True).prune(QUERY, passages)
    same(body, ranked.pruned.to_dict())
    assert body["relevance"] == list(ranked.relevance)
    assert body["order"] == list(ranked.order)
    assert body["tokens_after"] <= 14


def test_markdown_and_a_number_of_units(client: Client) -> None:
    text = "# Bridges\n\nOne opened in 1933. Another is long.\n\n# Cats\n\nThey sleep."
    body = client.post("/v1/prune", {"query": QUERY, "text": text, "markdown": True, "top_k": 2}).json()
    options = PassageOptions(markdown=True, headings=True)
    same(body, Pruner("lexical.v1", TopK(2)).prune(QUERY, Passage(text, options=options)).to_dict())


def test_json_stays_json(client: Client) -> None:
    text = '{"rows": [{"bridge": "Golden Gate"}, {"cat": "Tom"}], "more": 1}'
    body = client.post("/v1/prune", {"query": "Which bridge?", "kind": "json", "text": text, "top_k": 1}).json()
    assert json.loads(body["output"]) == {"rows": [{"bridge": "Golden Gate"}], "more": 1}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"text": TEXT}, "query"),
        ({"query": "", "text": TEXT}, "query"),
        ({"query": " ", "text": TEXT}, "the query is"),
        ({"query": QUERY}, "text and documents"),
        ({"query": QUERY, "text": TEXT, "documents": []}, "text and documents"),
        ({"query": QUERY, "text": TEXT, "budget": 5, "top_k": 2}, "budget and top_k"),
        ({"query": QUERY, "text": TEXT, "budget": "5"}, "budget"),
        ({"query": QUERY, "text": TEXT, "budget": -1}, "budget"),
        ({"query": QUERY, "text": TEXT, "threshold": "NaN"}, "threshold"),
        ({"query": QUERY, "text": TEXT, "buget": 5}, "'buget': did you mean 'budget'? known: budget, documents,"),
        ({"query": QUERY, "documents": [{"txt": TEXT}]}, "'txt': did you mean 'text'? known: text, title"),
        ({"query": QUERY, "kind": "json", "json": "[]"}, "known: budget, documents, kind,"),
        ({"query": QUERY, "kind": "json", "documents": ["[]"]}, "send the JSON as a string, in text"),
        ({"query": QUERY, "text": TEXT, "b" * 999: 5}, f"'{'b' * 100}'"),
        ({"query": QUERY, "text": 5}, "text"),
        ({"query": QUERY, "text": TEXT, "kind": "sound"}, "'sound'"),
        ({"query": QUERY, "text": "no json", "kind": "json"}, "in JSON"),
        ({"query": QUERY, "text": TEXT, "budget": 1}, 'let on_empty be "drop"'),
    ],
)
def test_what_is_wrong_is_said(client: Client, asked: dict[str, Any], said: str) -> None:
    response = client.post("/v1/prune", asked)
    assert response.status_code == 422
    error = error_of(response)
    assert said in f"{error['message']}: {error['hint']}"


def test_an_unknown_kind_names_the_known_ones(client: Client) -> None:
    response = client.post("/v1/prune", {"query": QUERY, "text": TEXT, "kind": "jsn"})
    assert error_of(response)["code"] == "CP003"
    assert "did you mean 'json'? known: json, text" in response.json()["error"]["hint"]

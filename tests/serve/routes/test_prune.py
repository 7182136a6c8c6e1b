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
    assert json.loads(body["output"]) == {"rows": [{"bridge": "Golden Gate"}]}


def test_without_a_kind_a_text_goes_by_its_looks(client: Client) -> None:
    page = f"<!DOCTYPE html><body><p>{'Cats sleep all day long. ' * 8}</p><p>Paris is next.</p></body>"
    asked = {"query": "Paris", "top_k": 1}
    body = client.post("/v1/prune", asked | {"text": page}).json()
    assert (body["kind"], body["output"]) == ("html", "<p>Paris is next.</p>")
    assert client.post("/v1/prune", asked | {"text": page, "as": "markdown"}).json()["output"] == "Paris is next."
    assert client.post("/v1/prune", asked | {"text": "# Paris\n\nIt is next."}).json()["kind"] == "text"
    assert client.post("/v1/prune", asked | {"text": "a,b\n1,2\n3,4", "markdown": True}).json()["kind"] == "text"


@pytest.mark.parametrize(("form", "output"), [("html", "<p>x</p>"), ("markdown", "x"), ("text", "x")])
def test_as_without_a_kind_means_a_page(client: Client, form: str, output: str) -> None:
    body = client.post("/v1/prune", {"query": QUERY, "text": "<p>x</p>", "as": form}).json()
    assert (body["kind"], body["output"]) == ("html", output)
    plain = client.post("/v1/prune", {"query": QUERY, "text": '["x"]', "as": form}).json()
    assert (plain["kind"], plain["note"]) == ("html", "")
    assert client.post("/v1/prune", {"query": QUERY, "text": "", "as": form}).json()["note"] == "the text is empty"


def test_a_budget_may_be_a_share(client: Client) -> None:
    whole = client.post("/v1/prune", {"query": QUERY, "text": TEXT, "budget": "100%"}).json()
    assert whole["output"] == TEXT
    half = client.post("/v1/prune", {"query": QUERY, "documents": [TEXT, TEXT], "budget": "50 %"}).json()
    assert 0 < half["tokens_after"] <= half["tokens_before"] // 2
    table = {"query": "Paris", "text": "Year,City\n1896,Athens\n1900,Paris\n", "kind": "csv", "budget": "60%"}
    assert "Paris" in client.post("/v1/prune", table).json()["output"]


def test_what_is_nearly_always_a_mistake_is_noted(client: Client) -> None:
    empty = client.post("/v1/prune", {"query": QUERY, "text": " "}).json()
    assert (empty["output"], empty["note"]) == (" " if empty["output"] else "", "the text is empty")
    prose = client.post("/v1/prune", {"query": QUERY, "text": "It opened.\nCats sleep.", "kind": "csv"}).json()
    assert prose["note"] == "read as csv, the text has a single column"


def test_the_reference_describes_every_entry(client: Client) -> None:
    body = client.post("/v1/prune", {"query": QUERY, "text": TEXT})
    assert body.content.endswith(b"}\n")
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(body.json()) - {"format", "version"} == set(schemas["PruneReply"]["properties"])
    assert "ctxprune." not in json.dumps(schemas)
    assert schemas["PruneRequest"]["properties"]["markdown"]["description"]


def test_bytes_and_places_are_named(client: Client) -> None:
    json_type = {"content-type": "application/json"}
    latin = client.ask("POST", "/v1/prune", content='{"query": "é"}'.encode("latin-1"), headers=json_type)
    assert (latin.status_code, error_of(latin)["message"]) == (400, "the body is not UTF-8 (byte 11 is 0xe9)")
    broken = client.ask("POST", "/v1/prune", content=b'{"query": "x",\n "text" "y"}', headers=json_type)
    assert broken.status_code == 422
    assert "the body is not JSON (line 2, column 9: " in error_of(broken)["message"]


@pytest.mark.parametrize(
    ("kind", "text", "output"),
    [
        ("csv", "Year,City\n1896,Athens\n1900,Paris\n", "Year,City\n1900,Paris\n"),
        ("html", f"<p>{'Cats sleep all day long. ' * 8}<p>Paris is next.", "<p>Paris is next.</p>"),
        ("log", "INFO a 1\nINFO a 2\nERROR in Paris\n", "ERROR in Paris\n… 2 more of other kinds\n"),
        ("markdown", "# Cats\n\nThey sleep.\n\n# Paris\n", "# Paris\n"),
    ],
)  # fmt: skip
def test_each_kind_stays_what_it_is(client: Client, kind: str, text: str, output: str) -> None:
    body = client.post("/v1/prune", {"query": "Paris", "kind": kind, "text": text, "top_k": 1}).json()
    assert body["output"] == output
    assert body["tokens_after"] < body["tokens_before"]


def test_auto_goes_by_the_looks_of_the_text(client: Client) -> None:
    asked = {"query": "Paris", "kind": "auto", "top_k": 1}
    for kind, text in (
        ("csv", "a,b\n1,Paris\n2,Athens\n"),
        ("text", "Athens. Paris."),
        ("json", '["Paris", "Athens"]'),
    ):
        body = client.post("/v1/prune", asked | {"text": text}).json()
        assert (body["kind"], "Athens" in body["output"]) == (kind, False)
    assert client.post("/v1/prune", asked | {"documents": ["Paris."]}).json()["noun"] == "sentences"


def test_cut_json_is_pruned_as_text_where_the_kind_was_guessed(client: Client) -> None:
    asked = {"query": "Paris", "kind": "auto", "text": '[{"city": "Athens"}, {"city": "Paris"}, {"ci'}
    body = client.post("/v1/prune", asked).json()
    assert (body["kind"], body["noun"]) == ("text", "sentences")
    assert body["note"].startswith("read as plain text: it looks like json, but ")
    assert client.post("/v1/prune", asked | {"kind": "json"}).status_code == 422


def test_a_budget_of_a_table_leaves_out_columns_too(client: Client) -> None:
    text = "Year,City,Notes\n1896,Athens,a long and windy road to nowhere\n1900,Paris,nothing much to say here at all\n"
    asked = {"query": "When was Paris?", "kind": "csv", "text": text, "budget": 14}
    body = client.post("/v1/prune", asked).json()
    assert (body["policy"], body["output"]) == ("table_budget.v1", "Year,City\n1900,Paris\n")


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
        ({"query": QUERY, "text": TEXT, "budget": -1}, "budget: give a number of tokens from 0 up, or a share"),
        ({"query": QUERY, "text": TEXT, "budget": "101%"}, "budget: give a number of tokens"),
        ({"query": QUERY, "text": TEXT, "budget": True}, "budget: give a number of tokens"),
        ({"query": QUERY, "kind": "text", "text": TEXT, "as": "markdown"}, "as is for pages, and this is text"),
        ({"query": QUERY, "text": TEXT, "as": "text", "markdown": True}, "as is for pages, and this is text"),
        ({"query": QUERY, "documents": ["<p>x</p>"], "as": "text"}, "as is for pages, and this is text"),
        ({"query": QUERY, "kind": "auto", "text": '{"a": 1}', "as": "text"}, "as is for pages, and this is json"),
        ({"query": QUERY, "text": "<p>x</p>", "kind": "html", "as": "pdf"}, "as: Input should be 'html', 'markdown'"),
        ({"query": QUERY, "text": TEXT, "threshold": "NaN"}, "threshold"),
        ({"query": QUERY, "text": TEXT, "buget": 5}, "'buget': did you mean 'budget'? known: as, budget, documents,"),
        ({"query": QUERY, "documents": [{"txt": TEXT}]}, "'txt': did you mean 'text'? known: text, title"),
        ({"query": QUERY, "kind": "json", "json": "[]"}, "known: as, budget, documents, kind,"),
        ({"query": QUERY, "kind": "json", "documents": ["[]"]}, "send it as a string, in text"),
        ({"query": QUERY, "text": TEXT, "b" * 999: 5}, f"'{'b' * 100}'"),
        ({"query": QUERY, "text": 5}, "text"),
        ({"query": QUERY, "text": "[]", "kind": "json", "markdown": True}, "markdown is for kind text"),
        ({"query": QUERY, "text": "[]", "kind": "json", "reorder": True}, "reorder is for kind text"),
        ({"query": QUERY, "text": TEXT, "kind": "sound"}, "'sound'"),
        ({"query": QUERY, "text": "no json", "kind": "json"}, "this is no JSON"),
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
    assert "did you mean 'json'? known: auto, csv, html, json," in response.json()["error"]["hint"]

"""What LiteLLM's generic guardrail API sends, and what it gets: the contract, without the package."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctxprune.rag import Passage
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.serve.attachments import AttachmentFilter
from ctxprune.serve.config import KeyConfig, LimitsConfig, ModelConfig
from ctxprune.serve.guardrail import GuardrailRequest, TrafficPruner
from ctxprune.serve.scoring import make_scorer
from ctxprune.tokens import as_counter

from ..conftest import ALL, Client, config_for, error_of, hashed

PATH = "/beta/litellm_basic_guardrail_api"
QUESTION = "When did the bridge open?"
FILLER = [f"The pump number {n} was serviced on a quiet day in the harbour." for n in range(120)]
RESULT = " ".join([*FILLER[:60], "The bridge opened in 1933.", *FILLER[60:]])
ROWS = [{"pump": n, "state": "serviced"} for n in range(200)] + [{"bridge": "Golden Gate", "opened": 1933}]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "search", "arguments": '{"q": "' + "bridge " * 2_000 + '"}'},
}


def texts_of(messages: list[dict[str, Any]]) -> list[Any]:
    """As LiteLLM takes them out of messages."""
    found = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            found.append(content)
        elif isinstance(content, list):
            found += [part["text"] for part in content if isinstance(part, dict) and part.get("text") is not None]
    return found


def sent(messages: list[Any], **more: Any) -> dict[str, Any]:
    """A request as LiteLLM 1.110 sends it."""
    return {
        "input_type": "request",
        "litellm_call_id": "call",
        "litellm_trace_id": None,
        "structured_messages": messages,
        "images": ["data:image/png;base64,AAAA"],
        "tools": [{"type": "function", "function": {"name": "search", "parameters": {}}}],
        "texts": texts_of([message for message in messages if isinstance(message, dict)]),
        "request_data": {"user_api_key_alias": None},
        "request_headers": {"host": "proxy"},
        "litellm_version": "1.110.2",
        "additional_provider_specific_params": {},
        "tool_calls": [CALL],
        "model": "m",
    } | more


AGENT = [
    {"role": "system", "content": "You answer in one sentence. " * 300},
    {"role": "user", "content": QUESTION},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": RESULT},
]


def counts(body: dict[str, Any]) -> dict[str, int]:
    return body["ctxprune"]["texts"]


def tokens(text: str) -> int:
    return as_counter().count(text)


def test_the_result_of_a_tool_is_cut_and_nothing_else(client: Client) -> None:
    body = client.post(PATH, sent(AGENT)).json()
    assert body["action"] == "GUARDRAIL_INTERVENED"
    assert body["texts"][:2] == [AGENT[0]["content"], QUESTION]
    assert "The bridge opened in 1933." in body["texts"][2]
    assert tokens(body["texts"][2]) <= 1_000 < tokens(RESULT)
    assert set(body) == {"action", "texts", "ctxprune"}  # what it does not name the proxy keeps: images, tools, calls
    assert counts(body) == {"other_role": 2, "pruned": 1}
    assert body["ctxprune"]["tokens_before"] > body["ctxprune"]["tokens_after"]


def test_kept_sentences_are_the_sources_own(client: Client) -> None:
    body = client.post(PATH, sent(AGENT, additional_provider_specific_params={"limit": 100})).json()
    assert tokens(body["texts"][2]) <= 100
    assert all(part in RESULT for part in body["texts"][2].split(" … "))


def test_json_stays_json(client: Client) -> None:
    messages = [*AGENT[:3], {"role": "tool", "tool_call_id": "c1", "content": json.dumps(ROWS)}]
    body = client.post(PATH, sent(messages, additional_provider_specific_params={"limit": 200})).json()
    kept = json.loads(body["texts"][2])
    assert {"bridge": "Golden Gate", "opened": 1933} in kept
    assert len(kept) < len(ROWS)


def test_a_later_question_leaves_earlier_results_as_they_were(client: Client) -> None:
    later = [
        *AGENT,
        {"role": "assistant", "content": "In 1933."},
        {"role": "user", "content": "Which pump is number 7?"},
    ]
    later.append({"role": "tool", "tool_call_id": "c2", "content": RESULT + " Done."})
    first, second = (client.post(PATH, sent(messages)).json()["texts"] for messages in (AGENT, later))
    assert second[: len(first)] == first
    assert "pump number 7 " in second[-1]


def test_words_alone_are_a_choice_that_asks_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic = TrafficPruner(make_scorer(ModelConfig()))

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the model is asked")

    for name in ("score", "score_batch", "score_documents", "score_documents_batch"):
        monkeypatch.setattr(MixtureScorer, name, fail)
    asked = sent(AGENT, additional_provider_specific_params={"scorer": "words"})
    body = json.loads(traffic.prune(GuardrailRequest(**asked)).body)
    assert "The bridge opened in 1933." in body["texts"][2]
    assert tokens(body["texts"][2]) <= 1_000
    with pytest.raises(AssertionError, match="the model is asked"):
        traffic.prune(GuardrailRequest(**sent(AGENT)))


def test_the_model_reads_as_much_as_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    whole = PrunerScorer.features_batch

    def features_batch(self: PrunerScorer, queries: Any, contexts: Any) -> Any:
        read.append(sum(len(unit.text) for context in contexts for unit in context.units))
        return whole(self, queries, contexts)

    monkeypatch.setattr(PrunerScorer, "features_batch", features_batch)
    config = ModelConfig()
    for characters in (config.gateway_characters, 1_000, 0):
        outcome = TrafficPruner(make_scorer(config), characters).prune(GuardrailRequest(**sent(AGENT)))
        assert "The bridge opened in 1933." in json.loads(outcome.body)["texts"][2]
    assert read[0] <= config.gateway_characters == 2_000
    assert read[1] <= 1_000
    assert read[2] == sum(len(unit.text) for unit in Passage(RESULT).units)


def test_short_traffic_is_left_alone(client: Client) -> None:
    messages = [*AGENT[1:3], {"role": "tool", "tool_call_id": "c1", "content": "The bridge opened in 1933."}]
    body = client.post(PATH, sent(messages)).json()
    assert body["action"] == "NONE"
    assert "texts" not in body
    assert counts(body) == {"other_role": 1, "short": 1}


def test_a_result_that_is_sent_again_is_scored_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctxprune.integrations.texts import TextsPruner

    prune, request = client.service.traffic.prune, GuardrailRequest(**sent(AGENT))
    first = prune(request)

    def fail(*_: object) -> tuple[str, ...]:
        raise AssertionError("it is scored again")

    monkeypatch.setattr(TextsPruner, "cut", fail)
    assert prune(request) == first
    with pytest.raises(AssertionError, match="scored again"):
        prune(GuardrailRequest(**sent(AGENT, additional_provider_specific_params={"limit": 500})))


def test_documents_beside_a_question_are_cut_where_that_is_wanted(client: Client) -> None:
    parts = [{"type": "text", "text": RESULT}, IMAGE, {"type": "text", "text": QUESTION}]
    messages = [{"role": "user", "content": parts}]
    assert client.post(PATH, sent(messages)).json()["action"] == "NONE"
    body = client.post(PATH, sent(messages, additional_provider_specific_params={"roles": ["tool", "user"]})).json()
    assert "The bridge opened in 1933." in body["texts"][0]
    assert tokens(body["texts"][0]) <= 1_000
    assert body["texts"][1] == QUESTION


LONG = "word " * 3_000
PASSED = {
    "unknown role": ([{"role": "critic", "content": LONG}], "unknown_role"),
    "no role": ([{"content": LONG}], "unknown_role"),
    "a role that is no text": ([{"role": ["tool"], "content": LONG}], "unknown_role"),
    "nothing asked before": ([{"role": "tool", "content": LONG}], "no_question"),
    "cut JSON": ([*AGENT[1:2], {"role": "tool", "content": json.dumps(ROWS)[:-20]}], "broken_json"),
    "deep JSON": ([*AGENT[1:2], {"role": "tool", "content": '[{"a": ' * 3_000}], "broken_json"),
    "the model's own words": ([*AGENT[1:2], {"role": "assistant", "content": LONG}], "other_role"),
    "as the system says": (
        [{"role": "system", "content": LONG}, *AGENT[1:2], {"role": "tool", "content": LONG}],
        "other_role",
    ),
}


@pytest.mark.parametrize("name", PASSED)
def test_what_is_passed_through_is_counted(client: Client, name: str) -> None:
    messages, reason = PASSED[name]
    body = client.post(PATH, sent(messages)).json()
    assert body["action"] == "NONE"
    assert counts(body)[reason] >= 1
    assert "pruned" not in counts(body)


@pytest.mark.parametrize("messages", [None, 3, {}, [], [None, 3, "x"], [{"role": "tool", "content": 3}]])
@pytest.mark.parametrize("texts", [[LONG], [3, None, {"a": [1]}, LONG]])
def test_messages_of_no_form_change_nothing(client: Client, messages: Any, texts: list[Any]) -> None:
    body = client.post(PATH, sent([], structured_messages=messages, texts=texts)).json()
    assert body["action"] == "NONE"
    assert counts(body) == {"unknown_role": 1} | ({"no_text": 3} if len(texts) > 1 else {})


def test_content_that_is_no_text_comes_back_in_its_place(client: Client) -> None:
    body = client.post(PATH, sent(AGENT, texts=[7, None, {"a": LONG}, *texts_of(AGENT)])).json()
    assert body["texts"][:3] == [7, None, {"a": LONG}]
    assert counts(body) == {"no_text": 3, "other_role": 2, "pruned": 1}


@pytest.mark.parametrize(
    "more", [{"texts": None}, {"texts": "x"}, {"texts": 3}, {"texts": []}, {"input_type": "response"}]
)
def test_nothing_to_cut(client: Client, more: dict[str, Any]) -> None:
    body = client.post(PATH, sent(AGENT, **more)).json()
    assert body["action"] == "NONE"


@pytest.mark.parametrize(
    "options",
    [{"limit": 3}, {"limit": "all"}, {"limit": True}, {"roles": ["system"]}, {"roles": "tool"}, {"scorer": "x"}],
)
def test_a_wrong_option_is_an_error_that_names_it(client: Client, options: dict[str, Any]) -> None:
    response = client.post(PATH, sent(AGENT, additional_provider_specific_params=options))
    assert response.status_code == 422
    assert f"additional_provider_specific_params.{next(iter(options))}" in error_of(response)["message"]


@pytest.mark.parametrize(
    ("roles", "reason"), [(["tool"], "short"), ([f"role {n}" for n in range(50_000)], "unknown_role")]
)
def test_equal_texts_take_time_in_proportion_to_their_number(roles: list[str], reason: str) -> None:
    traffic = TrafficPruner(LexicalScorer())
    results = [{"role": roles[n % len(roles)], "content": "same"} for n in range(50_000)]
    request = GuardrailRequest(**sent([AGENT[1], *results]))
    start = time.process_time()
    body = json.loads(traffic.prune(request).body)
    assert time.process_time() - start < 20
    assert counts(body) == {"other_role": 1, reason: 50_000}


def test_equal_texts_are_cut_by_the_questions_before_them(client: Client) -> None:
    later = {"role": "user", "content": "Which pump is number 7?"}
    body = client.post(PATH, sent([AGENT[1], AGENT[3], later, AGENT[3]])).json()
    assert counts(body) == {"other_role": 2, "pruned": 2}
    assert "The bridge opened in 1933." in body["texts"][1]
    assert "pump number 7 " in body["texts"][3]


def test_options_of_others_are_passed_over(client: Client) -> None:
    body = client.post(PATH, sent(AGENT, additional_provider_specific_params={"api_version": "v1"})).json()
    assert body["action"] == "GUARDRAIL_INTERVENED"


@pytest.fixture
def keyed(shop: Path) -> Iterator[Client]:
    keys = (KeyConfig("proxy", hashed(ALL), {}, metrics=True),)
    client = Client(config_for(shop, keys=keys, limits=LimitsConfig(body_bytes=100_000)))
    yield client
    client.close()


def test_the_proxy_sends_its_key_and_its_limits_hold(keyed: Client) -> None:
    assert keyed.post(PATH, sent(AGENT), key="").status_code == 401
    assert keyed.post(PATH, sent(AGENT), key="", headers={"x-api-key": ALL}).status_code == 200
    assert keyed.post(PATH, sent(AGENT, texts=[LONG * 10])).status_code == 413
    assert keyed.ask("POST", PATH, content=json.dumps(sent(AGENT))[:-9]).status_code == 422


URL = "data:image/png;base64," + "QUJD" * 50_000
SHORT = AGENT[3] | {"content": " ".join([*FILLER[:12], "The bridge opened in 1933.", *FILLER[12:24]])}
LEAST = {"limit": 64}


def with_images(url: str, *more: dict[str, Any]) -> dict[str, Any]:
    """A request with two images, each in the list and in its message; all else of it is short."""
    parts = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": url}}]
    messages = [{"role": "user", "content": parts}, {"role": "user", "content": parts}, SHORT, *more]
    return sent(messages, images=[url, url], tool_calls=[], additional_provider_specific_params=LEAST)


def test_large_images_do_not_count_as_text(keyed: Client) -> None:
    body = keyed.post(PATH, with_images(URL)).json()
    assert body == keyed.post(PATH, with_images("data:image/png;base64,QUJD")).json()
    assert "The bridge opened in 1933." in body["texts"][2]
    assert counts(body)["pruned"] == 1
    assert set(body) == {"action", "texts", "ctxprune"}  # the proxy keeps the images that an answer does not name


def test_a_text_that_is_left_out_keeps_its_request_as_it_is(keyed: Client) -> None:
    body = keyed.post(PATH, with_images(URL, {"role": "tool", "tool_call_id": "c3", "content": URL})).json()
    assert (body["action"], counts(body)) == ("NONE", {"attachment": 4})
    body = keyed.post(PATH, with_images(URL) | {"texts": [QUESTION, {"data": "QUJD"}]}).json()
    assert (body["action"], counts(body)) == ("NONE", {"attachment": 2})


@pytest.mark.parametrize("url", ["", URL], ids=["small", "large"])
def test_no_word_in_a_text_keeps_its_request_from_being_pruned(keyed: Client, url: str) -> None:
    words = ["left-out-by-ctxprune", "see data:image/png;base64,left-out-by-ctxprune", AttachmentFilter().mark]
    more = ({"role": "tool", "tool_call_id": f"c{number}", "content": word} for number, word in enumerate(words, 4))
    body = keyed.post(PATH, with_images(url, *more)).json()
    assert (counts(body)["pruned"], "attachment" in counts(body)) == (1, False)


def test_images_have_a_limit_of_their_own(shop: Path) -> None:
    client = Client(config_for(shop, limits=LimitsConfig(body_bytes=100_000, attachment_bytes=750_000)))
    try:
        asked = with_images(URL[:150_000])
        assert client.post(PATH, asked).status_code == 200
        refused = client.post(PATH, with_images(URL + URL))
        assert refused.status_code == 413
        assert error_of(refused)["hint"] == "at most 100000 bytes are taken, and 750000 of encoded images and files"
        assert client.service.ledger.total == 0
        # Texts and other paths have the limit of the body alone.
        assert client.post(PATH, asked | {"texts": ["a" * 150_000]}).status_code == 413
        assert client.post("/v1/prune", {"query": "a", "text": URL}).status_code == 413
    finally:
        client.close()


def test_images_take_no_memory(shop: Path) -> None:
    client = Client(config_for(shop))
    body = json.dumps(with_images("data:image/png;base64," + "QUJD" * 2_000_000)).encode()
    most = 0

    async def parts() -> Any:
        nonlocal most
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]
            most = max(most, client.service.ledger.total)

    try:
        reply = client.ask("POST", PATH, content=parts(), headers={"content-type": "application/json"})
        assert reply.status_code == 200
        assert reply.json()["action"] == "GUARDRAIL_INTERVENED"
        assert most <= client.service.config.limits.body_bytes
        assert client.service.ledger.total == 0
    finally:
        client.close()


def test_the_metrics_count_texts(keyed: Client) -> None:
    keyed.post(PATH, sent(AGENT))
    text = keyed.get("/metrics").text
    assert 'ctxprune_guardrail_texts_total{result="pruned"} 1.0' in text
    assert 'ctxprune_guardrail_texts_total{result="other_role"} 2.0' in text
    assert 'ctxprune_tokens_total{direction="in",stage="guardrail"}' in text

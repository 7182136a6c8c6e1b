"""Requests that are repeated byte for byte are answered from memory, each key's apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import MissingExtraError
from ctxprune.serve.answers import Answers
from ctxprune.serve.call import Call
from ctxprune.serve.config import BatchingConfig
from ctxprune.serve.errors import document, headers_of, status_of
from ctxprune.serve.keys import Key
from ctxprune.serve.replies import encode
from ctxprune.serve.scoring import Outcome

from .conftest import ALL, SOME, Client, config_for

ASKED = {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933."}


def outcome(body: bytes) -> Outcome:
    return Outcome(body, "prune", (9, 3), {"score": 0.1}, {"units": 2})


def digest_of(answers: Answers, body: bytes, path: str = "/v1/prune", key: str = "") -> bytes:
    return answers.digest(path, Call("r", {}, Key(key), body=body))


def test_what_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    answers = Answers(40_000)
    digests = [digest_of(answers, b"%d" % number) for number in range(12)]
    for number, digest in enumerate(digests):
        answers.remember(digest, outcome(b"%02d" % number * 2_000), "r")
        answers.find(digests[0], "r")
    assert answers.size <= 40_000
    found = [number for number, digest in enumerate(digests) if answers.find(digest, "r") is not None]
    assert found[0] == 0
    assert found[1:] == list(range(12 - len(found) + 1, 12))
    kept = answers.find(digests[0], "r")
    assert kept is not None
    assert (kept.body, kept.seconds) == (b"0" * 4_000, {})


def test_what_is_too_large_is_not_remembered() -> None:
    answers = Answers(40_000)
    assert digest_of(answers, b"a" * 200_000) == b""
    answers.remember(b"", outcome(b"{}"), "r")
    answers.remember(b"a", outcome(b"a" * 30_000), "r")
    assert (answers.size, answers.find(b"", "r"), answers.find(b"a", "r")) == (0, None, None)
    assert digest_of(Answers(0), b"a") == b""


def test_paths_and_keys_have_answers_of_their_own() -> None:
    answers = Answers(1_000_000)
    asked = [("/v1/prune", "a"), ("/v1/rerank", "a"), ("/v1/prune", "b"), ("/v1/prun", "ea")]
    assert len({digest_of(answers, b"{}", path, key) for path, key in asked}) == len(asked)
    assert digest_of(answers, b"{}", *asked[0]) == digest_of(answers, b"{}", *asked[0])


@pytest.mark.parametrize("old", ["r", 'a"\\b', "é"])
def test_an_answer_has_the_id_of_its_own_request(old: str) -> None:
    answers = Answers(1_000_000)
    body = encode({"id": old, "text": f'{{"id": "{old}",'})
    answers.remember(b"1", outcome(body), old)
    for new in ("s", 'much "longer"'):
        found = answers.find(b"1", new)
        assert found is not None
        assert json.loads(found.body) == json.loads(body) | {"id": new}
    answers.remember(b"2", outcome(b'{"text": 1}'), old)
    assert answers.find(b"2", "s") == replace(outcome(b'{"text": 1}'), seconds={})


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests each run of a scorer had."""
    from ctxprune.serve import scoring

    found: list[int] = []
    whole: Callable[..., Any] = scoring.run_tasks

    def run_tasks(tasks: Any, scorer: Any) -> Any:
        found.append(len(tasks))
        return whole(tasks, scorer)

    monkeypatch.setattr(scoring, "run_tasks", run_tasks)
    return found


def test_a_repeated_request_gets_the_same_bytes_and_no_run(client: Client, runs: list[int]) -> None:
    first, second = (client.post("/v1/prune", ASKED) for _ in range(2))
    assert second.content == first.content
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert runs == [1]
    client.post("/v1/prune", ASKED, key=SOME)
    client.post("/v1/prune", ASKED | {"top_k": 1})
    assert runs == [1, 1, 1]
    tokens = 'ctxprune_tokens_total{direction="in",stage="prune"}'
    counts = [line for line in client.get("/metrics").text.splitlines() if line.startswith(tokens)]
    assert float(counts[0].split()[-1]) == 4 * json.loads(first.content)["tokens_before"]


def test_a_repeated_ranking_has_its_own_id(client: Client, runs: list[int]) -> None:
    asked = {"query": "When did it open?", "documents": ["Cats sleep.", "It opened in 1933."]}
    replies = [client.post("/v1/rerank", asked, headers={"x-request-id": name}) for name in ("first", "second")]
    assert [reply.json().pop("id") for reply in replies] == ["first", "second"]
    assert replies[0].json()["results"] == replies[1].json()["results"]
    assert runs == [1]


def test_errors_are_not_remembered(client: Client, runs: list[int]) -> None:
    wrong = ASKED | {"budget": -1}
    assert [client.post("/v1/prune", wrong).status_code for _ in range(2)] == [422, 422]
    assert client.ask("POST", "/v1/prune", json=ASKED, key="wrong").status_code == 401
    assert client.post("/v1/prune", ASKED, key=ALL).status_code == 200
    assert runs == [1]


@pytest.mark.parametrize("batching", [BatchingConfig(enabled=False), BatchingConfig(remembered_bytes=0)])
def test_nothing_is_remembered_where_that_is_off(shop: Path, runs: list[int], batching: BatchingConfig) -> None:
    client = Client(config_for(shop, batching=batching))
    bodies = [client.post("/v1/prune", ASKED).json() for _ in range(2)]
    client.close()
    assert bodies[0].pop("seconds") != bodies[1].pop("seconds")
    assert bodies[0] == bodies[1]
    assert runs == [1, 1]


def test_answers_of_databases_are_not_remembered(client: Client) -> None:
    asked = {"database": "shop", "sql": "SELECT 1"}
    assert client.post("/v1/sql/run", asked).status_code == 200
    assert client.service.answers.size == 0


def test_a_package_that_is_not_installed_is_named() -> None:
    error = MissingExtraError("turbohtml", "html")
    assert status_of(error) == 501
    assert "retry-after" not in headers_of(error)
    told = document(error, "r1")["error"]
    assert told["message"] == "the package 'turbohtml' is not installed"
    assert told["hint"] == "run: pip install 'ctxprune-middleware[html]'"

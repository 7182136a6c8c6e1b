"""LiteLLM's own proxy between its clients and providers, configured as the docs say: what the providers get.

    make litellm        # makes an environment with litellm[proxy], and runs this

CTXPRUNE_LITELLM_PYTHON names its interpreter. The providers are a server of this process (`providers.py`).
"""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from doc_pages import blocks

from ctxprune.tokens import as_counter

from .conftest import ALL, hashed
from .process import Served
from .providers import ANSWER, Providers

PYTHON = os.environ.get("CTXPRUNE_LITELLM_PYTHON", "")
NEEDED = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('apscheduler', 'fastapi', 'litellm'))))"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="CTXPRUNE_LITELLM_PYTHON names no interpreter with litellm[proxy]"),
]
(GUARDRAILS,) = blocks("tasks/litellm", "yaml")
MASTER = "sk-of-the-test"
START_SECONDS = 150  # it takes 10 on a free core, and several times as long on a busy one

QUESTION = "When did the bridge open?"
FILLER = [f"The pump number {n} was serviced on a quiet day in the harbour." for n in range(120)]
RESULT = " ".join([*FILLER[:60], "The bridge opened in 1933.", *FILLER[60:]])
LONG = " ".join(FILLER)
CALL = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": "bridge"}'}}
FUNCTION = {"name": "search", "description": "Searches.", "parameters": {"type": "object", "properties": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
OPENAI = {
    "model": "gpt",
    "tools": [{"type": "function", "function": FUNCTION}],
    "messages": [
        {"role": "system", "content": LONG},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}, IMAGE]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": RESULT},
    ],
}
SOURCE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
USE = {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "bridge"}}
FOUND = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": RESULT}]}
ANTHROPIC = {
    "model": "claude",
    "max_tokens": 10,
    "tools": [{"name": "search", "description": "Searches.", "input_schema": FUNCTION["parameters"]}],
    "system": LONG,
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": QUESTION}, {"type": "image", "source": SOURCE}]},
        {"role": "assistant", "content": [USE]},
        {"role": "user", "content": [FOUND]},
    ],
}


class Proxy:
    """The running proxy: asks it, and gives its reply with what the provider got."""

    def __init__(self, url: str, providers: Providers, served: Served) -> None:
        self.url, self.served, self._providers = url, served, providers

    def ask(self, path: str, body: dict[str, Any]) -> tuple[httpx.Response, dict[str, Any]]:
        before = len(self._providers.requests)
        headers = {"authorization": f"Bearer {MASTER}"}
        reply = httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=60)
        got = self._providers.requests[before:]
        assert reply.status_code == 200, reply.text
        ((_, sent),) = got
        return reply, sent

    def ask_openai(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """The messages that OpenAI gets, of a conversation with further ones."""
        body = OPENAI | {"messages": [*OPENAI["messages"], *messages]}
        return self.ask("/v1/chat/completions", body)[1]["messages"]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if subprocess.run([PYTHON, "-c", NEEDED], check=False).returncode:
        pytest.skip("the interpreter has no litellm[proxy]")
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "service.toml").write_text(f'[[keys]]\nname = "proxy"\nsha256 = "{hashed(ALL)}"\n')
    with Served(folder / "service.toml") as served, Providers() as providers:
        config = folder / "proxy.yaml"
        config.write_text(write_config(served.url, providers.url), encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = [str(Path(PYTHON).absolute().with_name("litellm")), "--config", str(config), "--host", "127.0.0.1"]
        # Its prices come with the package; otherwise it asks a server for them.
        given = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": str(folder), "PATH": os.environ["PATH"]}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([*words, "--port", str(port)], env=given, cwd=folder, stdout=log, stderr=log)
        try:
            await_start(f"http://127.0.0.1:{port}", process, folder / "log")
            yield Proxy(f"http://127.0.0.1:{port}", providers, served)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def write_config(service: str, providers: str) -> str:
    """The guardrail of the docs, with two models."""
    guardrails = GUARDRAILS.replace("http://127.0.0.1:8080", service).replace("try-me", ALL)
    assert service in guardrails
    assert ALL in guardrails
    models = [
        {"model_name": name, "litellm_params": {"model": model, "api_base": base, "api_key": "none"}}
        for name, model, base in (("gpt", "openai/m", f"{providers}/v1"), ("claude", "anthropic/m", providers))
    ]
    rest = {"model_list": models, "general_settings": {"master_key": MASTER}}
    return guardrails + "".join(f"{name}: {json.dumps(value)}\n" for name, value in rest.items())


def await_start(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx.get(f"{url}/health/liveliness", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.5)


def take_result(body: dict[str, Any]) -> str:
    """The text of the tool's result, cut out of the last message."""
    last = body["messages"].pop()
    if last["role"] == "tool":
        return last["content"]
    (part,) = last["content"]
    (text,) = part["content"]
    return text["text"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("path", "request_body"),
    [("/v1/chat/completions", OPENAI), ("/v1/messages", ANTHROPIC)],
    ids=["openai", "anthropic"],
)
def test_the_provider_gets_a_cut_result_and_all_else_as_it_was(
    proxy: Proxy, path: str, request_body: dict[str, Any], stream: bool
) -> None:
    before = copy.deepcopy(request_body) | ({"stream": True} if stream else {})
    reply, sent = proxy.ask(path, before)
    whole, cut = take_result(before), take_result(sent)
    assert "The bridge opened in 1933." in cut
    assert as_counter().count(cut) <= 1_000 < as_counter().count(whole)
    for tool in (*sent["tools"], *before["tools"]):
        tool.pop("type", None)  # LiteLLM itself writes "custom" into tools of Anthropic's
    assert {name: sent[name] for name in before if name != "model"} == {
        name: value for name, value in before.items() if name != "model"
    }
    if stream:
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        assert "".join(map(text_of, events)) == ANSWER
        assert reply.headers["content-type"].startswith("text/event-stream")
    else:
        assert ANSWER in reply.text


def text_of(event: dict[str, Any]) -> str:
    """The text in an event of either stream."""
    if "choices" in event:
        return event["choices"][0]["delta"].get("content") or ""
    return event["delta"].get("text", "") if event["type"] == "content_block_delta" else ""


def test_openai_clients_of_anthropic_models(proxy: Proxy) -> None:
    _, sent = proxy.ask("/v1/chat/completions", copy.deepcopy(OPENAI) | {"model": "claude", "max_tokens": 10})
    text = json.dumps(sent)
    assert "The bridge opened in 1933." in text
    assert RESULT not in text
    assert LONG in text


def test_a_result_is_cut_in_the_same_way_in_later_requests(proxy: Proxy) -> None:
    first = proxy.ask_openai()
    talk = [{"role": "assistant", "content": ANSWER}, {"role": "user", "content": "Which pump was serviced last?"}]
    assert proxy.ask_openai(*talk) == [*first, *talk]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": LONG},
        {"role": "assistant", "content": LONG},
        {"role": "user", "content": LONG},
        {"role": "tool", "tool_call_id": "c2", "content": json.dumps([{"pump": text} for text in FILLER])[:-40]},
        {"role": "tool", "tool_call_id": "c2", "content": "Short."},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
    ],
    ids=["developer", "assistant", "user", "cut JSON", "short", "empty"],
)
def test_what_passes_untouched(proxy: Proxy, message: dict[str, Any]) -> None:
    sent = proxy.ask_openai(copy.deepcopy(message))[-1]
    if message["role"] == "developer":  # which LiteLLM itself calls "system" for this provider
        assert sent.pop("role") in {"developer", "system"}
        message = {"content": message["content"]}
    assert sent == message


def test_a_role_that_litellm_does_not_know_never_gets_past_litellm(proxy: Proxy) -> None:
    body = OPENAI | {"messages": [*OPENAI["messages"], {"role": "narrator", "content": LONG}]}
    headers = {"authorization": f"Bearer {MASTER}"}
    reply = httpx.post(f"{proxy.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
    # LiteLLM's own model of what it sends to a guardrail refuses it, before the service is asked.
    assert reply.status_code == 500
    assert "structured_messages" in reply.text


def test_without_the_service_requests_go_unpruned(proxy: Proxy) -> None:
    """The last one: it ends the service."""
    assert proxy.served.stop() == 0
    assert proxy.ask_openai()[-1]["content"] == RESULT

"""Every command of the pages on the service, asked of a real one with the configuration that they show."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from doc_pages import blocks

from ctxprune.serve.long import GUARDRAIL_PATH

from .process import Served

MAKING = next(block for block in blocks("start/first_steps") if "executescript" in block)
(CONFIG,) = blocks("tasks/service", "toml")
SERVING, ASKING = blocks("tasks/service", "bash")
(PROXY,) = blocks("tasks/litellm", "yaml")
COMMANDS = [part.strip() for part in re.split(r"^(?=curl )", ASKING, flags=re.M)]
COMMANDS = [command for command in COMMANDS if command]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("readme")
    assert SERVING == "ctxprune serve --config service.toml\n"
    subprocess.run([sys.executable, "-c", MAKING], cwd=folder, check=True, timeout=60)
    (folder / "service.toml").write_text(CONFIG, encoding="utf-8")
    with Served(folder / "service.toml") as served:
        yield served


def curl(command: str, served: Served) -> str:
    if shutil.which("curl") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("curl is not installed: apt-get install curl")
    command = command.replace("http://127.0.0.1:8080/", f"{served.url}/")
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_commands_are_those_that_are_run() -> None:
    paths = [re.search(r"8080(/\S+)", command)[1] for command in COMMANDS]
    assert paths == [
        *("/v1/prune", "/v1/rerank", "/v1/sql/link", "/v1/sql/ask", "/v1/sql/run", "/v1/databases", "/readyz"),
        "/metrics",
    ]


def test_what_they_answer(served: Served) -> None:
    prune, rerank, link, ask, run, databases, ready, metrics = (curl(command, served) for command in COMMANDS)
    assert json.loads(prune)["output"] == "It opened in 1933."
    assert [result["index"] for result in json.loads(rerank)["results"]] == [1]
    assert json.loads(link)["hits"][0]["value"] == "Brazil"
    assert '"rows": [[1]]' in ask.partition("event: answer")[2]
    assert json.loads(run)["columns"] == ["name", "country"]  # what the key may see
    assert ["São Paulo", "Brazil"] in json.loads(run)["rows"]
    assert json.loads(run)["tokens_after"] <= 30
    assert [table["name"] for table in json.loads(databases)["databases"][0]["schema"]["tables"]] == [
        "city",
        "order items",
    ]
    assert "population" not in databases + link
    assert json.loads(ready)["ready"]
    assert "ctxprune_tokens_total" in metrics


def test_the_configuration_of_the_proxy_is_taken(served: Served) -> None:
    options = re.findall(r"^        (\w+): (\w+)", PROXY.partition("additional_provider_specific_params:")[2], re.M)
    params = {name: int(value) if value.isdigit() else value for name, value in options}
    assert set(params) == {"limit", "scorer"}
    (key,) = re.findall(r"api_key: (\S+)", PROXY)
    (base,) = re.findall(r"api_base: (\S+)", PROXY)
    assert base == "http://127.0.0.1:8080"
    result = "The bridge opened in 1933. " + "The pump was serviced on a quiet day. " * 300
    question = "When did the bridge open?"
    messages = [{"role": "user", "content": question}, {"role": "tool", "tool_call_id": "1", "content": result}]
    body = {"texts": [question, result], "structured_messages": messages, "additional_provider_specific_params": params}
    reply = httpx.post(f"{served.url}{GUARDRAIL_PATH}", json=body, headers={"x-api-key": key}, timeout=60)
    assert reply.json()["action"] == "GUARDRAIL_INTERVENED"
    assert "1933" in reply.json()["texts"][1]


def test_the_settings_shown_are_the_defaults(tmp_path: Path) -> None:
    from ctxprune.serve import load_config
    from ctxprune.serve.config import LimitsConfig, ServerConfig

    (tmp_path / "service.toml").write_text(CONFIG, encoding="utf-8")
    config = load_config(tmp_path / "service.toml")
    assert (config.limits, config.server) == (LimitsConfig(), ServerConfig())

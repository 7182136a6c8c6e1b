"""The real LiteLLM as the client, where an interpreter of its own has it: CTXPRUNE_LITELLM_PYTHON names that.

make litellm        # makes an environment with litellm[proxy], and runs this
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ctxprune.tokens import as_counter

from .conftest import ALL, hashed
from .process import Served

PYTHON = os.environ.get("CTXPRUNE_LITELLM_PYTHON", "")
CONFIG = f'[[keys]]\nname = "proxy"\nsha256 = "{hashed(ALL)}"\n'
pytestmark = pytest.mark.skipif(not PYTHON, reason="CTXPRUNE_LITELLM_PYTHON names no interpreter with litellm")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "service.toml").write_text(CONFIG)
    script = Path(__file__).with_name("litellm_client.py")
    with Served(folder / "service.toml") as served:
        words = [PYTHON, str(script), served.url, ALL]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    return {line["name"]: line for line in lines}


def result_of(request: dict[str, Any]) -> str:
    """The text of the tool's result, cut out of the request."""
    last = request["messages"].pop()
    if last["role"] == "tool":
        return last["content"]
    (part,) = last["content"]
    (text,) = part["content"]
    return text["text"]


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_the_result_of_a_tool_is_cut_and_all_else_stays(cases: dict[str, Any], name: str) -> None:
    before, after = cases[name]["before"], cases[name]["after"]
    whole, cut = result_of(before), result_of(after)
    assert "The bridge opened in 1933." in cut
    assert as_counter().count(cut) <= 1_000 < as_counter().count(whole)
    # Images, calls of tools, tools, the system's words and the wish to stream.
    for request in (before, after):
        for tool in request["tools"]:
            tool.pop("type", None)  # LiteLLM itself writes "custom" into tools of Anthropic's
    assert {name: after[name] for name in before} == before  # it adds notes of its own


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_a_large_image_passes_and_the_result_is_cut(cases: dict[str, Any], name: str) -> None:
    found = cases[f"{name}, large image"]
    assert found["same image"]
    cut = result_of({"messages": [found["last"]]})
    assert "The bridge opened in 1933." in cut
    assert as_counter().count(cut) <= 1_000


def test_a_wrong_key_stops_the_request(cases: dict[str, Any]) -> None:
    assert "401" in cases["wrong key"]["error"]

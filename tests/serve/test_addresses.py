"""A service on all addresses: where it says that it can be reached, and how it warns of keys that might be guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.serve.config import ServerConfig, load_config

from .process import Served

KEYS = """
[server]
host = "{host}"
[[keys]]
name = "short"
env = "SHORT_KEY"
[[keys]]
name = "long"
env = "LONG_KEY"
"""


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_KEY", "try-me")
    monkeypatch.setenv("LONG_KEY", "0123456789abcdef")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/"),
        ("0.0.0.0", "http://127.0.0.1:8080/"),
        ("::", "http://[::1]:8080/"),
        ("fd00::5", "http://[fd00::5]:8080/"),
    ],
)
def test_the_url_is_one_that_a_client_can_ask(host: str, url: str) -> None:
    assert ServerConfig(host=host).url() == url


@pytest.mark.usefixtures("keys")
def test_a_short_key_is_known_and_its_length_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "service.toml").write_text(KEYS.format(host="127.0.0.1"))
    config = load_config(tmp_path / "service.toml")
    assert [(key.name, key.is_short) for key in config.keys] == [("short", True), ("long", False)]
    assert "try-me" not in repr(config)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", ["short"]), ("127.0.0.1", [])])
def test_the_log_of_a_service_that_others_reach(tmp_path: Path, host: str, warned: list[str]) -> None:
    (tmp_path / "service.toml").write_text(KEYS.format(host=host))
    with Served(tmp_path / "service.toml") as served:
        assert served.line("listening")["explorer"] == f"{served.url}/"
        assert [line["key"] for line in served.lines if line["event"] == "short key"] == warned

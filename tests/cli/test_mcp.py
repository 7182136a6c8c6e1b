"""`ctxprune mcp`: what it prints for clients, and what it refuses before it serves."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ctxprune.cli import main

pytest.importorskip("mcp", reason="the mcp extra is not installed")


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["mcp", *words, "--print-config"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["mcpServers"].values()
    return entry


def test_the_configuration_of_a_client_that_starts_it(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shop.parent)
    entry = printed(capsys, "shop.sqlite", "--budget", "2000")
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-4:] == ["mcp", str(shop), "--budget", "2000"]
    assert "env" not in entry
    config = shop.parent / "service.toml"
    config.write_text(
        '[[databases]]\nname = "shop"\npath = "shop.sqlite"\n[[keys]]\nname = "app"\nenv = "APP_KEY"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("APP_KEY", "s3cr3t")
    entry = printed(capsys, "--config", "service.toml")
    assert entry["args"][-2:] == ["--config", str(config)]
    assert entry["env"] == {"CTXPRUNE_KEY": "${CTXPRUNE_KEY}"}
    assert "s3cr3t" not in json.dumps(entry)


def test_the_configuration_of_a_client_over_http(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = printed(capsys, str(shop), "--transport", "http", "--port", "9000")
    assert entry == {"type": "http", "url": "http://127.0.0.1:9000/v1/mcp"}
    entry = printed(capsys, str(shop), "--transport", "http", "--host", "::1")
    assert entry["url"] == "http://[::1]:8080/v1/mcp"


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.5", "10.0.0.5")])
def test_the_url_is_one_that_a_client_can_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, url: str
) -> None:
    config = tmp_path / "service.toml"
    config.write_text(f'[server]\nhost = "{host}"\n[[keys]]\nname = "app"\nenv = "APP_KEY"\n', encoding="utf-8")
    monkeypatch.setenv("APP_KEY", "a-key-that-is-long-enough")
    assert main(["mcp", "--config", str(config), "--transport", "http", "--print-config"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["mcpServers"]["ctxprune"]["url"] == f"http://{url}:8080/v1/mcp"
    assert ("clients on this machine" in err) == (host != "10.0.0.5")


def test_a_password_comes_from_the_environment_and_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("SHOP_PASSWORD", "s3cr3t")
    url = "postgresql://reader:${SHOP_PASSWORD}@db/shop"
    entry = printed(capsys, url)
    assert entry["args"][-1] == url
    assert entry["env"] == {"SHOP_PASSWORD": "${SHOP_PASSWORD}"}
    assert "s3cr3t" not in json.dumps(entry)
    for secret in ("reader:s3cr3t@db/shop", "db/shop?user=reader&password=s3cr3t", "db/shop?odbc_connect=PWD%3Ds3cr3t"):
        assert main(["mcp", f"postgresql://{secret}", "--print-config"]) == 1
        out, err = capsys.readouterr()
        assert "which may be secret" in err
        assert "s3cr3t" not in out + err
    url = "postgresql://db/shop?sslmode=require&user=reader&password=${SHOP_PASSWORD}"
    assert printed(capsys, url)["args"][-1] == url


def test_two_databases_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / "a" / "shop.sqlite", tmp_path / "b" / "Shop.sqlite"]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(b"")
    assert main(["mcp", *map(str, paths), "--print-config"]) == 1
    assert "two databases are named 'Shop'" in capsys.readouterr().err


def test_the_usage_names_the_databases_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "--help"]) == 0
    out = capsys.readouterr().out
    assert "[DATABASE]..." in out
    assert "[[" not in out


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["missing.sqlite"], 1, "missing.sqlite"),
        (["--config", "missing.toml"], 1, "the configuration cannot be read"),
        (["shop.sqlite", "--config", "x.toml"], 2, "not both"),
        (["shop.sqlite", "--port", "9000"], 2, "--transport"),
        (["shop.sqlite", "--budget", "599"], 2, "600"),
        (["shop.sqlite", "--transport", "smoke"], 2, "smoke"),
        (["shop.sqlite", "--transport", "http", "--host", "0.0.0.0"], 1, "without keys"),
        (["postgresql://u:${NOT_SET_ANYWHERE}@h/d"], 2, "NOT_SET_ANYWHERE"),
    ],
)
def test_what_is_refused(
    shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list, code: int, why: str
) -> None:
    monkeypatch.chdir(shop.parent)
    assert main(["mcp", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert why in err
    assert "Traceback" not in err


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    assert main(["mcp"]) == 1
    assert "pip install 'ctxprune-middleware[mcp]'" in capsys.readouterr().err

"""`ctxprune serve` without a configuration, and with databases that are named on its command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from ctxprune.cli import main
from ctxprune.errors import InputError, UsageError
from ctxprune.serve.config import database_config

from .process import Served

PRUNE = {"query": "When did the bridge open?", "text": "The bridge is long. It opened in 1933.", "budget": 10}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    import sqlite3

    folder = tmp_path_factory.mktemp("one word")
    for name in ("shop", "trips"):
        with sqlite3.connect(folder / f"{name}.sqlite") as connection:
            connection.execute("CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT)")
            connection.execute("INSERT INTO city VALUES ('São Paulo', 'Brazil'), ('Paris', 'France')")
        connection.close()
    with Served(None, str(folder / "shop.sqlite"), f"sqlite:///{folder / 'trips.sqlite'}") as served:
        yield served


def test_all_of_it_is_served_without_a_key(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=60) as client:
        assert client.post("/v1/prune", json=PRUNE).json()["output"] == "It opened in 1933."
        ranked = client.post("/v1/rerank", json={"query": PRUNE["query"], "documents": ["Cats.", "It opened in 1933."]})
        assert ranked.json()["results"][0]["index"] == 1
        assert "explorer" in client.get("/").text
        assert "reference" in client.get("/docs").text
        names = [entry["name"] for entry in client.get("/v1/databases").json()["databases"]]
        assert names == ["shop", "trips"]
        question = {"database": "trips", "question": "How many cities are in Brazil?"}
        assert client.post("/v1/sql/ask", json=question).json()["rows"] == [[1]]


def test_help_says_what_may_be_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["serve", "--help"]) == 0
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert " Usage: ctxprune serve [OPTIONS] [DATABASE]..." in lines
    paragraph = lines[lines.index(" Without a file it listens on this machine only, wants no key, and says on") :]
    paragraph = paragraph[: paragraph.index("")]
    # Each line but the last is as long as the terminal allows.
    assert all(len(line) + len(after.split()[0]) >= 79 for line, after in pairwise(paragraph))


def test_stderr_says_where_the_explorer_is(served: Served) -> None:
    assert served.line("listening")["explorer"] == f"{served.url}/"
    assert served.notes == [f"ctxprune: the explorer is at {served.url}/, the reference at {served.url}/docs"]


def test_it_answers_on_loopback_alone(served: Served) -> None:
    rebound = httpx.post(f"{served.url}/v1/prune", json=PRUNE, headers={"host": "evil.example"}, timeout=30)
    assert rebound.status_code == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_another_address_needs_keys_and_says_how(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", host, "--port", "0"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"without keys the service would be open to all who reach {host}" in line
    assert "add a [[keys]] entry to a file for --config" in line


def test_a_database_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path / "no.sqlite")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ctxprune: CP005 there is no such database file")


def test_one_of_several_databases_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.sqlite").write_bytes(b"")
    assert main(["serve", str(tmp_path / "shop.sqlite"), str(tmp_path / "no.sqlite")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ctxprune: CP005 there is no such database file")
    assert "no.sqlite" in line


def test_two_databases_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "shop.sqlite").write_bytes(b"")
    assert main(["serve", str(tmp_path / "a" / "shop.sqlite"), str(tmp_path / "b" / "shop.sqlite")]) == 1
    assert "two databases are named 'shop'" in capsys.readouterr().err


def test_databases_do_not_go_past_the_keys_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.sqlite").write_bytes(b"")
    (tmp_path / "service.toml").write_text(f'[[keys]]\nname = "app"\nsha256 = "{"a" * 64}"\n')
    assert main(["serve", str(tmp_path / "shop.sqlite"), "--config", str(tmp_path / "service.toml")]) == 1
    assert "the file has keys" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("postgresql://reader:hunter2@db:5432/sales", "sales"),
        ("mysql://reader@db/", "db"),
        ("sqlite:///folder/shop.sqlite", "shop"),
    ],
)
def test_the_name_of_a_url(target: str, name: str) -> None:
    entry = database_config(target)
    assert (entry.name, entry.target) == (name, target)
    assert "hunter2" not in repr(entry)


@pytest.mark.skipif(sys.platform == "win32", reason="file names there hold no control characters")
def test_the_name_of_a_file_is_printable(tmp_path: Path) -> None:
    path = tmp_path / "sh\x1bop\n.sqlite"
    path.write_bytes(b"")
    assert database_config(str(path)).name == "shop"


@pytest.mark.parametrize("target", ["postgresql://u:hunter2@host:no/x", "://hunter2"])
def test_a_malformed_url_is_not_told(target: str) -> None:
    with pytest.raises(UsageError, match="malformed") as raised:
        database_config(target)
    assert "hunter2" not in str(raised.value)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such database file"):
        database_config(str(tmp_path))

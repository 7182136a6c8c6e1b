"""The configuration file is checked as a whole, and says what is wrong."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.errors import InputError, UsageError
from ctxprune.serve import load_config

from .conftest import hashed

GOOD = f"""
[server]
port = 9000
drain_seconds = 5
[limits]
concurrency = 4
queue = 0
[model]
scorer = "lexical"
[batching]
enabled = false
[[databases]]
name = "shop"
path = "shop.sqlite"
published = "shop"
[[databases]]
name = "sales"
url_env = "SALES_URL"
password_env = "SALES_PASSWORD"
[[keys]]
name = "app"
sha256 = "{hashed("k")}"
databases = {{ shop = "*", sales = {{ city = "*", "order items" = ["id", "price"] }} }}
[[keys]]
name = "other"
env = "OTHER_KEY"
"""
ENVIRONMENT = {"SALES_URL": "postgresql://reader@db/sales", "SALES_PASSWORD": "hunter2", "OTHER_KEY": "k2"}
ENVIRONMENT["CTXPRUNE_REDIS_URL"] = "redis://:hunter2@cache:6379/0"


def write(folder: Path, text: str) -> Path:
    path = folder / "service.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_is_read_and_secrets_stay_out_of_sight(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD), ENVIRONMENT)
    assert (config.server.port, config.server.drain_seconds, config.limits.queue) == (9000, 5.0, 0)
    assert config.databases[0].target == str(tmp_path / "shop.sqlite")
    assert (config.databases[0].published, config.redis) == ("shop", "redis://:hunter2@cache:6379/0")
    assert config.databases[1].target == "postgresql://reader:hunter2@db/sales"
    assert config.keys[0].databases == {"shop": "*", "sales": {"city": "*", "order items": ("id", "price")}}
    assert config.keys[1].digest == hashed("k2")
    assert not config.batching.enabled
    assert "hunter2" not in repr(config)
    assert hashed("k") not in repr(config)


def test_secrets_may_lie_in_files(tmp_path: Path) -> None:
    files = {}
    for name, value in ENVIRONMENT.items():
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
        files[f"{name}_FILE"] = str(tmp_path / name)
    path = write(tmp_path, GOOD)
    assert load_config(path, files) == load_config(path, ENVIRONMENT)
    (tmp_path / "OTHER_KEY").unlink()
    with pytest.raises(UsageError, match="OTHER_KEY_FILE names cannot be read"):
        load_config(path, files)


@pytest.mark.parametrize(
    "entry", ['[[keys]]\nname = "a"\nenv = "K_FILE"', '[[databases]]\nname = "a"\nurl_env = "K_FILE"']
)
def test_the_path_of_a_secret_is_not_the_secret(tmp_path: Path, entry: str) -> None:
    with pytest.raises(UsageError, match="K_FILE names a file with a secret"):
        load_config(write(tmp_path, entry), {"K_FILE": "/run/secrets/app_key"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = ", "not TOML"),
        ("[servr]\nport = 1", "unknown entry 'servr'"),
        ("[server]\nprt = 1", "unknown entry 'prt'"),
        ("[server]\nprt = 1", "did you mean 'port'"),
        ("[[databases]]\nname = 'a'\npth = 'b'", "unknown entry 'pth'.*databases, entry 1"),
        ("[server]\nnames = ['a', 1]", "names is no list of texts"),
        ("[limits]\nseconds = nan", "seconds is nan"),
        ("databases = [3]", r"write \[\[databases\]\]"),
        ("[[keys]]\nname = 'a'\nsha256 = 3", "sha256 is a whole number, not a text"),
        ("[[keys]]\nname = 'a'\nenv = 'K'\ndatabases = {x = 3}", "keys, entry 1, databases.x"),
        ("[server]\nport = '80'", "port is a text, not a whole number"),
        ("[server]\nport = true", "port is a boolean"),
        ("[server]\nport = 70000", "port is 70000"),
        ("[limits]\nseconds = -1", "seconds is -1"),
        ("[limits]\nseconds = inf", "seconds is inf"),
        ("[limits]\nconcurrency = 0", "concurrency is 0"),
        ("[server]\nhost = '0.0.0.0'", "without keys"),
        ("server = 3", "server is a whole number, not a table"),
        ("[databases]\nname = 'a'", "databases is a table, not a list"),
        ("[[databases]]\npath = 'a'", "name is missing"),
        ("[[databases]]\nname = 'a'", "one of path, url and url_env"),
        ("[[databases]]\nname = 'a'\npath = 'a'\nurl = 'b'", "one of path, url and url_env"),
        ("[[databases]]\nname = 'a'\nurl_env = 'NOT_SET'", "NOT_SET is not set"),
        ("[[databases]]\nname = 'a'\npath = 'a'\npublished = 'a'", "CTXPRUNE_REDIS_URL is not set"),
        ("[[databases]]\nname = 'a'\npath = 'a'\nindex = 'i'\npublished = 'a'", "one of index and published"),
        ("[model]\ncache = 'a'", "cache goes with a chat model"),
        ("[[databases]]\nname = 'a'\npath = 'a'\n[[databases]]\nname = 'A'\npath = 'b'", "two databases are named 'A'"),
        ("[[keys]]\nname = 'a'", "sha256 or env"),
        ("[[keys]]\nname = 'a'\nsha256 = 'abc'", "no sha256 digest"),
        (f"[[keys]]\nname = 'a'\nsha256 = '{'a' * 64}'\ndatabases = {{x = '*'}}", "unknown database 'x'"),
        (f"[[keys]]\nname = 'a'\nsha256 = '{'a' * 64}'\ndatabases = {{x = 3}}", "neither"),
        (f"[[keys]]\nname = 'a'\nsha256 = '{'a' * 64}'\ndatabases = {{x = {{t = 3}}}}", "columns of 't'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_config(write(tmp_path, text), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 100_000, "too deeply nested"),
        ("a = " + "{b = " * 5_000, "too deeply nested"),
        ("a." * 100_000 + "b = 1", "too deeply nested"),  # took memory by the square: tens of gigabytes
        ("[" + "'a' . " * 100_000 + "b]", "too deeply nested"),
        ("# " + "a" * 1_000_000, "too large"),
        ("a = " + "1" * 5_000, "not TOML"),
        ("[server]\nport = 0x" + "f" * 5_000, "port is too large a whole number"),
        ("[limits]\nseconds = " + "1" * 400, "seconds is too large a whole number"),
        ("[model]\npath = '~no such user/model'", "the home of a user"),
    ],
    ids=["arrays", "tables", "dotted key", "quoted keys", "bytes", "digits", "hexadecimal", "no float", "no home"],
)
def test_a_file_of_no_sense_is_refused_at_once(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_config(write(tmp_path, text), {})


@pytest.mark.parametrize("text", ["a" * 990_000, "a " * 490_000, '"a" ' * 240_000, "a.b " * 240_000, "'" * 990_000])
def test_looking_for_deep_keys_takes_time_that_grows_evenly(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="not TOML"):
        load_config(write(tmp_path, text), {})


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_config(tmp_path / "no.toml")


@pytest.mark.parametrize(
    ("name", "said"),
    [("service.toml", "CP001 unknown entry 'servr'"), ("no.toml", "CP005 the configuration cannot be")],
)
def test_a_file_at_fault_is_one_line_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    write(tmp_path, "[servr]")
    assert main(["serve", "--config", str(tmp_path / name)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ctxprune: {said}")


def test_a_file_that_is_no_database_is_not_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text, said in (
        ("fleet.csv", "car,seats\nT1,36\n", "a csv file is no database"),
        ("notes.db", "nothing to see", "this is no database of SQLite or DuckDB"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert main(["serve", str(tmp_path / name)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"ctxprune: CP005 {said} [")
        assert "load it into a SQLite or DuckDB file first" in line


@pytest.mark.parametrize("url", ["postgresql://u:0ther@host:no/x", "postgresql://u:p@ss:0ther@h/d", "0ther"])
def test_a_url_that_is_none_is_not_told(tmp_path: Path, url: str) -> None:
    text = f"[[databases]]\nname = 'a'\nurl = '{url}'\npassword_env = 'SALES_PASSWORD'"
    with pytest.raises(UsageError) as raised:
        load_config(write(tmp_path, text), ENVIRONMENT)
    shown = "".join(traceback.format_exception(raised.value))
    assert "password_env goes with a URL" in shown
    assert "0ther" not in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("entry", ["path = 3", "nme = 'a'", "index = true", "published = 7"])
def test_a_wrong_entry_beside_a_secret_does_not_show_it(tmp_path: Path, entry: str) -> None:
    text = f"[[databases]]\nname = 'a'\nurl = 'postgresql://u:hunter2@h/d'\n{entry}"
    with pytest.raises(UsageError) as raised:
        load_config(write(tmp_path, text), ENVIRONMENT)
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


def test_an_unknown_generator_is_an_error_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "[server]\nport = 0\n[model]\nscorer = 'lexical'\ngenerator = 'sketh'")
    assert main(["serve", "--config", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ctxprune: CP001 no generator is named 'sketh': did you mean 'sketch.v1'?")

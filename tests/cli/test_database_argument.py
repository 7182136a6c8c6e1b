"""Databases on a server, named on the command line without a password."""

from __future__ import annotations

import json

import pytest
import typer

from ctxprune.cli import main
from ctxprune.cli._options import fill_variables
from ctxprune.errors import UsageError

psycopg = pytest.importorskip("psycopg")


def test_a_variable_stands_for_a_password(monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP_PASSWORD", "p@ss/w:rd")
    assert fill_variables("postgresql://u:${SHOP_PASSWORD}@h/d") == "postgresql://u:p%40ss%2Fw%3Ard@h/d"
    assert fill_variables("folder/${SHOP_PASSWORD}.sqlite") == "folder/${SHOP_PASSWORD}.sqlite"
    monkeypatch.delenv("SHOP_PASSWORD")
    (tmp_path / "secret").write_text("p@ss\n")
    monkeypatch.setenv("SHOP_PASSWORD_FILE", str(tmp_path / "secret"))
    assert fill_variables("postgresql://u:${SHOP_PASSWORD}@h/d") == "postgresql://u:p%40ss@h/d"
    monkeypatch.delenv("SHOP_PASSWORD_FILE")
    with pytest.raises(typer.BadParameter, match="SHOP_PASSWORD"):
        fill_variables("postgresql://u:${SHOP_PASSWORD}@h/d")


@pytest.mark.parametrize(("variable", "value"), [("P", ""), ("P_FILE", "")])
def test_an_empty_password_is_refused(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(typer.BadParameter, match="P is empty"):
        fill_variables("postgresql://u:${P}@h/d")


def test_a_file_with_a_password_holds_one_and_is_not_it(monkeypatch, tmp_path):
    (tmp_path / "empty").touch()
    monkeypatch.setenv("P_FILE", str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="P_FILE names is empty"):
        fill_variables("postgresql://u:${P}@h/d")
    with pytest.raises(UsageError, match="P_FILE names a file"):
        fill_variables("postgresql://u:${P_FILE}@h/d")


def test_commands_take_a_server_and_never_show_the_password(postgres_database, monkeypatch, tmp_path, capsys):
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE city (name text, country text)")
        admin.execute("INSERT INTO city VALUES ('Paris', 'France'), ('Lyon', 'France'), ('Rome', 'Italy')")
    secret = postgres_database.reader_url.split(":")[2].partition("@")[0]
    monkeypatch.setenv("SHOP_PASSWORD", secret)
    url = postgres_database.reader_url.replace(secret, "${SHOP_PASSWORD}")

    def run(*words, code=0):
        assert main(["sql", *words]) == code
        out, err = capsys.readouterr()
        assert secret not in out + err
        return out, err

    index = str(tmp_path / "index")
    made, _ = run("index", url, "--out", index, "--json")
    assert json.loads(made)["values"] == 5
    asked, _ = run("ask", url, "How many cities are in France?", "--index", index, "--json")
    assert json.loads(asked)["rows"] == [[2]]
    assert "city" in run("link", url, "How many cities are in France?", "--index", index)[0]
    monkeypatch.setenv("SHOP_PASSWORD", "wr0ng")
    _, failed = run("values", url, "France", "--index", index, code=1)
    assert "password authentication failed" in failed
    assert "wr0ng" not in failed

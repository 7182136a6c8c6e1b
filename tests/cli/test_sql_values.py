"""`ctxprune sql values`: hits on stdout, the account on stderr, one line for an error."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.cli import main


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def ask(capsys: pytest.CaptureFixture[str], *words: object) -> dict:
    assert main(["sql", "values", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_people_see_a_table(shop: Path, capsys: pytest.CaptureFixture[str]):
    before = hashlib.sha256(shop.read_bytes()).hexdigest()
    assert main(["sql", "values", str(shop), "How many people live in sao paulo?"]) == 0
    out, err = capsys.readouterr()
    (line,) = [line for line in out.splitlines() if line.strip().startswith("city.name")]
    assert line.split()[1:6] == ["São", "Paulo", "sao", "paulo", "folded"]
    assert err.startswith("ctxprune: 2 values of ")
    assert hashlib.sha256(shop.read_bytes()).hexdigest() == before


def test_names_stay_whole_and_nothing_is_lost_in_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "80")
    country, table = "United Kingdom of Great Britain", f"a_{'long_' * 7}name"
    with closing(sqlite3.connect(tmp_path / "orders.sqlite")) as connection, connection:
        connection.execute('CREATE TABLE "order" (order_date DATE, ship_country_in_full TEXT)')
        connection.execute("INSERT INTO \"order\" VALUES ('2024-03-01', ?)", (country,))
        connection.execute(f"CREATE TABLE {table} (word TEXT)")
        connection.execute(f"INSERT INTO {table} VALUES ('Wonderland')")
    for question, name in ((f"From {country} on March 1, 2024", "order.ship_country_in_full"), ("Wonderland", "")):
        assert main(["sql", "values", str(tmp_path / "orders.sqlite"), question]) == 0
        out = capsys.readouterr().out
        assert name in out
        assert {"words", "exact", "1.00", "likelihood"} <= set(out.split())


def test_machines_get_json(shop: Path, capsys: pytest.CaptureFixture[str]):
    question, evidence = "Cities of the Brazilians", "paid in 'EUR'"
    document = ask(capsys, shop, question, "--evidence", evidence)
    assert (document["question"], document["evidence"], document["database"]) == (question, evidence, "shop")
    hits = {hit["value"]: hit for hit in document["hits"]}
    assert (hits["Brazil"]["table"], hits["Brazil"]["column"], hits["Brazil"]["stage"]) == (
        "city", "country", "synonym",
    )  # fmt: skip
    assert (hits["Brazil"]["words"], hits["Brazil"]["span"]) == ("Brazilians", [14, 24])
    assert hits["EUR"]["words"] == "EUR"
    assert 0 < hits["EUR"]["likelihood"] <= 1
    assert hits["EUR"]["score"] == 1


def test_numbers_and_days_name_columns(shop: Path, capsys: pytest.CaptureFixture[str]):
    hits = ask(capsys, shop, "Which items were sold on March 1, 2024 at a price over 8?")["ranges"]
    assert [(hit["column"], hit["low"], hit["why"]) for hit in hits[:1]] == [
        ("sold_on", "'2024-03-01'", "one of 3 stored")
    ]
    price = next(hit for hit in hits if hit["column"] == "price")
    assert (price["low"], price["high"], price["words"], price["kind"]) == ("8", "8", "8", "number")
    assert main(["sql", "values", str(shop), "a price over 8"]) == 0
    assert "order items.price" in capsys.readouterr().out


def test_nothing_found(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert ask(capsys, shop, "zzz")["hits"] == []
    assert main(["sql", "values", str(shop), "zzz"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ctxprune: 0 values of ")


def test_a_named_index_is_made_and_used(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    first = ask(capsys, shop, "springfield", "--index", tmp_path / "index")
    assert (tmp_path / "index" / "manifest.json").is_file()
    assert not (tmp_path / "cache").exists()
    assert ask(capsys, shop, "springfield", "--index", tmp_path / "index")["hits"] == first["hits"]


def test_stored_text_cannot_paint_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with closing(sqlite3.connect(tmp_path / "db.sqlite")) as connection:
        connection.execute('CREATE TABLE "[red]t" ("[/x]" TEXT)')
        connection.execute("INSERT INTO \"[red]t\" VALUES ('harbour \x1b[2J [bold]x')")
        connection.commit()
    assert main(["sql", "values", str(tmp_path / "db.sqlite"), "harbour \x1b[2J [bold]x"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "harbour \\x1b[2J" in out
    assert "[bold]x" in out


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_an_error(shop: Path, capsys: pytest.CaptureFixture[str], question: str):
    assert main(["sql", "values", str(shop), question]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "the question is empty" in err


def test_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["sql", "values", str(tmp_path / "none.sqlite"), "who?", "--json"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("ctxprune: CP1")


def test_masked_and_excluded_columns_are_never_shown(shop: Path, capsys: pytest.CaptureFixture[str]):
    words = ["--mask", "city.name", "--exclude", "order items.city_name"]
    assert main(["sql", "index", str(shop), "--json", *words]) == 0
    report = {(one["table"], one["column"]): one for one in json.loads(capsys.readouterr().out)["columns"]}
    assert report["city", "name"]["masked"] == "asked for"
    assert report["order items", "city_name"]["skipped"] == "excluded"
    question = "How many people live in sao paulo, at SPRINGFIELD or in Lodz?"
    document = ask(capsys, shop, question)
    assert {(hit["table"], hit["column"], hit["value"]) for hit in document["hits"]} == {("city", "name", "(masked)")}
    assert all(hit["masked"] for hit in document["hits"])
    for command in (["values"], ["link", "--explain"], ["link", "--json"], ["ask"], ["ask", "--json"]):
        assert main(["sql", command[0], str(shop), question, *command[1:]]) == 0
        out, err = capsys.readouterr()
        for secret in ("São Paulo", "Springfield", "Łódź", "Paris"):
            assert secret not in out + err
    assert main(["sql", "index", str(shop)]) == 0
    assert "masked: asked for" in capsys.readouterr().out
    assert main(["sql", "index", str(shop), "--mask", "city.nothing"]) == 2
    assert "--mask" in capsys.readouterr().err


def test_personal_data_is_masked_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "db.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE guest (mail TEXT)")
        connection.execute("INSERT INTO guest VALUES ('Odo@Example.org')")
        connection.commit()
    assert main(["sql", "index", str(path), "--mask-personal"]) == 0
    assert "e-mail addresses" in capsys.readouterr().out
    assert [hit["value"] for hit in ask(capsys, path, "who is odo@example.org?")["hits"]] == ["(masked)"]
    assert main(["sql", "index", str(path), "--no-mask-personal"]) == 0
    capsys.readouterr()
    assert [hit["value"] for hit in ask(capsys, path, "who is odo@example.org?")["hits"]] == ["Odo@Example.org"]

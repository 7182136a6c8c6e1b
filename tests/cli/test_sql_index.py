"""`ctxprune sql index`."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.errors import FormatError
from ctxprune.sql.values import ValueIndex, saved_arrays
from ctxprune.sql.values.redis_index import RedisIndex


@pytest.fixture
def run(capsys):
    def go(*words):
        code = main(["sql", "index", *map(str, words)])
        return code, *capsys.readouterr()

    return go


def test_json_says_where_and_what(run, shop, tmp_path):
    code, out, err = run(shop, "--out", tmp_path / "index", "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["directory"] == str(tmp_path / "index")
    assert (report["built"], report["values"], report["columns_indexed"]) == (True, 15, 5)
    skipped = {f"{c['table']}.{c['column']}": c["skipped"] for c in report["columns"] if c["skipped"]}
    assert skipped == {"city.population": "no text", "order items.id": "no text", "order items.price": "no text"}
    assert ValueIndex.open(tmp_path / "index").lookup("in eur")[0].value == "EUR"


def test_a_second_run_keeps_a_fitting_index(run, shop, tmp_path):
    run(shop, "--out", tmp_path / "index")
    code, out, _err = run(shop, "--out", tmp_path / "index")
    assert code == 0
    assert "up to date" in out
    assert json.loads(run(shop, "--out", tmp_path / "index", "--json")[1])["built"] is False


def test_excluded_columns(run, shop, tmp_path):
    code, out, _err = run(
        shop, "--out", tmp_path / "index", "--exclude", "CITY.name", "--exclude", "order items.city_name", "--json"
    )
    assert code == 0
    reasons = {(c["table"], c["column"]): c["skipped"] for c in json.loads(out)["columns"]}
    assert reasons["city", "name"] == reasons["order items", "city_name"] == "excluded"
    assert ValueIndex.open(tmp_path / "index").lookup("in Springfield") == []


@pytest.mark.parametrize("excluded", ["billing.invoice.due", "invoice.due", "Billing.Invoice.Due"])
def test_excluded_columns_are_called_as_sql_or_listings_call_them(run, postgres_database, tmp_path, excluded):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        reader = postgres_database.reader_url.split("//")[1].partition(":")[0]
        admin.execute("CREATE SCHEMA billing; CREATE TABLE billing.invoice (due text, paid int)")
        admin.execute(f"GRANT USAGE ON SCHEMA billing TO {reader}; GRANT SELECT ON billing.invoice TO {reader}")
    code, out, _err = run(postgres_database.reader_url, "--out", tmp_path / "index", "--exclude", excluded, "--json")
    assert code == 0
    reasons = {(c["table"], c["column"]): c["skipped"] for c in json.loads(out)["columns"]}
    assert reasons == {("invoice", "due"): "excluded", ("invoice", "paid"): "no text"}


def test_values_that_are_too_long_are_told(run, tmp_path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "db.sqlite")) as connection:
        connection.execute("CREATE TABLE t (long TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"{k} {'x' * 300}",) for k in range(3)])
        connection.commit()
    code, out, _err = run(tmp_path / "db.sqlite", "--out", tmp_path / "index")
    assert code == 0
    assert "3 values too long" in out


def test_a_database_without_tables_has_no_list(run, tmp_path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "db.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 1")
    code, out, _err = run(tmp_path / "db.sqlite", "--out", tmp_path / "index")
    assert (code, out.count("\n")) == (0, 1)


def test_the_default_place_is_the_cache(run, shop, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    report = json.loads(run(shop, "--json")[1])
    assert report["directory"].startswith(str(tmp_path / "cache"))
    assert shop.parent == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", shop.name]


def test_markup_in_names_is_shown_as_it_is(run, tmp_path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(tmp_path / "db.sqlite")) as connection:
        connection.execute('CREATE TABLE "[red]t" ("[/x]" TEXT)')
        connection.execute("INSERT INTO \"[red]t\" VALUES ('v')")
        connection.commit()
    code, out, _err = run(tmp_path / "db.sqlite", "--out", tmp_path / "index")
    assert code == 0
    assert "[red]t.[/x]" in out


@pytest.mark.parametrize("exclude", ["city", "city.nothing", "nothing.name", ".", ""])
def test_an_unknown_column_is_an_error(run, shop, tmp_path, exclude):
    code, out, err = run(shop, "--out", tmp_path / "index", "--exclude", exclude)
    assert (code, out) == (2, "")
    assert "names no" in err
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a database", b"SQLite format 3\0" + bytes(range(256)) * 16])
def test_a_file_that_is_no_database_is_one_line(run, tmp_path, content):
    path = tmp_path / "db.sqlite"
    if content is not None:
        path.write_bytes(content)
    code, out, err = run(path, "--out", tmp_path / "index")
    if content == b"":  # SQLite's own idea of an empty database
        assert code in {0, 1}
        return
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert err.startswith("ctxprune: CP1")
    assert not (tmp_path / "index").exists()


def test_a_foreign_directory_is_one_line(run, shop, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("")
    code, _out, err = run(shop, "--out", tmp_path / "notes")
    assert code == 1
    assert err.startswith("ctxprune: CP006")
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["a.txt"]


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_leaves_nothing_half_written(tmp_path):
    path, out = tmp_path / "db.sqlite", tmp_path / "index"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (c TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [(f"Quay {k} of harbour {k * 7}",) for k in range(250_000)])
        connection.commit()
    command = [sys.executable, "-m", "ctxprune.cli", "sql", "index", str(path), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not (out / ".lock").exists() and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _said, err = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in err
    assert [entry.name for entry in out.iterdir()] == [".lock"]


def test_personal_data_that_is_not_masked_is_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "people.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE person (name TEXT, mail TEXT)")
        people = [(f"Person {i}", f"person{i}@example.org") for i in range(9)]
        connection.executemany("INSERT INTO person VALUES (?, ?)", people)
    assert main(["sql", "index", str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "person.mail looks like e-mail addresses: --mask-personal" in err
    assert [column["personal"] for column in json.loads(out)["columns"]] == ["", "e-mail addresses"]
    assert main(["sql", "index", str(path), "--mask-personal"]) == 0
    assert "looks like" not in capsys.readouterr().err


def test_it_is_published_for_workers_that_share_it(run, shop, tmp_path, redis_server, redis_url, monkeypatch):
    monkeypatch.setenv("CTXPRUNE_REDIS_URL", redis_url)
    code, out, err = run(shop, "--out", tmp_path / "index", "--publish", "shop")
    assert code == 0
    assert f"published as shop in 127.0.0.1:{redis_server.port}/0" in err
    assert redis_server.password not in out + err
    assert RedisIndex(redis_url, "shop").lookup("in eur")[0].value == "EUR"


def test_link_ask_and_values_read_what_was_published(run, shop, tmp_path, redis_server, redis_url, monkeypatch, capsys):
    monkeypatch.setenv("CTXPRUNE_REDIS_URL", redis_url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run(shop, "--out", tmp_path / "index", "--exclude", "city.country", "--publish", "shop")

    def read(command, *words):
        code = main(["sql", command, str(shop), "How many cities are in Brazil, in eur?", "--published", *words])
        return code, *capsys.readouterr()

    for command in ("link", "ask", "values"):
        code, out, _err = read(command, "shop", "--json")
        assert (code, "Poland" in out) == (0, False)
        assert not (tmp_path / "cache" / "ctxprune" / "values").exists()
        code, _out, err = read(command, "other")
        assert (code, "there is no value index" in err) == (1, True)
        code, _out, err = read(command, "shop", "--index", str(tmp_path / "index"))
        assert (code, "one of --index and --published" in " ".join(err.split())) == (2, True)
    hits = json.loads(read("values", "shop", "--json")[1])["hits"]
    assert [hit["value"] for hit in hits] == ["EUR"]
    redis_server.stop()
    code, _out, err = read("ask", "shop")
    assert (code, "Redis cannot be reached" in err, redis_server.password in err) == (1, True, False)


def test_a_redis_that_is_not_told_or_refuses(run, shop, tmp_path, redis_server, redis_url, monkeypatch):
    monkeypatch.delenv("CTXPRUNE_REDIS_URL", raising=False)
    code, _out, err = run(shop, "--out", tmp_path / "index", "--publish", "shop")
    assert code == 2
    assert "CTXPRUNE_REDIS_URL" in err
    monkeypatch.setenv("CTXPRUNE_REDIS_URL", redis_url.replace(redis_server.password, "wr0ng-pw"))
    code, _out, err = run(shop, "--out", tmp_path / "index", "--publish", "shop")
    assert code == 1
    assert "refuses the user or the password" in err
    assert "wr0ng-pw" not in err


def damage(directory):
    """Flip a bit in the middle of the stored texts."""
    path = next(directory.glob("data-*/text.npy"))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


def test_verify_of_a_sound_index(run, shop, tmp_path):
    run(shop, "--out", tmp_path / "index")
    code, out, err = run(shop, "--out", tmp_path / "index", "--verify")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert out.startswith("sound, ")
    assert str(tmp_path / "index") in out
    code, out, err = run(shop, "--out", tmp_path / "index", "--verify", "--json")
    report = json.loads(out)
    assert (code, err, report["sound"], report["error"]) == (0, "", True, "")
    assert report["bytes"] == sum(path.stat().st_size for path in (tmp_path / "index").glob("data-*/*.npy"))


def test_verify_of_a_damaged_index(run, shop, tmp_path):
    run(shop, "--out", tmp_path / "index")
    damage(tmp_path / "index")
    code, out, err = run(shop, "--out", tmp_path / "index", "--verify")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "damaged" in err
    assert "text.npy" in err
    code, out, err = run(shop, "--out", tmp_path / "index", "--verify", "--json")
    report = json.loads(out)
    assert (code, err, report["sound"]) == (1, "", False)
    assert "damaged" in report["error"]


def test_verify_looks_where_the_index_is_kept(run, shop, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, out, err = run(shop, "--verify")
    assert (code, out) == (1, "")
    assert "there is no value index" in err
    run(shop)
    assert run(shop, "--verify")[0] == 0


@pytest.mark.parametrize("words", [["--sample", "3"], ["--exclude", "city.name"], ["--mask-personal"], ["--repair"]])
def test_verify_builds_nothing(run, shop, tmp_path, words):
    code, _out, err = run(shop, "--out", tmp_path / "index", "--verify", *words)
    assert code == 2
    assert "--verify" in err


def test_repair_builds_a_damaged_index_anew(run, shop, tmp_path):
    run(shop, "--out", tmp_path / "index", "--mask", "city.name")
    damage(tmp_path / "index")
    code, out, err = run(shop, "--out", tmp_path / "index", "--repair", "--json")
    assert code == 0
    assert "damaged" in err
    report = json.loads(out)
    assert report["built"] is True
    assert [c["column"] for c in report["columns"] if c["masked"]] == ["name"]
    assert run(shop, "--out", tmp_path / "index", "--verify")[0] == 0
    for words in ((), ("--repair",)):
        code, out, err = run(shop, "--out", tmp_path / "index", "--json", *words)
        assert (code, err, json.loads(out)["built"]) == (0, "", False)
    code, out, err = run(shop, "--out", tmp_path / "new", "--repair", "--json")  # there is none to repair
    assert (code, err, json.loads(out)["built"]) == (0, "", True)


def test_an_index_that_cannot_be_opened_is_built_anew(run, shop, tmp_path):
    run(shop, "--out", tmp_path / "index", "--mask", "city.name")
    path = next((tmp_path / "index").glob("data-*/text.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    code, out, err = run(shop, "--out", tmp_path / "index", "--json")
    assert (code, json.loads(out)["built"]) == (0, True)
    assert "truncated" in err
    assert [c["column"] for c in json.loads(out)["columns"] if c["masked"]] == ["name"]
    assert run(shop, "--out", tmp_path / "index", "--verify")[0] == 0


def test_a_call_that_changes_nothing_does_not_read_the_index(run, shop, tmp_path, monkeypatch):
    """It compares what opening compares: of a large index no more than its checksums."""
    run(shop, "--out", tmp_path / "index")
    read = []
    real = saved_arrays.checksum
    monkeypatch.setattr(saved_arrays, "checksum", lambda path: (read.append(path.name), real(path))[1])
    assert json.loads(run(shop, "--out", tmp_path / "index", "--json")[1])["built"] is False
    assert read == []
    run(shop, "--out", tmp_path / "index", "--repair")
    assert len(read) == len(saved_arrays.ARRAYS)


def test_damage_found_at_use_says_how_to_repair_the_index(run, shop, tmp_path):
    run(shop, "--out", tmp_path / "index")
    damage(tmp_path / "index")
    assert json.loads(run(shop, "--out", tmp_path / "index", "--json")[1])["built"] is False
    with pytest.raises(FormatError, match="damaged") as caught:
        list(ValueIndex.open(tmp_path / "index"))
    command = caught.value.hint.removeprefix("run: ctxprune sql index ")
    words = [{"DATABASE": shop, "DIR": tmp_path / "index"}.get(word, word) for word in command.split()]
    assert run(*words)[0] == 0
    assert len(list(ValueIndex.open(tmp_path / "index"))) > 0

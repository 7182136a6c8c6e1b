"""Columns that are left out, and columns that are recognised but never shown."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest

from ctxprune.errors import QueryTimeoutError, SchemaError, UsageError
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex, column_reader
from ctxprune.sql.values.eligibility import personal

SCRIPT = """
    CREATE TABLE guest (id INTEGER PRIMARY KEY, name TEXT, mail TEXT, phone TEXT, city TEXT, age INTEGER);
    INSERT INTO guest VALUES
        (1, 'Zora Quillfeather', 'Zora.Quill@Example.org', '+1 (555) 010-7788', 'Quito', 90071),
        (2, 'Odo Brandywick', 'odo@example.org', '+44 20 7946 0991', 'Lima', 90072),
        (3, 'Ada Thistlewood', 'ada@example.net', '555-010-2233', 'Lima', 90073);
"""
NAME, MAIL, PHONE, AGE = (ColumnRef("guest", column) for column in ("name", "mail", "phone", "age"))
SECRETS = ("Quillfeather", "Zora.Quill", "Brandywick", "odo@example", "Thistlewood", "7946", "010-7788", "010-2233")


@pytest.fixture
def guests(database):
    return database(SCRIPT)


@pytest.fixture
def masked(guests):
    return ValueIndex.build(guests, mask=[ColumnRef("GUEST", "Name"), AGE], mask_personal=True)


def test_masked_columns_say_why(masked):
    why = {report.column: report.masked for report in masked.columns}
    assert why == {
        "id": "", "name": "asked for", "mail": "e-mail addresses", "phone": "phone numbers", "city": "",
        "age": "asked for",
    }  # fmt: skip
    assert set(masked.hidden) == {NAME, MAIL, PHONE, AGE}


@pytest.mark.parametrize(
    ("question", "ref", "said"),
    [
        ("where does zora quillfeather live?", NAME, "zora quillfeather"),
        ("Whose mail is zora.quill@example.org?", MAIL, "zora.quill@example.org"),
        ("Who has the phone +1 (555) 010-7788?", PHONE, "+1 (555) 010-7788"),
    ],
)
def test_a_whole_value_is_recognised_in_the_words_of_the_question(masked, question, ref, said):
    (hit,) = [hit for hit in masked.lookup(question) if hit.ref == ref]
    assert (hit.value, hit.masked, hit.score) == (said, True, 1.0)


@pytest.mark.parametrize("question", ["where does Quillfeather live?", "Zora Quillfeathr", "mail of zora.quill", "ZQ"])
def test_nothing_less_than_a_whole_value_is(masked, question):
    assert [hit for hit in masked.lookup(question) if hit.masked] == []


def test_other_columns_are_as_before(guests, masked):
    plain = ValueIndex.build(guests)
    assert masked.lookup("guests of Lima") == plain.lookup("guests of Lima") != []
    assert not any(hit.masked for hit in plain.lookup("odo@example.org"))


def test_no_clear_text_is_kept(masked, tmp_path):
    masked.save(tmp_path / "index")
    stored = b"".join(path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file())
    assert b"Quito" in stored
    for secret in SECRETS:
        assert secret.encode() not in stored
        assert secret.lower().encode() not in stored
    ages = json.loads((tmp_path / "index" / "manifest.json").read_text())["ranges"]
    assert [one["column"] for one in ages] == ["id"]
    opened = ValueIndex.open(tmp_path / "index")
    assert opened.lookup("odo brandywick") == masked.lookup("odo brandywick") != []


def test_what_was_hidden_stays_hidden(guests, tmp_path):
    first = ValueIndex.for_database(guests, tmp_path / "index", exclude=[NAME], mask=[AGE], mask_personal=True)
    assert set(first.hidden) == {NAME, MAIL, PHONE, AGE}
    assert ValueIndex.for_database(guests, tmp_path / "index").hidden == first.hidden
    (tmp_path / "index" / "manifest.json").write_text(
        (tmp_path / "index" / "manifest.json").read_text().replace('"version": ', '"version": 9')
    )
    again = ValueIndex.for_database(guests, tmp_path / "index")
    assert again.hidden == first.hidden
    shown = ValueIndex.for_database(guests, tmp_path / "index", exclude=[], mask=[], mask_personal=False)
    assert shown.hidden == ()
    assert [hit.ref for hit in shown.lookup("Zora Quillfeather")][:1] == [NAME]


def test_a_column_that_is_read_in_part_is_still_hidden(guests, monkeypatch):
    def late(_batches, _long):
        raise QueryTimeoutError("interrupted")

    monkeypatch.setattr(column_reader, "_drop_long", late)
    index = ValueIndex.build(guests, mask_personal=True)
    assert {column.column: column.skipped for column in index.columns}["mail"] == "unreadable: interrupted"
    assert set(index.hidden) == {MAIL, PHONE}


def test_cards_stored_as_numbers_have_no_range(database):
    cards = [(4111111111111111, 7), (5500005555555559, 8)]
    one = database("CREATE TABLE pay (card INTEGER, amount INTEGER)", ("INSERT INTO pay VALUES (?, ?)", cards))
    index = ValueIndex.build(one, mask_personal=True)
    assert index.hidden == (ColumnRef("pay", "card"),)
    assert {hit.ref.column for hit in index.ranges("a card or an amount of 7")} == {"amount"}
    assert "4111111111111111" not in json.dumps(index._manifest)


@pytest.mark.parametrize("damage", [lambda path: path.write_text("{"), lambda path: path.unlink()], ids=["cut", "gone"])
def test_a_lost_manifest_shows_nothing_that_was_hidden(guests, tmp_path, damage):
    first = ValueIndex.for_database(guests, tmp_path / "index", exclude=[NAME], mask=[AGE], mask_personal=True)
    damage(tmp_path / "index" / "manifest.json")
    assert ValueIndex.for_database(guests, tmp_path / "index").hidden == first.hidden
    ValueIndex.for_database(guests, tmp_path / "index", exclude=[], mask=[], mask_personal=False)
    assert not (tmp_path / "index" / "privacy.json").exists()


def test_a_first_build_that_was_stopped_was_told_already(guests, tmp_path):
    def stop(_done, _total, _name):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ValueIndex.for_database(guests, tmp_path / "index", mask=[NAME], progress=stop)
    assert ValueIndex.for_database(guests, tmp_path / "index").hidden == (NAME,)


def test_a_table_that_comes_back_is_still_hidden(guests, tmp_path):
    ValueIndex.for_database(guests, tmp_path / "index", exclude=[MAIL], mask=[NAME])
    for script in (
        "DROP TABLE guest; CREATE TABLE other (c TEXT);",
        "DROP TABLE other;" + SCRIPT.replace("guest", "Guest"),
    ):
        with closing(sqlite3.connect(guests.path)) as connection:
            connection.executescript(script)
        guests.refresh()
        index = ValueIndex.for_database(guests, tmp_path / "index")
    assert set(index.hidden) == {ColumnRef("Guest", "name"), ColumnRef("Guest", "mail")}


@pytest.mark.parametrize("told", ["masked", "private"])
def test_a_view_does_not_show_what_is_hidden(database, told):
    one = database(SCRIPT + "CREATE VIEW people AS SELECT name AS who, city FROM guest;")
    index = ValueIndex.build(one, mask=[NAME] if told == "masked" else [])
    assert set(index.hidden) == ({NAME, ("people", "who"), ("people", "city")} if told == "masked" else set())
    recorder = Recorder()
    config = PipelineConfig(candidates=1, private=() if told == "masked" else (NAME,))
    Pipeline(one, generators=(recorder,), values=index, config=config).ask("Which people live in Quito?")
    assert "who" in "".join(recorder.seen)
    assert "Quillfeather" not in "".join(recorder.seen)


def test_an_unknown_column_is_an_error(guests):
    with pytest.raises(SchemaError):
        ValueIndex.build(guests, mask=[ColumnRef("guest", "nickname")])


@pytest.mark.parametrize("one", ["guest.name", ("guest", "name")])
def test_what_is_no_column_reference_is_an_error(guests, one):
    with pytest.raises(UsageError, match="ColumnRef"):
        ValueIndex.build(guests, exclude=[one])


def test_an_index_says_what_it_is(masked, tmp_path):
    assert repr(masked) == f"<ValueIndex: {len(masked)} values of 4 columns, in memory>"
    masked.save(tmp_path / "index")
    assert str(tmp_path / "index") in repr(masked)


class Recorder:
    """A generator that keeps its prompts' schema text, and asks for examples as chat generators do."""

    name, wants_examples = "recorder.v1", True

    def __init__(self):
        self.seen = []

    def generate(self, request):
        from ctxprune.sql.generate.base import Candidate
        from ctxprune.sql.generate.prompts.base import hit_lines
        from ctxprune.sql.render import render

        lines = hit_lines(request.hits)
        self.seen += [render(request.schema, form, hits=request.hits) for form in ("mschema", "ddl", "compact")] + lines
        return [Candidate("SELECT count(*) FROM guest", self.name)]


def test_no_masked_value_reaches_a_prompt_or_the_trace(guests, masked):
    recorder = Recorder()
    pipeline = Pipeline(guests, generators=(recorder,), values=masked, config=PipelineConfig(candidates=1))
    answer = pipeline.ask("How many guests of Quito are called zora quillfeather?")
    assert any("Quito" in text for text in recorder.seen)
    assert "zora quillfeather" in "".join(recorder.seen)  # the question's own words
    everything = "\n".join(recorder.seen) + json.dumps(answer.to_dict(trace=True), default=str)
    for secret in SECRETS:
        assert secret not in everything
    for number in ("90071", "90072", "90073"):  # as a number of its own: digits of a time may be the same
        assert not re.search(rf"(?<![\d.]){number}(?!\d)", everything)


PERSONAL = [
    (["a@b.org", "c.d@e-f.co.uk"], "e-mail addresses"),
    (["078-05-1120", "219-09-9999"], "social security numbers"),
    (["4111 1111 1111 1111", "5500005555555559"], "payment cards"),
    (["4111 1111 1111 1112"], ""),
    (["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"], "bank accounts"),
    (["GB82 WEST 1234 5698 7654 33"], ""),
    (["+14155550101", "(415) 555-0102", "415-555-0103", "+49 30 901820"], "phone numbers"),
    (["2012-08-20", "2013-01-02", "01-02-2013"], ""),
    (["978-3-16-148410-0", "979-1-86-197876-9"], ""),
    (["192.168.0.1", "10.0.0.255"], ""),
    (["12345678", "3.14159265"], ""),
    (["a@b.org", "no address", "none", "-"], ""),
    (["Ada Thistlewood"], ""),
    (["", "  "], ""),
    ([], ""),
]


@pytest.mark.parametrize(("texts", "kind"), PERSONAL, ids=[f"{texts[:1]}" for texts, _ in PERSONAL])
def test_personal_data_by_its_looks(texts, kind):
    assert personal(texts) == kind

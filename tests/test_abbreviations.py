from __future__ import annotations

import pytest

from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, Schema, Table
from ctxprune.text.abbreviations import ABBREVIATIONS, has_letters_in_order, spell_out


@pytest.mark.parametrize(
    ("words", "full"),
    [
        (["ward", "nm"], ["ward", "name"]),
        (["dob"], ["date", "of", "birth"]),
        (["adm", "hdr"], ["adm"]),
        (["hdr"], ["hdr"]),
        (["island"], ["island"]),
        ([], []),
    ],
)
def test_abbreviations_are_given_in_full(words, full):
    assert spell_out(words) == full


@pytest.mark.parametrize(
    ("short", "word", "found"),
    [("mgr", "manager", True), ("grm", "manager", False), ("", "a", True), ("aa", "a", False)],
)
def test_letters_in_order(short, word, found):
    assert has_letters_in_order(short, word) == found


def test_what_an_abbreviation_stands_for_is_none_itself():
    assert all(word not in ABBREVIATIONS for full in ABBREVIATIONS.values() for word in full.split())


def test_a_name_in_short_form_is_what_people_read():
    columns = (Column("ward_cd", "TEXT", primary_key=True), Column("ward_nm", "TEXT"), Column("bldg", "TEXT"))
    view = SchemaView.of(Schema("s", (Table("ref_ward", columns),)))
    assert [facts.label for facts in view.columns] == [False, True, False]
    assert view.columns[2].name.stems == ("build",)


def test_words_that_came_with_the_schema_count_more():
    columns = (Column("nm", "TEXT", comment="nickname"),)
    assert SchemaView.of(Schema("s", (Table("t", columns),))).columns[0].name.stems == ("nicknam",)

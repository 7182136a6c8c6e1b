from __future__ import annotations

from ctxprune.sql.generate.phrases.joins import CheapJoins
from ctxprune.sql.generate.phrases.names import key_column, with_natural_names
from ctxprune.sql.schema.schema import Column, ForeignKey, Schema, Table


def table(name, *columns, key=""):
    return Table(name, tuple(Column(c, "DATE" if c.endswith("_at") else "TEXT", primary_key=c == key) for c in columns))


def test_shared_prefixes_are_left_out_and_parts_cut_apart():
    schema = Schema(
        "bank",
        (
            table("bkclient", "bkclid", "bkclname", "bkcljoindate", "bkclpostalcode", key="bkclid"),
            table("bkaccount", "bkacid", "bkacclientid", "bkacopendate", "bkacbalance", key="bkacid"),
            table("bkdailyrate", "bkdrdate", "bkdrcurrency", "bkdrrate"),
        ),
    )
    found = with_natural_names(schema)
    assert [one.comment for one in found.tables] == ["client", "account", "daily rate"]
    assert [one.comment for one in found.tables[0].columns] == ["id", "name", "join date", "postal code"]
    assert [one.comment for one in found.tables[1].columns][1:3] == ["client id", "open date"]
    assert ForeignKey("bkaccount", ("bkacclientid",), "bkclient", ("bkclid",), inferred=True) in found.foreign_keys


def test_plain_names_and_given_comments_stay():
    schema = Schema("s", (Table("island", (Column("id", "INT"), Column("lang", "TEXT", comment="spoken language"))),))
    found = with_natural_names(schema)
    assert found.tables[0].comment == ""
    assert [one.comment for one in found.tables[0].columns] == ["", "spoken language"]


def test_words_are_not_cut_into_unknown_pieces():
    schema = Schema("s", (table("membership", "internship", "customer", "transaction", "prerequisite"),))
    assert [one.comment for one in with_natural_names(schema).tables[0].columns] == [""] * 4


def test_a_table_without_key_gets_the_id_called_after_it():
    schema = Schema("s", (table("paper", "paperid", "title"), table("writes", "paperid", "authorid")))
    found = with_natural_names(schema)
    assert key_column(found.tables[0]) == "paperid"
    assert key_column(found.tables[1]) is None


def test_roles_refer_to_parties():
    schema = Schema("s", (table("users", "uid", "name", key="uid"), table("transfers", "id", "sender_id", key="id")))
    keys = with_natural_names(schema).foreign_keys
    assert keys == (ForeignKey("transfers", ("sender_id",), "users", ("uid",), inferred=True),)


def test_joins_prefer_references_to_shared_names():
    schema = with_natural_names(
        Schema(
            "s",
            (
                table("teacher", "teacher_id", "name", key="teacher_id"),
                table("remark", "teacher_id", "pupil_id", "made_at"),
                table("mark", "pupil_id", "course_id", "made_at"),
                table("course", "course_id", "title", key="course_id"),
                table("lesson", "lesson_id", "teacher_id", "course_id", key="lesson_id"),
            ),
        )
    )
    path = CheapJoins(schema).connect(["teacher", "course"])
    assert [edge.other for edge in path] == ["lesson", "course"]


def test_moments_relate_nothing():
    schema = Schema("s", (table("a", "x", "made_at"), table("b", "y", "made_at")))
    assert CheapJoins(with_natural_names(schema)).connect(["a", "b"]) is None

"""Columns of yes and no."""

from __future__ import annotations

import pytest

from ctxprune.sql.values.features import ColumnFacts
from ctxprune.sql.values.truths import TruthMention, find_truth_columns, truths
from ctxprune.text.words import stem

TRUTHS = [
    (["N", "Y"], ("Y", "N")),
    (["false", "true"], ("true", "false")),
    (["TRUE"], ("TRUE",)),
    (["0", "1"], ("1", "0")),
    (["no", "yes", ""], ("yes", "no")),
    (["T", "t", "F", "f"], ("T", "t", "F", "f")),
    (["M", "F"], ()),
    (["yes", "no", "maybe"], ()),
    (["", " "], ()),
    ([], ()),
    (["yes", "no", "Yes", "No", "YES"], ()),
]


@pytest.mark.parametrize(("texts", "wanted"), TRUTHS, ids=[str(texts) for texts, _ in TRUTHS])
def test_truths(texts, wanted):
    assert truths(texts) == wanted


def fact(column, *values):
    return ColumnFacts.of("t", column, 2, 0.0, truths=values)


ASKED = [
    ("how many teachers gave", "is_teacher_acct", False),
    ("how many teacher accts gave", "is_teacher_acct", True),
    ("active members", "IsActive", True),
    ("members", "active", False),
    ("has it allergies?", "has_allergy", True),
    ("is it?", "is", False),
]


@pytest.mark.parametrize(("question", "column", "found"), ASKED, ids=[row[0] for row in ASKED])
def test_a_name_must_be_said_in_full(question, column, found):
    asked = [stem(word) for word in question.strip("?").split()]
    assert bool(find_truth_columns(asked, [fact(column, "T", "F")])) == found


def test_yes_first_at_the_name():
    facts = [fact("price"), fact("sold", "Y", "N")]
    assert find_truth_columns(["item", "sold"], facts) == [TruthMention(1, "Y", 1, 2), TruthMention(1, "N", 1, 2)]


def test_a_value_that_is_said_keeps_the_others_away(index):
    found = index("CREATE TABLE t (active TEXT); INSERT INTO t VALUES ('yes'), ('no');")
    assert {hit.value for hit in found.lookup("which are active?")} == {"yes", "no"}
    assert {hit.value for hit in found.lookup("active = 'no'")} == {"no"}


def test_of_values_of_frequent_words_the_one_with_both_is_found(index):
    names = [f"{a} {b} {k}" for a in ("Park", "Mill") for b in ("Lane", "Gate") for k in range(300)]
    found = index("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(n,) for n in [*names, "Park Road 7"] +
                  [f"Hill Road {k}" for k in range(300)]]))  # fmt: skip
    assert [hit.value for hit in found.lookup("accidents on the park road")] == ["Park Road 7"]

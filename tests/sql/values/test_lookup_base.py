"""The base class of value look-ups, its defaults, and objects of users that have `lookup` alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.linking import PresqlLinker
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import FilteredLookup, KeywordLookup, RangeHit, ValueHit, ValueLookup, as_value_lookup
from ctxprune.sql.values.restrict import can_leave_out, check_leaves_out, restrict

NAME, TOWN = ColumnRef("person", "name"), ColumnRef("person", "town")
HITS = [ValueHit(NAME, "Ada", (0, 3), 1.0, "exact"), ValueHit(TOWN, "Ada", (0, 3), 1.0, "exact")]
RANGES = [RangeHit(ref, (0, 1), "number", "1", "1") for ref in (NAME, TOWN)]


def find_hits(_self: object, question: str, evidence: str = "") -> Sequence[ValueHit]:
    return HITS


class Minimal(ValueLookup):
    lookup = find_hits


class Duck:
    lookup = find_hits


class FullDuck(Duck):
    hidden = (TOWN,)

    def __init__(self, *columns: ColumnRef) -> None:
        self.columns = columns

    def ranges(self, question: str, evidence: str = "") -> Sequence[RangeHit]:
        return RANGES

    def within(self, columns: Collection[ColumnRef]) -> FullDuck:
        return FullDuck(*columns)


class Own(Minimal):
    def within(self, columns: Collection[ColumnRef]) -> Own:
        return self


def test_only_lookup_must_be_written():
    values = Minimal()
    assert (list(values.ranges("1")), values.hidden, values.leaves_out) == ([], (), False)
    assert as_value_lookup(values) is values
    with pytest.raises(TypeError, match="lookup"):
        type("Incomplete", (ValueLookup,), {})()


@pytest.mark.parametrize("values", [Minimal(), Duck()])
def test_without_within_hits_on_other_columns_are_dropped_afterwards(values: ValueLookup):
    part = restrict(values, [ColumnRef("PERSON", "Name")])
    assert isinstance(part, FilteredLookup)
    assert part.lookup("Ada") == HITS[:1]
    assert part.ranges("1") == []
    assert not can_leave_out(values)


def test_what_leaves_columns_out_itself_is_asked_to():
    assert can_leave_out(Own())
    check_leaves_out(Own(), "private columns")
    part = restrict(FullDuck(), [NAME])
    assert isinstance(part, ValueLookup)
    assert part.inner.columns == (NAME,)


def test_optional_members_of_an_object_are_used():
    adapted = as_value_lookup(FullDuck())
    assert (list(adapted.lookup("Ada")), list(adapted.ranges("1"))) == (HITS, RANGES)
    assert (adapted.hidden, adapted.leaves_out) == ((TOWN,), True)
    refuses = FullDuck()
    refuses.leaves_out = False
    assert not can_leave_out(refuses)
    assert KeywordLookup(FullDuck(), lambda *_: ()).hidden == (TOWN,)
    assert not can_leave_out(KeywordLookup(Duck(), lambda *_: ()))


def test_the_message_names_the_class_of_an_object():
    for values in (Duck(), as_value_lookup(Duck())):
        with pytest.raises(UsageError, match="Duck cannot leave out private columns"):
            check_leaves_out(values, "private columns")


@pytest.mark.parametrize(
    ("values", "member"),
    [
        (object(), "lookup"),
        ("index", "lookup"),
        (Minimal, "lookup"),
        (type("Silent", (), {"lookup": None})(), "lookup"),
        (type("Fixed", (Duck,), {"ranges": RANGES})(), "ranges"),
        (type("Narrow", (Duck,), {"within": 3})(), "within"),
    ],
)
def test_an_object_that_breaks_the_contract_is_refused_by_the_name_of_the_member(values: object, member: str):
    with pytest.raises(UsageError, match=f"no method {member}"):
        as_value_lookup(values)
    with pytest.raises(UsageError, match=f"no method {member}"):
        PresqlLinker(values=values)

"""The base class of linkers, its defaults, and objects of users that have `link` alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.linking import BypassLinker, FocusLinker, Linked, Linker, PresqlLinker, RankedLinker, as_linker
from ctxprune.sql.linking.carried import CarriedLinker
from ctxprune.sql.linking.chat import ChatLinker
from ctxprune.sql.linking.soft import SoftLinker
from ctxprune.sql.linking.wrapped import counter_of
from ctxprune.sql.schema.schema import Schema
from ctxprune.sql.values.base import ValueHit
from ctxprune.tokens import as_counter

WRAPPERS: dict[str, Callable[[object], Linker]] = {
    "bypass": BypassLinker,
    "carried": CarriedLinker,
    "chat": lambda inner: ChatLinker(None, inner),
    "presql": lambda inner: PresqlLinker(inner=inner),
    "soft": SoftLinker,
}


def link_everything(
    _self: object, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = ""
) -> Linked:
    return Linked(schema, schema, dict.fromkeys(schema.refs(), 1.0), {table.name: 1.0 for table in schema.tables})


class Minimal(Linker):
    link = link_everything


class Duck:
    link = link_everything


class CountingDuck(Duck):
    counter = len


class WrappingDuck(Duck):
    def __init__(self, inner: object) -> None:
        self.inner = inner


def test_only_link_must_be_written(library: Schema):
    linker = Minimal()
    assert (linker.counter, linker.wrapped) == (None, None)
    assert as_linker(linker) is linker
    with pytest.raises(TypeError, match="link"):
        type("Incomplete", (Linker,), {})()


def test_an_object_with_link_alone_is_a_linker(library: Schema):
    adapted = as_linker(Duck())
    assert isinstance(adapted, Linker)
    assert adapted.link("?", library) == Minimal().link("?", library)
    assert counter_of(Duck()).name == as_counter(None).name


def test_the_counter_of_an_object_and_of_what_it_wraps_is_taken():
    assert counter_of(CountingDuck()).count("four") == 4
    assert counter_of(WrappingDuck(CountingDuck())).count("four") == 4
    assert counter_of(WrappingDuck(RankedLinker(counter=len))).count("four") == 4


@pytest.mark.parametrize("name", WRAPPERS)
def test_linkers_that_wrap_another_take_its_counter_and_leave_it_as_it_is(name: str):
    inner = CountingDuck()
    wrapper = WRAPPERS[name](inner)
    assert wrapper.wrapped is inner
    assert counter_of(wrapper).count("four") == 4


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("wrong", [None, "ranked", RankedLinker, type("Silent", (), {"link": None})()])
def test_what_cannot_link_is_refused_where_it_is_given(name: str, wrong: object):
    with pytest.raises(UsageError, match="no method link"):
        WRAPPERS[name](wrong)


def test_the_focus_linker_counts_as_its_linker_of_large_schemas_does():
    assert FocusLinker(large=CountingDuck()).counter is CountingDuck.counter
    assert FocusLinker(large=Duck()).counter is None
    for wrong in ({"small": 1}, {"large": 1}):
        with pytest.raises(UsageError, match="no method link"):
            FocusLinker(**wrong)

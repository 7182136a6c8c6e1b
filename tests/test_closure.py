"""What is kept together: ancestors, requirements, cycles, bad bindings."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.context.base import Unit
from ctxprune.context.closure import Closure, check_links
from ctxprune.context.subset import ContextSubset
from ctxprune.errors import UsageError


def _none(size: int) -> np.ndarray:
    return np.zeros(size, dtype=np.bool_)


def test_a_unit_brings_its_ancestors_and_requirements_and_theirs() -> None:
    units = [Unit("table a"), Unit("key", parent=0), Unit("table b"), Unit("foreign", parent=2, requires=(1,))]
    closure = Closure(units)
    kept = _none(4)
    assert closure.missing(3, kept)[0] == 3
    assert sorted(closure.missing(3, kept)) == [0, 1, 2, 3]
    kept[[0, 1]] = True
    assert sorted(closure.missing(3, kept)) == [2, 3]
    assert closure.missing(1, kept) == []


def test_members_of_a_cycle_come_together() -> None:
    closure = Closure(
        [Unit("a", requires=(1,)), Unit("b", requires=(2,)), Unit("c", requires=(0,)), Unit("d", parent=3)]
    )
    for index in range(3):
        assert sorted(closure.missing(index, _none(4))) == [0, 1, 2]
    assert closure.missing(3, _none(4)) == [3]


def test_gaps_are_missing_pins_and_missing_needs() -> None:
    closure = Closure([Unit("a"), Unit("b", parent=0), Unit("c", pinned=True)])
    assert closure.pinned == (2,)
    kept = _none(3)
    kept[1] = True
    assert closure.gaps(kept) == [0, 2]
    kept[[0, 2]] = True
    assert closure.gaps(kept) == []


@pytest.mark.parametrize("unit", [Unit("x", parent=2), Unit("x", parent=-1), Unit("x", requires=(0, 7))])
def test_bindings_to_units_that_do_not_exist_are_refused(unit: Unit) -> None:
    with pytest.raises(UsageError, match=r"unit 1 is bound to unit .*0 to 1"):
        Closure([Unit("a"), unit])


def test_a_binding_that_is_no_number_is_refused() -> None:
    with pytest.raises(UsageError, match="bound to unit '0'"):
        Closure([Unit("a", parent="0")])


@given(st.lists(st.tuples(st.none() | st.integers(0, 400), st.sampled_from([(), (1,), (0, 399)])), max_size=12))
def test_neighbours_with_equal_bindings_are_read_as_each_by_itself(bindings: list[tuple]) -> None:
    units = [*(Unit("", parent, requires) for parent, requires in bindings for _ in range(2)), *[Unit("")] * 401]
    closure = Closure(units)
    for index, unit in enumerate(units):
        links = {*unit.requires, *(() if unit.parent is None else (unit.parent,))}
        kept = ~_none(len(units))
        kept[index] = kept[[*links]] = False
        assert closure.missing(index, kept)[0] == index
        assert links <= {*closure.missing(index, kept), index}


def test_a_binding_like_the_one_before_is_no_excuse_for_a_wrong_type() -> None:
    with pytest.raises(UsageError, match=r"unit 2 is bound to unit 0\.0"):
        Closure([Unit("a"), Unit("b", parent=0), Unit("c", parent=0.0)])


def test_a_chain_of_many_thousand_units_is_no_recursion() -> None:
    units = [Unit("x", parent=index - 1 if index else None) for index in range(50_000)]
    assert len(Closure(units).missing(49_999, _none(50_000))) == 50_000


@settings(deadline=None)
@given(st.data())
def test_growing_by_what_is_missing_stays_closed(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 8))
    index = st.integers(0, size - 1)
    units = [
        Unit("x", parent=data.draw(st.none() | index), requires=tuple(data.draw(st.lists(index, max_size=3))))
        for _ in range(size)
    ]
    closure, kept = Closure(units), _none(size)
    for chosen in data.draw(st.lists(index, max_size=5)):
        added = closure.missing(chosen, kept)
        assert not kept[added].any()
        kept[added] = True
        assert kept[chosen]
        assert closure.gaps(kept) == []


@pytest.mark.parametrize("size", [0, 1, 7])
def test_links_are_checked_as_one_by_one(size: int) -> None:
    for parent in (None, 0, -1, size, True, 1.0, "0"):
        for requires in ((), (0,), (size - 1, 0), (size,), (None,)):
            units = [Unit("a")] * max(size - 1, 0) + [Unit("b", parent=parent, requires=requires)] * bool(size)
            links = [] if not size else [*([] if parent is None else [parent]), *requires]
            valid = all(isinstance(link, int) and 0 <= link < size for link in links)
            if valid:
                check_links(units)
                continue
            with pytest.raises(UsageError, match=f"unit {size - 1} is bound to"):
                check_links(units)


def test_a_part_that_is_the_whole_has_the_same_units() -> None:
    units = (Unit("a"), Unit("b", parent=0), Unit("c", parent=1, requires=(0,)))
    context = SimpleNamespace(units=units, titles=("t",), render=sorted)
    whole = ContextSubset(context, np.arange(3))
    assert whole.units is units
    assert whole.sources == (0, 0, 0)
    assert ContextSubset(context, np.array([0, 2])).units == (Unit("a"), Unit("c", requires=(0,)))
    broken = SimpleNamespace(units=(Unit("a", parent=5), Unit("b", requires=(7, 0))), render=sorted)
    assert ContextSubset(broken, np.arange(2)).units == (Unit("a"), Unit("b", requires=(0,)))

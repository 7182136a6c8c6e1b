"""A context that is demanded of is still the context it was."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from ctxprune.context.demand import Demanded, demanded_units
from ctxprune.rag import Table

TABLE = Table("a,b\n1,2\n3,4\n")
DEMANDED = Demanded(TABLE, np.array([True, False, False, True]))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_and_pickles(again) -> None:
    other = again(DEMANDED)
    assert demanded_units(other) == [0, 3]
    assert other.units == TABLE.units
    assert other.kind == "table"
    assert other.render({0, 1, 2, 3}) == TABLE.render({0, 1, 2, 3})


def test_what_the_context_lacks_is_lacking() -> None:
    assert not hasattr(DEMANDED, "sources_of_nothing")
    assert not hasattr(DEMANDED, "__len__")

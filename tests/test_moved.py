"""Module paths of version 0.1 that are still imported, with a warning."""

from __future__ import annotations

import importlib
import sys

import pytest

from ctxprune._moved import MOVED
from ctxprune.errors import MissingExtraError


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_path_gives_the_module_itself(old: str) -> None:
    try:
        new = importlib.import_module(f"ctxprune.{MOVED[old]}")
    except (MissingExtraError, ModuleNotFoundError) as error:
        pytest.skip(str(error))
    sys.modules.pop(f"ctxprune.{old}", None)
    with pytest.warns(DeprecationWarning, match=rf"ctxprune\.{old} is now ctxprune\.{MOVED[old]}"):
        found = importlib.import_module(f"ctxprune.{old}")
    assert found is new
    assert found.__spec__.name == f"ctxprune.{MOVED[old]}"
    del sys.modules[f"ctxprune.{old}"]


def test_a_module_that_never_existed_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ctxprune.sql.no_such_module")

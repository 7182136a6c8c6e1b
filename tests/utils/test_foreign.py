"""Reading members of objects of unknown classes."""

from __future__ import annotations

from ctxprune.utils.foreign import foreign_attribute, foreign_method


class Thing:
    a = None
    b = 0

    def read(self) -> str:
        return "read"


def test_the_first_attribute_that_is_not_none_is_taken() -> None:
    assert foreign_attribute(Thing(), "missing", "a", "b", default=5) == 0
    assert foreign_attribute(Thing(), "missing", "a", default=5) == 5
    assert foreign_attribute(Thing(), "missing") is None


def test_only_what_can_be_called_is_a_method() -> None:
    assert foreign_method(Thing(), "b", "missing", "read")() == "read"
    assert foreign_method(Thing(), "a", "b") is None

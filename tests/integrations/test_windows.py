"""Running text in windows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctxprune.integrations.windows import Windows

TEXT = "\n".join(f"Sales of region {n}\n{n},1{n % 10}2\n$" for n in range(40))


@given(st.lists(st.text(alphabet="ab. \n$7", max_size=200), max_size=4), st.integers(32, 100))
def test_windows_are_slices_that_hold_every_character(texts: list[str], size: int):
    windows = Windows(texts, size)
    for unit, place in zip(windows.units, windows.sources, strict=True):
        assert unit.span is not None
        assert unit.text == texts[place][slice(*unit.span)]
    assert "".join("".join(unit.text for unit in windows.units).split()) == "".join("".join(texts).split())
    whole = windows.render(range(len(windows.units)))
    assert [text.strip() for text in whole] == [text.strip() for text in texts]


def test_neighbours_keep_what_is_between_them_and_others_have_a_gap():
    windows = Windows([TEXT], 100)
    first, second, third = (windows.units[index].text for index in range(3))
    assert 100 <= len(first) < 150
    assert windows.render([0, 1])[0] == TEXT[: len(first) + 1 + len(second)]
    assert windows.render([0, 2])[0] == f"{first} … {third}"
    assert windows.render([]) == [""]

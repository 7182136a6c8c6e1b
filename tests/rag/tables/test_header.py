"""How many rows at the top of a table name its columns."""

from __future__ import annotations

import pytest

from ctxprune.rag import Table
from ctxprune.rag.headers import count_header_rows, find_key


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ([["name", "age"], ["Ann", "3"]], 1),
        ([["", "2019", "2018"], ["Sales", "12", "13"]], 1),
        ([["", "Years ended", ""], ["", "2019", "2018"], ["Sales", "12", "13"]], 2),
        ([["", "Years ended", ""], ["(in millions)", "April 27, 2019", "April 28, 2018"], ["Sales", "12", "13"]], 2),
        ([["(in millions)", "", ""], ["Year ended:", "2019", "2018"], ["Sales", "12", "13"]], 2),
        ([["(in millions)", "", ""], ["Sales", "12", "13"]], 1),
        ([["name", "founded"], ["Acme", "1990"]], 1),
        ([["", "opened", "closed"], ["Acme", "1990", "1999"]], 1),
        ([["1", "2"], ["3", "4"]], 0),
        ([], 0),
    ],
)
def test_header_rows(lines, count):
    assert count_header_rows(lines) == count


def test_long_runs_of_white_space_take_no_time_and_are_no_number() -> None:
    spaces = " " * 50_000
    assert count_header_rows([["1" + spaces + "x"], ["2"]]) == 1
    assert find_key([["1" + spaces + "x"], ["b"]], 1) == 0
    assert Table("a|b\n" + spaces + "x\n").render([0]) is not None
    assert Table("a|b\n-" + spaces + "x\n").render([0]) is not None


def test_an_empty_first_row_of_one_column_is_no_header() -> None:
    assert Table('name\n""\nBob\nAmy\n').grids[0].rows == (("",), ("Bob",), ("Amy",))
    assert len(Table([["a"], [None], ["b"]]).grids[0].rows) == 2

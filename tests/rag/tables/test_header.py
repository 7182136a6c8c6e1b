"""How many rows at the top of a table name its columns."""

from __future__ import annotations

import pytest

from ctxprune.rag.tables.header import count_header_rows


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

"""Percentages of reports."""

from __future__ import annotations

from ctxprune.utils.percent import percent, percent_or_none


def test_the_order_of_the_operations_decides_on_the_last_digit():
    flags = [True] * 23 + [False] * 137
    assert percent_or_none(flags) == 14.38
    assert percent(flags) == 14.37


def test_without_values_there_is_no_percentage():
    assert percent_or_none([]) is None
    assert percent_or_none(iter([0.0]), digits=1) == 0.0
    assert percent_or_none([1, 0, 0], digits=1) == 33.3

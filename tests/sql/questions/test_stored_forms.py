"""Conditions on columns as real databases store them: the right query is among the candidates, whatever is chosen.

Yes and no as 0 and 1 or as Y and N, days as seconds or as DD/MM/YYYY: a reader must see stored values to write them.
"""

from __future__ import annotations

import sqlite3

import pytest

from .fields import Field, same_rows

CASES = (
    ("shop", "How many coupons are single use?", "SELECT COUNT(*) FROM coupons WHERE single_use = 1"),
    ("shop", "How many customers subscribe to the newsletter?", (
        "SELECT COUNT(*) FROM customers WHERE newsletter = 'Y'"
    )),
    ("shop", "How many suppliers are not preferred?", "SELECT COUNT(*) FROM suppliers WHERE preferred = 0"),
    ("shop", "How many returns were approved?", "SELECT COUNT(*) FROM returns WHERE approved = 'Y'"),
    ("shop", "How many returns were returned in 2022?", "SELECT COUNT(*) FROM returns WHERE returned_on LIKE '%2022'"),
    ("shop", "How many shipments were delivered in May 2023?", (
        "SELECT COUNT(*) FROM shipments WHERE delivered_at LIKE '2023-05%'"
    )),
    ("hospital", "How many invoices are settled?", "SELECT COUNT(*) FROM invoices WHERE settled = 'Y'"),
    ("hospital", "How many rooms are private?", "SELECT COUNT(*) FROM rooms WHERE private = 'Y'"),
    ("hospital", "How many lab results are reviewed?", "SELECT COUNT(*) FROM lab_results WHERE reviewed = 1"),
    ("hospital", "How many invoices were issued in 2023?", (
        "SELECT COUNT(*) FROM invoices WHERE issued_on LIKE '%2023'"
    )),
    ("hospital", "How many lab results were taken in 2022?", (
        "SELECT COUNT(*) FROM lab_results WHERE STRFTIME('%Y', taken_epoch, 'unixepoch') = '2022'"
    )),
    ("demo", "How many suppliers are certified?", "SELECT COUNT(*) FROM supplier WHERE certified"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "question", "gold"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_the_right_query_is_among_the_candidates(field, name: str, question: str, gold: str):
    one: Field = field(name)
    answer, wanted = one.ask(question), one.rows(gold)
    for candidate in answer.trace.candidates:
        try:
            if same_rows(one.rows(candidate.sql), wanted):
                return
        except sqlite3.Error:
            continue  # a candidate that the database refuses
    pytest.fail(f"{question}: none of {[candidate.sql for candidate in answer.trace.candidates][:6]}")

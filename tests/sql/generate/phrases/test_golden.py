from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

TEXT = (Path(__file__).parent / "golden.sql").read_text(encoding="utf-8")
PAIRS = re.findall(r"^-- (.+)\n((?:SELECT|WITH)[^;]*;)", TEXT, re.MULTILINE)


def test_file_is_read_whole():
    assert len(PAIRS) == TEXT.count(";\n")


@pytest.mark.parametrize(("question", "expected"), PAIRS, ids=[question for question, _ in PAIRS])
def test_first_candidate_gives_the_expected_rows(shop, question, expected):
    candidates = shop.ask(question)
    assert candidates, "no candidate"
    first, wanted = shop.rows(candidates[0].sql), shop.rows(expected)
    assert Counter(map(rounded, first)) == Counter(map(rounded, wanted)), candidates[0].sql
    if "ORDER BY" in expected and "OVER" not in expected:
        assert list(map(rounded, first)) == list(map(rounded, wanted)), candidates[0].sql


def rounded(row):
    return tuple(round(cell, 6) if isinstance(cell, float) else cell for cell in row)

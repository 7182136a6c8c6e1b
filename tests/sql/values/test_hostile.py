"""Questions that were not written to be answered."""

from __future__ import annotations

import time

import pytest

QUESTIONS = {
    "empty": "",
    "blank": " \t\n ",
    "stop words": "is it the of and to a in that was for on with as at by",
    "marks": "?!.,;:()[]{}<>/\\|@#$%^&*~`+=-_",
    "injection": "'; DROP TABLE town; --",
    "union": "x' UNION SELECT name FROM sqlite_master WHERE '1'='1",
    "nul": "Spring\0field",
    "surrogate": "\ud800 Springfield \udfff",
    "right to left": "\u202eSpringfield\u202c שלום مرحبا",
    "zalgo": "S\u0336p\u0337r\u0338ingfield" + "\u0301" * 500,
    "emoji": "👩‍👩‍👧‍👦 in Springfield 🏳️‍🌈",
    "zero width": "Spring\u200bfield",
    "quotes": "\"'“”‘’«»" * 200,
    "open quotes": "'" * 3000 + '"' * 3000,
    "digits": "9" * 5000,
    "numerals": "0൘ 7½ ²5 Ⅷ3 ٣٤٥٦ 2012年5月 ٢٠١٢-٠٥-٠١ ٢٠١٢ ①②",
    "numbers": "1 " * 1000,
    "dates": "2012-01-01 " * 500,
    "months": "may " * 1000,
    "long word": "x" * 100_000,
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_is_answered_with_what_is_stored(towns, question):
    stored = set(towns)
    for first, second in ((question, ""), ("who?", question)):
        text = f"{first}\n{second}" if second else first
        for hit in towns.lookup(first, second):
            assert (hit.ref, hit.value) in stored
            assert 0 <= hit.span[0] < hit.span[1] <= len(text)
        for hit in towns.ranges(first, second):
            assert 0 <= hit.span[0] < hit.span[1] <= len(text)


@pytest.mark.parametrize("name", ["empty", "blank", "marks", "quotes", "open quotes"])
def test_nothing_said_nothing_found(towns, name):
    assert towns.lookup(QUESTIONS[name]) == []


@pytest.mark.parametrize("name", ["surrogate", "right to left", "zero width", "emoji"])
def test_a_name_among_strange_characters_is_found(towns, name):
    assert "Springfield" in {hit.value for hit in towns.lookup(QUESTIONS[name])}


@pytest.mark.parametrize("part", ["Who lives in Springfield? ", "東京", "2012-01-01 12:00 ", "' \" "])
def test_a_question_of_a_megabyte_takes_bounded_time(towns, part):
    question = part * (1_000_000 // len(part))
    start = time.process_time()
    towns.lookup(question, question)
    towns.ranges(question, question)
    assert time.process_time() - start < 5

"""Which writing system a text is in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.text.scripts import find_foreign_script, main_script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("When did it open?", "LATIN"),
        ("十二月无子脾时", "CJK"),
        ("いつ開きましたか", "CJK"),
        ("Когда?", "CYRILLIC"),
        ("1933 …", ""),
        ("", ""),
        ("Größe μ", "LATIN"),
    ],
)
def test_the_script_of_most_letters(text: str, script: str) -> None:
    assert main_script(text) == script


def test_a_question_in_the_script_of_any_text_is_not_foreign() -> None:
    assert find_foreign_script("Когда открыт мост?", ["The bridge opened in 1933."] * 3) == ("CYRILLIC", "LATIN")
    assert find_foreign_script("Когда?", ["The bridge opened.", "Мост открыт в 1933 году."]) is None
    assert find_foreign_script("Когда?", ["1933", ""]) is None
    assert find_foreign_script("1933?", ["The bridge."]) is None
    assert find_foreign_script("Когда?", ["The bridge " * 9 + "(мост)"]) == ("CYRILLIC", "LATIN")
    assert find_foreign_script("Когда?", []) is None


@given(st.text(), st.lists(st.text()))
def test_any_text_is_read(question: str, texts: list[str]) -> None:
    found = find_foreign_script(question, texts)
    assert found is None or found[0] != found[1]

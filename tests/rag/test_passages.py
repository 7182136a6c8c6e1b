"""Sentence units: exact spans on any text, and rendering byte for byte."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctxprune.context.base import Context
from ctxprune.errors import UsageError
from ctxprune.rag import Passage, Passages, sentence_spans
from ctxprune.rag.passages.sentences import _ITEM, _find_line_starts

CASES = json.loads((Path(__file__).parent / "sentences.json").read_text(encoding="utf-8"))
PIECES = st.sampled_from(
    ["A cat. ", "b", ".", "! ", "? ", "\n", "\r\n", "\r", "\n\n", "- item", "1. ", "# Head", '"', "(", ")", " ", "Dr. ",
     "\t", "\x00", "\ud800", "é", "e\u0301", "👩\u200d👩\u200d👧", "漢字。", "۔", "\u2028", "\x1c", "\x85",
     "\ufeff", "\xa0", "U.S. "]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_sentences(case) -> None:
    passage = Passage(case["text"], language=case.get("language", "en"))
    assert [unit.text for unit in passage.units] == case["sentences"]


@settings(deadline=None, max_examples=300)
@example("0000000\x80\x80\x80\x80\x80\x80\xa0" + "\U00010000" * 3, 8, "en")  # wide white space counts as it is
@given(TEXTS, st.sampled_from([8, 9, 200]), st.sampled_from(["en", "de", "ru", "zh", "ja", "hi", "ar", "am", "xx"]))
def test_spans_are_exact_ordered_and_cover_every_character_that_is_no_white_space(
    text: str, cap: int, language: str
) -> None:
    spans = sentence_spans(text, language=language, max_tokens=cap)
    end = 0
    for start, stop in spans:
        assert end <= start < stop
        assert text[end:start].strip() == ""
        assert text[start:stop] == text[start:stop].strip() != ""
        assert len(text[start:stop].encode("utf-8", "replace")) <= 4 * cap
        end = stop
    assert text[end:].strip() == ""


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.data())
def test_rendering_keeps_order_and_bytes(text: str, data: st.DataObject) -> None:
    passage = Passage(text, gap="\U0001fae5", max_tokens=8)
    indices = range(len(passage.units))
    assert passage.render(indices) == text
    kept = sorted(data.draw(st.sets(st.sampled_from(indices)))) if indices else []
    runs: list[list[int]] = []
    for index in kept:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    expected = "\U0001fae5".join(text[passage.units[run[0]].span[0] : passage.units[run[-1]].span[1]] for run in runs)
    # What is cut out of a sentence is marked at its edges, too.
    rendered = passage.render(kept).strip().strip("\U0001fae5")
    assert rendered.strip() == (expected.strip().strip("\U0001fae5").strip() if indices else text.strip())
    assert passage.render(set(kept)) == passage.render(kept)


def test_units_hold_the_text_of_their_span() -> None:
    passage = Passage("  One. Two!\r\n\r\nThree? ")
    assert isinstance(passage, Context)
    assert [(unit.text, unit.span) for unit in passage.units] == [
        ("One.", (2, 6)), ("Two!", (7, 11)), ("Three?", (15, 21))
    ]  # fmt: skip
    assert passage.render([0, 2]) == "  One. … Three? "
    assert passage.render([1, 2]) == "Two!\r\n\r\nThree? "
    assert passage.render([1]) == "Two!"
    assert passage.render([]) == ""


def test_several_texts_know_where_each_unit_is_from() -> None:
    passages = Passages(["One. Two.", " ", "Three."])
    assert isinstance(passages, Context)
    assert passages.sources == (0, 0, 2)
    for unit, source in zip(passages.units, passages.sources, strict=True):
        assert passages.texts[source][slice(*unit.span)] == unit.text
    assert passages.render(range(3)) == ["One. Two.", " ", "Three."]
    assert passages.render([1]) == ["Two.", "", ""]
    assert Passages([]).render([]) == []
    assert Passages(text for text in ["One. Two.", " ", "Three."]) == passages


def test_the_gap_can_be_chosen() -> None:
    assert Passage("One. Two. Three.", gap="\n").render([0, 2]) == "One.\nThree."
    assert Passages(["One. Two. Three."], gap="").render([0, 2]) == ["One.Three."]


def test_long_sentences_are_cut_at_clauses_then_words_then_anywhere() -> None:
    clauses = "the tower is very tall indeed, and the river is very long too; " * 3
    pieces = [unit.text for unit in Passage(clauses, max_tokens=16).units]
    assert pieces == ["the tower is very tall indeed, and the river is very long too;"] * 3
    pieces = [unit.text for unit in Passage(clauses, max_tokens=10).units]
    assert pieces[:2] == ["the tower is very tall indeed,", "and the river is very long too;"]
    assert all(len(unit.text) <= 400 for unit in Passage("word " * 5000, max_tokens=100).units)
    assert [len(unit.text) for unit in Passage("x" * 100, max_tokens=10).units] == [40, 40, 20]
    assert [len(unit.text) for unit in Passage("漢" * 30, max_tokens=9).units] == [12, 12, 6]


def test_cuts_leave_a_letter_with_its_marks() -> None:
    units = Passage("e\u0301" * 100, max_tokens=8).units
    assert len(units) > 1
    assert all(unit.text.startswith("e") for unit in units)


@pytest.mark.parametrize("space", ["\xa0", "\x85", "\u2009", "\u3000", "\u2028"])
def test_white_space_of_several_bytes_before_an_initial_is_read(space: str) -> None:
    text = f"Поэт{space}А.{space}С. Пушкин родился в Москве. Он писал стихи."
    assert Passage(text, language="ru").units[-1].text == "Он писал стихи."


def test_a_stray_quotation_mark_does_not_swallow_the_rest() -> None:
    text = 'He said "hello and left. ' + "The tower is tall. Bananas are yellow. " * 2000
    assert len(Passage(text).units) > 3500


@pytest.mark.parametrize(
    "text",
    ["word " * 200_000, "x" * 1_000_000, "漢字" * 300_000, "\n" * 1_000_000, '"(' * 300_000, "A b. " * 200_000,
     "- item\n" * 100_000, "\x00" * 500_000],
    ids=["words", "letters", "han", "lines", "quotes", "sentences", "items", "nul"],
)  # fmt: skip
def test_a_megabyte_of_anything_takes_no_more_than_seconds(text: str) -> None:
    start = time.perf_counter()
    passage = Passage(text)
    assert passage.render(range(len(passage.units))) == text
    assert all(len(unit.text.encode()) <= 800 for unit in passage.units)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Passage(b"bytes"), "text is a bytes"),
        (lambda: Passage("a", gap=None), "gap is a NoneType"),
        (lambda: Passage("a", max_tokens=7), "max_tokens is 7"),
        (lambda: Passage("a", max_tokens="9"), "max_tokens is '9'"),
        (lambda: Passage("a", language=""), "language is ''"),
        (lambda: Passage("a", language="\ud800"), "language is"),
        (lambda: Passages("a text"), "texts is a single text"),
        (lambda: Passages(None), "texts is a NoneType"),
        (lambda: Passages(["a", None]), "text is a NoneType"),
    ],
)
def test_arguments_are_checked(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_passages_are_values() -> None:
    assert Passage("A. B.") == Passage("A. B.")
    assert hash(Passages(["A."])) == hash(Passages(("A.",)))


@pytest.mark.parametrize("marks", ["![", "?! ", "... ", "1. "])
def test_marks_without_a_word_are_no_sentences_of_their_own(marks: str) -> None:
    text = marks * 5000
    spans = sentence_spans(text)
    assert len(spans) < 100
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_marks_go_with_the_sentence_behind_them() -> None:
    text = "It rained. ... ?! Then it stopped."
    assert next(text[start:end] for start, end in sentence_spans(text)) == "It rained."


@settings(max_examples=500, deadline=None)
@given(st.lists(st.text("ab1A#>|`-). \t\n\r•é", max_size=8), max_size=12).map("\n".join))
def test_lines_start_where_a_pattern_by_pattern_search_says(text: str) -> None:
    """The slow way: a match for each line, and the pattern of items on each of them."""
    paragraphs, end = [[]], -1
    for match in re.finditer(r"[^\n]+", text):
        line = match.group().rstrip()
        if not line or match.start() > end + 1:
            paragraphs.append([])
        if line:
            paragraphs[-1].append((match.start(), line))
        end = match.end()
    expected = []
    for lines in paragraphs:
        longest = max((len(line) for _, line in lines), default=0)
        for (_, before), (start, line) in pairwise([(0, ""), *lines]):
            wrapped = longest <= 120 and len(before) >= 0.6 * longest
            if not wrapped or before.startswith("#") or _ITEM.match(line):
                expected.append(start)
    assert [*_find_line_starts(text)] == expected


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It is heavy.[^3] It is lost.[^4][^note] Tea.", ["It is heavy.[^3]", "It is lost.[^4][^note]", "Tea."]),
        ("Fine. [^3] stays here. Next.", ["Fine.", "[^3] stays here.", "Next."]),
        ("A line.\n\n[^3]: The note. More.", ["A line.", "[^3]: The note.", "More."]),
        ("It was found in approx. 1702. It was lost.", ["It was found in approx. 1702.", "It was lost."]),
        ("It is approx.", ["It is approx."]),
    ],
)
def test_footnote_marks_and_approx_stay_in_their_sentence(text: str, sentences: list[str]) -> None:
    assert [text[slice(*span)] for span in sentence_spans(text)] == sentences

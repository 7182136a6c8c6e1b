"""Folding, words, stems and terms."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.text import words as text_module
from ctxprune.text.words import (
    _UNSPACED_RUN,
    _WORD,
    STOP_WORDS,
    fold,
    fold_with_offsets,
    split_identifier,
    stem,
    terms,
    word_spans,
    words,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("São Paulo", "sao paulo"),
        ("Łódź", "lodz"),
        ("Straße", "strasse"),
        ("ØRSTED", "orsted"),
        ("ＥＵＲ", "eur"),
        ("ﬁancée", "fiancee"),
        ("İstanbul", "istanbul"),
        ("O’Brien – “x”", 'o\'brien - "x"'),
        ("e\u0301te\u0301", "ete"),
        ("한국어", "한국어"),
        ("\u1112\u1161\u11ab", "한"),
        ("co\u00adop\u200b", "coop"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold_with_offsets(text).text == folded


@settings(deadline=None)
@given(ANY_TEXT)
def test_fold_twice_is_fold_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@settings(deadline=None)
@given(ANY_TEXT)
def test_offsets_lead_back_to_the_source(text: str) -> None:
    folded = fold_with_offsets(text)
    assert folded.text == fold(text)
    assert len(folded.starts) == len(folded.text) + 1
    assert list(folded.starts) == sorted(folded.starts)
    assert folded.starts[-1] == len(text)
    for index, char in enumerate(folded.text):
        start, end = folded.span(index, index + 1)
        assert 0 <= start < end <= len(text)
        assert char in fold(text[start:end])


def test_span_of_a_folded_name() -> None:
    source = "in Łódź, Straße 5"
    folded = fold_with_offsets(source)
    for name, original in (("lodz", "Łódź"), ("strasse", "Straße")):
        at = folded.text.index(name)
        start, end = folded.span(at, at + len(name))
        assert source[start:end] == original
    assert folded.span(3, 3) == (3, 3)


def test_span_keeps_an_accent_with_its_letter() -> None:
    source = "cafe\u0301 noir"
    folded = fold_with_offsets(source)
    start, end = folded.span(0, 4)
    assert source[start:end] == "cafe\u0301"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("customerID", ["customer", "id"]),
        ("HTTPServer_name", ["http", "server", "name"]),
        ("GDP_per-capita10", ["gdp", "per", "capita", "10"]),
        ("Données Générales", ["donnees", "generales"]),
        ("T1.CustomerName", ["t", "1", "customer", "name"]),
        ("客户名称", ["客户", "户名", "名称"]),
        ("客", ["客"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("___", []),
        ("", []),
    ],
)
def test_split_identifier(name: str, parts: list[str]) -> None:
    assert split_identifier(name) == parts


def test_a_word_divided_at_the_end_of_a_line_is_one_term() -> None:
    # As `man` writes it; an ASCII hyphen may be part of the word, so it stays.
    assert terms("the last failed compila\u2010\n              tion") == terms("the last failed compilation")
    assert terms("non\u2010recursive") == terms("non-recursive")
    assert terms("a well-\nknown name") == ["well", "known", "name"]


def test_words_keep_their_order_and_split_mixed_scripts() -> None:
    assert words("How many 客户名 in Łódź?") == ["how", "many", "客户", "户名", "in", "lodz"]


@given(ANY_TEXT)
@settings(max_examples=500)
def test_words_are_those_of_each_part_whatever_stands_beside_it(text: str) -> None:
    assert words(text) == [word for part in text.split() for word in words(part)]
    assert words(f"{text} ж") == [*words(text), "ж"]


def test_word_spans_are_the_words() -> None:
    text = "It's \u201cLa Niña\u201d, 2024_x"
    assert [text[a:b] for a, b in word_spans(text)] == ["It", "s", "La", "Niña", "2024", "x"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("studies", "study"),
        ("study", "study"),
        ("cities", "city"),
        ("classes", "class"),
        ("boxes", "box"),
        ("running", "run"),
        ("populated", "populat"),
        ("status", "status"),
        ("sing", "sing"),
        ("2024s", "2024s"),
        ("são", "são"),
        ("bus", "bus"),
    ],
)
def test_stem(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_terms_stem_drop_stop_words_and_keep_whole_identifiers() -> None:
    assert terms("What are the iPhones of customers?") == ["iphon", "phon", "customer"]
    assert terms("Who is it?") == ["who", "is", "it"]
    assert terms("?!") == []


@settings(deadline=None)
@given(ANY_TEXT)
def test_every_text_has_terms_that_are_folded(text: str) -> None:
    for term in terms(text):
        assert term
        assert fold(term) == term


def test_long_words_are_handled_without_being_remembered() -> None:
    from ctxprune.text import words as module

    module._stems.cache_clear()
    assert terms("x" * 100_000) == ["x" * 100_000]
    assert module._stems.cache_info().currsize == 0


@given(st.text("abAB09zs", min_size=1, max_size=12))
def test_an_ascii_word_has_the_stems_that_any_word_has(word: str) -> None:
    forms, whole = split_identifier(word), fold(word)
    forms = [whole, *forms] if len(forms) > 1 else forms
    telling = [stem(form) for form in forms if form not in STOP_WORDS]
    assert terms(word) == (telling or [stem(form) for form in forms])


@settings(max_examples=1000, deadline=None)
@given(st.text("abAzsé里斯ーカのก㈠İǅ\u0301\u3099٣²Ⅷ", max_size=6), st.text("0123456789", min_size=1, max_size=4))
def test_a_word_with_a_number_has_the_stems_of_its_forms(head: str, number: str) -> None:
    """The slow way that `_stems` takes for other words."""
    expected = []
    for word in re.findall(_WORD, head + number):
        forms, whole = split_identifier(word), fold(word)
        if len(forms) > 1 and (word.isascii() or not _UNSPACED_RUN.search(whole)):
            forms.insert(0, whole)
        expected += forms
    telling = [stem(form) for form in expected if form not in STOP_WORDS]
    assert terms(head + number) == (telling or [stem(form) for form in expected])


def test_a_long_word_takes_no_more_than_a_few_bytes_a_letter() -> None:
    """A choice at each letter would be remembered: 100 bytes each."""
    text = "a" * 400_000
    code = "import resource,sys; from ctxprune.text.words import word_spans; word_spans('a'*9)\n"
    code += "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
    code += f"assert word_spans('a' * {len(text)}) == [(0, {len(text)})]\n"
    code += "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) < 10 * len(text)


@given(st.text(alphabet="aB1_ -é里\u0301\u0302\u0902\u0a02\u0a15\u0e31\u200d", max_size=30))
def test_words_are_runs_of_letters_digits_and_marks(text: str) -> None:
    slow = re.compile(rf"[^\W_](?:[^\W_]|[{text_module._MARKS}])*")
    assert word_spans(text) == [match.span() for match in slow.finditer(text)]


def _terms_one_by_one(text: str) -> list[str]:
    """`terms` without its tables: each word by itself."""
    words = [text_module._stems.__wrapped__(word) for word in _WORD.findall(text_module.join_hyphenated(text))]
    return [t for telling, _ in words for t in telling] or [t for _, stems in words for t in stems]


_PIECES = [
    "the ", "who ", "is ", "customerID ", "a_b ", "re\u2010\n run", "é", "\u0301x ", "里斯本", "\x85", "\xa0", "GDP10",
    "-", "\n", "x" * 70,
]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(_PIECES), max_size=40))
def test_terms_of_long_texts_are_those_of_their_words(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert terms(text) == _terms_one_by_one(text)


def test_the_table_of_terms_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "_MOST_PARTS", 10)
    monkeypatch.setattr(text_module, "_PARTS", text_module._Parts())
    text = " ".join(f"river{number}-bank" for number in range(100))
    assert terms(text) == _terms_one_by_one(text)
    assert 0 < len(text_module._PARTS) <= 10

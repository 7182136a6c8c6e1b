"""Counting tokens: the bundled tokenizer on any text, and other people's tokenizers."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import as_counter
from ctxprune import tokens as tokens_module
from ctxprune.errors import UsageError
from ctxprune.tokens import _PIECES, BundledCounter, TokenCounter, _load_bundled, _other_pieces, count_whole

COUNTER = BundledCounter()


def test_bundled_counts_are_plausible() -> None:
    assert COUNTER.count("") == 0
    assert COUNTER.count("the") == 1
    assert COUNTER.count("The capital of France is Paris.") == 7
    assert COUNTER.count("SELECT name FROM city WHERE population > 100") <= 12
    assert COUNTER.name == "ctxprune-bpe.v1"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_any_text_counts_and_comes_back_from_its_tokens(text: str) -> None:
    number = COUNTER.count(text)
    assert (number == 0) == (text == "")
    readable = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert number <= len(text.encode("utf-8", "surrogatepass"))
    if readable == text:
        assert _load_bundled().decode(_load_bundled().encode(text).ids) == text


@settings(deadline=None, max_examples=300)
@given(
    st.text(st.sampled_from("ab Z09'\n\r\t\x0b\x0c\x1c\x85\xa0 <td></td>.,_|#²½Éß漢\u0301\u2028🙂"), max_size=200)
    | st.lists(st.sampled_from(["the ", "Köln ", "\n", "\n\n ", "<tr>", " 1801", "   ", "don't", "x" * 70, "!" * 40]))
    .map("".join)
)  # fmt: skip
def test_counts_are_those_of_the_tokenizer(text: str) -> None:
    assert COUNTER.count(text) == len(_load_bundled().encode(text))


def test_lone_surrogates_count_like_the_replacement_character() -> None:
    assert COUNTER.count("a\ud800b") == COUNTER.count("a\ufffdb")


def test_long_texts_are_cut_where_it_changes_nothing() -> None:
    text = "The tower, built in 1889, is 330 m tall.\nIt stands in Paris! " * 3000
    assert len(text) > 150_000
    assert COUNTER.count(text) == len(_load_bundled().encode(text))


@pytest.mark.parametrize("piece", ["a", " ", "\n", "!", "漢", "\u0301", "\ud83d", "\x00"])
def test_the_same_character_over_and_over_takes_no_more_than_seconds(piece: str) -> None:
    start = time.perf_counter()
    assert COUNTER.count(piece * 300_000) > 1000
    assert time.perf_counter() - start < 20


def test_many_is_one_by_one() -> None:
    texts = ["a b", "", "c" * 100]
    assert COUNTER.count_many(iter(texts)) == [COUNTER.count(text) for text in texts]


class Tiktoken:
    """Has the two methods by which tiktoken's encodings are known."""

    name = "cl100k_base"

    def encode(self, text):
        raise ValueError("special token in the text")

    def encode_ordinary(self, text):
        return text.split()


class Transformers:
    """Adds special tokens unless told otherwise, as Hugging Face tokenizers do."""

    name_or_path = "some/model"

    def encode(self, text, add_special_tokens=True):
        return [0] * (len(text.split()) + 2 * add_special_tokens)


class Plain:
    """An object with encode and no name."""

    def encode(self, text):
        return text.split()


def test_adapters() -> None:
    for source, name in (
        (Tiktoken(), "cl100k_base"),
        (Transformers(), "some/model"),
        (Plain(), "Plain"),
        (lambda text: len(text.split()), "<lambda>"),
    ):
        counter = as_counter(source)
        assert isinstance(counter, TokenCounter)
        assert (counter.name, counter.count("a b c"), counter.count_many(["a", "b c"])) == (name, 3, [1, 2])


def test_a_hugging_face_tokenizer_counts_without_special_tokens_and_takes_surrogates() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1, "[CLS]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    counter = as_counter(tokenizer)
    assert counter.count("a b \ud800") == 3
    assert counter.name == "Tokenizer"


def test_counters_pass_through_and_none_is_the_bundled_one() -> None:
    assert as_counter(COUNTER) is COUNTER
    assert as_counter() == COUNTER


@pytest.mark.parametrize("source", [3, "cl100k_base", Plain, object()])
def test_what_cannot_count_is_refused(source) -> None:
    with pytest.raises(UsageError, match="cannot count tokens"):
        as_counter(source)


@pytest.mark.parametrize("answer", [None, -1, 1.5, "3"])
def test_a_counter_that_gives_no_number_is_caught(answer) -> None:
    counter = as_counter(lambda text: answer)
    with pytest.raises(UsageError, match="the token counter gave"):
        counter.count("a")


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=200), max_size=8))
def test_many_texts_are_counted_as_each_by_itself(texts: list[str]) -> None:
    assert COUNTER.count_many(texts) == [COUNTER.count(text) for text in texts]


def test_text_of_other_scripts_is_counted_in_batches_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "里斯本的老城区有一条河流经过。" * 2000
    whole = COUNTER.count(text)
    assert whole == len(_load_bundled().encode(text))
    monkeypatch.setattr("ctxprune.tokens._BATCH", 100)
    assert COUNTER.count_many([text, "a", text]) == [whole, 1, whole]


def test_every_character_of_the_basic_plane_is_cut_off_as_the_tokenizer_does() -> None:
    """Text that is counted piece by piece, against the tokenizer on the whole of it."""
    characters = [chr(code) for code in range(0x80, 0x10000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(characters), 64):
        text = "".join(f"a{c}b 7{c}8 {c}{c}.{c}\n" for c in characters[start : start + 64])
        assert COUNTER.count(text) == len(_load_bundled().encode(text)), (
            f"U+{ord(characters[start]):04X} and those after it"
        )


def test_few_characters_are_left_to_the_tokenizer() -> None:
    pieces, uncertain = _other_pieces()
    assert uncertain.search("“Où est Лиссабон?” … 里斯本的老城区。แม่น้ำ\u2028\x85 ½ €") is None
    assert all(map(uncertain.search, ("\ud800", "👩", "\ue000")))
    assert pieces.findall("“Où 里斯本。") == ["“Où", " 里斯本", "。"]


def test_prose_that_repeats_no_piece_is_encoded_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(0)
    text = "。".join("".join(chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(8)) for _ in range(2000))
    monkeypatch.setattr("ctxprune.tokens._TRIED", 100)
    missed = _PIECES.missed
    counts = COUNTER.count_many([text[:500], text[500:1500], *[text] * 3])
    assert counts == [len(_load_bundled().encode(part)) for part in (text[:500], text[500:1500], *[text] * 3)]
    assert _PIECES.missed - missed < 500


def test_a_long_text_without_a_place_to_cut_counts_as_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxprune.tokens._CHUNK", 50)
    text = "里斯本的老城区有一条河流" * 30
    parts = [text[start : start + 50] for start in range(0, len(text), 50)]
    assert COUNTER.count(text) == sum(len(_load_bundled().encode(part)) for part in parts)


_LINE = st.text("aZ09 |,.\t\r\n!~é", max_size=12)
_END = st.sampled_from(["\n", "\r\n", "|\n", "", " ", "\n\n", "\n" * 30, " \n "])


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(_LINE, _END)), st.data())
def test_a_text_is_counted_from_its_lines_as_it_stands(lines: list[tuple[str, str]], data: st.DataObject) -> None:
    text = "".join(line + end for line, end in lines)
    parts = [line for line, _ in lines if data.draw(st.integers(0, 3))]
    assert count_whole(COUNTER, text, parts, COUNTER.count_many(parts)) == COUNTER.count(text)


def test_lines_that_were_counted_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"|river{number}|{number}|" for number in range(2000)]
    counts, whole = COUNTER.count_many(lines), COUNTER.count("\n".join(lines))
    read: list[int] = []
    slow = tokens_module._tokens_of
    monkeypatch.setattr(tokens_module, "_tokens_of", lambda *given: read.append(len(given[1])) or slow(*given))
    assert count_whole(COUNTER, "\n".join(lines), lines, counts) == whole
    assert sum(read) < 100
    assert count_whole(len_counter := as_counter(len), "ab\ncd", ["ab", "cd"], [9, 9]) == len_counter.count("ab\ncd")


_WORDS = st.lists(st.sampled_from(["a", "the", "12", "x" * 70, "é", "\u0301", "!?", "里", "Q.", "  "])).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(_WORDS, st.sampled_from([" ", " ", "  ", "\n", "\n ", "\xa0", "", ". "]))), st.data())
def test_a_text_is_counted_from_its_sentences_as_it_stands(said: list[tuple[str, str]], data: st.DataObject) -> None:
    text = "".join(part + end for part, end in said)
    parts = [part for part, _ in said if data.draw(st.integers(0, 3))]
    assert count_whole(COUNTER, text, parts, COUNTER.count_many(parts)) == COUNTER.count(text)


def test_sentences_that_were_counted_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [f"The river no. {number} is {number} km long." for number in range(2000)] + ["Où?"]
    text = " ".join(parts)
    counts, whole = COUNTER.count_many(parts), COUNTER.count(text)
    read: list[int] = []
    slow = tokens_module._tokens_of
    monkeypatch.setattr(tokens_module, "_tokens_of", lambda *given: read.append(len(given[1])) or slow(*given))
    assert count_whole(COUNTER, text, parts, counts) == whole
    assert sum(read) < 200


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.text("aZ0 |\t\r\n!&;", min_size=1, max_size=3), st.integers(1, 90)), max_size=30))
def test_a_long_text_is_counted_in_parts_as_at_once(runs: list[tuple[str, int]]) -> None:
    text = "".join(run * times for run, times in runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens_module, "_CHUNK", 256)
        assert tokens_module._tokens_of_long(text) == tokens_module._tokens_of(tokens_module._PIECE, text)

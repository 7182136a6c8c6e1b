"""Calibration data: what is read, what is refused with which line, how pairs become batches."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.data import (  # noqa: E402
    InputFormat,
    Pair,
    batches_of,
    batches_of_texts,
    group_by_source,
    read_pairs,
    read_texts,
)
from ctxprune.shrink.model.tasks.base import inputs_of  # noqa: E402

WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "who", "wrote", "it", "ann", "bob", "did", "sold"]


def tokenizer() -> Tokenizer:
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    made.enable_truncation(9)  # of its own, which must not matter and must stay
    return made


def written(folder: Path, rows: list[object], name: str = "pairs.jsonl") -> Path:
    file = folder / name
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.jsonl.gz"])
def test_pairs_are_read_with_either_name_of_a_field(tmp_path: Path, name: str):
    rows = [
        {"query": "who", "passage": "ann", "label": 1, "teacher": -1.5, "source": "a"},
        {"question": "who", "text": "bob", "label": False, "teacher": 2},
    ]
    assert read_pairs(written(tmp_path, rows, name)) == [
        Pair("who", "ann", 1.0, -1.5, "a"),
        Pair("who", "bob", 0.0, 2.0),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": "who"}, "no text in 'passage' or 'text', in line 4"),
        ({"passage": "ann", "query": " "}, "no text in 'query'"),
        ({"query": "who", "passage": 3}, "no text in 'passage'"),
        ([1], "no JSON object, in line 4"),
        ({"query": "who", "passage": "ann", "label": "yes"}, "'label' is 'yes', which is no number, in line 4"),
        ({"query": "who", "passage": "ann", "label": -1}, "grades go from 0 up, in line 4"),
        ('{"query": "who", "passage": "ann", "label": NaN}', "'label' is nan"),
        ({"query": "who", "passage": "ann"}, "'label' stands in some lines and not in others, in line 4"),
        ("{", "line 4 is not JSON"),
    ],
)
def test_an_odd_line_is_named(tmp_path: Path, row: object, message: str):
    good = {"query": "who", "passage": "ann", "label": 1}
    with pytest.raises(InputError, match=message):
        read_pairs(written(tmp_path, [good, "", good, row]))


def test_files_without_pairs_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="holds no pairs"):
        read_pairs(written(tmp_path, ["", " "]))
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs(tmp_path / "absent.jsonl")
    line = '{"query": "wér", "passage": "a"}\n'
    (tmp_path / "latin.jsonl").write_bytes(line.encode("utf-8") + line.encode("latin-1"))
    with pytest.raises(InputError, match=r"line 2 is not UTF-8 text .*: save the file as UTF-8"):
        read_pairs(tmp_path / "latin.jsonl")


def test_pairs_have_the_models_own_format():
    own = tokenizer()
    pairs = [Pair("who wrote it", "ann did", 1), Pair("who wrote it", "bob", 0)]
    found = batches_of(pairs, own, tokens=16)
    (batch,) = found.batches
    assert batch["input_ids"].tolist() == [[1, 4, 5, 6, 2, 7, 9, 2], [1, 4, 5, 6, 2, 8, 2, 0]]
    assert batch["attention_mask"].tolist() == [[1] * 8, [1] * 7 + [0]]
    assert batch["token_type_ids"].tolist() == [[0] * 5 + [1] * 3, [0] * 5 + [1] * 2 + [0]]
    assert batch["labels"].tolist() == [1.0, 0.0]
    assert batch["groups"].tolist() == [0, 0]
    assert found.report() == {"rows": 2, "groups": 1, "cut": 0, "tokens": 15, "longest": 8, "divided": 0}
    assert own.truncation["max_length"] == 9


def test_long_rows_are_cut_and_counted():
    pairs = [Pair("who " * 3, "ann " * 50), Pair("who " * 50, "ann " * 50), Pair("who", "ann")]
    found = batches_of(pairs, tokenizer(), tokens=20)
    assert (found.cut, found.longest) == (2, 20)
    assert "labels" not in found.batches[0]


def test_groups_stay_together_and_grades_end_at_1():
    pairs = [Pair(f"who {number}", "ann " * (1 + number), place) for number in range(6) for place in range(4)]
    found = batches_of(pairs, tokenizer(), rows=9, tokens=32, seed=1)
    sizes = [sorted(batch["groups"].bincount().tolist()) for batch in found.batches]
    assert all(set(size) <= {0, 4} and sum(size) <= 9 for size in sizes)
    assert {round(value, 3) for batch in found.batches for value in batch["labels"].tolist()} == {0, 0.333, 0.667, 1}
    again = batches_of(pairs, tokenizer(), rows=9, tokens=32, seed=1)
    assert all(torch.equal(a["input_ids"], b["input_ids"]) for a, b in zip(found.batches, again.batches, strict=True))
    assert batches_of(pairs, tokenizer(), rows=3, tokens=32).divided == 6


def test_teachers_scores_are_no_input():
    (batch,) = batches_of([Pair("who", "ann", None, 1.5), Pair("who", "bob", None, -1)], tokenizer()).batches
    assert batch["teacher"].tolist() == [1.5, -1.0]
    assert set(inputs_of(batch)) == {"input_ids", "attention_mask", "token_type_ids"}


@pytest.mark.parametrize(("count", "message"), [(0, "are no rows"), (1, "is one row")])
def test_too_few_rows_are_refused(count: int, message: str):
    with pytest.raises(InputError, match=message):
        batches_of([Pair("who", "ann")] * count, tokenizer())
    form = InputFormat(tokenizer(), 16)
    with pytest.raises(InputError, match=message):
        batches_of_texts(["who"] * count, form, tokens=16)


def test_bad_arguments_are_refused():
    pairs = [Pair("who", "ann", 1), Pair("who", "bob")]
    with pytest.raises(InputError, match="some pairs have a label"):
        batches_of(pairs, tokenizer())
    with pytest.raises(UsageError, match="rows is 0"):
        batches_of(pairs, tokenizer(), rows=0)
    with pytest.raises(UsageError, match="tokens is 513"):
        batches_of(pairs[:1] * 2, tokenizer(), tokens=513)


def test_pairs_are_grouped_by_source():
    assert group_by_source([Pair("a", "b", source="y"), Pair("a", "b", source="x")]) == {
        "x": [Pair("a", "b", source="x")],
        "y": [Pair("a", "b", source="y")],
    }


def test_a_folders_format(tmp_path: Path):
    with pytest.raises(InputError, match="a file of the model is missing"):
        InputFormat.of_folder(tmp_path)
    config = {"max_position_embeddings": 40, "type_vocab_size": 1, "model_type": "roberta", "pad_token_id": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="tokenizer cannot be read"):
        InputFormat.of_folder(tmp_path)
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    form = InputFormat.of_folder(tmp_path)
    assert (form.limit, form.pad, form.segments) == (38, 1, False)
    (batch,) = batches_of([Pair("who", "ann"), Pair("who", "ann did")], form, tokens=16).batches
    assert batch["input_ids"].tolist() == [[1, 4, 2, 7, 2, 1], [1, 4, 2, 7, 9, 2]]
    assert "token_type_ids" not in batch


def test_texts(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_text("who wrote\n\nit\n\n\n\nann")
    assert read_texts(file) == ["who wrote", "it", "ann"]
    assert read_texts(written(tmp_path, [{"text": "who"}])) == ["who"]
    with pytest.raises(InputError, match="in line 2"):
        read_texts(written(tmp_path, [{"text": "who"}, {"text": ""}]))
    found = batches_of_texts(["who", "who wrote it", "it"], InputFormat(tokenizer(), 64), rows=2, tokens=16)
    assert sorted(len(batch["input_ids"]) for batch in found.batches) == [1, 2]


def test_rows_say_which_pair_or_text_they_are():
    pairs = [Pair(f"who {n % 5}", "ann " * (1 + n % 3)) for n in range(15)]
    found = batches_of(pairs, tokenizer(), rows=4, tokens=16, seed=3)
    assert sorted(found.places) == list(range(15))
    assert found.places != tuple(range(15))
    lengths = [int(length) for batch in found.batches for length in batch["attention_mask"].sum(1)]
    shortest = min(lengths)
    assert lengths == [shortest + place % 3 for place in found.places]
    assert "places" not in found.report()


def test_sources_are_counted_where_there_are_several():
    pairs = [Pair("who", "ann", source="sw"), Pair("did", "bob", source="yo"), Pair("did", "it", source="yo")]
    found = batches_of(pairs, tokenizer(), tokens=16)
    assert found.sources == ("sw", "yo")
    numbers = [number for batch in found.batches for number in batch["sources"].tolist()]
    assert [found.sources[number] for number in numbers] == [pairs[place].source for place in found.places]
    assert "sources" not in inputs_of(found.batches[0])
    assert "sources" not in batches_of(pairs[1:], tokenizer(), tokens=16).batches[0]


def test_texts_keep_their_source_or_language(tmp_path: Path):
    rows = [{"text": "who", "source": "a", "lang": "sw"}, {"text": "did it", "lang": "yo"}, {"text": "ann"}]
    texts = read_texts(written(tmp_path, rows, "texts.jsonl"))
    found = batches_of_texts(texts, InputFormat(tokenizer()), tokens=16)
    assert found.sources == ("", "a", "yo")
    numbers = found.batches[0]["sources"].tolist()
    assert [found.sources[number] for number in numbers] == [("a", "yo", "")[place] for place in found.places]

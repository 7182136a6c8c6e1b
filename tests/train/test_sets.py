"""Reading sentence sets in every shape, and the split of sets without a train file."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.storage.json_lines import read_rows
from ctxprune.train.sentence_sets import Document, Item, chosen_split, for_training, items_of, read_items

PLAIN = {
    "id": "a",
    "question": "Who?",
    "title": "T",
    "sentences": ["Ann.", "Bob."],
    "labels": [0, 1],
    "answers": ["Bob"],
}
DOCS = {
    "id": "b",
    "question": "Who?",
    "answers": "Bob",
    "docs": [
        {"title": "", "sentences": ["Ann."], "labels": [0]},
        {"title": "U", "sentences": ["Bob."], "labels": [1]},
    ],
}
QUESTIONS = {
    "id": "c",
    "sentences": ["Ann.", "Bob."],
    "questions": [
        {"question": "Who?", "evidence": [1]},
        {"question": "Whom?", "positive_sentence_ids": [0, 1], "answers": None},
    ],
}


def write(path: Path, *rows: object) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def test_sentences_with_labels(tmp_path: Path):
    (item,) = items_of(write(tmp_path / "dev.jsonl", PLAIN))
    assert item == Item("a", "Who?", (Document("T", ("Ann.", "Bob."), (False, True)),), ("Bob",))
    assert item.mixed


def test_documents(tmp_path: Path):
    (item,) = items_of(write(tmp_path / "dev.jsonl.gz", DOCS))
    assert [document.title for document in item.documents] == ["", "U"]
    assert item.answers == ("Bob",)
    assert item.for_training == for_training("U")  # the document that holds the evidence decides


def test_one_document_with_questions(tmp_path: Path):
    first, second = items_of(write(tmp_path / "dev.jsonl", QUESTIONS))
    assert (first.name, first.documents[0].labels, first.mixed) == ("c:0", (False, True), True)
    assert (second.documents[0].labels, second.mixed, second.answers) == ((True, True), False, ())


@pytest.mark.parametrize("named", ["dev_questions.jsonl.gz", "dev_passages.jsonl.gz"])
def test_passages_and_questions_in_two_files(tmp_path: Path, named: str):
    write(tmp_path / "dev_passages.jsonl.gz", {"id": 7, "title": "T", "sentences": ["Ann.", "Bob."]})
    write(tmp_path / "dev_questions.jsonl.gz", {"id": "q", "claim": "Bob is.", "passage_id": 7, "evidence": [1]})
    (item,) = items_of(tmp_path / named)
    assert item == Item("q", "Bob is.", (Document("T", ("Ann.", "Bob."), (False, True)),))


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["train", "test", "dev"], "dev"),
        (["all", "test"], "test"),
        (["train", "all"], "all"),
        (["sel_train", "sel_dev", "queries_dev"], "sel_dev"),
    ],
)
def test_a_folder_gives_its_dev_file_else_test_else_all(tmp_path: Path, files: list[str], chosen: str):
    for name in files:
        write(tmp_path / f"{name}.jsonl.gz", PLAIN | {"id": name})
    assert [item.name for item in read_items(tmp_path, split="all")] == [chosen]


def test_a_folder_with_a_train_file_alone_is_refused(tmp_path: Path):
    write(tmp_path / "train.jsonl.gz", PLAIN)
    with pytest.raises(InputError, match="no dev, test or all file"):
        read_items(tmp_path)


def test_the_split_is_by_title_and_without_one_by_the_first_sentence():
    assert for_training("abc") == (hashlib.sha256(b"abc").hexdigest()[0] in "0123456789ab")
    titles = [f"title {number}" for number in range(400)]
    assert 0.7 < sum(map(for_training, titles)) / 400 < 0.8
    assert Document("", ("abc",), (True,)).for_training == for_training("abc")
    assert for_training("\ud800") in {True, False}


def test_held_out_is_the_default_without_a_train_file_of_at_least_that_size(tmp_path: Path):
    rows = [PLAIN | {"id": str(number), "title": f"title {number}"} for number in range(60)]
    write(tmp_path / "dev.jsonl", *rows)
    assert chosen_split(tmp_path) == "heldout"
    held, trained = read_items(tmp_path), read_items(tmp_path, split="train")
    assert len(held) + len(trained) == 60
    assert not any(for_training(item.documents[0].title) for item in held)
    write(tmp_path / "train.jsonl", *rows[:5])  # too small to be what is trained on
    assert chosen_split(tmp_path) == "heldout"
    write(tmp_path / "train.jsonl", *rows)
    assert chosen_split(tmp_path) == chosen_split(tmp_path / "train.jsonl") == "all"
    assert len(read_items(tmp_path)) == 60


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Who?", "sentences": ["a"], "labels": [1, 0]}, "record 1 is not a labelled question"),
        ({"question": "Who?"}, "record 1"),
        (["a"], "record 1"),
        ({"id": 1, "sentences": ["a"], "questions": [{"question": "Who?", "evidence": [3]}]}, "record 1"),
    ],
)
def test_other_shapes_are_refused(tmp_path: Path, row: object, message: str):
    with pytest.raises(InputError, match=message):
        items_of(write(tmp_path / "dev.jsonl", row))


def test_damaged_files_are_refused(tmp_path: Path):
    cut = tmp_path / "dev.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps(PLAIN).encode())[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        items_of(cut)
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n{", encoding="utf-8")
    with pytest.raises(InputError, match="line 2 is not JSON"):
        list(read_rows(bad))
    with pytest.raises(InputError, match="no such file"):
        read_items(tmp_path / "absent")
    with pytest.raises(UsageError, match="split is 'half'"):
        read_items(cut, split="half")

"""Sentence sets: questions with documents whose sentences are labelled as evidence or not, in any shape they come in.

Four shapes of JSON lines (plain or gzipped) are read: `sentences` with `labels`; `docs[]`, each with `sentences` and
`labels`; `*_passages` beside `*_questions` that point into them by `passage_id` and `evidence`; and documents with
`sentences` and `questions[]` whose gold is `evidence` or `positive_sentence_ids`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.storage.json_lines import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SPLITS", "Document", "Item", "chosen_split", "for_training", "items_of", "read_items"]

SPLITS = ("all", "heldout", "train")
_CHOICES = ("dev", "test", "all")
_ENDINGS = (".jsonl.gz", ".jsonl")


@dataclass(frozen=True, slots=True)
class Document:
    """One text of an item.

    Attributes:
        title: "" where there is none.
        sentences: In order.
        labels: For each sentence whether it is evidence.
    """

    title: str
    sentences: tuple[str, ...]
    labels: tuple[bool, ...]

    @property
    def for_training(self) -> bool:
        """Which side of the split the document is on."""
        return for_training(self.title or (self.sentences[0] if self.sentences else ""))


@dataclass(frozen=True, slots=True)
class Item:
    """One question with its documents.

    Attributes:
        name: Of the set's own, or its place in the file.
        question: Or claim.
        documents: One or more.
        answers: () where none are known.
    """

    name: str
    question: str
    documents: tuple[Document, ...]
    answers: tuple[str, ...] = ()

    @property
    def mixed(self) -> bool:
        """Whether there is both evidence and something else, without which nothing can be measured."""
        labels = {label for document in self.documents for label in document.labels}
        return labels == {True, False}

    @property
    def for_training(self) -> bool:
        """The side of the first document that holds evidence; of the first one where none does."""
        holders = [document for document in self.documents if any(document.labels)] or list(self.documents)
        # one document decides for the item: distractors may be of either side
        return bool(holders) and holders[0].for_training


def for_training(key: str) -> bool:
    """Whether a document with this title (without one: this first sentence) is for training.

    Its sha256 begins with a hexadecimal digit from 0 to b; those from c to f, a quarter, are held out.
    """
    # by hash, so that the division is the same in every set that holds the document
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[0] < "c"


def read_items(path: Path, *, split: str | None = None) -> list[Item]:
    """The items of a file, or of a folder: of its dev file, else test, else all; never of its train file.

    Args:
        path: File or folder.
        split: One of `SPLITS`; default: what `chosen_split` says.

    Raises:
        UsageError: No such split.
        InputError: There is no such file, or it is of none of the shapes.
    """
    if split is not None and split not in SPLITS:
        raise UsageError(f"split is {split!r}", hint=f"give one of: {', '.join(SPLITS)}")
    file = _file(path)
    items = items_of(file)
    chosen = split or chosen_split(file)
    return [item for item in items if chosen == "all" or item.for_training == (chosen == "train")]


def chosen_split(path: Path) -> str:
    """The split of a file or folder where none is named.

    "heldout" for a file whose folder has no train file of at least its size, since others are trained on in part.
    """
    file = _file(path)
    if "train" in file.name:
        return "all"
    # a train file that is smaller than the other holds a sample, so the rest of that was trained on as well
    trains = [other for other in file.parent.glob("*train*.jsonl*") if other.stat().st_size >= file.stat().st_size]
    return "all" if trains else "heldout"


def items_of(file: Path) -> list[Item]:
    """All items of one file.

    Raises:
        InputError: It cannot be read, or is of none of the shapes.
    """
    for part, other in (("_passages", "_questions"), ("_questions", "_passages")):
        if part in file.name:
            sibling = file.with_name(file.name.replace(part, other))
            passages, questions = (file, sibling) if part == "_passages" else (sibling, file)
            return list(_joined(passages, questions))
    return [item for place, row in enumerate(read_rows(file)) for item in _checked(file, place, row)]


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError("there is no such file or folder", where=str(path))
    for choice in _CHOICES:
        for stem in (choice, f"sel_{choice}", f"{choice}_questions"):
            for ending in _ENDINGS:
                if (path / f"{stem}{ending}").is_file():
                    return path / f"{stem}{ending}"
    raise InputError("the folder has no dev, test or all file of questions", where=str(path), hint="name the file")


def _checked(file: Path, place: int, row: Any) -> list[Item]:
    try:
        return list(_of_row(place, row))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _odd(file, place, error) from error


def _of_row(place: int, row: dict[str, Any]) -> Iterator[Item]:
    name = str(row.get("id", place))
    if "docs" in row:
        documents = tuple(_document(entry, entry["labels"]) for entry in row["docs"])
        yield Item(name, row["question"], documents, _texts(row.get("answers")))
    elif "questions" in row:
        for number, entry in enumerate(row["questions"]):
            gold = entry["evidence"] if "evidence" in entry else entry["positive_sentence_ids"]
            document = _marked(row, gold)
            own = str(entry.get("id", f"{name}:{number}"))
            yield Item(own, entry["question"], (document,), _texts(entry.get("answers")))
    else:
        question = row["question"] if "question" in row else row["claim"]
        yield Item(name, question, (_document(row, row["labels"]),), _texts(row.get("answers")))


def _joined(passages: Path, questions: Path) -> Iterator[Item]:
    known = {row["id"]: row for row in read_rows(passages)}
    for place, row in enumerate(read_rows(questions)):
        try:
            question = row["question"] if "question" in row else row["claim"]
            document = _marked(known[row["passage_id"]], row["evidence"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise _odd(questions, place, error) from error
        yield Item(str(row.get("id", place)), question, (document,), _texts(row.get("answers")))


def _document(row: dict[str, Any], labels: list[Any]) -> Document:
    sentences = tuple(map(str, row["sentences"]))
    if len(labels) != len(sentences):
        raise ValueError(f"{len(labels)} labels for {len(sentences)} sentences")
    return Document(str(row.get("title") or ""), sentences, tuple(bool(label) for label in labels))


def _marked(row: dict[str, Any], gold: list[int]) -> Document:
    labels = [False] * len(row["sentences"])
    for index in gold:
        labels[index] = True
    return _document(row, labels)


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _odd(file: Path, place: int, error: Exception) -> InputError:
    return InputError(
        f"record {place + 1} is not a labelled question ({type(error).__name__}: {error})",
        where=file.name,
        hint="give sentences with labels, docs, passages with questions, or a document with questions",
    )

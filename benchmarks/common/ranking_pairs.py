"""Pairs from the sets that this library learns from and is measured on, and samples of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.data.pairs import Pair
from ctxprune.storage.json_lines import read_rows
from ctxprune.train.examples import passages
from ctxprune.train.retrieval import HardNegatives, retrieval
from ctxprune.train.sentence_sets import Document, read_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ctxprune.train.examples import Example

__all__ = ["heldout_pairs", "pairs_of", "sample_pairs", "training_pairs"]


def training_pairs(data: Path, *, negatives: int = 7) -> Iterator[Pair]:
    """Pairs of the sets whose licence allows training, of their training side alone.

    Args:
        data: The folder that holds `rag`.
        negatives: Passages of a ranking question that BM25 finds and that are not relevant.

    Raises:
        InputError: A file is missing or damaged.
    """
    yield from pairs_of(passages(data))
    yield from pairs_of(retrieval(data, negatives=negatives))


def heldout_pairs(data: Path, sets: Iterable[str] = ("hotpotqa", "2wikimultihop", "scifact")) -> Iterator[Pair]:
    """Pairs of held-out documents: of a sentence set its documents or sentences; of "scifact" the claims set aside.

    Args:
        data: The folder that holds `rag`.
        sets: Folders of `rag`.

    Raises:
        InputError: A file is missing or damaged.
    """
    for name in sets:
        if name == "scifact":
            yield from _claims(data / "rag" / name)
            continue
        for item in read_items(data / "rag" / name):
            yield from _labelled(name, item.question, item.documents)


def pairs_of(examples: Iterable[Example]) -> Iterator[Pair]:
    """The documents of each example where they are labelled, the sentences where only those are."""
    for example in examples:
        if example.relevant is None:
            yield from _labelled(example.source, example.question, example.documents)
        else:
            for document, label in zip(example.documents, example.relevant, strict=True):
                yield Pair(example.question, _text(document), float(label), source=example.source)


def _labelled(source: str, question: str, documents: Iterable[Document]) -> Iterator[Pair]:
    known = [document for document in documents if document.sentences]
    if len(known) > 1:
        for document in known:
            yield Pair(question, _text(document), float(any(document.labels)), source=source)
    else:
        for document in known:
            for sentence, label in zip(document.sentences, document.labels, strict=True):
                if sentence.strip():
                    yield Pair(question, sentence, float(label), source=source)


def _claims(folder: Path, negatives: int = 15) -> Iterator[Pair]:
    corpus = list(read_rows(folder / "corpus.jsonl.gz"))
    place = {row["id"]: index for index, row in enumerate(corpus)}
    index = HardNegatives([" ".join([row["title"], *row["sentences"]]) for row in corpus])
    texts = [_text(Document(row["title"], tuple(row["sentences"]), ())) for row in corpus]
    for row in read_rows(folder / "queries_dev.jsonl.gz"):
        gold = sorted(place[name] for name in row["relevant_doc_ids"])
        for number in gold:
            yield Pair(row["text"], texts[number], 1.0, source="scifact")
        for number in index.find(row["text"], negatives, but=gold):
            yield Pair(row["text"], texts[number], 0.0, source="scifact")


def _text(document: Document) -> str:
    return " ".join(filter(None, [document.title and f"{document.title}.", *document.sentences]))


def sample_pairs(pairs: Sequence[Pair], groups: int, *, most: int = 8, seed: int = 0) -> list[Pair]:
    """The pairs of so many questions, chosen at random; all of them where there are fewer.

    Args:
        pairs: With or without labels.
        groups: Questions.
        most: Pairs of one question. Half of them at most (one at least) are the relevant ones, where labels tell.
        seed: Of the choice.

    Raises:
        UsageError: A number is out of range.
    """
    if groups < 1 or most < 1:
        raise UsageError(f"groups is {groups} and most {most}", hint="give 1 or more of each")
    known: dict[str, list[Pair]] = {}
    for pair in pairs:
        known.setdefault(pair.question, []).append(pair)
    rng = random.Random(seed)
    chosen = rng.sample(sorted(known), min(groups, len(known)))
    return [pair for question in chosen for pair in _some(known[question], most, rng)]


def _some(pairs: list[Pair], most: int, rng: random.Random) -> list[Pair]:
    """Some of a question's pairs in a random order, so that a pair's place says nothing."""
    relevant = [pair for pair in pairs if pair.label]
    others = [pair for pair in pairs if not pair.label]
    few = min(len(relevant), max(most // 2, most - len(others), 1))
    chosen = rng.sample(relevant, few)
    chosen += rng.sample(others, min(len(others), most - len(chosen)))
    rng.shuffle(chosen)
    return chosen

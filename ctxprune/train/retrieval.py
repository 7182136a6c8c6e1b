"""Examples whose documents are labelled, not their units: what a question is about among what BM25 takes for it.

Besides the claims of SciFact with the abstracts they cite, there are pairs that need no annotation: an abstract's title
and the abstract (the inverse cloze task in its simplest form: Lee, Chang and Toutanova, ACL 2019), a PubMedQA question
and its own abstract. Of stories the sections that an answer needs are known, whether or not its words stand in them.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctxprune.storage.json_lines import read_rows
from ctxprune.text.words import terms
from ctxprune.train.examples import Example, split_sentences
from ctxprune.train.sentence_sets import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["HardNegatives", "retrieval", "with_distractors"]

_WITH_DISTRACTORS = ("fever_eraser", "qed", "selqa", "xquad_en", "scifact")


class HardNegatives:
    """The texts of a collection that BM25 finds for a question (k1 1.2, b 0.75).

    Args:
        texts: Of the collection, one or more; their places in it are what is found.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        split = [terms(text) for text in texts]
        self._ids = {term: number for number, term in enumerate(dict.fromkeys(term for text in split for term in text))}
        self._bm25 = bm25s.BM25(k1=1.2, b=0.75, backend="numpy")
        self._bm25.scores = self._bm25.build_index_from_ids(
            unique_token_ids=list(self._ids.values()),
            corpus_token_ids=[[self._ids[term] for term in text] for text in split],
            show_progress=False,
        )

    def find(self, question: str, most: int, *, but: Iterable[int]) -> list[int]:
        """Places of up to `most` texts, the best first, without those in `but`."""
        import numpy as np

        known = [self._ids[term] for term in terms(question) if term in self._ids]
        if not known:
            return []
        barred = set(but)
        # as many more as are barred, so that enough are left after those are taken out
        order: Any = np.argsort(-self._bm25.get_scores_from_ids(known), kind="stable")[: most + len(barred)]
        return [int(place) for place in order if int(place) not in barred][:most]


def retrieval(data: Path, *, negatives: int = 30) -> Iterator[Example]:
    """Examples with labelled documents; `data` is the folder that holds `rag`.

    Raises:
        InputError: A file is missing or damaged.
    """
    yield from _claims(data / "rag" / "scifact", negatives)
    yield from _titles(data / "rag" / "scifact", negatives)
    yield from _medical(data / "rag" / "pubmedqa" / "all.jsonl.gz", negatives)
    yield from _stories(data / "rag" / "fairytaleqa" / "train.jsonl.gz")


def with_distractors(examples: Iterable[Example], *, most: int = 3, seed: int = 0) -> Iterator[Example]:
    """The examples; half of those of one document with what BM25 finds for their question among their set's others."""
    known = list(examples)
    rng = random.Random(seed)
    for source in _WITH_DISTRACTORS:
        own = [place for place, example in enumerate(known) if example.source == source]
        if not own:
            continue
        documents = list({repr(entry): entry for place in own for entry in known[place].documents}.values())
        index = HardNegatives([" ".join([entry.title, *entry.sentences]) for entry in documents])
        for place in own:
            example = known[place]
            if len(example.documents) != 1 or rng.random() < 0.5:
                continue
            (first,) = example.documents
            # other copies of the document hold the same evidence and would be labelled as irrelevant
            same = [
                number
                for number, entry in enumerate(documents)
                if entry.sentences == first.sentences or (entry.title and entry.title == first.title)
            ]
            found = [documents[number] for number in index.find(example.question, most, but=same)]
            others = [Document(entry.title, entry.sentences, (False,) * len(entry.labels)) for entry in found]
            relevant = (any(first.labels), *(False for _ in others))
            known[place] = replace(example, documents=(first, *others), relevant=relevant if relevant[0] else None)
    yield from known


def _claims(folder: Path, negatives: int) -> Iterator[Example]:
    """Claims of SciFact over the abstracts they cite."""
    corpus = list(read_rows(folder / "corpus.jsonl.gz"))
    place = {row["id"]: index for index, row in enumerate(corpus)}
    index = HardNegatives([" ".join([row["title"], *row["sentences"]]) for row in corpus])
    documents = [_unlabelled(row["title"], row["sentences"]) for row in corpus]
    for row in read_rows(folder / "queries_train.jsonl.gz"):
        gold = sorted(place[name] for name in row["relevant_doc_ids"])
        yield _ranked("scifact_rank", row["text"], documents, gold, index.find(row["text"], negatives, but=gold))


def _titles(folder: Path, negatives: int) -> Iterator[Example]:
    """Titles of SciFact's abstracts over the abstracts; not of those that the claims set aside for measuring cite."""
    cited = {name for row in read_rows(folder / "queries_dev.jsonl.gz") for name in row["relevant_doc_ids"]}
    corpus = [row for row in read_rows(folder / "corpus.jsonl.gz") if row["id"] not in cited]
    index = HardNegatives([" ".join(row["sentences"]) for row in corpus])
    documents = [_unlabelled("", row["sentences"]) for row in corpus]
    for place, row in enumerate(corpus):
        if row["title"] and row["sentences"]:
            # an abstract is ranked without its title, which is the question
            found = index.find(row["title"], negatives, but=[place])
            yield _ranked("scifact_titles", row["title"], documents, [place], found)


def _medical(file: Path, negatives: int) -> Iterator[Example]:
    """Questions of PubMedQA over the abstracts, of which each belongs to one."""
    rows = list(read_rows(file))
    texts = [" ".join(section["text"] for section in row["sections"]) for row in rows]
    index = HardNegatives(texts)
    documents = [_unlabelled("", split_sentences(text)) for text in texts]
    for place, row in enumerate(rows):
        found = index.find(row["question"], negatives, but=[place])
        yield _ranked("pubmedqa", row["question"], documents, [place], found)


def _stories(file: Path) -> Iterator[Example]:
    """Questions of FairytaleQA over the sections of their story."""
    for row in read_rows(file):
        places = {entry["section"]: place for place, entry in enumerate(row["sections"])}
        index = HardNegatives([entry["text"] for entry in row["sections"]])
        documents = [_unlabelled("", split_sentences(entry["text"])) for entry in row["sections"]]
        for question in row["questions"]:
            gold = sorted({places[number] for number in question["gold_sections"] if number in places})
            if gold and len(gold) < len(documents):
                found = index.find(question["question"], len(documents), but=gold)
                yield _ranked("fairytaleqa_rank", question["question"], documents, gold, found)


def _ranked(
    source: str, question: str, documents: Sequence[Document], gold: Sequence[int], others: Sequence[int]
) -> Example:
    chosen = tuple(documents[place] for place in (*gold, *others))
    relevant = (*(True for _ in gold), *(False for _ in others))
    return Example(source, "passage", question, chosen, relevant, unlabelled=True)


def _unlabelled(title: str, sentences: Sequence[str]) -> Document:
    return Document(title, tuple(sentences), (False,) * len(sentences))

"""Questions with documents that nobody labelled, for a student that learns from its teacher's outputs.

Questions of the mixture with what BM25 takes for them among all of its documents; and sentences and titles that stand
in for questions, with the documents they are from (the inverse cloze task: Lee, Chang and Toutanova, ACL 2019).
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from ctxprune.train.examples import Example
from ctxprune.train.retrieval import HardNegatives
from ctxprune.train.sentence_sets import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["UNLABELLED", "free_pairs"]

UNLABELLED = "pairs"
"""Source of such examples."""
_FOUND = 12  # documents that BM25 finds, of which some are read
_SHARES = (
    0.5,
    0.35,
    0.15,
)  # of questions with found documents, of sentences and titles, of questions with any documents


def free_pairs(examples: Sequence[Example], count: int, *, seed: int = 0) -> Iterator[Example]:
    """So many examples without labels, of one to four documents each; the same for the same seed.

    Args:
        examples: Of the mixture; only those of passages are read. No others' text is in what comes out.
        count: Examples that are made.
        seed: Of what is chosen.
    """
    rng = random.Random(f"pairs {seed}")
    known = [example for example in examples if example.kind == "passage"]
    pool = list(
        {
            (entry.title, entry.sentences): Document(entry.title, entry.sentences, (False,) * len(entry.sentences))
            for example in known
            for entry in example.documents
            if entry.sentences
        }.values()
    )
    index = HardNegatives([" ".join([entry.title, *entry.sentences]) for entry in pool])
    for _ in range(count):
        how = rng.choices(range(3), _SHARES)[0]
        own = rng.randrange(len(pool))
        # one way in two is a real question; a stand-in is a sentence, which words the answer and not the question
        question = rng.choice(known).question if how != 1 else _stand_in(pool[own], rng)
        places = index.find(question, _FOUND, but=()) if how != 2 else [rng.randrange(len(pool)) for _ in range(_FOUND)]
        rng.shuffle(places)
        chosen = list(dict.fromkeys([*([own] if how == 1 and rng.random() < 0.7 else []), *places, own]))
        documents = [pool[place] for place in chosen[: rng.randrange(1, 5)]]
        # a stand-in that stands in the document word for word would be found by copying
        if how == 1:
            documents = [_without(entry, question) for entry in documents]
        yield Example(UNLABELLED, "passage", question, tuple(entry for entry in documents if entry.sentences))


def _stand_in(document: Document, rng: random.Random) -> str:
    """A sentence or the title, at times a part of it."""
    text = rng.choice([document.title or document.sentences[0], *document.sentences])
    words = text.split()
    if len(words) > 6 and rng.random() < 0.5:
        size = rng.randrange(3, min(len(words), 16))
        start = rng.randrange(len(words) - size + 1)
        return " ".join(words[start : start + size])
    return " ".join(words[:40])


def _without(document: Document, text: str) -> Document:
    """The document without sentences that equal the question, unless no others are left."""
    left = tuple(sentence for sentence in document.sentences if " ".join(sentence.split()[:40]) != text)
    return Document(document.title, left, (False,) * len(left)) if left else document

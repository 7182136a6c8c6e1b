"""Questions with candidate passages for a reranker: what it is trained on, shrunk with, chosen by and reported on.

The parts share no question. Sentences of SQuAD, FEVER, SelQA and QED are divided by article, the other sets by
question: 6 in 10 to train the full model, 3 to calibrate and recover smaller ones, 1 to choose between them ("dev",
with 2WikiMultihopQA and Natural Questions, which no model is trained on). Reported sets: see `reported`.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.rag.evaluation.rerank import load_ranking_set
from ctxprune.storage.json_lines import read_rows
from ctxprune.train.retrieval import HardNegatives
from ctxprune.train.sentence_sets import items_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctxprune.train.sentence_sets import Item

PARTS = ("train", "recovery", "dev")
PASSAGES = 8
_HARD = 5  # of the wrong passages of a question come from BM25, the others by chance
_SENTENCES = {
    "fever_eraser": "dev_questions.jsonl.gz",
    "selqa": "dev.jsonl.gz",
    "qed": "dev.jsonl.gz",
}
_SQUAD_BLOCK = 250  # rows of squad_pairs stand article by article


@dataclass(frozen=True, slots=True)
class RankedQuestion:
    """A question with candidates in a random order, and the gain of each: 0 = not relevant.

    `attainable` are the gains of all that is relevant in the set, found or not.
    """

    source: str
    question: str
    passages: tuple[str, ...]
    gains: tuple[float, ...]
    attainable: tuple[float, ...]


def part_of(key: str) -> str:
    """ "train", "recovery" or "dev" by the hash of an article's title or a question."""
    share = int(hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) / 2**32
    return "train" if share < 0.6 else "recovery" if share < 0.9 else "dev"


def questions_of(rag: Path, part: str, seed: int = 0) -> list[RankedQuestion]:
    """All questions of a part, in a seeded order."""
    rng = random.Random(f"{seed} {part}")
    found = [*_squad(rag, part, rng), *_scifact(rag, part, rng), *_pubmed(rag, part, rng)]
    for name, file in _SENTENCES.items():
        found += _sentences(name, items_of(rag / name / file), part, rng)
    hotpot = items_of(rag / "hotpotqa" / "train.jsonl.gz") + _hotpot(rag, reported=False)
    found += [_documents("hotpotqa", item, rng, PASSAGES) for item in hotpot if part_of(item.question) == part]
    if part == "dev":
        for name in ("2wikimultihop", "lost_in_middle_nq"):
            found += [
                _documents(name, item, rng, PASSAGES) for item in rng.sample(items_of(rag / name / "dev.jsonl.gz"), 60)
            ]
    rng.shuffle(found)
    return found


def _first_parts(rows) -> dict[str, str]:
    """The part of each question, from (question, key of its article); of one that several articles have the first."""
    found: dict[str, str] = {}
    for question, key in rows:
        found[question] = min(found.get(question, PARTS[-1]), part_of(key), key=PARTS.index)
    return found


def reported(rag: Path) -> dict[str, list[RankedQuestion]]:
    """The questions that losses are reported on, by set.

    - scifact: claims of queries_dev with the first 10 abstracts of BM25 (the corpus is that of training, as in BEIR).
    - hotpotqa: questions of the dev file that no other part has, with their 10 paragraphs.
    - xquad_en: the answer's sentence and the 9 that BM25 finds first among the set's others (SQuAD's dev articles).
    - msmarco_sample, wikiqa (dev): sets that nothing is trained on.
    """
    rng = random.Random(0)
    sets = {"scifact": _retrieved(rag / "scifact", 50, rng)}
    sets["hotpotqa"] = [_documents("hotpotqa", item, rng, 10) for item in _hotpot(rag, reported=True)[:50]]
    sets["xquad_en"] = rng.sample(_xquad(rag, rng), 100)
    web = [item for item in items_of(rag / "msmarco_sample" / "all.jsonl.gz") if _relevant(item)]
    sets["msmarco_sample"] = [_documents("msmarco_sample", item, rng, 10) for item in rng.sample(web, 70)]
    pages = [item for item in items_of(rag / "wikiqa" / "dev.jsonl.gz") if item.mixed]
    pages = rng.sample(pages, 80)
    sets["wikiqa"] = [
        _ranked("wikiqa", item.question, zip(document.sentences, document.labels, strict=True), rng)
        for item in pages
        for document in item.documents
    ]
    return sets


def _ranked(source: str, question: str, rows, rng: random.Random, attainable: Sequence[float] = ()) -> RankedQuestion:
    chosen = list(rows)
    # shuffled, so that a model without any order gets no credit for that of the file
    rng.shuffle(chosen)
    gains = tuple(float(gain) for _, gain in chosen)
    return RankedQuestion(source, question, tuple(text for text, _ in chosen), gains, tuple(attainable) or gains)


def _relevant(item: Item) -> list[bool]:
    return [True for document in item.documents if any(document.labels)]


def _documents(source: str, item: Item, rng: random.Random, most: int) -> RankedQuestion:
    """Whole documents, relevant where one of their sentences is."""
    rows = [(" ".join(filter(None, [d.title, *d.sentences])), any(d.labels)) for d in item.documents]
    good, others = [row for row in rows if row[1]], [row for row in rows if not row[1]]
    # relevant ones first, or the cut might leave a question without any
    return _ranked(source, item.question, (good + others)[:most], rng)


def _hotpot(rag: Path, *, reported: bool) -> list[Item]:
    items = items_of(rag / "hotpotqa" / "dev.jsonl.gz")
    chosen = set(random.Random(0).sample(range(len(items)), 130))
    return [item for place, item in enumerate(items) if (place in chosen) == reported]


def _with_negatives(source: str, rows, rng: random.Random, search: HardNegatives, pool: Sequence[str]):
    """Each (question, places of its right passages in the pool) with wrong ones of BM25 and by chance."""
    for question, right in rows:
        good = rng.sample(right, min(len(right), 2))
        hard = search.find(question, _HARD, but=right)
        barred = {pool[place] for place in (*right, *hard)}
        some = [place for place in rng.sample(range(len(pool)), 3 * PASSAGES) if pool[place] not in barred]
        wrong = [*hard, *some][: PASSAGES - len(good)]
        yield _ranked(source, question, [*((pool[p], 1) for p in good), *((pool[p], 0) for p in wrong)], rng)


def _squad(rag: Path, part: str, rng: random.Random) -> Iterator[RankedQuestion]:
    rows = [
        (row, f"squad {place // _SQUAD_BLOCK}")
        for place, row in enumerate(read_rows(rag / "squad_pairs" / "all.jsonl.gz"))
    ]
    first = _first_parts((row["question"], key) for row, key in rows)
    own = [row for row, key in rows if part_of(key) == part]
    pool = list(dict.fromkeys(row["sentence"] for row in own))
    place = {text: number for number, text in enumerate(pool)}
    asked = [(row["question"], [place[row["sentence"]]]) for row in own if first[row["question"]] == part]
    yield from _with_negatives("squad_pairs", asked, rng, HardNegatives(pool), pool)


def _sentences(source: str, items: list[Item], part: str, rng: random.Random) -> Iterator[RankedQuestion]:
    """Sentences under their page's title, among those of all pages of the part."""
    pool: dict[str, int] = {}
    asked, first = [], _first_parts((item.question, item.documents[0].title) for item in items)
    for item in items:
        document = item.documents[0]
        if part_of(document.title) != part or first[item.question] != part or not item.mixed:
            continue
        texts = [f"{document.title}: {sentence}" for sentence in document.sentences]
        for text in texts:
            pool.setdefault(text, len(pool))
        right = [pool[text] for text, label in zip(texts, document.labels, strict=True) if label]
        asked.append((item.question, right))
    asked = rng.sample(asked, min(len(asked), 1200))
    yield from _with_negatives(source, asked, rng, HardNegatives(list(pool)), list(pool))


def _scifact(rag: Path, part: str, rng: random.Random) -> Iterator[RankedQuestion]:
    rows = list(read_rows(rag / "scifact" / "corpus.jsonl.gz"))
    names = {row["id"]: place for place, row in enumerate(rows)}
    pool = [" ".join([row["title"], *row["sentences"]]) for row in rows]
    asked = [
        (row["text"], [names[name] for name in row["relevant_doc_ids"] if name in names])
        for row in read_rows(rag / "scifact" / "queries_train.jsonl.gz")
        if part_of(row["text"]) == part
    ]
    yield from _with_negatives("scifact", [row for row in asked if row[1]], rng, HardNegatives(pool), pool)


def _pubmed(rag: Path, part: str, rng: random.Random) -> Iterator[RankedQuestion]:
    rows = [row for row in read_rows(rag / "pubmedqa" / "all.jsonl.gz") if part_of(row["question"]) == part]
    pool = [" ".join(section["text"] for section in row["sections"]) for row in rows]
    asked = [(row["question"], [place]) for place, row in enumerate(rows)]
    yield from _with_negatives("pubmedqa", asked, rng, HardNegatives(pool), pool)


def _xquad(rag: Path, rng: random.Random) -> list[RankedQuestion]:
    items = items_of(rag / "xquad_en" / "test_questions.jsonl.gz")
    pool = list(dict.fromkeys(text for item in items for document in item.documents for text in document.sentences))
    place, search = {text: number for number, text in enumerate(pool)}, HardNegatives(pool)
    found = []
    for item in items:
        right = [place[t] for d in item.documents for t, label in zip(d.sentences, d.labels, strict=True) if label]
        wrong = search.find(item.question, 10 - len(right), but=right)
        found.append(
            _ranked("xquad_en", item.question, [*((pool[p], 1) for p in right), *((pool[p], 0) for p in wrong)], rng)
        )
    return found


def _retrieved(folder: Path, count: int, rng: random.Random) -> list[RankedQuestion]:
    """Questions with a relevant document among the first 10 of BM25; the ideal order has all that are relevant."""
    ranking = load_ranking_set(folder)
    names = list(ranking.documents)
    texts = [" ".join(filter(None, [title, *sentences])) for title, sentences in ranking.documents.values()]
    search, found = HardNegatives(texts), []
    for question, gain in zip(ranking.questions, ranking.gains, strict=True):
        rows = [(texts[p], gain.get(names[p], 0)) for p in search.find(question, 10, but=())]
        if any(value for _, value in rows):
            found.append(_ranked(folder.name, question, rows, rng, [float(value) for value in gain.values()]))
    return rng.sample(found, min(len(found), count))

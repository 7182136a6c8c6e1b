"""Reranking of BM25 results: the order of a scorer against the documents judged relevant to a question."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import Context, Unit
from ctxprune.context.scores import as_scores
from ctxprune.errors import InputError
from ctxprune.scorers.base import as_scorer
from ctxprune.storage.json_lines import read_rows
from ctxprune.text.words import terms
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.sentence_sets import Document
from ctxprune.utils.metrics import ndcg, reciprocal_rank
from ctxprune.utils.percent import percent

from .report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from ctxprune.context.scores import Scores
    from ctxprune.scorers import Scorer

__all__ = ["RankingSet", "RerankReport", "load_ranking_set", "measure"]

_GRADES = {1: 4, 2: 3, 3: 2, 4: 1, -1: 4}  # of Cranfield, where 1 is a complete answer
_DEPTH = 10


@dataclass(frozen=True, slots=True)
class RankingSet:
    """A corpus with judged questions.

    Attributes:
        name: Name of the folder.
        documents: Title and sentences of each document, by its name.
        questions: Texts of the questions.
        gains: For each question the gain of its relevant documents, by name; all others gain 0.
    """

    name: str
    documents: Mapping[str, tuple[str, tuple[str, ...]]]
    questions: tuple[str, ...]
    gains: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, slots=True)
class RerankReport(Report):
    """Means over the questions in percent, and milliseconds for each pair of question and document."""

    ndcg: float
    mrr: float
    first_ndcg: float
    first_mrr: float
    items: int
    ms_per_passage: float

    def to_dict(self) -> dict[str, Any]:
        """As the benchmarks record it; `first_stage` is the order of BM25."""
        return {
            "ndcg@10": self.ndcg,
            "mrr@10": self.mrr,
            "first_stage": {"ndcg@10": self.first_ndcg, "mrr@10": self.first_mrr},
            "items": self.items,
            "ms_per_passage": self.ms_per_passage,
        }


def load_ranking_set(folder: Path) -> RankingSet:
    """Read a folder with `corpus` and either `queries_dev`, which name their documents, or `queries` and `qrels.tsv`.

    Raises:
        InputError: A file is missing, or is not of this form.
    """
    corpus, named = folder / "corpus.jsonl.gz", folder / "queries_dev.jsonl.gz"
    try:
        documents = {str(row["id"]): (str(row.get("title") or ""), _read_sentences(row)) for row in read_rows(corpus)}
        if named.is_file():
            rows = list(read_rows(named))
            gains: list[Mapping[str, int]] = [dict.fromkeys(map(str, row["relevant_doc_ids"]), 1) for row in rows]
        else:
            rows = list(read_rows(folder / "queries.jsonl.gz"))
            judged = _read_judgements(folder / "qrels.tsv")
            gains = [judged.get(str(row["id"]), {}) for row in rows]
        texts = tuple(str(row["text"]) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the folder holds no ranking set ({error})", where=folder.name) from error
    return RankingSet(folder.name, documents, texts, tuple(gains))


def measure(
    ranking: RankingSet,
    scorer: Scorer,
    *,
    top: int = 100,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RerankReport:
    """Rerank the first `top` documents of BM25 (words of title and text; k1 1.2, b 0.75) for judged questions.

    All of them, or the first `limit`.

    A scorer with relevance scores of its own (`ranks_documents`) gets the documents as titles and sentences, any other
    one a context whose units are whole documents.
    """
    names = list(ranking.documents)
    search = _Search([" ".join([title, *texts]) for title, texts in ranking.documents.values()])
    # Without a relevant document the ideal gain is 0, and nDCG is not defined.
    pairs = [(text, gain) for text, gain in zip(ranking.questions, ranking.gains, strict=True) if gain]
    pairs = pairs[:limit]
    if not pairs:
        raise InputError("no question has a relevant document", where=ranking.name)
    first: list[tuple[float, float]] = []
    second: list[tuple[float, float]] = []
    seconds, documents = 0.0, 0
    for done, (text, gain) in enumerate(pairs, start=1):
        found = search.find_best(text, top)
        started = perf_counter()
        scores = _score_documents(scorer, text, [ranking.documents[names[index]] for index in found])
        seconds += perf_counter() - started
        documents += len(found)
        # Ties keep the order of BM25.
        order = sorted(range(len(found)), key=lambda place: (-float(scores[place]), place))
        for target, ranked in ((first, found), (second, [found[place] for place in order])):
            gained = [gain.get(names[index], 0) for index in ranked[:_DEPTH]]
            target.append((ndcg(gained, list(gain.values())), reciprocal_rank(gained)))
        if progress is not None:
            progress(done, len(pairs))
    return RerankReport(
        *_average(second),
        *_average(first),
        items=len(pairs),
        ms_per_passage=round(1000 * seconds / max(documents, 1), 3),
    )


def _average(rows: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return percent(row[0] for row in rows), percent(row[1] for row in rows)


class _Documents(Context[list[str]]):
    """Documents, one unit each."""

    units: tuple[Unit, ...]

    def __init__(self, documents: Sequence[tuple[str, tuple[str, ...]]]) -> None:
        self.units = tuple(Unit(" ".join([title, *texts])) for title, texts in documents)

    def render(self, kept: Collection[int]) -> list[str]:
        return [self.units[index].text for index in sorted(kept)]


class _Search:
    """BM25 over a corpus."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        found = [terms(text) for text in texts]
        self._ids = {term: number for number, term in enumerate(dict.fromkeys(term for text in found for term in text))}
        self._bm25 = bm25s.BM25(method="lucene", k1=1.2, b=0.75, backend="numpy")
        self._bm25.scores = self._bm25.build_index_from_ids(
            unique_token_ids=list(self._ids.values()),
            corpus_token_ids=[[self._ids[term] for term in text] for text in found],
            show_progress=False,
        )

    def find_best(self, text: str, top: int) -> list[int]:
        known = [self._ids[term] for term in terms(text) if term in self._ids]
        if not known:
            return []
        scores = self._bm25.get_scores_from_ids(known)
        # Stable: ties go to the earlier document, on every machine.
        order = np.argsort(-scores, kind="stable")[:top]
        return [int(index) for index in order if scores[index] > 0]


def _score_documents(scorer: Scorer, question: str, documents: list[tuple[str, tuple[str, ...]]]) -> Scores:
    if not documents:
        return np.zeros(0, dtype=np.float32)
    scorer = as_scorer(scorer)
    if scorer.ranks_documents:
        parts = tuple(Document(title, texts, (False,) * len(texts)) for title, texts in documents)
        scores = scorer.score_documents(question, DocumentsContext(parts))[1]
    else:
        scores = scorer.score(question, _Documents(documents))
    return as_scores(scores, len(documents), source=type(scorer.origin).__name__)


def _read_sentences(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, row["sentences"])) if "sentences" in row else (str(row["text"]),)


def _read_judgements(file: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=file.name) from error
    for line in lines:
        question, document, grade = line.split("\t")[:3]
        if not grade.lstrip("-").isdigit():
            continue  # header line
        gain = _GRADES.get(int(grade), 0)
        if gain:
            judged.setdefault(question, {})[document] = gain
    return judged

"""Explainable features of columns and tables for one question; what the ranked linker weighs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS, fold, stem, words

from .meanings import MEANINGS, TABLE_MEANINGS, meaning_features
from .statistics import LOWEST, sigmoid
from .words import load_cues, similarity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ..values.base import ValueHit
    from .statistics import SchemaStatistics

__all__ = ["COLUMN_FEATURES", "LOWEST", "TABLE_WORDS", "Question", "column_features", "sigmoid"]

_MAX_CHARACTERS = 20_000  # of a question that are read
_MAX_WORDS = 400  # distinct words of a question that are compared with names letter by letter
_YEAR = re.compile(r"\b(?:1[6-9]|20)\d\d\b")
_NUMBER = re.compile(r"\d")
_QUOTED = re.compile(r"[\"“”‘`]([^\"“”’`]{2,80})[\"“”’`]|(?<!\w)'([^']{2,80})'(?!\w)")
_TOKEN = re.compile(r"[^\W_][\w'’.-]*")
_EVERYTHING = re.compile(
    r"\b(?:all|complete|full|entire|any) (?:\w+ )?(?:information|details?|info|data|columns?|fields)\b|\beverything\b",
    re.I,
)
_MATCHED = 0.5  # from here a word counts as matched
_FULL = 0.7

_LEXICAL = (
    "ngram",
    "ngram_relative",
    "name_ngram",
    "name_ngram_relative",
    "covered",
    "covered_softly",
    "full",
    "full_softly",
    "evidence_covered",
    "evidence_full",
    "phrase",
    "verbatim_evidence",
    "verbatim_question",
    "head",
    "wins",
    "wins_alone",
    "described",
    "covered_in_table",
    "full_outside_table",
)
_ROLE = (
    "primary",
    "foreign",
    "id_like",
    "number_cue",
    "date_cue",
    "year_cue",
    "digit_cue",
    "name_cue",
    "proper_cue",
    "quoted_cue",
    "everything",
    "first_text",
    "same_name",
)
_HITS = ("hit", "hit_exact", "hit_share")
_TABLE = ("table_covered", "table_full", "table_ngram", "table_ngram_relative", "table_size")
_QUESTION = ("schema_size", "question_size", "has_evidence", "unexplained", "unexplained_in_table")
_CUES = tuple(f"cue_{name}" for name in load_cues().columns)
COLUMN_FEATURES = (*_LEXICAL, *MEANINGS, *_ROLE, *_HITS, *_TABLE, *_QUESTION, *_CUES)
TABLE_WORDS = 4 + len(TABLE_MEANINGS)  # features of a table by its own words


@dataclass(frozen=True)
class Question:
    """A question and its evidence, cut into stems once.

    Attributes:
        asked, evidence_stems: Stems of the question and of the evidence, in order.
        text: Both as " stem stem | stem " for phrase search.
        folded, folded_evidence: Folded texts for names written out.
        raw: Question, newline, evidence, as they came (cut at 20,000 characters each).
    """

    asked: tuple[str, ...]
    evidence_stems: tuple[str, ...]
    text: str
    folded: str
    folded_evidence: str
    raw: str

    @classmethod
    def read(cls, question: str, evidence: str = "") -> Question:
        """Read the first 20,000 characters of each."""
        question, evidence = question[:_MAX_CHARACTERS], evidence[:_MAX_CHARACTERS]
        asked, evidence_stems = _content(question), _content(evidence)
        every, others = " ".join(map(stem, words(question))), " ".join(map(stem, words(evidence)))
        texts = f" {every} | {others} ", fold(question), fold(evidence), f"{question}\n{evidence}"
        return cls(asked, evidence_stems, *texts)


def _content(text: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in words(text) if word not in STOP_WORDS)


class _Columns:
    """Collects features by name and gives them back as one array in the order of `COLUMN_FEATURES`."""

    def __init__(self, size: int) -> None:
        self.array = np.zeros((size, len(COLUMN_FEATURES)))

    def __setitem__(self, name: str, values: NDArray[np.generic] | Sequence[float] | float) -> None:
        self.array[:, COLUMN_FEATURES.index(name)] = values

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = self.array[:, COLUMN_FEATURES.index(name)]
        return column


def column_features(
    stats: SchemaStatistics, question: Question, hits: Sequence[ValueHit] = ()
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of every column and the lexical ones of every table.

    Returns:
        float64 (n_columns, len(COLUMN_FEATURES)) and float64 (n_tables, TABLE_WORDS): words covered, all covered,
        n-gram cosine, the same relative to the best table, and TABLE_MEANINGS.
    """
    columns = _Columns(len(stats.refs))
    # evidence is scored apart: it often names columns verbatim, which a question seldom does
    asked, strange = _word_scores(stats, question.asked)
    from_evidence, strange_in_evidence = _word_scores(stats, question.evidence_stems)
    tables = _table_words(stats, question, np.maximum(asked, from_evidence))
    _ngram_features(columns, stats, question)
    _word_features(columns, stats, question, asked, from_evidence)
    for number, name in enumerate(_TABLE[:4]):
        columns[name] = tables[stats.table_of, number]
    columns["covered_in_table"] = columns["table_covered"] * columns["covered_softly"]
    full = np.maximum(columns["covered"], columns["evidence_full"])
    columns["full_outside_table"] = (1 - columns["table_covered"]) * full
    _role_features(columns, stats, question)
    _hit_features(columns, stats, hits)
    columns["table_size"] = np.log(np.maximum(stats.table_size, 1))[stats.table_of]
    columns["schema_size"] = math.log(max(len(stats.refs), 1))
    columns["question_size"] = math.log(1 + min(len(question.asked) + len(question.evidence_stems), 200))
    columns["has_evidence"] = bool(question.evidence_stems)
    columns["unexplained"] = unexplained = math.log1p(len(strange - _GENERIC - _hit_stems(hits)))
    columns["unexplained_in_table"] = unexplained * columns["table_covered"]
    near, tables_near = meaning_features(stats, question.asked, question.evidence_stems, strange | strange_in_evidence)
    for number, name in enumerate(MEANINGS):
        columns[name] = near[:, number]
    return columns.array, np.concatenate([tables, tables_near], axis=1)


def _word_scores(stats: SchemaStatistics, terms: Iterable[str]) -> tuple[NDArray[np.float64], set[str]]:
    """How well each word of the schema's vocabulary is matched by the best of `terms`: float64 (n_words,), 0..1.

    Also the terms that match no word.
    """
    scores = np.zeros(len(stats.vocabulary))
    related = load_cues().related
    strange = set()
    for count, term in enumerate(dict.fromkeys(terms)):
        near = dict(related.get(term, {}))
        for named in stats.by_letter.get(term[0], ()) if count < _MAX_WORDS else (term,):
            near[named] = max(similarity(named, term), near.get(named, 0.0))
        best = 0.0
        for word, value in near.items():
            index = stats.vocabulary.get(word) if value else None
            if index is not None:
                scores[index] = max(scores[index], value)
                best = max(best, value)
        if best < _MATCHED:
            strange.add(term)
    return scores, strange


def _table_words(stats: SchemaStatistics, question: Question, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    covered = np.maximum(stats.table_names.coverage(scores), stats.table_alternatives.coverage(scores))
    cosine = stats.table_ngrams.score(question.raw)
    return np.stack([covered, covered > 0.99, cosine, _relative(cosine)], axis=1)


def _relative(values: NDArray[np.float64]) -> NDArray[np.float64]:
    best = values.max(initial=0.0)
    return values / best if best else values


def _ngram_features(columns: _Columns, stats: SchemaStatistics, question: Question) -> None:
    for name, index in (("ngram", stats.full_ngrams), ("name_ngram", stats.column_ngrams)):
        cosine = index.score(question.raw)
        columns[name], columns[f"{name}_relative"] = cosine, _relative(cosine)


def _word_features(
    columns: _Columns,
    stats: SchemaStatistics,
    question: Question,
    asked: NDArray[np.float64],
    from_evidence: NDArray[np.float64],
) -> None:
    exact, exact_in_evidence = np.where(asked == 1.0, 1.0, 0.0), np.where(from_evidence == 1.0, 1.0, 0.0)
    columns["covered"] = covered = _best(stats, exact)
    columns["covered_softly"] = softly = _best(stats, asked)
    columns["full"], columns["full_softly"] = covered > 0.99, softly > _FULL
    columns["evidence_covered"] = told_softly = _best(stats, from_evidence)
    columns["evidence_full"] = _best(stats, exact_in_evidence) > 0.99
    columns["phrase"] = [any(phrase in question.text for phrase in phrases) for phrases in stats.phrases]
    columns["verbatim_evidence"] = _verbatim(stats, question.folded_evidence)
    columns["verbatim_question"] = _verbatim(stats, question.folded)
    either = np.maximum(asked, from_evidence)
    columns["head"] = either[stats.heads].max(axis=0)
    columns["described"] = stats.descriptions.coverage(np.where(either >= _MATCHED, either, 0.0))
    wins, alone = _wins(stats, either, np.maximum(softly, told_softly))
    columns["wins"], columns["wins_alone"] = wins, alone


def _best(stats: SchemaStatistics, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coverage of the name or of the comment, whichever is better."""
    return np.maximum(stats.names.coverage(scores), stats.alternatives.coverage(scores))


def _verbatim(stats: SchemaStatistics, text: str) -> list[float]:
    """1 for a name of several words, or between back-quotes, that stands in `text` as it is; 0.4 for a single word."""
    return [
        _written(name, len(stems), text) if name and name in text else 0.0
        for name, stems in zip(stats.folded, stats.name_stems, strict=True)
    ]


def _written(name: str, n_words: int, text: str) -> float:
    match = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    if match is None:
        return 0.0
    return 1.0 if n_words > 1 or text[match.start() - 1 : match.start()] == "`" else 0.4


def _wins(
    stats: SchemaStatistics, scores: NDArray[np.float64], coverage: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Columns that are the best covered of all that share some matched word; and those that are the only best."""
    owner = np.concatenate([stats.names.owner, stats.alternatives.owner])
    word = np.concatenate([stats.names.word, stats.alternatives.word])
    matched = scores[word] >= _MATCHED
    pairs = np.unique(np.stack([word[matched], owner[matched]], axis=1), axis=0)
    best = np.zeros(len(scores))
    np.maximum.at(best, pairs[:, 0], coverage[pairs[:, 1]])
    top = pairs[coverage[pairs[:, 1]] >= best[pairs[:, 0]] - 1e-9]
    ties = np.bincount(top[:, 0], minlength=len(scores))
    wins, alone = np.zeros(len(coverage), dtype=bool), np.zeros(len(coverage), dtype=bool)
    wins[top[:, 1]] = True
    alone[top[ties[top[:, 0]] == 1, 1]] = True
    return wins, alone


def _role_features(columns: _Columns, stats: SchemaStatistics, question: Question) -> None:
    cues = load_cues()
    stems = {stem(word) for word in question.text.split()}
    hinted = {name: bool(stems & found) for name, found in cues.questions.items()}
    classes = {name: stats.classes[:, number] for number, name in enumerate(cues.columns)}
    for name, values in classes.items():
        columns[f"cue_{name}"] = values * hinted[name]
    plain = ~stats.primary & ~stats.foreign
    columns["primary"], columns["foreign"], columns["id_like"] = stats.primary, stats.foreign, classes["key"]
    measured = hinted["count"] or hinted["rank"] or hinted["size"] or hinted["money"] or bool(stems & _COMPARED)
    columns["number_cue"] = (stats.is_number & plain) * measured
    dated = np.maximum(classes["date"], stats.is_date)
    year = bool(_YEAR.search(question.raw))
    columns["date_cue"], columns["year_cue"] = dated * hinted["date"], dated * year
    columns["digit_cue"] = (stats.is_number & plain) * bool(_NUMBER.search(_YEAR.sub("", question.raw)))
    columns["name_cue"] = classes["name"] * bool(stems & _ASKS_NAME)
    columns["proper_cue"] = classes["name"] * min(_proper_names(stats, question.raw), 3)
    columns["quoted_cue"] = (stats.is_text & plain) * bool(_QUOTED.search(question.raw.partition("\n")[0]))
    columns["everything"] = bool(_EVERYTHING.search(question.raw))
    columns["first_text"] = _first_texts(stats, plain)
    columns["same_name"] = stats.same


def _hit_stems(hits: Sequence[ValueHit]) -> set[str]:
    return {stem(word) for hit in hits for word in words(hit.value)}


def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, text.split()))


_GENERIC = _stems(
    "show list find give return tell please many much number count total different distinct most least more less than "
    "all each every also only average maximum minimum sum order sort ascending descending alphabetical one two three "
    "first last least greater fewer highest lowest report display identify information detail whose there together"
)
_COMPARED = _stems("most least maximum minimum more less greater fewer than sum")
_ASKS_NAME = _stems("who which whose list name show what find give")


def _first_texts(stats: SchemaStatistics, plain: NDArray[np.bool_]) -> NDArray[np.float64]:
    """1 for the first text column of each table that is no key: often what names a row."""
    flags = np.zeros(len(stats.refs))
    candidates = np.flatnonzero(stats.is_text & plain)
    _, first = np.unique(stats.table_of[candidates], return_index=True)
    flags[candidates[first]] = 1.0
    return flags


def _proper_names(stats: SchemaStatistics, text: str) -> int:
    """Capitalised stretches inside sentences that no word of the schema explains."""
    found, before, end = 0, False, 0
    for match in _TOKEN.finditer(text.partition("\n")[0]):
        word = match.group()
        opens = not text[end : match.start()].strip() and end == 0
        opens = opens or any(mark in text[end : match.start()] for mark in ".?!:")
        capital = word[0].isupper() and not opens and not _explained(stats, word)
        found += capital and not before
        before, end = capital, match.end()
    return found


def _explained(stats: SchemaStatistics, word: str) -> bool:
    return all(part in STOP_WORDS or stem(part) in stats.vocabulary for part in words(word))


def _hit_features(columns: _Columns, stats: SchemaStatistics, hits: Sequence[ValueHit]) -> None:
    sharing: dict[tuple[int, int], set[int]] = {}
    placed = [(stats.position[hit.ref], hit) for hit in hits if hit.ref in stats.position]
    for index, hit in placed:
        sharing.setdefault(hit.span, set()).add(index)
    best, exact, share = columns["hit"], columns["hit_exact"], columns["hit_share"]
    for index, hit in placed:
        best[index] = max(best[index], hit.score)
        exact[index] = max(exact[index], hit.score >= 0.99)
        share[index] = max(share[index], 1 / len(sharing[hit.span]))

"""The collective linker (CRUSH4SQL): the parts of a question choose columns in turn, so that none goes without."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer
from ctxprune.text.words import STOP_WORDS, fold, split_identifier, word_spans

from .base import LINKERS
from .context import SchemaContext
from .policy import JoinablePolicy
from .scored import ScoredLinker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy

__all__ = [
    "CollectiveLinker",
    "CollectiveSchemaScorer",
    "Pick",
    "Places",
    "content_phrases",
    "greedy_cover",
    "invented_elements",
]

Segments = Callable[[str, str], Sequence[str]]
Similarity = Callable[[Sequence[str], Sequence[str]], "NDArray[np.floating[Any]]"]

_MAX_CHARACTERS = 20_000  # of a question, and of its evidence, that are cut into phrases
_MAX_PHRASES, _MAX_WORDS = 40, 4  # phrases of a text, and words of a phrase
_QUOTED = re.compile(r"`([^`]{1,100})`")
_INVENTED = re.compile(r"\s*([^()]+)\(([^()]*)\)\s*")


class Pick(NamedTuple):
    """A column that was chosen: its index, the segment that chose it, and the gain it then had."""

    element: int
    segment: int
    gain: float


@dataclass(frozen=True)
class Places:
    """Where columns stand, and what it adds to a column's gain that others of its table or database were chosen.

    Attributes:
        tables, databases: int (n_elements,), the table and the database of each column.
        same_table, same_database: A column gains `same_table` * ln(1 + chosen columns of its table) and likewise for
            its database. The released CRUSH4SQL has 0 for both.
    """

    tables: NDArray[np.intp]
    databases: NDArray[np.intp]
    same_table: float = 0.0
    same_database: float = 0.0


def greedy_cover(
    cosines: NDArray[np.floating[Any]],
    budget: int,
    *,
    candidates: int = 100,
    everywhere: bool = False,
    places: Places | None = None,
) -> list[Pick]:
    """Choose columns that cover all segments of a question, by turns, in the order in which they are chosen.

    After Kothyari et al. 2023, "CRUSH4SQL: Collective Retrieval Using Schema Hallucination For Text2SQL". With
    q = (cosine + 1) / 2 and p(d|s) = q(s,d) / sum of q(s,.), a segment weighs w(s) = 1 / (1 + exp(H(s) - mean H)),
    H(s) the entropy of p(.|s): one that few columns resemble weighs more. The largest w(s) q(s,d) (+ `places`) among
    the segments whose turn is still open and the columns not chosen is taken, then that segment's turn is over; when
    all had theirs, they begin anew.

    Args:
        cosines: float (n_segments, n_elements), -1 to 1.
        budget: Columns to choose, from 0; fewer are chosen where there are fewer candidates.
        candidates: The columns that compete: those whose best cosine over the segments is largest.
        everywhere: Take the entropy over all columns; as released, it is taken over the candidates.
        places: Adds the gain for columns of a table or database that is already in use.

    Returns:
        The picks, in order; ties go to the first segment, then to the column that was the better candidate. None
        without segments or columns.

    Raises:
        UsageError: A negative budget, no candidate allowed, or cosines of another shape.
    """
    if cosines.ndim != 2:
        raise UsageError(f"cosines have {cosines.ndim} axes", hint="give an array (n_segments, n_elements)")
    if budget < 0 or candidates < 1:
        raise UsageError(f"budget is {budget}, candidates is {candidates}", hint="give 0 or more, and 1 or more")
    if not cosines.size:
        return []
    best = np.argsort(-cosines.max(axis=0), kind="stable")[:candidates]
    likeness = (np.asarray(cosines, dtype=float) + 1) / 2
    weights = _weights(likeness if everywhere else likeness[:, best])
    gains = weights[:, None] * likeness[:, best]
    free, waiting = np.ones(len(best), dtype=bool), np.ones(len(gains), dtype=bool)
    picks: list[Pick] = []
    while len(picks) < min(budget, len(best)):
        open_gains = gains + _bonus(places, best, free)
        open_gains[~waiting] = -np.inf
        open_gains[:, ~free] = -np.inf
        segment, place = divmod(int(np.argmax(open_gains)), len(best))
        picks.append(Pick(int(best[place]), segment, float(open_gains[segment, place])))
        free[place] = waiting[segment] = False
        if not waiting.any():
            waiting[:] = True
    return picks


def _weights(likeness: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = likeness / np.maximum(likeness.sum(axis=1, keepdims=True), 1e-12)
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
    result: NDArray[np.float64] = 1 / (1 + np.exp(entropy - entropy.mean()))
    return result


def _bonus(places: Places | None, best: NDArray[np.intp], free: NDArray[np.bool_]) -> NDArray[np.float64]:
    """float64 (n_candidates,)."""
    total = np.zeros(len(best))
    if places is not None:
        for owner, weight in ((places.tables, places.same_table), (places.databases, places.same_database)):
            of = owner[best]
            total += weight * np.log1p((of[:, None] == of[~free]).sum(axis=1))
    return total


def content_phrases(question: str, evidence: str = "") -> list[str]:
    """Stretches of up to four words between stop words and punctuation, and names in back-quotes, each once, in order.

    Stands in for the schema that CRUSH4SQL lets a language model invent. Of each text the first 20,000 characters are
    read; [] where they hold nothing but stop words.
    """
    found: dict[str, None] = {}
    for text in (question[:_MAX_CHARACTERS], evidence[:_MAX_CHARACTERS]):
        phrases = [*_QUOTED.findall(text), *_stretches(_QUOTED.sub(" , ", text))]
        found.update(dict.fromkeys(phrases[:_MAX_PHRASES]))
    return list(found)


def _stretches(text: str) -> list[str]:
    stretches: list[list[str]] = [[]]
    end = 0
    for start, stop in word_spans(text):
        word = text[start:stop]
        apart = bool(text[end:start].strip(" \t_'’-"))
        if apart or len(stretches[-1]) == _MAX_WORDS:
            stretches.append([])
        if fold(word) in STOP_WORDS:
            stretches.append([])
        else:
            stretches[-1].append(word)
        end = stop
    return [" ".join(stretch) for stretch in stretches if stretch]


def invented_elements(lines: Sequence[str]) -> list[str]:
    """The segments of an invented schema: "Schools(county, free_rate)" gives "Schools county", "Schools free rate".

    A line of another form is one segment as it is; each segment comes once.
    """
    found: dict[str, None] = {}
    for line in lines:
        match = _INVENTED.fullmatch(line)
        table, columns = match.groups() if match else (line, "")
        names = [" ".join(split_identifier(f"{table} {column}")) for column in columns.split(",")]
        found.update(dict.fromkeys(name for name in names if name))
    return list(found)


@dataclass(frozen=True)
class CollectiveSchemaScorer(Scorer):
    """Scores by the turn in which a segment of the question chose a column: 1 for the first, falling evenly to 0.

    Columns that nothing chose score 0; one with a value hit has at least the hit's score; a table scores as its best
    column.

    Attributes:
        segments: Cuts question and evidence; by default into content phrases, without any model. To use a schema that
            was invented elsewhere, give a function that returns `invented_elements` of it.
        similarity: From segments and the columns' texts to cosines (n_segments, n_columns), for instance of sentence
            embeddings; None for character n-grams.
        budget, candidates: As in `greedy_cover`.
    """

    segments: Segments = content_phrases
    similarity: Similarity | None = None
    budget: int = 20
    candidates: int = 100

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,).

        Raises:
            UsageError: The context is no schema, or cosines have another shape than they should.
        """
        if not isinstance(context, SchemaContext):
            raise UsageError(f"a {type(context).__name__} is not a schema", hint="wrap it in SchemaContext")
        statistics = context.statistics
        columns = np.zeros(len(statistics.refs))
        segments = list(self.segments(query, context.evidence))
        if segments and len(columns):
            picks = greedy_cover(self._cosines(segments, context), self.budget, candidates=self.candidates)
            for turn, pick in enumerate(picks):
                columns[pick.element] = 1 - turn / len(picks)
        for hit in context.hits:
            place = statistics.position.get(hit.ref)
            if place is not None:
                columns[place] = max(columns[place], hit.score)
        tables = np.zeros(len(context.table_units))
        np.maximum.at(tables, statistics.table_of, columns)
        scores = np.zeros(len(context.units), dtype=np.float32)
        scores[list(context.column_units)], scores[list(context.table_units)] = columns, tables
        return scores

    def _cosines(self, segments: Sequence[str], context: SchemaContext) -> NDArray[np.floating[Any]]:
        if self.similarity is None:
            return np.stack([context.statistics.full_ngrams.score(segment) for segment in segments])
        cosines = np.asarray(self.similarity(segments, [context.units[unit].text for unit in context.column_units]))
        wanted = (len(segments), len(context.column_units))
        if cosines.shape != wanted or not np.isfinite(cosines).all():
            raise UsageError(f"the similarity gave shape {cosines.shape}", hint=f"give finite numbers {wanted}")
        return cosines


@LINKERS.register("collective.v1")
@dataclass(frozen=True)
class CollectiveLinker(ScoredLinker):
    """The columns that the parts of a question choose by turns, with the keys and tables that join them.

    Attributes:
        scorer: Gives 1 to the first choice and less to later ones.
        policy: Keeps whatever was chosen; more recall: raise the scorer's budget.
    """

    scorer: Scorer = field(default_factory=CollectiveSchemaScorer)
    policy: Policy = field(default_factory=lambda: JoinablePolicy(columns=1e-6, tables=2.0))

"""Recalls the entries for one question: scored, cut to a token budget, and reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.policies import TokenBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.pruning.spans import start_prune
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.text.words import stem, word_spans, words
from ctxprune.tokens import as_counter
from ctxprune.utils.validation import is_number

from ..generate.examples import Example, FormScorer
from ..generate.learned import KnowledgeSource
from ..generate.masking import mask_question
from ..question import same_question
from ..schema.hits import ValueHit
from .check import Checker
from .context import KnowledgeContext, KnowledgeScorer, ScoredEntries, format_entry
from .entries import Instruction, Note, Pair, Term, entry_id
from .question_kinds import question_kind
from .store import KnowledgeFile

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxprune.pruning.result import Pruned
    from ctxprune.scorers.base import Scorer
    from ctxprune.tokens import TokenCounter

    from ..schema.schema import ColumnRef, Schema
    from .entries import Entry
    from .question_kinds import QuestionKind

__all__ = ["BoundKnowledge", "Knowledge", "Recalled", "find_term_hits", "find_term_words"]

_PRIVATE = "it speaks of private columns"
_TERM_STAGE = "term"  # how a value hit of a term was found
_EQUAL = re.compile(r"(?:\w+\.)?[`\"\[]?(\w+)[`\"\]]?\s*(?<![!<>])==?\s*'((?:[^']|'')*)'")
_NOT_SIMPLE = re.compile(r"\b(?:or|not|except|unless)\b", re.IGNORECASE)
_UNKNOWN = "it does not fit the schema that this caller sees"


@dataclass(frozen=True)
class Recalled:
    """The entries recalled for one question.

    Attributes:
        entries: The kept entries, best first; queries of pairs as the text that may run.
        ids: Of the entries that were looked at, in the order of the file, as the units of `pruned`: those that score
            high enough and can be used.
        columns: Those that the kept terms and notes are about; linking keeps them.
        pruned: The account of these: score, tokens, kept or why not.
        left_out: Entries that score high enough and cannot be used, by their ids, and why: unknown or private names.
        others: How many entries score too low to be looked at.
        hits: The stored values that kept terms stand for, where the question holds the term.
        database: The schema's name.
        source: Where the knowledge comes from.
        question_kind: The question's kind; None where no entry is meant for one.
    """

    entries: tuple[Entry, ...]
    ids: tuple[str, ...]
    columns: frozenset[ColumnRef]
    pruned: Pruned[list[str]]
    left_out: Mapping[str, str]
    others: int = 0
    hits: tuple[ValueHit, ...] = ()
    database: str = ""
    source: str = ""
    question_kind: QuestionKind | None = None

    @property
    def scores(self) -> Mapping[str, float]:
        """Of the entries that were looked at, 0..1, by their ids; higher = more likely of use."""
        return {name: unit.score for name, unit in zip(self.ids, self.pruned.units, strict=True)}

    @property
    def examples(self) -> tuple[Example, ...]:
        """The kept pairs, best first."""
        return tuple(Example(e.question, e.sql, self.database) for e in self.entries if isinstance(e, Pair))

    @property
    def hints(self) -> tuple[str, ...]:
        """The kept terms, notes and instructions, best first, each as one line."""
        return tuple(format_entry(entry) for entry in self.entries if not isinstance(entry, Pair))


@dataclass(frozen=True)
class Knowledge:
    """Entries, and how they are chosen for a question.

    Attributes:
        entries: All of them; what a caller may not see is left out when they are bound to a schema.
        budget: Tokens that the kept entries take together at most, 0 or more.
        minimum: Score under which an entry is dropped even where there is room, 0..1. With BM25 the same words
            score about 0.45, since one occurrence is not all that could be (`KnowledgeScorer`).
        scorer: Scores words: any scorer of the core, for instance an embedding one.
        counter: What counts tokens: None for the bundled tokenizer, or anything that `as_counter` takes.
        source: Where they come from, for traces.

    Raises:
        UsageError: A number is out of its range.
    """

    entries: tuple[Entry, ...]
    budget: int = 400
    minimum: float = 0.12
    scorer: Scorer = field(default_factory=LexicalScorer)
    counter: Any = None
    source: str = ""

    def __post_init__(self) -> None:
        if type(self.budget) is not int or self.budget < 0:
            raise UsageError(f"budget must be at least 0, got {self.budget!r}", where="budget")
        if not is_number(self.minimum) or not 0 <= self.minimum <= 1:
            raise UsageError(f"minimum must be from 0 to 1, got {self.minimum!r}", where="minimum")

    @classmethod
    def of(cls, what: object) -> Knowledge:
        """Knowledge from itself, from a path or a `KnowledgeFile`, or from entries.

        Raises:
            UsageError: It is none of these.
            InputError, FormatError: As `KnowledgeFile.read`.
        """
        if isinstance(what, Knowledge):
            return what
        if isinstance(what, (str, Path)):
            what = KnowledgeFile(Path(what))
        if isinstance(what, KnowledgeFile):
            return cls(what.read(), source=str(what.path))
        entries = tuple(what) if isinstance(what, Iterable) else (what,)
        for entry in entries:
            if not isinstance(entry, (Pair, Term, Note, Instruction)):
                raise UsageError(
                    f"{type(entry).__name__} is not a knowledge source",
                    where="knowledge",
                    hint="give a file, or entries",
                )
        return cls(entries)

    def bound(self, schema: Schema, hidden: Sequence[ColumnRef] = (), *, whole: Schema | None = None) -> BoundKnowledge:
        """The entries that may be used with this schema; they are checked at the first question.

        Args:
            schema: What the caller may see.
            hidden: Columns of it whose values must not be shown.
            whole: What `schema` is a part of; None where it is all.
        """
        return BoundKnowledge(self, Checker(schema, frozenset(hidden), whole))


@dataclass(frozen=True, eq=False)
class BoundKnowledge(KnowledgeSource):
    """Knowledge for one schema and one caller. Safe to share between threads.

    An entry is held against the schema when it first scores high enough for a question, since reading a query takes
    milliseconds, and a team may know thousands.
    """

    knowledge: Knowledge
    checker: Checker
    _checked: dict[int, tuple[Entry | None, str]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def context(self) -> KnowledgeContext:
        """All entries, also those that cannot be used: only scores are taken of them."""
        return KnowledgeContext(self.knowledge.entries)

    def recall(self, question: str, hits: Sequence[ValueHit] = ()) -> Recalled:
        """The entries for a question, which must not be blank.

        Args:
            question: As it was asked.
            hits: Stored values that it mentions; they are masked.

        Raises:
            UsageError: The scorer breaks its contract, or the question is empty.
            BudgetError: Never: entries that do not fit are dropped.
        """
        known, schema = self.knowledge, self.checker.schema
        scorer = KnowledgeScorer(known.scorer, mask_question(question, schema, hits), self._form)
        scores = scorer.score(question, self.context)
        # Only entries above the minimum are checked against the schema: parsing a query takes milliseconds.
        telling = np.flatnonzero((scores > 0) & (scores >= np.float32(known.minimum)))
        found = [(float(scores[index]), *self._usable(int(index))) for index in telling]
        usable = [(score, entry) for score, entry, _ in found if entry is not None]
        context = ScoredEntries(tuple(entry for _, entry in usable), tuple(score for score, _ in usable))
        policy = TokenBudget(known.budget, known.minimum)
        with start_prune([question], whole=True):
            pruned = Pruner(context, policy, self._counter, on_empty="drop").prune(question, context)
        # Best first, since prompts show examples in this order.
        kept = sorted((unit for unit in pruned.units if unit.kept), key=lambda unit: (-unit.score, unit.index))
        entries = tuple(context.entries[unit.index] for unit in kept)
        terms = (entry for entry in entries if isinstance(entry, Term))
        return Recalled(
            entries=entries,
            ids=tuple(map(entry_id, context.entries)),
            columns=frozenset().union(*map(self.checker.columns, entries)),
            pruned=pruned,
            left_out={entry_id(known.entries[i]): one[2] for i, one in zip(telling, found, strict=True) if one[2]},
            others=len(known.entries) - len(telling),
            hits=tuple(hit for term in terms for hit in find_term_hits(term, self.checker.columns(term), question)),
            database=schema.name,
            source=known.source,
            question_kind=question_kind(question) if self._has_kinds else None,
        )

    def find_answers(self, question: str) -> list[Example]:
        """The usable pairs with this question, whatever their length."""
        asked = same_question(question)
        names = self.context.names if asked else ()
        pairs = (self._usable(index)[0] for index, name in enumerate(names) if name == asked)
        return [Example(pair.question, pair.sql, self.checker.schema.name) for pair in pairs if isinstance(pair, Pair)]

    def _usable(self, index: int) -> tuple[Entry | None, str]:
        """An entry as it may be used, or why it may not, in words that name nothing the caller must not see."""
        # Two threads may check one entry at the same time; both find the same.
        if index not in self._checked:
            entry = self.knowledge.entries[index]
            problem = self.checker.find_problem(entry)
            if problem is not None:
                self._checked[index] = None, _PRIVATE if problem.private else _UNKNOWN
            else:
                self._checked[index] = (
                    replace(entry, sql=self.checker.query(entry)) if isinstance(entry, Pair) else entry,
                    "",
                )
        return self._checked[index]

    @cached_property
    def _has_kinds(self) -> bool:
        return any(entry.question_kind for entry in self.knowledge.entries)

    @cached_property
    def _form(self) -> FormScorer:
        return FormScorer()

    @cached_property
    def _counter(self) -> _Counted:
        return _Counted(as_counter(self.knowledge.counter), {})


@dataclass(frozen=True)
class _Counted:
    """A token counter that remembers the entries' lines, of which there are only so many."""

    inner: TokenCounter
    known: dict[str, int]

    @property
    def name(self) -> str:
        return self.inner.name

    def count(self, text: str) -> int:
        if text not in self.known:
            self.known[text] = self.inner.count(text)
        return self.known[text]

    def count_many(self, texts: Iterable[str]) -> list[int]:
        return [self.count(text) for text in texts]


def find_term_hits(term: Term, columns: Collection[ColumnRef], question: str) -> list[ValueHit]:
    """The values that a term's meaning compares its columns with, where the question holds the term.

    Only equalities count, and none where the meaning holds alternatives or exceptions: what such a meaning asks for is
    left to a model that reads it.

    Args:
        term: The term.
        columns: Its columns, in the schema's spelling; of a name that several of them have nothing is taken.
        question: As it was asked; spans are characters of it.
    """
    place = find_term_words(term.term, question)
    if not place or _NOT_SIMPLE.search(term.meaning):
        return []
    hits = []
    for name, value in _EQUAL.findall(term.meaning):
        named = [ref for ref in columns if ref.column.casefold() == name.casefold()]
        # A name that several of the columns have would put the value into the wrong table.
        if len(named) == 1:
            span = _without_table(place, question, named[0].table)
            hits.append(ValueHit(named[0], value.replace("''", "'"), span, 1.0, _TERM_STAGE))
    return hits


def find_term_words(name: str, question: str) -> list[tuple[int, int]]:
    """The words of the question that are the term, in any inflection, as characters [start, end); [] for none."""
    # By stems, so that "active customers" is the term "active customer".
    wanted = [stem(word) for word in words(name)]
    spans = word_spans(question)
    said = [_stems(question[start:end]) for start, end in spans]
    for first in range(len(said) - len(wanted) + 1):
        if wanted and said[first : first + len(wanted)] == wanted:
            return spans[first : first + len(wanted)]
    return []


def _without_table(place: list[tuple[int, int]], question: str, table: str) -> tuple[int, int]:
    """The span of the term but for the table's own name: of "active customers" the value is "active"."""
    names = set(_stems(table).split())
    own = [(start, end) for start, end in place if _stems(question[start:end]) not in names] or place
    return own[0][0], own[-1][1]


def _stems(text: str) -> str:
    return " ".join(map(stem, words(text)))

"""Knowledge as a context of the core: one unit an entry, scored, cut to a token budget, and reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import Context, Unit
from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer, as_scorer
from ctxprune.text.words import stem, words

from ..generate.examples import FormScorer
from ..generate.masking import mask_question_by_sql
from ..generate.prompts.base import one_line
from ..question import same_question
from .entries import Instruction, Note, Pair, explanation
from .question_kinds import find_question_kinds

if TYPE_CHECKING:
    from collections.abc import Collection

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

    from .entries import Entry

__all__ = ["KnowledgeContext", "KnowledgeScorer", "ScoredEntries", "format_entry"]

_NAMED = 0.9  # score of a term or note whose name stands in the question, and of an instruction for its main kind
_ALSO = 0.8  # of an instruction for another kind of it: under a tight budget the main one stays


def format_entry(entry: Entry) -> str:
    """An entry as prompts show it, on one line, a pair on two, with line breaks and marks escaped."""
    if isinstance(entry, Pair):
        return f"Question: {one_line(entry.question, 400)}\nSQL: {one_line(entry.sql, 800)}"
    if isinstance(entry, Note):
        return f"{one_line(entry.column, 200)}: {one_line(entry.note, 600)}"
    if isinstance(entry, Instruction):
        # Without the kind in front: it has done its work, and tokens of the budget are for the rule.
        return one_line(entry.instruction, 600)
    return f"{one_line(entry.term, 200)}: {one_line(entry.meaning, 600)}"


@dataclass(frozen=True, eq=False)
class _Texts(Context[list[str]]):
    """What a scorer reads of the entries, which is not what a prompt shows."""

    units: tuple[Unit, ...]

    def render(self, kept: Collection[int]) -> list[str]:
        return [self.units[index].text for index in sorted(kept)]


@dataclass(frozen=True, eq=False)
class KnowledgeContext(Context[list[str]]):
    """Entries as units; renders to the kept ones' lines.

    Attributes:
        entries: In the order of the file.
        units: The lines that prompts show.
        contents, forms: What is scored: the words, and the masked questions of pairs.
        names: What of each entry a question would hold, stemmed.
    """

    entries: tuple[Entry, ...]
    units: tuple[Unit, ...] = field(init=False)
    contents: _Texts = field(init=False)
    forms: _Texts = field(init=False)
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        forms = [mask_question_by_sql(e.question, e.sql) if isinstance(e, Pair) else "" for e in self.entries]
        object.__setattr__(self, "units", tuple(Unit(format_entry(entry)) for entry in self.entries))
        object.__setattr__(self, "contents", _Texts(tuple(Unit(_content(entry)) for entry in self.entries)))
        object.__setattr__(self, "forms", _Texts(tuple(map(Unit, forms))))
        object.__setattr__(self, "names", tuple(map(_name, self.entries)))

    def render(self, kept: Collection[int]) -> list[str]:
        """The lines of the kept entries, in the order of the file."""
        return [self.units[index].text for index in sorted(kept)]


@dataclass(frozen=True)
class KnowledgeScorer(Scorer):
    """float32 (n_entries,), 0..1, higher = keep.

    A pair scores the mean of two scores of its question: of the words, and of the form with names and values masked
    (`generate.examples`), since an example helps by either; 1 where it is the question that is asked. A term or note
    scores by its words, and at least 0.9 where the question holds its name, or its column's. An instruction scores 0.9
    for the main kind of the question, and 0.8 for another kind of it. What is meant for another kind of question scores
    0, but for the pair of the very question.

    Attributes:
        content: Scores the words; any scorer of the core.
        masked: The question, masked; "" leaves the form out.
        form: Scores the form.
    """

    content: Scorer
    masked: str
    form: FormScorer

    def score(self, query: str, context: Context[Any]) -> Scores:
        """See the class.

        Raises:
            UsageError: `context` is not a `KnowledgeContext`.
        """
        if not isinstance(context, KnowledgeContext):
            raise UsageError(f"{type(context).__name__} is not a KnowledgeContext", where="context")
        # Scorers of users may leave the range that the minimum is chosen for.
        content = np.clip(
            as_scores(as_scorer(self.content).score(query, context.contents), len(context.entries)), 0.0, 1.0
        )
        # The form alone would take any "how many" for similar, the words alone any question on the topic.
        form = self.form.score(self.masked, context.forms) if self.masked else content
        asked = same_question(query)
        kinds = [kind.name for kind in find_question_kinds(query)]
        scores = np.zeros(len(context.entries), dtype=np.float32)
        for index, (entry, name) in enumerate(zip(context.entries, context.names, strict=True)):
            if entry.question_kind and entry.question_kind not in kinds and not _is_asked(entry, name, asked):
                continue
            if isinstance(entry, Instruction):
                scores[index] = _NAMED if entry.question_kind == kinds[0] else _ALSO
            elif isinstance(entry, Pair):
                # The very question is taken whatever the scorer says.
                scores[index] = 1.0 if name == asked else (content[index] + form[index]) / 2
            else:
                scores[index] = max(content[index], _NAMED if name and f" {name} " in f" {asked} " else 0.0)
        return scores


@dataclass(frozen=True, eq=False)
class ScoredEntries(Context[list[str]], Scorer):
    """Entries whose scores are known already: a context, and its own scorer."""

    entries: tuple[Entry, ...]
    scores: tuple[float, ...]
    units: tuple[Unit, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(Unit(format_entry(entry)) for entry in self.entries))

    def render(self, kept: Collection[int]) -> list[str]:
        """The lines of the kept entries, in the order of the file."""
        return [self.units[index].text for index in sorted(kept)]

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_entries,), as given."""
        del query, context
        return np.asarray(self.scores, dtype=np.float32)


def _content(entry: Entry) -> str:
    if isinstance(entry, Pair):
        return entry.question
    if isinstance(entry, Note):
        return f"{entry.column.replace('.', ' ')} {entry.note}"
    return explanation(entry) if isinstance(entry, Instruction) else f"{entry.term} {entry.meaning}"


def _is_asked(entry: Entry, name: str, asked: str) -> bool:
    return isinstance(entry, Pair) and name == asked


def _name(entry: Entry) -> str:
    """What of an entry a question would hold, stemmed."""
    if isinstance(entry, Pair):
        return same_question(entry.question)
    if isinstance(entry, Note):
        return " ".join(map(stem, words(entry.column.rpartition(".")[2])))
    return "" if isinstance(entry, Instruction) else same_question(entry.term)

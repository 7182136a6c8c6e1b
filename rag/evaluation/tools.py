"""Tool selection: whether the tool that a question needs is among the few that are kept of many."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.memo import ContextMemo
from ctxprune.context.scores import as_scores
from ctxprune.errors import InputError, UsageError
from ctxprune.policies import TopK
from ctxprune.pruning.pruner import Pruner
from ctxprune.scorers.base import Scorer
from ctxprune.storage.json_lines import read_rows
from ctxprune.utils.percent import percent

from ..jsonschema import Tools
from .report import Report, mean_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["PlainBm25", "ToolQuestion", "ToolReport", "ToolSet", "ToolTrial", "draw_tools", "load_tool_set", "measure"]

_CUTS = (1, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class ToolQuestion:
    """A question, the tools of which one is needed, and their group, whose other tools are the hardest distractors."""

    text: str
    needed: tuple[str, ...]
    group: str


@dataclass(frozen=True, slots=True)
class ToolSet:
    """Tools with their groups (a service, a server), by name, and questions for them.

    Attributes:
        needs_all: Whether a question needs all of its `needed` tools; else one of them is enough.
    """

    name: str
    tools: Mapping[str, Any]
    groups: Mapping[str, Sequence[str]]
    questions: tuple[ToolQuestion, ...]
    needs_all: bool = False


@dataclass(frozen=True, slots=True)
class ToolReport(Report):
    """Figures over the questions.

    Attributes:
        kept: Percent of the questions of which a needed tool is among the best 1, 5, 10 and 20, and the `keep` best;
            where a question needs several, the mean share of them.
        tokens_before, tokens_after: Mean tokens of the tools as JSON; None where they were not counted.
        ms_per_question: Milliseconds of scoring; of tools that were not read before, unless all were offered.
        ms_to_index: Milliseconds of reading the tools, where all were offered to each question; else None.
    """

    kept: dict[str, float]
    items: int
    tokens_before: int | None
    tokens_after: int | None
    ms_per_question: float
    ms_to_index: float | None = None


class PlainBm25(Scorer):
    """Baseline: bm25s with its defaults, tokenizer and stop words, on the units' texts."""

    def __init__(self) -> None:
        self._read: ContextMemo[tuple[Any, Any]] = ContextMemo()

    def score(self, query: str, context: Context[Any]) -> Scores:
        """BM25, float32 (n_units,), from 0 up; zeros where no word is in common."""
        import bm25s

        tokens, index = self._read.get(context, lambda: _index_plainly(context))
        asked = bm25s.tokenize([query], stopwords="en", show_progress=False, return_ids=False)[0]
        known = [word for word in asked if word in tokens.vocab]
        if not known:
            return np.zeros(len(context.units), dtype=np.float32)
        return np.asarray(index.get_scores(known), dtype=np.float32)


def _index_plainly(context: Context[Any]) -> tuple[Any, Any]:
    import bm25s

    tokens = bm25s.tokenize([unit.text for unit in context.units], stopwords="en", show_progress=False)
    index = bm25s.BM25(backend="numpy")
    index.index(tokens, show_progress=False)
    return tokens, index


def load_tool_set(folder: Path, *, split: str | None = None) -> ToolSet:
    """Read a folder with `tools.jsonl` (or `tools.jsonl.gz`) and `questions.jsonl`.

    A row of the first is `{"id", "group", "tool"}`, the tool in any shape that `Tools` reads; a row of the second
    `{"question", "needed", "group"}`, where "needed" is an id or a list of ids of which one is enough, and "split" may
    say which part it belongs to. Or a row of the first is the tool itself, whose name is its id and which may have a
    "group"; then "needed" lists all the tools that the question needs.

    Args:
        folder: Folder of the two files.
        split: Only the questions of that part.

    Raises:
        InputError: A file is missing, a row is not of this form, names no tool, or no question is left.
    """
    try:
        packed = folder / "tools.jsonl.gz"
        rows = list(read_rows(packed if packed.exists() else folder / "tools.jsonl"))
        needs_all = bool(rows) and "tool" not in rows[0]
        if needs_all:
            rows = [{"id": row["name"], "group": row.get("group", ""), "tool": row} for row in rows]
        tools = {str(row["id"]): row["tool"] for row in rows}
        groups: dict[str, list[str]] = {}
        for row in rows:
            groups.setdefault(str(row["group"]), []).append(str(row["id"]))
        asked = [row for row in read_rows(folder / "questions.jsonl") if split in (None, row.get("split"))]
        questions = tuple(
            ToolQuestion(str(row["question"]), _read_ids(row["needed"]), str(row.get("group", ""))) for row in asked
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the folder holds no set of tools ({error})", where=folder.name) from error
    unknown = next((name for question in questions for name in question.needed if name not in tools), None)
    if unknown is not None:
        raise InputError(f"no tool has the id {unknown!r}", where=folder.name)
    if not questions:
        raise InputError("there is no question" + (f" in the part {split!r}" if split else ""), where=folder.name)
    return ToolSet(folder.name, tools, groups, questions, needs_all)


@dataclass(frozen=True, slots=True)
class ToolTrial:
    """How many tools are offered and kept.

    Attributes:
        size: Tools offered for a question, including the needed ones; all, read once, where there are no more.
        keep: Tools kept of them.
        limit: Number of questions, drawn at random; None for all.
        seed: Random seed; with the same one every scorer is offered the same tools.
        count: Count tokens, which takes longer than scoring.

    Raises:
        UsageError: keep is under 1, or size under keep.
    """

    size: int = 200
    keep: int = 10
    limit: int | None = None
    seed: int = 0
    count: bool = True

    def __post_init__(self) -> None:
        if self.keep < 1 or self.size < self.keep:
            raise UsageError(f"{self.keep} of {self.size} tools are to be kept", hint="give 1 <= keep <= size")


DEFAULT_TRIAL = ToolTrial()


def draw_tools(tools: ToolSet, question: ToolQuestion, trial: ToolTrial) -> list[str]:
    """Draw the ids of the tools offered, shuffled: the needed ones, others of their group, then any others."""
    # Seeded by the question too, so that the tools offered do not depend on which questions came before.
    random, size = Random(f"{trial.seed} {question.text} {question.needed}"), trial.size
    # Tools of the same group first: distractors that resemble the needed tool make the trial hard.
    near = [name for name in tools.groups.get(question.group, ()) if name not in question.needed]
    taken = {*question.needed, *near}
    far = [name for name in tools.tools if name not in taken]
    room = max(size - len(question.needed), 0)
    chosen = random.sample(near, min(room, len(near)))
    chosen += random.sample(far, min(room - len(chosen), len(far)))
    return random.sample([*question.needed, *chosen], len(question.needed) + len(chosen))


def measure(
    tools: ToolSet,
    scorer: Scorer,
    trial: ToolTrial = DEFAULT_TRIAL,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> ToolReport:
    """Measure how often a needed tool is kept.

    Args:
        tools: Tools and questions.
        scorer: Scores the tools.
        trial: How many tools are offered and kept.
        progress: Called with the number of questions done and of all.
    """
    questions = list(tools.questions)
    if trial.limit is not None and trial.limit < len(questions):
        questions = Random(trial.seed).sample(questions, trial.limit)
    pruner = Pruner(scorer, TopK(trial.keep))
    offer = _Offer(tools, trial)
    ms_to_index = offer.index(scorer)
    ranks, tokens, seconds = [], [], []
    for done, question in enumerate(questions, start=1):
        names, context = offer.draw(question)
        start = perf_counter()
        scores = as_scores(scorer.score(question.text, context), len(context.units), source=type(scorer).__name__)
        seconds.append(perf_counter() - start)
        found = _rank_needed(scores, [names.index(name) for name in question.needed])
        ranks.append(found if tools.needs_all else found[:1])
        if trial.count:
            pruned = pruner.prune_scored(question.text, context, scores)
            tokens.append((pruned.tokens_before, pruned.tokens_after))
        if progress is not None:
            progress(done, len(questions))
    cuts = [cut for cut in sorted({*_CUTS, trial.keep}) if cut <= trial.size]
    kept = {str(cut): percent([fmean(rank < cut for rank in found) for found in ranks]) for cut in cuts}
    before, after = (round(fmean(column)) for column in zip(*tokens, strict=True)) if tokens else (None, None)
    return ToolReport(kept, len(ranks), before, after, mean_milliseconds(seconds, digits=2), ms_to_index)


class _Offer:
    """The tools that each question is offered: a draw of its own, or all of them, which are read once."""

    def __init__(self, tools: ToolSet, trial: ToolTrial) -> None:
        self._tools, self._trial = tools, trial
        self._names = list(tools.tools)
        self._whole = Tools(list(tools.tools.values())) if trial.size >= len(tools.tools) else None

    def index(self, scorer: Scorer) -> float | None:
        """Let the scorer read all tools: milliseconds, rounded; None where each question has its own."""
        if self._whole is None:
            return None
        start = perf_counter()
        scorer.score("tools", self._whole)
        return mean_milliseconds([perf_counter() - start], digits=2)

    def draw(self, question: ToolQuestion) -> tuple[list[str], Tools]:
        """Ids and tools."""
        if self._whole is not None:
            return self._names, self._whole
        names = draw_tools(self._tools, question, self._trial)
        return names, Tools([self._tools.tools[name] for name in names])


def _rank_needed(scores: Scores, needed: list[int]) -> list[int]:
    """How many tools are ranked before each needed one, best first; ties go to the earlier tool."""
    order = np.argsort(-scores, kind="stable")
    places = np.empty(len(order), dtype=np.intp)
    places[order] = np.arange(len(order))
    return sorted(places[needed].tolist())


def _read_ids(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError(f"needed is {json.dumps(value)}")

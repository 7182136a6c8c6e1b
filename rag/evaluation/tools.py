"""Tool selection: whether the tool that a question needs is among the few that are kept of many."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

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
    """Tools with their groups (a service, a server), by name, and questions for them."""

    name: str
    tools: Mapping[str, Any]
    groups: Mapping[str, Sequence[str]]
    questions: tuple[ToolQuestion, ...]


@dataclass(frozen=True, slots=True)
class ToolReport(Report):
    """Figures over the questions.

    Attributes:
        kept: Percent of the questions of which a needed tool is among the best 1, 5, 10 and 20, and the `keep` best.
        tokens_before, tokens_after: Mean tokens of the tools as JSON; None where they were not counted.
        ms_per_question: Milliseconds of scoring tools that were not read before.
    """

    kept: dict[str, float]
    items: int
    tokens_before: int | None
    tokens_after: int | None
    ms_per_question: float


class PlainBm25(Scorer):
    """Baseline: bm25s with its defaults, tokenizer and stop words, on the units' texts."""

    def score(self, query: str, context: Context[Any]) -> Scores:
        """BM25, float32 (n_units,), from 0 up; zeros where no word is in common."""
        import bm25s

        texts = [unit.text for unit in context.units]
        tokens = bm25s.tokenize(texts, stopwords="en", show_progress=False)
        asked = bm25s.tokenize([query], stopwords="en", show_progress=False, return_ids=False)[0]
        known = [word for word in asked if word in tokens.vocab]
        if not known:
            return np.zeros(len(texts), dtype=np.float32)
        index = bm25s.BM25(backend="numpy")
        index.index(tokens, show_progress=False)
        return np.asarray(index.get_scores(known), dtype=np.float32)


def load_tool_set(folder: Path, *, split: str | None = None) -> ToolSet:
    """Read a folder with `tools.jsonl` and `questions.jsonl`.

    A row of the first is `{"id", "group", "tool"}`, the tool in any shape that `Tools` reads; a row of the second
    `{"question", "needed", "group"}`, where "needed" is an id or a list of ids of which one is enough, and "split" may
    say which part it belongs to.

    Args:
        folder: Folder of the two files.
        split: Only the questions of that part.

    Raises:
        InputError: A file is missing, a row is not of this form, names no tool, or no question is left.
    """
    try:
        rows = list(read_rows(folder / "tools.jsonl"))
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
    return ToolSet(folder.name, tools, groups, questions)


@dataclass(frozen=True, slots=True)
class ToolTrial:
    """How many tools are offered and kept.

    Attributes:
        size: Tools offered for a question, including the needed ones.
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
    ranks, tokens, seconds = [], [], []
    for done, question in enumerate(questions, start=1):
        names = draw_tools(tools, question, trial)
        context = Tools([tools.tools[name] for name in names])
        start = perf_counter()
        scores = as_scores(scorer.score(question.text, context), len(context.units), source=type(scorer).__name__)
        seconds.append(perf_counter() - start)
        ranks.append(_rank_best(scores.tolist(), [names.index(name) for name in question.needed]))
        if trial.count:
            pruned = pruner.prune_scored(question.text, context, scores)
            tokens.append((pruned.tokens_before, pruned.tokens_after))
        if progress is not None:
            progress(done, len(questions))
    kept = {
        str(cut): percent([rank < cut for rank in ranks]) for cut in sorted({*_CUTS, trial.keep}) if cut <= trial.size
    }
    before, after = (round(fmean(column)) for column in zip(*tokens, strict=True)) if tokens else (None, None)
    return ToolReport(kept, len(ranks), before, after, mean_milliseconds(seconds, digits=2))


def _rank_best(scores: list[float], needed: list[int]) -> int:
    """Number of tools ranked before the best needed one; ties go to the earlier tool."""
    order = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    return min(order.index(index) for index in needed)


def _read_ids(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError(f"needed is {json.dumps(value)}")

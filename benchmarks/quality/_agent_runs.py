"""Runs of an agent over many turns: which question is asked at each turn, and which tool result answers it."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.quality._tool_results import Question, ToolResult, holds_evidence, visible_forms

if TYPE_CHECKING:
    from collections.abc import Sequence

TURNS = 20
RETURNS = 7
"""Turns whose question is about a tool result of some turns before: a third of them."""
LEAST_DISTANCE = 2
"""Turns between a question and an earlier one about the same tool result, at least."""
WEIGHTS = {"documents": 7, "pages": 3, "tables": 3, "JSON": 5, "logs": 2}
"""How often a group of tool results is drawn."""
MOST = 20
"""Within a group, a data set is drawn as often as it has tool results, but none counts for more than this many."""


@dataclass(frozen=True)
class Turn:
    """One question of a run.

    Attributes:
        question: What the user asks.
        result: The tool result that answers it.
        returns: Whether the agent called that tool at an earlier turn, and does not call it now.
        scored: Whether its evidence is in no other tool result of the run.
    """

    question: Question
    result: ToolResult
    returns: bool
    scored: bool = True


@dataclass(frozen=True)
class AgentRun:
    """Turns of one conversation.

    Attributes:
        name: Unique within its part.
        turns: In their order.
    """

    name: str
    turns: tuple[Turn, ...]


def make_runs(results: Sequence[ToolResult], part: str, count: int, seed: int) -> list[AgentRun]:
    """Draw runs from the tool results of one part; the same seed gives the same ones.

    Args:
        results: Of all sets.
        part: "dev" or "test".
        count: How many runs.
        seed: Of the draws.
    """
    pool: dict[str, dict[str, list[ToolResult]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        if result.part == part:
            pool[result.group][result.data_set].append(result)
    return [_make_run(pool, f"{part}-{number}", random.Random(f"{seed} {part} {number}")) for number in range(count)]


def _make_run(pool: dict[str, dict[str, list[ToolResult]]], name: str, state: random.Random) -> AgentRun:
    returning = set(state.sample(range(LEAST_DISTANCE + 1, TURNS), RETURNS))
    groups = [group for group in WEIGHTS if group in pool]
    asked: dict[str, list[Question]] = {}  # what is left to ask about each tool result of this run
    last: dict[str, int] = {}
    turns: list[Turn] = []
    for place in range(TURNS):
        earlier = [turn.result for turn in turns if not turn.returns and asked[turn.result.name]]
        ready = [result for result in earlier if place - last[result.name] > LEAST_DISTANCE]
        returns = place in returning and bool(ready)
        if returns:
            result = state.choice(ready)
        else:
            result = _draw(pool, groups, set(asked), state)
            asked[result.name] = state.sample(result.questions, len(result.questions))
        turns.append(Turn(asked[result.name].pop(), result, returns))
        last[result.name] = place
    return AgentRun(name, _mark_chance_hits(turns))


def _draw(
    pool: dict[str, dict[str, list[ToolResult]]], groups: Sequence[str], used: set[str], state: random.Random
) -> ToolResult:
    while True:
        group = state.choices(groups, [WEIGHTS[group] for group in groups])[0]
        sets = sorted(pool[group])
        drawn = state.choices(sets, [min(MOST, len(pool[group][name])) for name in sets])[0]
        result = state.choice(pool[group][drawn])
        if result.name not in used:
            return result


def _mark_chance_hits(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Turns whose evidence another tool result holds too are not scored: there it says nothing of pruning."""
    forms = {turn.result.name: visible_forms(turn.result.text) for turn in turns}

    def is_elsewhere(turn: Turn) -> bool:
        return any(holds_evidence(turn.question, forms[name]) for name in forms if name != turn.result.name)

    return tuple(replace(turn, scored=not is_elsewhere(turn)) for turn in turns)

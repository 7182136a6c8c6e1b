"""Costs under a provider's prompt cache, and answers kept, of agents that prune their tool results over 20 turns.

    python benchmarks/quality/prompt_cache.py --own FOLDER      # benchmarks/results/prompt_cache.json

Each run is a real LangChain agent with real middleware over real tool results (documents, pages, tables, JSON, logs);
its model follows a script, see `_scripted_agent`: no language model answers. An answer counts as kept where its
evidence is in the prompt that is answered. A third of the turns asks about a tool result of some turns before. FOLDER
is what benchmarks/data/field_text/build.py makes. What is chosen here was chosen on the part "dev" (`--part dev`), of
other documents; but that recall reads fragmented text in windows followed from seeing which data set was missed in
the first 19 runs of the part "test". Cutting anew and LangChain's middleware, which reads cleared results again, are
measured on fewer runs, against no pruning on the same ones. Finished runs are kept beside the result.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import RESULTS, SHARED, record
from benchmarks.quality._agent_runs import RETURNS, TURNS, AgentRun, make_runs
from benchmarks.quality._cache_strategies import PEERS, STRATEGIES, STUDIED, TOOL_LISTS
from benchmarks.quality._prompt_prices import PRICES
from benchmarks.quality._remembered_scores import RememberedScorer
from benchmarks.quality._scripted_agent import RECALLS, play_run
from benchmarks.quality._tool_result_sets import read_tool_results

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED = 0
RUNS = {"dev": 16, "test": 60}
BASELINE = "none"
ALL_TOOLS = "all tools"
PEER_RUNS, TOOL_RUNS = 12, 4
KNOWN = STRATEGIES | PEERS | STUDIED | TOOL_LISTS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--own", type=Path, help="folder that benchmarks/data/field_text/build.py makes")
    parser.add_argument("--part", choices=list(RUNS), default="test")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--strategies", nargs="*", default=list(STRATEGIES), choices=list(KNOWN), metavar="NAME")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    options = parser.parse_args()
    results = read_tool_results(SHARED / "data", options.own)
    runs = make_runs(results, options.part, options.runs or RUNS[options.part], SEED)
    parts = Parts("prompt_cache", keep=not options.fresh)
    names = [BASELINE, *(name for name in options.strategies if name != BASELINE)]
    outcomes = play_all(runs, names, parts)
    complete = options.part == "test" and options.own is not None and options.runs is None
    if complete and set(names) == set(STRATEGIES):
        outcomes |= play_all(runs[:PEER_RUNS], list(PEERS), parts)
    figures: dict[str, Any] = {"runs": describe_runs(runs), "strategies": measure_all(outcomes, BASELINE)}
    if len(outcomes) > len(names):
        figures["tool_lists"] = measure_all(play_all(runs[:TOOL_RUNS], list(TOOL_LISTS), parts), ALL_TOOLS)
        record("prompt_cache", figures, seed=SEED, data={"tool results": describe_data(runs)})
    return 0


def play_all(runs: Sequence[AgentRun], names: Sequence[str], parts: Parts) -> dict[str, list[Any]]:
    """What each strategy made of each run; run by run, since strategies share what was scored."""
    scorer = RememberedScorer(RESULTS / "prompt_cache.part.scores")
    played: dict[str, list[Any]] = {name: [] for name in names}
    for place, run in enumerate(runs, 1):
        for name in names:
            strategy = KNOWN[name]
            row = parts.row(name, describe_data([run]), lambda run=run, one=strategy: play_run(run, one, scorer))
            played[name].append(row)
        say(f"{place} of {len(runs)} runs")
    return played


def measure_all(outcomes: dict[str, list[Any]], baseline: str) -> dict[str, Any]:
    """Figures by strategy."""
    found = {name: measure(played, outcomes[baseline][: len(played)]) for name, played in outcomes.items()}
    for name, row in found.items():
        say(f"{name}: {row}")
    return found


def describe_data(runs: Sequence[AgentRun]) -> str:
    return fingerprint([(run.name, [(turn.question, turn.result.text) for turn in run.turns]) for run in runs])


def describe_runs(runs: Sequence[AgentRun]) -> dict[str, Any]:
    turns = [turn for run in runs for turn in run.turns]
    return {
        "runs": len(runs),
        "turns": TURNS,
        "returns_share": round(100 * fmean(turn.returns for turn in turns), 1),
        "returns_wanted": RETURNS,
        "scored": sum(turn.scored for turn in turns),
        "tool_results": len({turn.result.name for turn in turns}),
        "recalls_at_most": RECALLS,
    }


def measure(runs: Sequence[Sequence[Any]], baseline: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Figures of one strategy beside those of no pruning on the same runs; shares in percent."""
    turns = [turn for run in runs for turn in run]
    scored = [turn for turn in turns if turn["scored"]]
    plain = [turn for run in baseline for turn in run if turn["scored"]]
    calls = [call for turn in turns for call in turn["calls"]]
    row: dict[str, Any] = {
        "runs": len(runs),
        "cost": {one.name: cost_figures(runs, baseline, one.name) for one in PRICES},
        "prefix_kept": percent_of([call["extends"] for call in calls if call["extends"] is not None]),
        "answers_kept": answers_kept(scored, plain),
        "answers_without_call": percent_of([turn["shown"] for turn in scored]),
        "answers_by_group": {},
        "recalled": recall_figures(scored),
        "cost_by_turn": cost_by_turn(runs, baseline),
        "calls_a_run": round(len(calls) / len(runs), 1),
        "recalls_a_run": round(sum(turn["recalls"] for turn in turns) / len(runs), 2),
        "tokens_a_run": round(sum(call["tokens"] for call in calls) / len(runs)),
        "last_prompt_tokens": round(fmean(run[-1]["calls"][-1]["tokens"] for run in runs)),
    }
    for group in sorted({turn["group"] for turn in scored}):
        row["answers_by_group"][group] = answers_kept(
            [turn for turn in scored if turn["group"] == group], [turn for turn in plain if turn["group"] == group]
        )
    return row


def answers_kept(scored: Sequence[Any], plain: Sequence[Any]) -> float:
    """Of the turns whose evidence is there without pruning."""
    return percent_of([mine["found"] for mine, other in zip(scored, plain, strict=True) if other["found"]])


def cost_figures(runs: Sequence[Any], baseline: Sequence[Any], name: str) -> dict[str, float]:
    """Cost against no pruning: of all runs together, and of the cheapest and the dearest run."""
    mine, other = ([run_cost(run, name) for run in played] for played in (runs, baseline))
    ratios = [one / two for one, two in zip(mine, other, strict=True)]
    cached = sum(call["cached"][name] for run in runs for turn in run for call in turn["calls"])
    tokens = sum(call["tokens"] for run in runs for turn in run for call in turn["calls"])
    return {
        "ratio": round(sum(mine) / sum(other), 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
        "a_run": round(fmean(mine)),
        "cached_share": round(100 * cached / tokens, 1),
    }


def run_cost(run: Sequence[Any], name: str) -> float:
    return sum(call["costs"][name] for turn in run for call in turn["calls"])


def cost_by_turn(runs: Sequence[Any], baseline: Sequence[Any]) -> list[float]:
    """What the runs have cost after each turn, against all of the same runs without pruning; by the exact prefix."""
    turns = [sum(run_cost([run[place]], "exact") for run in runs) for place in range(TURNS)]
    whole = sum(run_cost(run, "exact") for run in baseline)
    return [round(value / whole, 4) for value in itertools.accumulate(turns)]


def recall_figures(scored: Sequence[Any]) -> dict[str, Any]:
    """Of the turns whose evidence was cut from its own message: the share that had it back, and without a call."""
    found: dict[str, Any] = {}
    for name, chosen in (("all", scored), ("returns", [t for t in scored if t["returns"]]),
                         ("first", [t for t in scored if not t["returns"]])):  # fmt: skip
        cut = [turn for turn in chosen if turn["cut"]]
        found[name] = {"turns": len(chosen), "cut": len(cut)}
        if cut:
            found[name] |= {"had_back": percent_of([turn["found"] for turn in cut]),
                            "without_call": percent_of([turn["shown"] for turn in cut])}  # fmt: skip
    return found


def percent_of(flags: Sequence[bool]) -> float:
    return round(100 * fmean(flags), 1) if flags else 100.0


if __name__ == "__main__":
    sys.exit(main())

"""The table of prompt_cache.json: cost under three price lists, answers kept and recall, by strategy."""

from __future__ import annotations

from benchmarks.report._card import read, table

LABELS = {
    "none": "no pruning",
    "stable": "**stable**, `recall` called with the id",
    "stable, recall without id": "stable, `recall` called without one",
    "stable, append": 'stable, `recall="append"`',
    "rewrite": "`stable=False`: cut anew for each question",
    "clear, read again": "LangChain's ClearToolUsesEdit, results read again",
    "trim, read again": "LangChain's trim_messages, results read again",
}
_PRICES = ("exact", "openai", "anthropic")


def prompt_cache_table() -> str:
    figures = read("prompt_cache")["figures"]
    rows = []
    for name, label in LABELS.items():
        row = figures["strategies"][name]
        cut = row["recalled"]["all"]
        back = f"{cut['had_back']} of {cut['cut']}" if cut["cut"] else ""
        costs = [f"{row['cost'][price]['ratio']:.2f}" for price in _PRICES]
        kept = f"{row['answers_kept']} ({row['answers_without_call']})"
        rows.append([label, row["runs"], *costs, row["prefix_kept"], kept, back, row["calls_a_run"]])
    head = ["", "runs", "cost", "OpenAI's rule", "Anthropic's rule", "calls that extend the last one %"]
    head += ["answers kept % (without a further call)", "of what was cut, had back %", "model calls a run"]
    grows, anew = (figures["tool_lists"][name]["cost"]["exact"]["ratio"] for name in ("list that grows", "list anew"))
    groups = {name: kept for name, kept in figures["strategies"]["stable"]["answers_by_group"].items() if kept < 100}
    short = ", ".join(f"{name} {kept} %" for name, kept in groups.items()) or "none"
    return table(head, rows) + (
        f"\nKinds of results of which stable pruning with an id keeps less than all answers: {short}.\n"
        f"With 60 more tools on offer, a list of tools that grows with the questions costs {grows:.2f} times what all\n"
        f"of them cost, a list chosen anew {anew:.2f} times: tools stand first in a prompt, and each new one ends the\n"
        "cached prefix there.\n"
    )


TABLES = {"prompt_cache": prompt_cache_table}
